//! What survives the daemon: the last token of each account, for this account and this service alone.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::fs;
use std::path::{Path, PathBuf};

use tokend_tests::accounts;
use tokend_tests::platform::{is_private, set_mode, symlink};
use tokend_tests::sandbox::{Sandbox, eventually, is_root, skip};
use tokend_tests::stand_in::{Expiration, ItsYouOnline, LyveCloud, OAuthServer};

/// The kept files, in the order of their names.
fn kept(sandbox: &Sandbox) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(sandbox.state().join("accounts"))
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "age"));
    files.sort();
    files
}

fn kept_of(sandbox: &Sandbox, account: &str) -> PathBuf {
    eventually("a kept file", || {
        kept(sandbox).into_iter().find(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{account}.")))
        })
    })
}

/// All bytes of all files below a folder.
fn bytes_below(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            bytes.extend(bytes_below(&path));
        } else {
            bytes.extend(fs::read(path).unwrap_or_default());
        }
    }
    bytes
}

fn holds(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

#[test]
fn tokens_survive_a_stop_and_a_crash_without_a_request() {
    let sandbox = Sandbox::new();
    let (lyve, iyo, oauth) = (LyveCloud::start(), ItsYouOnline::start(), OAuthServer::start());
    sandbox.configure(
        &[
            accounts::lyve_cloud(&sandbox, "lyve", &lyve),
            accounts::its_you_online(&sandbox, "gen1", &iyo),
            accounts::oauth2_at_endpoint(&sandbox, "graph", &oauth, "client_secret_basic"),
        ]
        .concat(),
    );
    let daemon = sandbox.start();
    let all = || ["lyve", "gen1", "graph"].map(|account| sandbox.token(account));
    let tokens = all();
    assert!(daemon.stop().success());
    let requests = || lyve.requests() + iyo.requests() + oauth.requests();
    let before = requests();

    let daemon = sandbox.start();
    assert_eq!(all(), tokens);
    for account in ["lyve", "gen1", "graph"] {
        assert_eq!(sandbox.status(account)["state"], "fresh");
    }
    daemon.kill();
    let _daemon = sandbox.start();
    assert_eq!(all(), tokens);
    assert_eq!(requests(), before);

    let written =
        [bytes_below(&sandbox.path().join("state")), bytes_below(&sandbox.path().join("data"))].concat();
    assert!(!written.is_empty());
    for token in &tokens {
        assert!(!holds(&written, token), "a token lies in clear on the disk");
    }
    assert!(lyve.is_live(&tokens[0]) && oauth.is_live(&tokens[2]));
}

#[test]
fn a_crash_loses_no_token_that_was_on_disk_and_a_rejected_one_does_not_come_back() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    sandbox.configure(&(accounts::lyve_cloud(&sandbox, "lyve", &lyve) + "refresh = 'on-demand'\n"));
    let daemon = sandbox.start();
    let first = sandbox.token("lyve");
    kept_of(&sandbox, "lyve");
    lyve.tokens().revoke(&first);
    assert_eq!(sandbox.tok_with_input(["reject", "lyve"], &first).code, 0);
    eventually("what was rejected is not kept", || kept(&sandbox).is_empty().then_some(()));
    daemon.kill();
    let _daemon = sandbox.start();
    let second = sandbox.token("lyve");
    assert!(second != first && lyve.is_live(&second));
}

#[test]
fn a_kept_token_whose_life_nobody_told_is_asked_about_before_it_is_served() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::builder().with(|lyve| lyve.expiration = Expiration::Absent).start();
    sandbox.configure(&accounts::lyve_cloud(&sandbox, "lyve", &lyve));
    let daemon = sandbox.start();
    let first = sandbox.token("lyve");
    kept_of(&sandbox, "lyve");
    daemon.kill();
    let methods = || lyve.ledger().iter().map(|entry| entry.method.clone()).collect::<Vec<_>>();

    let daemon = sandbox.start();
    assert_eq!(sandbox.token("lyve"), first);
    assert_eq!(methods(), ["POST", "GET"]);
    daemon.kill();
    lyve.tokens().revoke(&first);
    let _daemon = sandbox.start();
    let second = sandbox.token("lyve");
    assert!(second != first && lyve.is_live(&second));
    assert_eq!(methods(), ["POST", "GET", "GET", "POST"]);
}

