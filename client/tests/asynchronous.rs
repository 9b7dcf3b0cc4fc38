//! The clients of the library, on one connection and over several; the async one beside the blocking one.

#![expect(clippy::expect_used, reason = "tests")]

#[expect(dead_code, reason = "made for the tests of `tok`")]
#[path = "cli/daemon.rs"]
mod daemon;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use tokend_client::{AsyncClient, Client, Code, Error, Get};
use tokend_proto::message::{AccountName, ListPage, StoreState, Unlock};
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
    let socket = folder.path().join("s");
    let listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    rustix::net::listen(&listener, 0).expect("a backlog of one");
    let first = std::os::unix::net::UnixStream::connect(&socket).expect("a place in the backlog");
    let path = socket.clone();
    let client = std::thread::spawn(move || Client::connect_to(path).map(|_| ()));
    let path = socket.clone();
    let other = std::thread::spawn(move || block_on(AsyncClient::connect_to(path)).map(|_| ()));
    // Long enough for both to have found the backlog full; shorter than their patience.
    std::thread::sleep(Duration::from_millis(60));
    assert!(!client.is_finished() && !other.is_finished());
    drop(first);
    for _ in 0..3 {
        listener.accept().expect("a connection");
    }
    assert!(client.join().expect("no panic").is_ok());
    assert!(other.join().expect("no panic").is_ok());
}
