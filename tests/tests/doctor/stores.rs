//! Planted: stores that are open, locked, damaged or missing, and state that cannot be kept.

use std::fs;

use tokend_tests::accounts;
use tokend_tests::sandbox::{Sandbox, eventually, is_root, run, skip};
use tokend_tests::stand_in::LyveCloud;

use crate::{PASSPHRASE, SECRET, chmod, doctor, of_source, sound};

fn data(sandbox: &Sandbox) -> std::path::PathBuf {
    sandbox.data()
}

#[test]
fn a_store_without_a_passphrase_is_a_warning() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.tok(["init", "--no-passphrase"]).code, 0);
    sandbox.configure(&sound(&sandbox));
    let _daemon = sandbox.start();
    let found = doctor(&sandbox);
    found.has("store", "no-passphrase", &["tok init --change-passphrase"]);
    assert_eq!(found.code, 0);
}

#[test]
#[cfg_attr(not(has_modes), ignore = "files have no modes and no numbers of owners here")]
fn an_identity_that_others_can_read_is_a_fault() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.tok(["init", "--no-passphrase"]).code, 0);
    let identity = data(&sandbox).join("identity");
    chmod(&identity, 0o644);
    let found = doctor(&sandbox);
    found.has("store", "open", &["0644", &format!("chmod 600 {}", identity.display())]);
}

#[test]
fn an_account_needs_a_store_that_is_not_there() {
    let sandbox = Sandbox::new();
    sandbox.configure(&of_source("a", "{ store = 'kept' }"));
    let _daemon = sandbox.start();
    let found = doctor(&sandbox);
    found.has("store", "no-identity", &["tok init", "tok secret set"]);
    found.has("secret", "store", &["kept"]);
    assert_eq!(found.code, 5);
}

#[test]
fn a_store_with_two_identities_is_damaged() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.tok(["init", "--no-passphrase"]).code, 0);
    let folder = data(&sandbox);
    fs::copy(folder.join("identity"), folder.join("identity.age")).expect("a second one");
    doctor(&sandbox).has("store", "damaged", &["two identities", "move one of them away"]);
}

#[test]
fn a_locked_store_is_unlocked_by_the_hint() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.tok_with_input(["init", "--stdin"], PASSPHRASE).code, 0);
    assert_eq!(sandbox.tok_with_input(["secret", "set", "kept"], SECRET).code, 0);
    sandbox.configure(&of_source("a", "{ store = 'kept' }").replace("on-demand", "eager"));
    let _daemon = sandbox.start();
    eventually("it is locked", || (sandbox.status("a")["state"] == "locked").then_some(()));
    let found = doctor(&sandbox);
    found.has("store", "locked", &["`tok unlock`"]);
    found.has("account", "locked", &["tok unlock"]);
    assert_eq!(found.code, 9);
}

#[test]
#[cfg_attr(not(has_modes), ignore = "files have no modes and no numbers of owners here")]
fn state_that_cannot_be_kept_is_told_whether_a_daemon_runs_or_not() {
    let sandbox = Sandbox::new();
    let lyve = LyveCloud::start();
    sandbox.configure(&accounts::lyve_cloud(&sandbox, "lyve", &lyve));
    let daemon = sandbox.start();
    sandbox.token("lyve");
    let accounts = sandbox.state().join("accounts");
    eventually("it is kept", || accounts.is_dir().then_some(()));
    fs::rename(&accounts, sandbox.state().join("moved")).expect("moved away");
    // Not even root makes a folder of it.
    fs::write(&accounts, "").expect("a file in its place");
    let place = accounts.display().to_string();
    let found = doctor(&sandbox);
    found.has("store", "state-closed", &[&place, "ls -ld"]);
    assert_eq!(found.code, 1);
    drop(daemon);
    doctor(&sandbox).has("store", "state-closed", &[&place]);
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn a_full_disk_is_told() {
    if !is_root() {
        skip("a full disk under the kept state", "only root can mount a small one");
        return;
    }
    let sandbox = Sandbox::new();
    let state = sandbox.state();
    fs::create_dir_all(&state).expect("the state folder");
    // In a mount name space of its own, which ends with it.
    let script = r#"mount -t tmpfs -o size=8k,mode=700 none "$1" || exit 1
head -c 65536 /dev/zero >"$1/full" 2>/dev/null
exec "$0" doctor --json"#;
    let mut shell = std::process::Command::new("unshare");
    sandbox.surround(&mut shell);
    shell.args(["-m", "sh", "-c", script]).arg(tokend_tests::sandbox::program_path("tok")).arg(&state);
    let said = run(&mut shell);
    if said.stdout.is_empty() {
        skip("a full disk under the kept state", &said.stderr);
        return;
    }
    crate::judged(&said).has("store", "disk-full", &["df -h", "make room"]);
}
