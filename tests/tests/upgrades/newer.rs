//! What tomorrow's tokend has kept: it stays, byte by byte; nothing is spent in its place; and all is there again after
//! the upgrade.

use std::fs;
use std::path::{Path, PathBuf};

use tokend_tests::accounts;
use tokend_tests::kept::{self, Context, Keys};
use tokend_tests::sandbox::{Said, Sandbox, eventually, write_private};
use tokend_tests::stand_in::OAuthServer;

use crate::kept::Login;

/// The program's own version, as it says it.
fn version(sandbox: &Sandbox) -> String {
    sandbox.tok(["version"]).stdout.trim().trim_start_matches("tok ").to_owned()
}

/// Says that a newer tokend has kept something, which file, its form, and what to do.
#[track_caller]
fn names(said: &Said, sandbox: &Sandbox, file: &Path, form: &str) {
    let (what, hint) = said.error();
    let words =
        format!("{} was kept by a newer tokend ({form}): this one ({})", file.display(), version(sandbox));
    assert!(what.contains(&words), "{said:?}");
    assert!(hint.contains(&format!("move {} away", file.display())), "{said:?}");
}

fn everything(sandbox: &Sandbox) -> Vec<(PathBuf, Vec<u8>)> {
    kept::files(sandbox)
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).expect("a kept file")))
        .collect()
}

#[test]
fn a_grant_of_tomorrow_parks_its_account_and_no_refresh_token_is_sent_until_it_can_be_read() {
    let (login, _) = Login::kept();
    let (sandbox, grant) = (&login.sandbox, login.file(true));
    let keys = Keys::of(sandbox);
    let ours = fs::read(&grant).expect("the grant");
    fs::remove_file(login.file(false)).expect("without a token in hand");
    let (_, mut form) = keys.open(&grant, &login.context(true));
    form[0] = 3;
    form.extend(b"what nobody knows yet");
    keys.write(&grant, &login.context(true), Some(3), &form);
    let planted = everything(sandbox);

    let daemon = sandbox.start();
    let said = sandbox.tok(["get", "graph"]);
    assert_eq!(said.code, 5, "{said:?}");
    names(&said, sandbox, &grant, "form 3");
    assert!(said.error().0.contains("none is sent"), "{said:?}");
    assert_eq!(sandbox.tok(["refresh", "graph"]).code, 5);
    let status = sandbox.status("graph");
    assert_eq!((&status["state"], &status["last_error"]["kind"]), (&"parked".into(), &"newer-tokend".into()));
    assert!(daemon.log().contains("was kept by a newer tokend (form 3)"), "{}", daemon.log());
    // Neither a person nor a stop removes it.
    assert_ne!(sandbox.tok(["logout", "graph"]).code, 0);
    assert_ne!(sandbox.tok(["logout", "graph", "--local"]).code, 0);
    assert!(daemon.stop().success());
    assert!(everything(sandbox) == planted, "it is there, byte by byte");
    assert_eq!(login.sendings(), [0], "the first refresh token was not sent again");

    // The file of before comes back while tokend runs, as it would with the upgrade.
    let _daemon = sandbox.start();
    assert_eq!(sandbox.tok(["get", "graph"]).code, 5);
    let aside = grant.with_extension("new");
    write_private(&aside, &ours);
    fs::rename(&aside, &grant).expect("put back");
    eventually("it goes on by itself", || (sandbox.tok(["get", "graph"]).code == 0).then_some(()));
    assert_eq!(login.sendings(), [0, 1]);
    assert!(!login.server.grants().has_ended(0));
}

#[test]
fn a_grant_whose_very_seal_is_of_tomorrow_is_not_taken_for_a_planted_one() {
    let (login, token) = Login::kept();
    let (sandbox, grant) = (&login.sandbox, login.file(true));
    let keys = Keys::of(sandbox);
    keys.encrypt(
        &grant,
        Some(("tokend-kept", vec!["4".to_owned(), "blake3".to_owned()])),
        b"sealed otherwise",
    );
    let planted = fs::read(&grant).expect("the grant");
    let daemon = sandbox.start();
    // The token in hand is good for its own life.
    assert_eq!(sandbox.token("graph"), token);
    names(&sandbox.tok(["refresh", "graph"]), sandbox, &grant, "form 4");
    assert_eq!(sandbox.token("graph"), token);
    assert!(daemon.stop().success());
    assert!(fs::read(&grant).expect("the grant") == planted);
    assert_eq!(login.sendings(), [0]);
    assert!(sandbox.start().stop().success());
    assert!(
        kept::files(sandbox).iter().all(|path| path.extension().is_some_and(|it| it == "age")),
        "none was set aside"
    );
}

#[test]
fn a_token_of_tomorrow_is_neither_used_nor_overwritten_nor_removed() {
    let (sandbox, server) = (Sandbox::new(), OAuthServer::start());
    sandbox.configure(&accounts::oauth2_at_endpoint(&sandbox, "graph", &server, "client_secret_basic"));
    let daemon = sandbox.start();
    let first = sandbox.token("graph");
    let file = eventually("a kept token", || kept::file(&sandbox, "graph", false));
    assert!(daemon.stop().success());
    let ours = fs::read(&file).expect("the token");
    let keys = Keys::of(&sandbox);
    keys.encrypt(&file, Some(("tokend-kept", vec!["2".to_owned()])), b"what nobody knows yet");
    let planted = everything(&sandbox);

    let daemon = sandbox.start();
    let second = sandbox.token("graph");
    assert!(second != first && server.is_live(&second), "another one costs one request");
    let warning = eventually("status says that it is not kept", || {
        let status = sandbox.status("graph").to_string();
        status.contains("not kept over a restart").then_some(status)
    });
    assert!(warning.contains("was kept by a newer tokend (form 2)"), "{warning}");
    assert!(daemon.log().contains("what was kept is not used"), "{}", daemon.log());
    assert_eq!(sandbox.tok_with_input(["reject", "graph"], &second).code, 0);
    assert_ne!(sandbox.token("graph"), second);
    assert!(daemon.stop().success());
    assert!(everything(&sandbox) == planted, "it is there, byte by byte");

    // After the upgrade all is there again.
    write_private(&file, &ours);
    let before = server.token_requests();
    let _daemon = sandbox.start();
    assert_eq!(sandbox.token("graph"), first);
    assert_eq!(server.token_requests(), before);
}

