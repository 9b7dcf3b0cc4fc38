//! Secrets that move in.

use super::*;

#[test]
fn secrets_move_in_and_what_was_read_stays() {
    let sandbox = Sandbox::new();
    let file = sandbox.secret_file("api.key", "from a file\n").display().to_string();
    let dotenv = sandbox.secret_file("env", "# c\nexport API_KEY='a b'\nDB_PASS=\"x$y\"\nEMPTY=\n");
    let aws = sandbox.home().join(".aws/credentials");
    fs::create_dir(sandbox.home().join(".aws")).expect("a folder");
    sandbox::write_private(&aws, b"[default]\naws_access_key_id = AKIA\naws_secret_access_key = s/k+\n");
    let before =
        [&file, &dotenv.display().to_string(), &aws.display().to_string()].map(|path| fs::read(path).ok());

    let said = done(&sandbox, &["import", "file", &file], "");
    assert_eq!(said.stdout, format!("{file} -> api\n"));
    assert!(
        said.stderr.ends_with(&format!("it is still in {file}: remove the old copy once everything works\n")),
        "{said:?}"
    );
    refused(
        &sandbox,
        &["import", "file", &file],
        "",
        2,
        &["there is one", "nothing was stored", "--replace"],
    );
    done(&sandbox, &["import", "file", &file, "--replace"], "");
    done(&sandbox, &["import", "file", &file, "--name", "other"], "");

    let dotenv = dotenv.display().to_string();
    refused(&sandbox, &["import", "dotenv", &dotenv, "API_KYE"], "", 3, &["did you mean API_KEY?"]);
    let said = done(&sandbox, &["import", "dotenv", &dotenv, "--prefix", "app-"], "");
    assert_eq!(said.stdout, "API_KEY -> app-api-key\nDB_PASS -> app-db-pass\n");
    assert!(said.stderr.contains("EMPTY is empty") && said.stderr.contains("DB_PASS has a $"), "{said:?}");

    let said = done(&sandbox, &["import", "aws"], "");
    assert!(said.stdout.contains("-> aws-default-secret-access-key\n"), "{said:?}");
    refused(&sandbox, &["import", "aws", "--profile", "defalt"], "", 3, &["did you mean default?"]);
    for (name, value) in [
        ("api", "from a file"),
        ("other", "from a file"),
        ("app-api-key", "a b"),
        ("app-db-pass", "x$y"),
        ("aws-default-access-key-id", "AKIA"),
        ("aws-default-secret-access-key", "s/k+"),
    ] {
        assert_eq!(done(&sandbox, &["show", name], "").stdout, format!("{value}\n"));
    }
    let after = [&file, &dotenv, &aws.display().to_string()].map(|path| fs::read(path).ok());
    assert!(before == after);
    refused(&sandbox, &["import", "file", "/nonexistent/x"], "", 3, &["there is no file"]);
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn pass_is_asked_for_its_entries() {
    let sandbox = Sandbox::new();
    let bin = sandbox.home().join("bin");
    fs::create_dir(&bin).expect("a folder");
    let script =
        "#!/bin/sh\n[ \"$1 $2\" = 'show --' ] && [ \"$3\" = mail/work ] && printf 'hunter2\\nuser: x\\n'\n";
    sandbox::write_program(&bin.join("pass"), 0o700, script.as_bytes());
    let import = |entry: &str| {
        store_by(&sandbox, &["import", "pass", entry], b"", |command| {
            command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        })
    };
    let said = import("mail/work");
    assert_eq!((said.code, said.stdout.as_str()), (0, "mail/work -> mail-work\n"), "{said:?}");
    assert_eq!(done(&sandbox, &["show", "mail-work"], "").stdout, "hunter2\n");
    assert_eq!(import("mail/home").code, 3);
}
