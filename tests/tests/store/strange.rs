//! What lies in the store and is none of it.

use super::*;
use tokend_tests::platform::symlink;

#[test]
#[cfg_attr(not(has_links), ignore = "not every user may make links to files here")]
fn what_lies_in_the_store_and_is_none_of_it_is_refused_and_left_alone() {
    let sandbox = Sandbox::new();
    done(&sandbox, &["set", "a"], "hunter2");
    done(&sandbox, &["set", "b"], "hunter3");
    let (path, aside) = (data(&sandbox, "secrets/a.age"), sandbox.home().join("a.age"));
    let whole = fs::read(&path).expect("the secret");
    let refused_all = |parts: &[&str]| {
        let before = everything(&sandbox);
        for words in [&["show", "a"][..], &["set", "a"], &["remove", "a"]] {
            refused(&sandbox, words, "new", 5, parts);
        }
        assert!(everything(&sandbox) == before, "{parts:?}");
    };
    fs::rename(&path, &aside).expect("it is moved");
    symlink(&aside, &path).expect("a link");
    refused_all(&["a.age is a symbolic link"]);
    fs::remove_file(&path).expect("it goes");
    let pipe = Command::new("mkfifo").args(["-m", "600"]).arg(&path).status().expect("mkfifo runs");
    assert!(pipe.success());
    refused_all(&["a.age is no regular file"]);
    fs::remove_file(&path).expect("it goes");
    for (bytes, part) in [
        (&b""[..], "a.age is empty"),
        (b"hunter2", "a.age is no age file"),
        (&whole[..60], "a.age is damaged"),
        (
            &fs::read(data(&sandbox, "secrets/b.age")).expect("the other"),
            "holds the secret b: it was moved or swapped",
        ),
    ] {
        sandbox::write_private(&path, bytes);
        refused_all(&[part]);
    }
    sandbox::write_private(&path, &whole[..whole.len() - 1]);
    refused(&sandbox, &["show", "a"], "", 5, &["a.age is damaged", "restore it from a backup"]);
    sandbox::write_private(&path, &whole);
    chmod(&path, 0o660);
    refused_all(&["a.age is open to others (mode 0660)", "chmod 600"]);
    chmod(&path, 0o600);
    chmod(&data(&sandbox, "secrets"), 0o777);
    refused_all(&["others can write to the folder", "chmod 700"]);
    chmod(&data(&sandbox, "secrets"), 0o700);
    let identity = data(&sandbox, "identity");
    chmod(&identity, 0o644);
    for words in [&["show", "a"][..], &["set", "a"]] {
        refused(&sandbox, words, "new", 5, &["identity is open to others (mode 0644)", "chmod 600"]);
    }
    chmod(&identity, 0o600);
    assert_eq!(done(&sandbox, &["show", "a"], "").stdout, "hunter2\n");
}
