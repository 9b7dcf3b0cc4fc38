//! What yesterday's tokend has kept: it is read, and written in today's form; and today's is as documented.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tokend_tests::accounts;
use tokend_tests::kept::{self, Context, Keys};
use tokend_tests::sandbox::{Sandbox, eventually};
use tokend_tests::stand_in::{OAuthServer, Rotation};

const CLIENT: &str = "cli";

/// A login that spends refresh tokens, at a service that ends it when one is sent twice.
pub(crate) struct Login {
    pub(crate) sandbox: Sandbox,
    pub(crate) server: OAuthServer,
}

impl Login {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new();
        let server = OAuthServer::builder()
            .lifetime(Duration::from_secs(3600))
            .with(|server| {
                server.rotation = Rotation::Revoking;
                server.public_clients = vec![CLIENT.into()];
            })
            .start();
        let first = server.grant(CLIENT, &["files"]);
        sandbox.configure(&accounts::oauth2_login(&sandbox, "graph", &server, CLIENT, &first));
        Self { sandbox, server }
    }

    /// The same, whose daemon has run once, and has got the token that comes back.
    pub(crate) fn kept() -> (Self, String) {
        let login = Self::new();
        let daemon = login.sandbox.start();
        let token = login.sandbox.token("graph");
        login.file(true);
        login.file(false);
        assert!(daemon.stop().success());
        (login, token)
    }

    /// The file of its token, or of its grant, as soon as it is there.
    pub(crate) fn file(&self, is_grant: bool) -> PathBuf {
        eventually("a kept file", || kept::file(&self.sandbox, "graph", is_grant))
    }

    pub(crate) fn context(&self, is_grant: bool) -> Context<'_> {
        let what = if is_grant { "tokend kept grant 1" } else { "tokend kept token 1" };
        let origin = self.server.url();
        Context { what, account: "graph", kind: "oauth2", origin, client: CLIENT, user: "" }
    }

    /// Which refresh tokens were sent, in their order.
    pub(crate) fn sendings(&self) -> Vec<usize> {
        self.server.grants().sendings().iter().map(|sending| sending.generation).collect()
    }
}

#[test]
fn todays_files_say_their_form_in_the_header_and_before_what_was_kept() {
    let (login, token) = Login::kept();
    let keys = Keys::of(&login.sandbox);
    let (header, kept) = keys.open(&login.file(true), &login.context(true));
    assert_eq!((header.as_deref(), kept.first()), (Some("2"), Some(&2)));
    // The end of form 2: no term, no subject. Before it stands when that was so, then all that form 1 has.
    assert!(kept.ends_with(&[0, 0]));
    let (header, kept) = keys.open(&login.file(false), &login.context(false));
    assert_eq!((header.as_deref(), kept.first()), (Some("1"), Some(&1)));
    // The hash of the definition, one field `token`, and the token behind its length.
    assert_eq!(kept[33..40], *b"\x01\x05token");
    assert_eq!(usize::from(kept[40]), token.len());
    assert_eq!(kept[41..41 + token.len()], *token.as_bytes());
}

#[test]
fn what_the_first_tokend_kept_is_served_without_a_request_and_written_anew_in_todays_form() {
    let (login, token) = Login::kept();
    let keys = Keys::of(&login.sandbox);
    let (grant, access) = (login.file(true), login.file(false));
    // As it was in the first days: no form in the header, a grant of form 1, which had neither term nor subject.
    let (_, mut form) = keys.open(&grant, &login.context(true));
    form[0] = 1;
    form.truncate(form.len() - 2);
    keys.write(&grant, &login.context(true), None, &form);
    let (_, form) = keys.open(&access, &login.context(false));
    keys.write(&access, &login.context(false), None, &form);

    let daemon = login.sandbox.start();
    assert_eq!(login.sandbox.token("graph"), token);
    assert_eq!(login.server.token_requests(), 1, "nothing was asked of the service");
    assert_eq!(login.sandbox.tok(["refresh", "graph"]).code, 0);
    assert_eq!(login.sendings(), [0, 1], "the kept refresh token was sent, not the first one");
    let (header, form) = keys.open(&grant, &login.context(true));
    assert_eq!((header.as_deref(), form.first()), (Some("2"), Some(&2)));
    let in_todays_form = eventually("the new token is kept", || {
        let (header, form) = keys.open(&access, &login.context(false));
        (header.as_deref() == Some("1")).then_some(form)
    });
    assert_eq!(in_todays_form[0], 1);
    assert!(daemon.stop().success());
    assert!(fs::read_dir(login.sandbox.state().join("accounts")).expect("a folder").count() == 2);
}
