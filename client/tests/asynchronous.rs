//! The clients of the library, on one connection and over several; the async one beside the blocking one.

#![expect(clippy::expect_used, reason = "tests")]

#[path = "cli/platform/backlog.rs"]
mod backlog;
#[expect(dead_code, reason = "made for the tests of `tok`")]
#[path = "cli/daemon.rs"]
mod daemon;
#[expect(dead_code, reason = "made for the tests of `tok`")]
#[path = "cli/platform/mod.rs"]
mod platform;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use tokend_client::{AsyncClient, Client, Code, Error, Get, LoginEvent, LoginOptions, LoginWay};
use tokend_proto::message::{
    AccountName, ListPage, LoggedIn, LoggedOut, Login, LoginStep, StoreState, Unlock,
};
use tokend_proto::{Answer, List, Request, Secret};

use self::daemon::{Daemon, Reply, credential, failure};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

fn daemon() -> Daemon {
    let calls = AtomicUsize::new(0);
    Daemon::new(move |request| match request {
        Request::Get(get) if get.account == "gone" => Reply::Answer(Answer::Failure(failure(3))),
        // Every other request finds its connection ended.
        Request::Get(_) if calls.fetch_add(1, Ordering::SeqCst) % 2 == 1 => Reply::HangUp,
        Request::Get(get) => Reply::Answer(Answer::Credential(credential(&get.account, "T"))),
        Request::List(list) => {
            let name =
                |name: &str| AccountName { account: name.to_owned(), account_type: "static".to_owned() };
            let (names, more) = if list.after.is_none() {
                (vec![name("a"), name("b")], true)
            } else {
                (vec![name("c")], false)
            };
            Reply::Answer(Answer::ListPage(ListPage { accounts: List::truncating(names), more }))
        }
        Request::Reject(_) | Request::Lock => Reply::Answer(Answer::Done),
        Request::Watch(_) => {
            let (send, answers) = mpsc::channel();
            let _ = send.send(Answer::Credential(credential("x", "one")));
            let _ = send.send(Answer::Credential(credential("x", "two")));
            Reply::Stream(answers)
        }
        Request::Unlock(Unlock { passphrase: Some(given) }) if given.len() == 5 => {
            Reply::Answer(Answer::Done)
        }
        Request::Unlock(_) => Reply::Answer(Answer::Failure(failure(9))),
        Request::Store => Reply::Answer(Answer::StoreState(StoreState {
            locked: true,
            identity: StoreState::PASSPHRASE.to_owned(),
            needs_passphrase: true,
            memory_locked: true,
            warnings: List::default(),
        })),
        _ => Reply::Answer(Answer::Unsupported),
    })
}

#[test]
fn both_clients_lock_and_unlock() -> Result<(), Error> {
    let daemon = daemon();
    let passphrase = || Secret::new(b"hello".to_vec()).ok();
    let mut blocking = Client::connect_to(daemon.socket())?;
    assert!(blocking.store_state()?.needs_passphrase);
    blocking.lock()?;
    assert_eq!(blocking.unlock(None).map_err(|error| error.code()), Err(Code::LOCKED));
    blocking.unlock(passphrase())?;
    block_on(async {
        let mut client = AsyncClient::connect_to(daemon.socket()).await?;
        assert!(client.store_state().await?.locked);
        client.lock().await?;
        assert_eq!(client.unlock(None).await.map_err(|error| error.code()), Err(Code::LOCKED));
        client.unlock(passphrase()).await
    })
}

#[test]
fn both_clients_say_the_same() -> Result<(), Error> {
    let daemon = daemon();
    let mut blocking = Client::connect_to(daemon.socket())?;
    for _ in 0..3 {
        assert_eq!(&*blocking.get("x")?.text(), "T");
    }
    assert_eq!(blocking.list()?.len(), 3);
    blocking.reject("x", b"T")?;
    let unknown = blocking.get("gone");
    assert!(matches!(&unknown, Err(Error::Failed(failure)) if failure.code == Code::UNKNOWN), "{unknown:?}");
    assert!(matches!(blocking.about(), Err(Error::Unsupported { request: "about" })));
    let tokens: Vec<_> =
        blocking.watch("x")?.map_while(Result::ok).map(|token| token.text().to_owned()).collect();
    assert_eq!(tokens, ["one", "two"]);

    block_on(async {
        let mut client = AsyncClient::connect_to(daemon.socket()).await?;
        for _ in 0..3 {
            assert_eq!(&*client.get(Get::account("x").min_valid(Duration::from_secs(1))).await?.text(), "T");
        }
        assert_eq!(client.list().await?.len(), 3);
        client.reject("x", b"T").await?;
        let unknown = client.get("gone").await;
        assert!(
            matches!(&unknown, Err(Error::Failed(failure)) if failure.code == Code::UNKNOWN),
            "{unknown:?}"
        );
        assert!(matches!(client.about().await, Err(Error::Unsupported { request: "about" })));
        let mut watch = client.watch("x").await?;
        let mut tokens = Vec::new();
        while let Some(Ok(token)) = watch.next().await {
            tokens.push(token.text().to_owned());
        }
        assert_eq!(tokens, ["one", "two"]);
        Ok(())
    })
}

