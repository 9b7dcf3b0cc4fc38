//! `status`, `list`, `reject`, `refresh`, `reload`, `watch`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokend_proto::message::{
    About, AccountName, AccountStatus, Code, LastError, ListPage, Reloaded, StatusPage,
};
use tokend_proto::{Answer, List, Request};

use super::daemon::{Daemon, Reply, credential, failure};
use super::tok::{Run, run, run_with, tok};

fn account(name: &str, state: &str, error: Option<Code>) -> AccountStatus {
    AccountStatus {
        account: name.to_owned(),
        account_type: "oauth2".to_owned(),
        state: state.to_owned(),
        expires_at_ms: Some(1_900_000_000_000),
        expires_in_ms: Some(3_600_000),
        lifetime_ms: Some(7_200_000),
        next_refresh_at_ms: None,
        refreshed_at_ms: Some(1_700_000_000_000),
        served: 3,
        last_error: error.map(|code| LastError {
            kind: "refused".to_owned(),
            message: "the service said no".to_owned(),
            hint: "change the secret".to_owned(),
            at_ms: 1_700_000_000_000,
            code,
        }),
        warnings: List::default(),
        clock_skew: None,
        login_ends_at_ms: None,
    }
}

/// Two accounts a page, so that there are several.
fn with(accounts: Vec<AccountStatus>) -> Daemon {
    Daemon::new(move |request| {
        let after = |after: &Option<String>| {
            let rest: Vec<_> = accounts
                .iter()
                .filter(|account| after.as_ref().is_none_or(|after| account.account > *after))
                .cloned()
                .collect();
            (rest.len() > 2, rest.into_iter().take(2).collect::<Vec<_>>())
        };
        Reply::Answer(match request {
            Request::Status(status) => match &status.account {
                None => {
                    let (more, page) = after(&status.after);
                    Answer::StatusPage(StatusPage { accounts: List::truncating(page), more })
                }
                Some(name) => match accounts.iter().find(|account| account.account == *name) {
                    Some(account) => Answer::StatusPage(StatusPage {
                        accounts: List::truncating(vec![account.clone()]),
                        more: false,
                    }),
                    None => Answer::Failure(failure(3)),
                },
            },
            Request::List(list) => {
                let (more, page) = after(&list.after);
                let name = |account: AccountStatus| AccountName {
                    account: account.account,
                    account_type: account.account_type,
                };
                Answer::ListPage(ListPage {
                    accounts: List::truncating(page.into_iter().map(name).collect()),
                    more,
                })
            }
            Request::About => Answer::About(About {
                version: String::new(),
                pid: 1,
                host: String::new(),
                configuration: "/home/a/.config/tokend".to_owned(),
                started_at_ms: 0,
            }),
            _ => Answer::Unsupported,
        })
    })
}

fn three() -> Daemon {
    with(vec![
        account("a", "fresh", None),
        account("bb", "parked", Some(Code(5))),
        account("c", "waiting", Some(Code(6))),
    ])
}

#[test]
fn status_for_a_script_is_columns_without_colour() {
    let run = run(tok(&three(), &["status"]));
    let lines: Vec<&str> = run.printed().lines().collect();
    assert_eq!(lines[0], "ACCOUNT  STATE    LIFE LEFT  NEXT REFRESH");
    assert_eq!(lines[1], "a        fresh    1h         -");
    assert_eq!(lines[2], "bb       parked   1h         -");
    assert!(lines[3].starts_with("    the service said no ("), "{run:?}");
    assert_eq!(lines[4], "    hint: change the secret");
    assert!(!run.out.contains('\x1b'));
}