#[test]
fn what_was_kept_for_one_service_is_not_sent_to_another_and_is_there_when_the_first_comes_back() {
    let sandbox = Sandbox::new();
    let (here, there) = (LyveCloud::start(), LyveCloud::start());
    let configured = |lyve: &LyveCloud| accounts::lyve_cloud(&sandbox, "lyve", lyve);
    sandbox.configure(&configured(&here));
    let daemon = sandbox.start();
    let ours = sandbox.token("lyve");
    kept_of(&sandbox, "lyve");
    assert!(daemon.stop().success());

    sandbox.configure(&configured(&there));
    let daemon = sandbox.start();
    let theirs = sandbox.token("lyve");
    assert!(theirs != ours && there.is_live(&theirs));
    assert!(there.ledger().iter().all(|entry| entry.bearer(&["Bearer"]) != Some(ours.as_str())));
    assert!(daemon.log().contains("is set aside"), "{}", daemon.log());
    eventually("both are kept", || (kept(&sandbox).len() == 2).then_some(()));
    assert!(daemon.stop().success());

    sandbox.configure(&configured(&here));
    let _daemon = sandbox.start();
    assert_eq!(sandbox.token("lyve"), ours);
    assert_eq!((here.requests(), there.requests()), (1, 1));
}

#[test]
#[cfg_attr(not(has_links), ignore = "not every user may make links to files here")]
fn planted_moved_damaged_and_strange_files_are_left_alone_and_cost_one_request() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    let configuration =
        ["a", "b", "c", "d", "e"].map(|name| accounts::lyve_cloud(&sandbox, name, &lyve)).concat();
    sandbox.configure(&configuration);
    let daemon = sandbox.start();
    let own = sandbox.token("a");
    let files = ["a", "b", "c", "d", "e"].map(|account| kept_of(&sandbox, account));
    assert!(daemon.stop().success());

    // b: the file of a. c: cut off. d: a link to that of a. e: of somebody else's identity.
    fs::copy(&files[0], &files[1]).expect("moved");
    let whole = fs::read(&files[2]).expect("a file");
    fs::write(&files[2], &whole[..whole.len() - 1]).expect("cut off");
    fs::remove_file(&files[3]).and_then(|()| symlink(&files[0], &files[3])).expect("linked");
    let stranger = Sandbox::new();
    for account in ["a", "b", "c", "d", "e"] {
        accounts::set_secret(&stranger, account, &lyve.change(|lyve| lyve.secret.clone()));
    }
    stranger.configure(&configuration);
    let theirs = stranger.start();
    fs::copy(kept_of(&stranger, "e"), &files[4]).expect("planted");
    drop(theirs);
    let before = lyve.requests();
    let aside = |file: &PathBuf| PathBuf::from(format!("{}.unreadable", file.display()));
    let strange = [1, 2, 4].map(|number: usize| fs::read(&files[number]).expect("a strange file"));

    let daemon = sandbox.start();
    assert_eq!(sandbox.token("a"), own);
    for account in ["b", "c", "d", "e"] {
        let token = sandbox.token(account);
        assert!(token != own && lyve.is_live(&token), "{account}");
    }
    assert_eq!(lyve.requests() - before, 4);
    for (number, bytes) in [1, 2, 4].into_iter().zip(&strange) {
        assert_eq!(&fs::read(aside(&files[number])).expect("moved aside"), bytes);
    }
    assert_eq!(fs::read_link(aside(&files[3])).expect("the link"), files[0]);
    let log = daemon.log();
    for (file, why) in [
        (&files[1], "tokend did not write this file, or not for this account and service"),
        (&files[2], "it is damaged, or of another identity of the store"),
        (&files[4], "it is damaged, or of another identity of the store"),
    ] {
        let line =
            log.lines().find(|line| line.contains(&*file.to_string_lossy()) && line.contains("not used"));
        let aside = aside(file);
        let says = |line: &str| line.contains(why) && line.contains(&*aside.to_string_lossy());
        assert!(line.is_some_and(says), "{why}: {log}");
    }
}

