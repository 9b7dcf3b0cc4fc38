//! Hooks that run, fail, hang, and are many.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::document::Document;
use crate::platform::testing;

fn hook(script: &str) -> Option<Arc<Program>> {
    let text = format!("on_login_needed = ['/bin/sh', '-c', '''{script}''']");
    let document = Document::parse(Path::new("config.toml"), &text).unwrap();
    let mut table = document.root();
    Program::read_alone(&mut table, "on_login_needed").map(Arc::new)
}

fn need(account: &str) -> LoginNeed {
    LoginNeed {
        account: account.to_owned(),
        reason: "it has ended; $(reboot)".to_owned(),
        hint: format!("`tok login {account}`"),
    }
}

/// Calls for all of these, and waits until it is done.
async fn call(script: &str, timeout: u64, needs: impl IntoIterator<Item = LoginNeed>) {
    let callers = Callers::new();
    callers.set(Calls { hook: hook(script), notification: false, timeout: Duration::from_secs(timeout) });
    let mut calls = JoinSet::new();
    for need in needs {
        let callers = Arc::clone(&callers);
        calls.spawn(async move { callers.call(&need).await });
    }
    while calls.join_next().await.is_some() {}
}

#[tokio::test]
async fn the_hook_is_told_in_its_environment() {
    if !testing::has_sh() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("told");
    let script = format!("env > {0}.new; cat >> {0}.new; mv {0}.new {0}", path.display());
    call(&script, 30, [need("lyve")]).await;
    let told = fs::read_to_string(path).unwrap();
    for line in
        ["TOKEND_ACCOUNT=lyve", "TOKEND_REASON=it has ended; $(reboot)", "TOKEND_HINT=`tok login lyve`"]
    {
        assert!(told.lines().any(|found| found == line), "{line}: {told}");
    }
    assert!(!told.contains("CARGO"), "little else is in it: {told}");
}

#[tokio::test]
async fn a_hook_that_fails_or_is_not_there_or_hangs_harms_nobody() {
    if !testing::has_sh() {
        return;
    }
    call("exit 3", 30, [need("a")]).await;
    call("sleep 600 & sleep 600", 1, [need("a")]).await;
    let callers = Callers::new();
    let text = "on_login_needed = ['/nonexistent/program']";
    let document = Document::parse(Path::new("config.toml"), text).unwrap();
    let program = Program::read_alone(&mut document.root(), "on_login_needed").map(Arc::new);
    callers.set(Calls { hook: program, notification: false, timeout: Duration::from_secs(1) });
    callers.call(&need("a")).await;
}

#[tokio::test]
async fn of_one_account_one_hook_runs_at_a_time_and_the_newest_need_follows() {
    if !testing::has_sh() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    let gate = folder.path().join("gate");
    if !testing::pipe_at(&gate) {
        return;
    }
    // Each hook waits until the test lets it through.
    let script = format!(
        "echo begin $TOKEND_ACCOUNT $TOKEND_REASON >> {log}; read line < {gate}; echo end >> {log}",
        log = log.display(),
        gate = gate.display()
    );
    let callers = Callers::new();
    callers.set(Calls { hook: hook(&script), notification: false, timeout: Duration::from_secs(30) });
    let (sender, needs) = mpsc::unbounded_channel();
    let running = tokio::spawn(Arc::clone(&callers).run(needs));
    for reason in ["1", "2", "3"] {
        sender.send(LoginNeed { reason: reason.to_owned(), ..need("a") }).unwrap();
    }
    for ended in 1..=2 {
        let gate = gate.clone();
        // Opening it waits for its reader.
        task::spawn_blocking(move || fs::write(gate, "\n")).await.unwrap().unwrap();
        while fs::read_to_string(&log).unwrap_or_default().matches("end").count() < ended {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    drop(sender);
    running.await.unwrap();
    assert_eq!(fs::read_to_string(&log).unwrap(), "begin a 1\nend\nbegin a 3\nend\n");
}