#[test]
fn status_as_json_has_the_fields_of_the_interface() {
    let run = run(tok(&three(), &["status", "--json"]));
    let list: Value = serde_json::from_str(run.printed()).expect("JSON");
    assert_eq!(list.as_array().map(Vec::len), Some(3));
    let mut second = list[1].clone();
    second.as_object_mut().expect("an object").remove("warnings");
    let expected = json!({
        "account": "bb",
        "type": "oauth2",
        "state": "parked",
        "expires_at": "2030-03-17T17:46:40Z",
        "expires_in": 3600,
        "next_refresh_at": null,
        "refreshed_at": "2023-11-14T22:13:20Z",
        "served": 3,
        "last_error": {
            "kind": "refused", "message": "the service said no", "hint": "change the secret", "at": "2023-11-14T22:13:20Z",
        },
        "clock_skew": null,
        "login_ends_at": null,
    });
    assert_eq!(second, expected);
    assert_eq!(list[0]["last_error"], Value::Null);
}

#[test]
fn status_of_one_account_or_of_none() {
    let daemon = three();
    assert_eq!(run(tok(&daemon, &["status", "a"])).printed().lines().count(), 2);
    run(tok(&daemon, &["status", "nobody"])).failed_with(3);
}

#[test]
fn check_exits_with_the_worst() {
    let check =
        |daemon: &Daemon, words: &[&str]| run(tok(daemon, &[&["status", "--check"], words].concat())).code;
    let daemon = three();
    assert_eq!(check(&daemon, &[]), 5);
    assert_eq!(check(&daemon, &["a"]), 0);
    assert_eq!(check(&daemon, &["c", "--json"]), 6);
    assert_eq!(check(&with(vec![account("a", "login-needed", None), account("b", "parked", None)]), &[]), 4);
    assert_eq!(check(&with(vec![account("a", "locked", None)]), &[]), 9);
    assert_eq!(check(&with(vec![account("a", "idle", None), account("b", "refreshing", None)]), &[]), 0);
}

#[test]
fn who_has_just_begun_is_told_where_to_write() {
    let daemon = with(Vec::new());
    for command in ["status", "list"] {
        let run = run(tok(&daemon, &[command]));
        assert_eq!((run.code, run.out.as_str()), (0, ""));
        assert!(run.err.contains("/home/a/.config/tokend/config.toml"), "{run:?}");
    }
    assert_eq!(run(tok(&daemon, &["status", "--json"])).printed(), "[]\n");
}

#[test]
fn list_names_all_over_all_pages() {
    let daemon = three();
    assert_eq!(run(tok(&daemon, &["list"])).printed(), "a   oauth2\nbb  oauth2\nc   oauth2\n");
    let list: Value = serde_json::from_str(run(tok(&daemon, &["list", "--json"])).printed()).expect("JSON");
    assert_eq!(list[2], json!({"account": "c", "type": "oauth2"}));
}

#[test]
fn only_the_hash_of_a_rejected_token_travels() {
    let daemon = Daemon::new(|_| Reply::Answer(Answer::Done));
    let expected: [u8; 32] = Sha256::digest(b"T0ken").into();
    let hex = "E78650D4A8F07CBC9F12B14A24E63C299834E28A811D2B5B7746F95F2B810479";
    for input in [&b"T0ken"[..], b"T0ken\n", b"T0ken\r\n"] {
        assert_eq!(run_with(tok(&daemon, &["reject", "x"]), input).printed(), "");
    }
    assert_eq!(run(tok(&daemon, &["reject", "x", "--hash", hex])).printed(), "");
    let asked = daemon.asked();
    assert_eq!(asked.len(), 4);
    for request in asked {
        assert!(matches!(&request, Request::Reject(reject) if reject.sha256 == expected), "{request:?}");
    }
}

#[test]
fn refresh_prints_no_token() {
    let daemon = Daemon::new(|request| match request {
        Request::Refresh(refresh) if refresh.timeout_ms == 2000 => {
            Reply::Answer(Answer::Credential(credential(&refresh.account, "T")))
        }
        _ => Reply::Answer(Answer::Failure(failure(5))),
    });
    assert_eq!(run(tok(&daemon, &["refresh", "x", "--timeout", "2s"])).printed(), "");
    run(tok(&daemon, &["refresh", "x"])).failed_with(5);
}