/// A daemon at which a person logs in in two steps.
fn at_which_one_logs_in() -> Daemon {
    Daemon::new(|request| match request {
        Request::Login(login) if login.account == "gone" => Reply::Answer(Answer::Failure(failure(3))),
        Request::Login(login) => {
            assert_eq!(
                (login.has_browser, login.way.as_str(), login.term_ms),
                (true, Login::DEVICE, Some(60_000))
            );
            let (send, answers) = mpsc::channel();
            let step = |step: &str| LoginStep {
                login: 7,
                step: step.to_owned(),
                url: String::new(),
                complete_url: None,
                user_code: None,
                expires_in_ms: None,
                takes_redirect: false,
                message: String::new(),
            };
            let _ = send.send(Answer::LoginStep(step(LoginStep::DEVICE)));
            let _ = send.send(Answer::LoginStep(step(LoginStep::PROGRESS)));
            let _ = send.send(Answer::LoggedIn(LoggedIn {
                account: login.account.clone(),
                person: None,
                expires_in_ms: None,
                renews: true,
                ends_at_ms: None,
                scope: List::default(),
                warnings: List::default(),
            }));
            Reply::Stream(answers)
        }
        Request::LoginRedirect(redirect) if redirect.login == 7 && redirect.url.len() == 5 => {
            Reply::Answer(Answer::Done)
        }
        Request::LoginRedirect(_) => Reply::Answer(Answer::Failure(failure(2))),
        Request::Logout(logout) => {
            let revoked = !logout.local;
            Reply::Answer(Answer::LoggedOut(LoggedOut { revoked, warnings: List::default() }))
        }
        Request::GetIdToken(get) => Reply::Answer(Answer::Credential(credential(&get.account, "I"))),
        _ => Reply::Answer(Answer::Unsupported),
    })
}

/// A step by its word, `done` for the end, or an error's code.
fn told(event: Result<LoginEvent, Error>) -> String {
    match event {
        Ok(LoginEvent::Step(step)) => step.step,
        Ok(LoginEvent::Done(_)) => "done".to_owned(),
        Err(error) => error.code().0.to_string(),
    }
}

#[test]
fn both_clients_log_in_and_out() -> Result<(), Error> {
    let daemon = at_which_one_logs_in();
    let options = LoginOptions::default().browser(true).way(LoginWay::Device).term(Duration::from_secs(60));
    let url = |text: &str| Secret::new(text.as_bytes().to_vec()).expect("short");
    let steps = ["device", "progress", "done"];

    let mut blocking = Client::connect_to(daemon.socket())?;
    assert_eq!(blocking.log_in("x", &options)?.map(told).collect::<Vec<_>>(), steps);
    assert_eq!(blocking.log_in("gone", &options)?.map(told).collect::<Vec<_>>(), ["3"]);
    blocking.paste_redirect("x", 7, url("right"))?;
    assert_eq!(blocking.paste_redirect("x", 8, url("right")).map_err(|it| it.code()), Err(Code::USAGE));
    assert!(blocking.log_out("x", false)?.revoked && !blocking.log_out("x", true)?.revoked);
    assert_eq!(&*blocking.id_token(Get::account("x"))?.text(), "I");

    block_on(async {
        let mut client = AsyncClient::connect_to(daemon.socket()).await?;
        for (account, expected) in [("x", &steps[..]), ("gone", &["3"])] {
            let mut login = client.log_in(account, &options).await?;
            let mut events = Vec::new();
            while let Some(event) = login.next().await {
                events.push(told(event));
            }
            assert_eq!(events, expected);
        }
        client.paste_redirect("x", 7, url("right")).await?;
        assert!(client.log_out("x", false).await?.revoked);
        assert_eq!(&*client.id_token("x").await?.text(), "I");
        Ok(())
    })
}

#[test]
fn a_call_that_was_dropped_leaves_no_half_answer_behind() -> Result<(), Error> {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let daemon = Daemon::new(move |request| match request {
        Request::Get(get) if get.account == "slow" => {
            let _ = wait.lock().expect("no panic").recv();
            Reply::Answer(Answer::Credential(credential("slow", "late")))
        }
        Request::Get(get) => Reply::Answer(Answer::Credential(credential(&get.account, "T"))),
        _ => Reply::HangUp,
    });
    block_on(async {
        let mut client = AsyncClient::connect_to(daemon.socket()).await?;
        let slow = tokio::time::timeout(Duration::from_millis(20), client.get("slow")).await;
        assert!(slow.is_err());
        let _ = go.send(());
        assert_eq!(&*client.get("x").await?.text(), "T");
        Ok(())
    })
}

#[test]
fn a_task_may_move_between_threads() {
    fn movable<T: Send>(_: &T) {}
    let mut client = AsyncClient::lazy_at("/nowhere");
    movable(&client.get("x"));
    movable(&client.status());
    movable(&client.watch("x"));
}

#[test]
fn nobody_there_is_told_by_both() {
    let daemon = daemon();
    daemon.vanish();
    assert!(matches!(Client::connect_to(daemon.socket()), Err(Error::NotRunning { .. })));
    let lazy = Client::lazy_at(daemon.socket()).get("x");
    assert!(matches!(lazy, Err(Error::NotRunning { .. })));
    let asynchronous = block_on(AsyncClient::connect_to(daemon.socket()));
    assert!(matches!(asynchronous, Err(Error::NotRunning { .. })));
}

#[test]
fn a_full_backlog_is_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = platform::socket_in(folder.path());
    let (mut accept, first) = backlog::full(&socket);
    let path = socket.clone();
    let client = std::thread::spawn(move || Client::connect_to(path).map(|_| ()));
    let path = socket.clone();
    let other = std::thread::spawn(move || block_on(AsyncClient::connect_to(path)).map(|_| ()));
    // Long enough for both to have found the backlog full; shorter than their patience.
    std::thread::sleep(Duration::from_millis(60));
    assert!(!client.is_finished() && !other.is_finished());
    drop(first);
    let mut connections = Vec::new();
    for _ in 0..3 {
        connections.push(accept());
    }
    assert!(client.join().expect("no panic").is_ok());
    assert!(other.join().expect("no panic").is_ok());
}
