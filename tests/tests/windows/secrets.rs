//! Secrets: files by their access lists, the Credential Manager, ends of lines.

use std::time::Duration;

use tokend::secret::keyring;
use tokend_proto::Secret;
use tokend_tests::platform::{is_private, set_mode};
use tokend_tests::sandbox::Sandbox;

/// How long the Credential Manager may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn of_file(name: &str, path: &std::path::Path) -> String {
    format!(
        "[accounts.{name}]\ntype = 'static'\ntoken = {{ file = '{}' }}\nrefresh = 'on-demand'\n",
        path.display()
    )
}

#[test]
fn a_file_that_everybody_may_read_or_write_is_refused_and_the_hint_closes_it() {
    let sandbox = Sandbox::new();
    let modes = [("closed", 0o600), ("readable", 0o644), ("writable", 0o622)];
    let files = modes.map(|(name, mode)| {
        let path = sandbox.secret_file(name, "file-secret\r\n");
        set_mode(&path, mode).expect("its list");
        (name, path)
    });
    sandbox.configure(&files.each_ref().map(|(name, path)| of_file(name, path)).concat());
    let _daemon = sandbox.start();
    assert_eq!(sandbox.token("closed"), "file-secret");
    for (name, path) in &files[1..] {
        let said = sandbox.tok(["get", name]);
        assert_eq!((said.code, said.stdout.as_str()), (5, ""), "{said:?}");
        assert!(said.error().1.contains("icacls"), "{said:?}");
        assert!(said.stderr.contains(&*path.to_string_lossy()), "{said:?}");
        set_mode(path, 0o600).expect("closed");
        assert_eq!(sandbox.tok(["refresh", name]).code, 0);
        assert_eq!(sandbox.token(name), "file-secret");
    }
}

#[test]
fn what_the_programs_make_is_their_users_alone() {
    let sandbox = Sandbox::new();
    let stored = sandbox.tok_with_input(["secret", "set", "kept"], "a-secret\r\n");
    assert_eq!(stored.code, 0, "{stored:?}");
    let data = sandbox.path().join("data/tokend");
    for path in [data.clone(), data.join("identity"), data.join("secrets"), data.join("secrets/kept.age")] {
        assert!(is_private(&path).expect("its descriptor"), "{}", path.display());
    }
    sandbox.configure("[accounts.a]\ntype = 'static'\ntoken = { store = 'kept' }\n");
    let daemon = sandbox.start();
    assert_eq!(sandbox.token("a"), "a-secret");
    assert!(is_private(sandbox.state()).expect("its descriptor"));
    assert!(daemon.stop().success());
}

#[test]
fn a_token_is_printed_with_one_newline_and_no_carriage_return() {
    let sandbox = Sandbox::new();
    let path = sandbox.secret_file("key", "file-secret\r\n");
    sandbox.configure(&of_file("a", &path));
    let _daemon = sandbox.start();
    assert_eq!(sandbox.tok(["get", "a"]).stdout, "file-secret\n");
    assert!(!sandbox.tok(["status", "--json"]).stdout.contains('\r'));
    assert!(!sandbox.tok(["list"]).stdout.contains('\r'));
}

#[test]
fn a_secret_of_the_credential_manager_is_read() {
    let sandbox = Sandbox::new();
    // Its items are the user's, whatever the home is.
    let name = sandbox.path().file_name().expect("a name").to_string_lossy().into_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let [first, second] =
        ["first-secret", "second-secret"].map(|text| Secret::new(text.as_bytes().to_vec()).expect("short"));
    let put = |secret: &Secret| runtime.block_on(keyring::put(&name, secret, PATIENCE)).expect("it is taken");
    put(&first);
    sandbox.configure(&format!(
        "[accounts.a]\ntype = 'static'\ntoken = {{ keyring = '{name}' }}\nrefresh = 'on-demand'\n\
         [accounts.b]\ntype = 'static'\ntoken = {{ keyring = '{name}-none' }}\nrefresh = 'on-demand'\n"
    ));
    let _daemon = sandbox.start();
    assert_eq!(sandbox.token("a"), "first-secret");
    put(&second);
    assert_eq!(sandbox.tok(["refresh", "a"]).code, 0);
    assert_eq!(sandbox.token("a"), "second-secret");
    let said = sandbox.tok(["get", "b"]);
    assert_eq!((said.code, said.stdout.as_str()), (5, ""), "{said:?}");
    assert!(said.error().1.contains(&format!("{name}-none")), "{said:?}");
}