#[test]
fn reload_says_nothing_to_a_script() {
    let daemon = Daemon::new(|_| {
        let warnings = List::truncating(vec!["account a: no scope".to_owned()]);
        Reply::Answer(Answer::Reloaded(Reloaded { accounts: 3, added: 1, changed: 1, removed: 0, warnings }))
    });
    assert_eq!(run(tok(&daemon, &["reload"])).printed(), "");
    let verbose = run(tok(&daemon, &["reload", "-v"]));
    let expected = "3 accounts: 1 added, 1 changed, 0 removed\ntok: warning: account a: no scope\n";
    assert_eq!((verbose.code, verbose.err.as_str()), (0, expected));
}

fn watching(
    tokens: Vec<&'static str>,
) -> (mpsc::Sender<Answer>, impl Fn(&Request) -> Reply + Send + Sync + 'static) {
    let (send, answers) = mpsc::channel();
    for token in tokens {
        send.send(Answer::Credential(credential("x", token))).expect("a channel");
    }
    let answers = Mutex::new(Some(answers));
    let behaviour = move |request: &Request| match (request, answers.lock().expect("no panic").take()) {
        (Request::Watch(_), Some(answers)) => Reply::Stream(answers),
        _ => Reply::HangUp,
    };
    (send, behaviour)
}

#[test]
fn watch_prints_a_line_at_each_new_token_over_restarts() {
    let (first, behaviour) = watching(vec!["one"]);
    let daemon = Daemon::new(behaviour);
    let mut watch = tok(&daemon, &["watch", "x"]).stdout(Stdio::piped()).spawn().expect("tok starts");
    let mut lines = BufReader::new(watch.stdout.take().expect("a pipe")).lines();
    let mut token = || {
        let line = lines.next().expect("a line").expect("UTF-8");
        serde_json::from_str::<Value>(&line).expect("JSON")["token"].clone()
    };
    assert_eq!(token(), "one");
    first.send(Answer::Credential(credential("x", "two"))).expect("tok watches");
    assert_eq!(token(), "two");
    // The next daemon tells the token that there is, which is not new.
    let (_second, behaviour) = watching(vec!["two", "three"]);
    let _daemon = daemon.succeeded_by(behaviour);
    drop(first);
    assert_eq!(token(), "three");
    watch.kill().and_then(|()| watch.wait()).expect("tok ends");
}

#[test]
fn watch_ends_with_what_the_daemon_says() {
    let Run { code, .. } = run(tok(&Daemon::failing(3), &["watch", "nobody"]));
    assert_eq!(code, 3);
}

#[test]
fn watch_says_why_there_is_no_token_yet_and_goes_on() {
    let (send, answers) = mpsc::channel();
    let answers = Mutex::new(Some(answers));
    let looks = AtomicUsize::new(0);
    let daemon = Daemon::new(move |request| match request {
        Request::Watch(_) => Reply::Stream(answers.lock().expect("no panic").take().expect("one watch")),
        // A try is under way at the first look, and has failed at the second.
        Request::Status(_) => {
            let state = if looks.fetch_add(1, Ordering::SeqCst) == 0 { "refreshing" } else { "parked" };
            let one = AccountStatus { expires_in_ms: None, ..account("x", state, Some(Code(5))) };
            Reply::Answer(Answer::StatusPage(StatusPage {
                accounts: List::truncating(vec![one]),
                more: false,
            }))
        }
        _ => Reply::HangUp,
    });
    let piped = tok(&daemon, &["watch", "x"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut watch = piped.expect("tok starts");
    let mut said = BufReader::new(watch.stderr.take().expect("a pipe")).lines();
    let line = said.next().expect("a line").expect("UTF-8");
    assert_eq!(line, "tok: no token yet: the service said no; waiting for one");
    send.send(Answer::Credential(credential("x", "one"))).expect("tok watches");
    let mut lines = BufReader::new(watch.stdout.take().expect("a pipe")).lines();
    assert!(lines.next().expect("a line").expect("UTF-8").starts_with('{'));
    watch.kill().and_then(|()| watch.wait()).expect("tok ends");
    assert!(said.next().is_none());
}
