//! What tools call: `tok curl` and `tok exec` with real programs, tokens of any size, each form of a token.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokend_tests::accounts::{lyve_cloud, openv_cloud, static_token};
use tokend_tests::platform;
use tokend_tests::sandbox::{self, Sandbox};
use tokend_tests::stand_in::{LyveCloud, OpenvCloud, fingerprint};

fn has_curl(what: &str) -> bool {
    let found = Command::new("curl").arg("--version").output().is_ok();
    if !found {
        sandbox::skip(what, "there is no curl here");
    }
    found
}

/// A script of this name in a folder of its own, which goes first in PATH.
fn program(sandbox: &Sandbox, folder: &str, name: &str, script: &str) {
    let folder = sandbox.path().join(folder);
    fs::create_dir_all(&folder).expect("a folder");
    sandbox::write_program(&folder.join(name), 0o700, format!("#!/bin/sh\n{script}\n").as_bytes());
}

fn with_path(command: &mut Command, folder: &Path) {
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
    command.env("PATH", format!("{}:{path}", folder.display()));
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn curl_uses_the_token_as_header_or_form_field_as_the_service_takes_it() {
    if !has_curl("tok curl against the services' APIs") {
        return;
    }
    let (lyve, ovc) = (LyveCloud::start(), OpenvCloud::start());
    let sandbox = Sandbox::new();
    sandbox.configure(&(lyve_cloud(&sandbox, "lyve", &lyve) + &openv_cloud(&sandbox, "ovc", &ovc)));
    let _daemon = sandbox.start();

    let buckets = format!("{}/v2/buckets", lyve.url());
    let said = sandbox.tok(["curl", "lyve", "--", "-sS", "--fail", &buckets]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
    assert!(said.stdout.contains("photos"), "{said:?}");

    let list = format!("{}/restmachine/cloudapi/cloudspaces/list", ovc.url());
    let said = sandbox.tok(["curl", "ovc", "--", "-sS", "--fail", &list]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
    assert!(said.stdout.contains("DEPLOYED"), "{said:?}");
    let request = ovc.ledger().pop().expect("a request");
    assert_eq!((request.method.as_str(), request.field_names()), ("POST", vec!["authkey"]));
    assert!(request.header("authorization").is_none());

    // Its own data goes with it, and `-G` moves both into the query.
    let said = sandbox.tok(["curl", "ovc", "--", "-sS", "--fail", "-d", "cloudspaceId=1", &list]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(ovc.ledger().pop().expect("a request").field("cloudspaceId"), Some("1"));

    // A multipart form has a part for it; a body that is no form has no room.
    let said = sandbox.tok(["curl", "ovc", "--", "-sS", "-F", "cloudspaceId=1", &list]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
    let request = ovc.ledger().pop().expect("a request");
    assert!(request.header("content-type").is_some_and(|kind| kind.starts_with("multipart/form-data;")));
    for part in [&format!("name=\"authkey\"\r\n\r\n{}\r\n", sandbox.token("ovc")), "name=\"cloudspaceId\""] {
        assert!(request.body.contains(part), "{}", request.body);
    }
    let asked = ovc.ledger().len();
    let said = sandbox.tok(["curl", "ovc", "--", "-sS", "--json", "{}", &list]);
    assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{said:?}");
    assert!(said.error().0.contains("`authkey`") && ovc.ledger().len() == asked, "{said:?}");
    // The way round it that `tok help curl` tells.
    let mut shell = Command::new("sh");
    sandbox.surround(&mut shell);
    let line = r#"printf 'url = "%s?%s"' "$1" "$("$2" get ovc --format form)" | curl -sS --config - -H 'Content-Type: application/json' -d '{}'"#;
    let tok = sandbox::program_path("tok");
    let said = sandbox::run(shell.args(["-c", line, "sh", &list]).arg(tok));
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
    let request = ovc.ledger().pop().expect("a request");
    assert_eq!(
        (request.body.as_str(), request.query("authkey")),
        ("{}", Some(sandbox.token("ovc").as_str()))
    );

    // What curl ends with is what tok ends with: 22 is its word for a 4xx.
    lyve.revoke_all();
    let said = sandbox.tok(["curl", "lyve", "--", "-sS", "--fail", &buckets]);
    assert_eq!(said.code, 22, "{said:?}");
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn curl_finds_no_token_among_its_arguments_or_variables_and_its_configuration_cannot_be_broken_out_of() {
    let sandbox = Sandbox::new();
    let token = r#"sta"tic\n-token"#;
    sandbox.configure(&static_token(&sandbox, "a", token));
    // Tells what it was given; the configuration is the file after `--config`.
    program(
        &sandbox,
        "bin",
        "curl",
        r#"printf '<%s>' "$@"; echo; env; echo; while [ $# -gt 0 ]; do [ "$1" != --config ] || cat "$2"; shift; done"#,
    );
    let _daemon = sandbox.start();
    let mut tok = sandbox.command("tok");
    with_path(&mut tok, &sandbox.path().join("bin"));
    let said = sandbox::run(tok.args(["curl", "a", "--", "-v", "https://example.com/"]));
    assert_eq!(said.code, 0, "{said:?}");
    let (public, configuration) =
        said.stdout.rsplit_once("\n\n").expect("arguments, variables, configuration");
    assert!(
        public.contains("<--config></dev/fd/") && public.contains("<-v><https://example.com/>"),
        "{said:?}"
    );
    assert!(!public.contains("tic") && !public.contains("-token"), "{said:?}");
    assert_eq!(configuration, "header = \"Authorization: Bearer sta\\\"tic\\\\n-token\"\n");
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn curl_does_not_start_without_a_token_or_is_reported_as_missing() {
    let lyve = LyveCloud::builder().with(|lyve| lyve.secret = "another".into()).start();
    let sandbox = Sandbox::new();
    let account = lyve_cloud(&sandbox, "lyve", &lyve);
    tokend_tests::accounts::set_secret(&sandbox, "lyve", "mistyped");
    sandbox.configure(&(account + &static_token(&sandbox, "a", "static-token")));
    program(&sandbox, "bin", "curl", r#": >"$HOME/curl-ran""#);
    let _daemon = sandbox.start();
    let curl = |account: &str, path: &str| {
        let mut tok = sandbox.command("tok");
        tok.env("PATH", sandbox.path().join(path));
        sandbox::run(tok.args(["curl", account, "--", "https://example.com/"]))
    };
    for (account, code) in [("lyve", 5), ("nobody", 3)] {
        let said = curl(account, "bin");
        assert_eq!((said.code, said.stdout.as_str()), (code, ""), "{said:?}");
        let _two_lines = said.error();
    }
    assert!(!sandbox.home().join("curl-ran").exists());
    let said = curl("a", "nowhere");
    assert_eq!(said.code, 127, "{said:?}");
    assert!(said.error().0.contains("curl"), "{said:?}");
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn exec_gives_tokens_to_a_program_and_ends_as_it_does() {
    let sandbox = Sandbox::new();
    sandbox.configure(&(static_token(&sandbox, "a", "token-a") + &static_token(&sandbox, "b", "token-b")));
    let _daemon = sandbox.start();
    let script = r#"echo "$A_TOKEN $B_TOKEN $1"; exit 42"#;
    let said = sandbox.tok(["exec", "A_TOKEN=a", "B_TOKEN=b", "--", "sh", "-c", script, "sh", "A_TOKEN=x"]);
    assert_eq!(
        (said.code, said.stdout.as_str(), said.stderr.as_str()),
        (42, "token-a token-b A_TOKEN=x\n", "")
    );
    // It is the program itself, not a child.
    let said = sandbox.tok(["exec", "T=a", "--", "sh", "-c", "kill -KILL $$"]);
    assert_eq!(said.code, 128 + 9, "{said:?}");
}

#[test]
fn exec_says_what_failed_as_env_does() {
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "a", "token-a"));
    let plain = sandbox.secret_file("plain", "no program");
    let plain = plain.to_str().expect("a path");
    let ran = sandbox.home().join("ran");
    let touch = ["touch", ran.to_str().expect("a path")];
    {
        let _daemon = sandbox.start();
        let cases: [(i32, &[&str]); 6] = [
            (125, &["exec", "T=nobody", "--", touch[0], touch[1]]),
            (125, &["exec", "LD_PRELOAD=a", "--", touch[0], touch[1]]),
            (125, &["exec", "PATH=a", "--", touch[0], touch[1]]),
            (125, &["exec", "T=a"]),
            (126, &["exec", "T=a", "--", plain]),
            (127, &["exec", "T=a", "--", "no-such-program-anywhere"]),
        ];
        for (code, words) in cases {
            let said = sandbox.tok(words);
            assert_eq!((said.code, said.stdout.as_str()), (code, ""), "{words:?}: {said:?}");
            let (what, hint) = said.error();
            assert!(!what.contains("token-a") && !hint.contains("token-a"));
        }
        for (code, words) in [
            (126, ["exec", "--file", "T=a", "--", plain]),
            (127, ["exec", "--file", "T=a", "--", "no-such-program-anywhere"]),
        ] {
            assert_eq!(sandbox.tok(words).code, code, "{words:?}");
        }
        if let Some(runtime) = platform::folder_of(&sandbox.socket()) {
            let left = fs::read_dir(runtime).expect("a folder").count();
            // The socket and its lock; no folder of tokens.
            assert_eq!(left, 2);
        }
    }
    let said = sandbox.tok(["exec", "T=a", "--", touch[0], touch[1]]);
    assert_eq!(said.code, 125, "{said:?}");
    assert!(!ran.exists());
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn a_token_of_64_kib_arrives_whole_and_a_longer_one_is_refused() {
    let sandbox = Sandbox::new();
    let longest: String = ('a'..='z').cycle().take(64 * 1024).collect();
    let script = sandbox.home().join("printer");
    sandbox::write_program(&script, 0o700, b"#!/bin/sh\ncat \"$HOME/long\"\n");
    sandbox.secret_file("long", &longest);
    sandbox.configure(
        &(static_token(&sandbox, "static", &longest)
            + &static_token(&sandbox, "longer", &(longest.clone() + "x"))
            + &format!("[accounts.command]\ntype = 'command'\ncommand = ['{}']\n", script.display())),
    );
    let _daemon = sandbox.start();
    for account in ["static", "command"] {
        assert!(sandbox.token(account) == longest, "{account}");
        let object: Value =
            serde_json::from_str(&sandbox.tok(["get", "--format", "json", account]).stdout).expect("JSON");
        assert_eq!(object["token"].as_str().map(fingerprint), Some(fingerprint(&longest)), "{account}");
        let said = sandbox.tok(["exec", &format!("T={account}"), "--", "sh", "-c", r#"printf %s "$T""#]);
        assert!(said.code == 0 && said.stdout == longest, "{account}: {} {}", said.code, said.stderr);
    }
    assert_eq!(sandbox.tok_with_input(["reject", "static"], &longest).code, 0);
    assert_eq!(sandbox.tok(["get", "static"]).code, 5);
    let said = sandbox.tok(["get", "longer"]);
    assert_eq!((said.code, said.stdout.as_str()), (5, ""), "{said:?}");
}

#[test]
fn json_says_all_that_is_known_of_a_token() {
    let lyve = LyveCloud::start();
    let sandbox = Sandbox::new();
    sandbox.configure(
        &(lyve_cloud(&sandbox, "lyve", &lyve) + &static_token(&sandbox, "static", "static-token")),
    );
    let _daemon = sandbox.start();
    let object = |account: &str| -> Value {
        let said = sandbox.tok(["get", "--format", "json", account]);
        assert_eq!(said.stdout.lines().count(), 1, "{said:?}");
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"))
    };
    let lyve_object = object("lyve");
    assert_eq!(lyve_object["account"], "lyve");
    assert_eq!(lyve_object["scheme"], "Bearer");
    assert!(lyve.is_live(lyve_object["token"].as_str().expect("a token")));
    assert!(
        lyve_object["expires_in"].as_u64().is_some_and(|left| (3500..=3600).contains(&left)),
        "{lyve_object}"
    );
    let expires_at = lyve_object["expires_at"].as_str().expect("a time");
    assert!(
        expires_at.len() >= 20 && expires_at.ends_with('Z') && &expires_at[10..11] == "T",
        "{expires_at}"
    );
    assert!(
        lyve_object["scope"].is_array() && lyve_object["warnings"] == Value::Array(Vec::new()),
        "{lyve_object}"
    );
    let static_object = object("static");
    assert_eq!((&static_object["expires_at"], &static_object["expires_in"]), (&Value::Null, &Value::Null));
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn env_is_one_word_for_a_shell_whatever_the_token() {
    let sandbox = Sandbox::new();
    let token = r#"it's;$HOME`id`"x"\*"#;
    sandbox.configure(&static_token(&sandbox, "my-account_1", token));
    let _daemon = sandbox.start();
    for (options, name) in [(vec![], "MY_ACCOUNT_1_TOKEN"), (vec!["--var", "GITHUB_TOKEN"], "GITHUB_TOKEN")] {
        let said = sandbox.tok([vec!["get", "my-account_1", "--format", "env"], options].concat());
        assert!(said.stdout.starts_with(&format!("export {name}='")), "{said:?}");
        let mut shell = Command::new("sh");
        sandbox.surround(&mut shell);
        let said = sandbox::run(shell.args([
            "-c",
            &format!(r#"eval "$1"; printf '%s' "${name}""#),
            "sh",
            &said.stdout,
        ]));
        assert_eq!((said.code, said.stdout.as_str()), (0, token), "{said:?}");
    }
    let said = sandbox.tok(["get", "my-account_1", "--format", "env", "--var", "LD_PRELOAD"]);
    assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{said:?}");
}

#[test]
fn a_token_for_a_form_is_encoded_and_is_no_header() {
    let ovc = OpenvCloud::start();
    let sandbox = Sandbox::new();
    sandbox.configure(&(openv_cloud(&sandbox, "ovc", &ovc) + &static_token(&sandbox, "static", "a&b=c+d")));
    let _daemon = sandbox.start();
    let key = sandbox.token("ovc");
    assert_eq!(sandbox.tok(["get", "--format", "form", "ovc"]).stdout, format!("authkey={key}\n"));
    for words in [
        vec!["header", "ovc"],
        vec!["get", "--format", "header", "ovc"],
        vec!["get", "--format", "xoauth2", "--user", "u", "ovc"],
    ] {
        let said = sandbox.tok(&words);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{words:?}: {said:?}");
        assert!(said.error().1.contains("--format form"), "{said:?}");
    }
    let said = sandbox.tok(["get", "--format", "form", "static"]);
    assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{said:?}");
}

#[test]
fn mail_programs_get_their_mechanisms() {
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "mail", "mail-token"));
    let _daemon = sandbox.start();
    let decoded = |words: &[&str]| {
        let said = sandbox.tok([&["get", "mail", "--format"], words].concat());
        assert_eq!(said.code, 0, "{said:?}");
        String::from_utf8(STANDARD.decode(said.stdout.trim_end()).expect("base64")).expect("text")
    };
    let user = "someone@example.com";
    assert_eq!(
        decoded(&["xoauth2", "--user", user]),
        format!("user={user}\x01auth=Bearer mail-token\x01\x01")
    );
    assert_eq!(
        decoded(&[
            "oauthbearer",
            "--user",
            "a,b=c@example.com",
            "--host",
            "imap.example.com",
            "--port",
            "993"
        ]),
        "n,a=a=2Cb=3Dc@example.com,\x01host=imap.example.com\x01port=993\x01auth=Bearer mail-token\x01\x01"
    );
    for words in [&["xoauth2"][..], &["oauthbearer"], &["oauthbearer", "--user", "a\u{1}auth=Bearer x"]] {
        let said = sandbox.tok([&["get", "mail", "--format"], words].concat());
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{said:?}");
    }
}