#[test]
fn a_disk_that_takes_nothing_is_said_so_and_written_to_once_it_does() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    sandbox.configure(&accounts::lyve_cloud(&sandbox, "lyve", &lyve));
    // No folder can be made where there is a file.
    fs::create_dir_all(sandbox.state()).expect("the state folder");
    fs::write(sandbox.state().join("accounts"), "").expect("a file");
    let daemon = sandbox.start();
    let token = sandbox.token("lyve");
    let warning = eventually("status says so", || {
        let status = sandbox.tok(["status", "lyve"]).stdout + &sandbox.status("lyve").to_string();
        status.contains("not kept over a restart").then_some(status)
    });
    assert!(!warning.contains(&token));
    assert_eq!(sandbox.token("lyve"), token, "it is served all the same");

    fs::remove_file(sandbox.state().join("accounts")).expect("room");
    kept_of(&sandbox, "lyve");
    eventually("status is silent again", || {
        (!sandbox.status("lyve").to_string().contains("not kept")).then_some(())
    });
    daemon.kill();
    let _daemon = sandbox.start();
    assert_eq!(sandbox.token("lyve"), token);
    assert_eq!(lyve.requests(), 1);
}

#[test]
#[cfg_attr(not(has_modes), ignore = "files have no modes and no numbers of owners here")]
fn a_folder_that_cannot_be_written_keeps_the_old_file_whole() {
    if is_root() {
        return skip("a read-only folder", "root writes to it; the run without privileges has this test");
    }
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    sandbox.configure(&accounts::lyve_cloud(&sandbox, "lyve", &lyve));
    let daemon = sandbox.start();
    let first = sandbox.token("lyve");
    let file = kept_of(&sandbox, "lyve");
    let before = fs::read(&file).expect("the kept file");
    let folder = sandbox.state().join("accounts");
    set_mode(&folder, 0o500).expect("closed");
    assert_eq!(sandbox.tok(["refresh", "lyve"]).code, 0);
    let second = sandbox.token("lyve");
    assert_ne!(second, first);
    eventually("status says so", || sandbox.status("lyve").to_string().contains("not kept").then_some(()));
    assert_eq!(fs::read(&file).expect("the kept file"), before);
    set_mode(&folder, 0o700).expect("opened");
    eventually("the new one is kept", || (fs::read(&file).ok()? != before).then_some(()));
    daemon.kill();
    let _daemon = sandbox.start();
    assert_eq!(sandbox.token("lyve"), second);
}

#[test]
fn the_first_kept_token_makes_an_identity_that_is_its_users_alone_and_says_so_once() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    sandbox.configure(&accounts::lyve_cloud(&sandbox, "lyve", &lyve));
    let daemon = sandbox.start();
    sandbox.token("lyve");
    kept_of(&sandbox, "lyve");
    let identity =
        ["data", "tokend", "identity"].iter().fold(sandbox.path().to_owned(), |path, name| path.join(name));
    assert!(is_private(&identity).expect("facts"));
    let log = daemon.log();
    assert_eq!(log.matches(&*identity.to_string_lossy()).count(), 1, "{log}");
    assert!(daemon.stop().success());
    let before = fs::read(&identity).expect("the identity");
    let daemon = sandbox.start();
    sandbox.token("lyve");
    assert_eq!(fs::read(&identity).expect("the identity"), before);
    assert_eq!(daemon.log().matches(&*identity.to_string_lossy()).count(), 1);
}
