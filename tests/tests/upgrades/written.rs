//! Folders as real daemons have left them, checked in with a throw-away identity: what they kept is good for years, at a
//! service where nobody listens.

use std::fs;
use std::path::Path;

use tokend_tests::kept::{self, Context, Keys};
use tokend_tests::platform::private_folder;
use tokend_tests::sandbox::{Sandbox, eventually, write_private};

/// Nobody listens on the port that once was the discard service's; what is sent there is not carried out.
const CONFIGURATION: &str = include_str!("../../state/config.toml");

const ORIGIN: &str = "http://127.0.0.1:9";

/// A folder's files: where each belongs, and its bytes.
type Files = [(&'static str, &'static [u8]); 7];

macro_rules! folder {
    ($name:literal) => {
        [
            ("data/tokend/identity", include_bytes!(concat!("../../state/", $name, "/identity"))),
            ("data/tokend/recipients.txt", include_bytes!(concat!("../../state/", $name, "/recipients.txt"))),
            (
                "data/tokend/secrets/client.age",
                include_bytes!(concat!("../../state/", $name, "/secrets/client.age")),
            ),
            (
                "data/tokend/secrets/first-refresh.age",
                include_bytes!(concat!("../../state/", $name, "/secrets/first-refresh.age")),
            ),
            (
                "state/tokend/accounts/plain.83550f2e72f75336.age",
                include_bytes!(concat!("../../state/", $name, "/accounts/plain.83550f2e72f75336.age")),
            ),
            (
                "state/tokend/accounts/login.a6797fb6084ba850.age",
                include_bytes!(concat!("../../state/", $name, "/accounts/login.a6797fb6084ba850.age")),
            ),
            (
                "state/tokend/accounts/login.c368b91331ebc5f8.grant.age",
                include_bytes!(concat!("../../state/", $name, "/accounts/login.c368b91331ebc5f8.grant.age")),
            ),
        ]
    };
}

/// As 0.1.0 left it in its first days: no form in the headers.
const FIRST: Files = folder!("first");

/// As today's daemon leaves it.
const TODAY: Files = folder!("today");

fn home(files: &Files) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.configure(CONFIGURATION);
    for (name, bytes) in files {
        let path = sandbox.path().join(name);
        let folder = path.parent().unwrap_or(Path::new("/"));
        private_folder(folder).expect("a folder");
        write_private(&path, bytes);
    }
    sandbox
}

fn grant() -> Context<'static> {
    Context {
        what: "tokend kept grant 1",
        account: "login",
        kind: "oauth2",
        origin: ORIGIN,
        client: "login",
        user: "",
    }
}

#[test]
fn what_earlier_daemons_left_is_served_as_it_is_and_no_refresh_token_is_lost() {
    for files in [FIRST, TODAY] {
        let sandbox = home(&files);
        let daemon = sandbox.start();
        assert_eq!(sandbox.token("plain"), "golden-access-plain");
        assert_eq!(sandbox.token("login"), "golden-access-login");
        for (name, secret) in [("client", "golden client secret"), ("first-refresh", "golden-refresh-1")] {
            assert_eq!(sandbox.tok(["secret", "show", name]).stdout.trim_end(), secret);
        }
        // A try at a service that nobody reaches: the intent is written, in today's form, and taken back.
        assert_eq!(sandbox.tok(["refresh", "login"]).code, 6);
        assert_eq!(sandbox.token("login"), "golden-access-login");
        assert!(daemon.stop().success());

        let path = eventually("the grant", || kept::file(&sandbox, "login", true));
        let (header, form) = Keys::of(&sandbox).open(&path, &grant());
        assert_eq!((header.as_deref(), form.first()), (Some("2"), Some(&2)));
        assert!(
            form.windows(16).any(|part| part == b"golden-refresh-2"),
            "the newest refresh token is there"
        );
        assert!(!form.windows(16).any(|part| part == b"golden-refresh-1"));
        // Not once sent, not in doubt, not ended.
        let after = form.windows(16).position(|part| part == b"golden-refresh-2").expect("the token") + 16;
        assert_eq!(form[after..after + 3], [0, 0, 0]);
        let names = kept::files(&sandbox);
        assert_eq!(names.len(), 3, "nothing was moved aside: {names:?}");
        for (name, bytes) in &files[..4] {
            assert!(fs::read(sandbox.path().join(name)).expect("a file of the store") == *bytes, "{name}");
        }
    }
}