#[test]
fn a_folder_that_tomorrows_tokend_laid_out_is_not_touched_and_nothing_is_spent() {
    let (login, token) = Login::kept();
    let sandbox = &login.sandbox;
    let layout = sandbox.state().join("layout");
    write_private(&layout, b"2\n");
    // Where that one keeps its grants, nobody knows.
    fs::remove_file(login.file(true)).expect("moved elsewhere");
    let planted = everything(sandbox);
    let daemon = sandbox.start();
    let said = sandbox.tok(["get", "graph"]);
    assert_eq!(said.code, 5, "{said:?}");
    names(&said, sandbox, &layout, "layout 2");
    assert!(daemon.log().contains("nothing that was kept is used, and nothing is kept"), "{}", daemon.log());
    assert!(everything(sandbox) == planted);
    assert_eq!(login.sendings(), [0]);
    assert!(daemon.stop().success());
    fs::remove_file(&layout).expect("removed");
    let _daemon = sandbox.start();
    assert_eq!(sandbox.token("graph"), token);
}

#[test]
fn a_secret_of_tomorrow_parks_its_account_and_stays() {
    let (sandbox, server) = (Sandbox::new(), OAuthServer::start());
    let table = accounts::oauth2_at_endpoint(&sandbox, "graph", &server, "client_secret_basic");
    let (table, _) = accounts::into_store(&sandbox, "graph", &table);
    sandbox.configure(&table);
    let file = sandbox.data().join("secrets").join("graph.age");
    let ours = fs::read(&file).expect("the secret");
    let keys = Keys::of(&sandbox);
    keys.encrypt(
        &file,
        Some(("tokend-secret-2", vec!["graph".to_owned(), "x".to_owned()])),
        b"what nobody knows yet",
    );
    let planted = fs::read(&file).expect("the secret");

    let daemon = sandbox.start();
    let said = sandbox.tok(["get", "graph"]);
    assert_eq!(said.code, 5, "{said:?}");
    names(&said, &sandbox, &file, "form 2");
    assert_eq!(server.requests(), 0);
    for words in [["secret", "show", "graph"], ["secret", "remove", "graph"]] {
        let said = sandbox.tok(words);
        assert_ne!(said.code, 0, "{said:?}");
        names(&said, &sandbox, &file, "form 2");
    }
    let said = sandbox.tok_with_input(["secret", "set", "graph"], "new");
    assert_ne!(said.code, 0, "{said:?}");
    names(&said, &sandbox, &file, "form 2");
    assert!(sandbox.tok(["secret", "list"]).stdout.contains("newer tokend"));
    assert!(fs::read(&file).expect("the secret") == planted, "it is there, byte by byte");

    let aside = file.with_extension("new");
    write_private(&aside, &ours);
    fs::rename(&aside, &file).expect("put back");
    eventually("it goes on by itself", || (sandbox.tok(["get", "graph"]).code == 0).then_some(()));
    drop(daemon);
}

#[test]
fn an_identity_of_tomorrow_is_not_made_anew_and_no_refresh_token_is_sent() {
    let (login, token) = Login::kept();
    let sandbox = &login.sandbox;
    let identity = sandbox.data().join("identity");
    let ours = fs::read(&identity).expect("the identity");
    let theirs = b"# the identity of tokend's store\nAGE-SECRET-KEY-PQ-1QQQSYQCYQ5RQWZQF\n";
    write_private(&identity, theirs);
    let planted = everything(sandbox);
    let daemon = sandbox.start();
    let said = sandbox.tok(["get", "graph"]);
    assert_eq!(said.code, 5, "{said:?}");
    assert!(said.error().0.contains("holds an age identity of a newer kind, which this tokend"), "{said:?}");
    assert_eq!(login.sendings(), [0]);
    assert_ne!(sandbox.tok_with_input(["secret", "set", "x"], "new").code, 0);
    assert_ne!(sandbox.tok(["init"]).code, 0);
    assert!(everything(sandbox) == planted);
    assert_eq!(fs::read(&identity).expect("the identity"), theirs);
    assert!(daemon.stop().success());
    write_private(&identity, &ours);
    let _daemon = sandbox.start();
    assert_eq!(sandbox.token("graph"), token);
    assert_eq!(login.sendings(), [0]);
}

#[test]
fn a_file_of_another_context_is_still_no_file_of_tomorrow() {
    let (login, _) = Login::kept();
    let (sandbox, grant) = (&login.sandbox, login.file(true));
    let keys = Keys::of(sandbox);
    let (_, form) = keys.open(&grant, &login.context(true));
    let other = Context { client: "another", ..login.context(true) };
    keys.write(&grant, &other, Some(2), &form);
    fs::remove_file(login.file(false)).expect("without a token in hand");
    let _daemon = sandbox.start();
    // Planted: moved aside, as ever.
    sandbox.tok(["get", "graph"]);
    assert!(grant.with_extension("age.unreadable").exists());
}
