//! Secrets in the desktop's keyring: the Secret Service, macOS' Keychain, Windows' Credential Manager.
//!
//! An item is known by its service, `tokend`, and its user, which the configuration names.

use std::future::Future;
use std::time::Duration;

use tokend_proto::Secret;
use tokend_proto::limits::MAX_SECRET;
use zeroize::Zeroizing;

use super::{Unfit, without_newline};
use crate::document::printable;
use crate::platform::keyring::{self, Trouble};
use crate::provider::Failure;

/// Under which service all of our items are.
const SERVICE: &str = "tokend";

const MOST_NAME: usize = 255;

/// Gets the secret of service `tokend` and user `user`.
///
/// # Errors
/// `Source` where only a person can mend it: there is none, or more than one. `NotNow` where it may pass: the
/// keyring is locked or not there, or does not answer within `timeout`.
pub async fn fetch(user: &str, timeout: Duration) -> Result<Secret, Failure> {
    let bytes =
        within(timeout, keyring::get(SERVICE, user)).await.map_err(|trouble| explain(trouble, user))?;
    without_newline(&bytes).map_err(|unfit| {
        let what = match unfit {
            Unfit::Empty => "is empty".to_owned(),
            Unfit::TooLong => format!("holds more than {MAX_SECRET} bytes"),
        };
        Failure::source(MISSING, format!("the keyring's item of {} {what}", of(user)), put_it_there(user))
    })
}

/// Looks whether the keyring has the secret of service `tokend` and user `user`. Nobody is asked to unlock it.
///
/// # Errors
/// As [`fetch`].
pub async fn look(user: &str, timeout: Duration) -> Result<(), Failure> {
    within(timeout, keyring::look(SERVICE, user)).await.map_err(|trouble| explain(trouble, user))
}

/// Makes `secret` the one of service `tokend` and user `user`.
///
/// # Errors
/// As [`fetch`].
pub async fn put(user: &str, secret: &Secret, timeout: Duration) -> Result<(), Failure> {
    // Out of the secret's own keeping while a person may be asked.
    let bytes = Zeroizing::new(secret.expose().to_vec());
    within(timeout, keyring::put(SERVICE, user, &bytes)).await.map_err(|trouble| explain(trouble, user))
}

/// Whether `user` can name an item: 1 to 255 bytes, no control characters.
#[must_use]
pub fn is_name(user: &str) -> bool {
    (1..=MOST_NAME).contains(&user.len()) && !user.contains(char::is_control)
}

async fn within<T>(
    timeout: Duration,
    work: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Option<Trouble>> {
    match tokio::time::timeout(timeout, work).await {
        Ok(result) => result.map_err(Some),
        Err(_) => Err(None),
    }
}

const MISSING: &str = "secret-keyring";
const LOCKED: &str = "keyring-locked";
const UNAVAILABLE: &str = "keyring-unavailable";

/// The failure that a trouble is; `None` is that time ran out.
fn explain(trouble: Option<Trouble>, user: &str) -> Failure {
    let of = of(user);
    match trouble {
        Some(Trouble::Missing) => {
            Failure::source(MISSING, format!("the keyring has no secret of {of}"), put_it_there(user))
        }
        Some(Trouble::Ambiguous) => Failure::source(
            MISSING,
            format!("the keyring has more than one secret of {of}, perhaps in two of its collections"),
            "remove all but one, in the program that shows your keyring",
        ),
        Some(Trouble::Locked) => Failure::not_now(
            LOCKED,
            "the keyring is locked, and nobody answered its question for the password",
            "unlock it in the program that shows your keyring; tokend tries again by itself",
        ),
        Some(Trouble::NoBus) => Failure::not_now(
            UNAVAILABLE,
            "no keyring can be reached: the session bus is not there",
            "start tokend in your desktop's session, or set DBUS_SESSION_BUS_ADDRESS for it",
        ),
        Some(Trouble::NoService) => Failure::not_now(
            UNAVAILABLE,
            "no keyring can be reached: no program on the session bus keeps secrets",
            "start one, such as GNOME Keyring, KWallet or KeePassXC; tokend tries again by itself",
        ),
        Some(Trouble::Failed(what)) => Failure::not_now(
            UNAVAILABLE,
            format!("the keyring did not give the secret of {of}: {what}"),
            "look at it in the program that shows your keyring; tokend tries again by itself",
        ),
        None => Failure::not_now(
            LOCKED,
            "the keyring did not answer in time",
            "it may wait for its password: answer its question, or unlock it; tokend tries again by itself",
        ),
    }
}

fn of(user: &str) -> String {
    format!("service {SERVICE} and user {}", printable(user, MOST_NAME))
}

fn put_it_there(user: &str) -> String {
    format!("put it there: `{}`", keyring::by_hand(SERVICE, &quoted(user)))
}

/// As a shell reads it.
fn quoted(user: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-@:/+,".contains(c);
    let user = printable(user, MOST_NAME);
    if user.chars().all(plain) && !user.starts_with('-') {
        return user;
    }
    format!("'{}'", user.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Class;

    #[test]
    fn what_can_name_an_item() {
        for name in ["a", "lyve-prod", "Ünal's key", "a/b", &"x".repeat(255)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "a\nb", "a\0", "\u{85}", &"x".repeat(256)] {
            assert!(!is_name(name), "{name:?}");
        }
    }

    #[test]
    fn each_trouble_says_what_it_is_and_what_to_do() {
        for (trouble, class, kind, word) in [
            (Some(Trouble::Missing), Class::Source, "secret-keyring", "has no secret"),
            (Some(Trouble::Ambiguous), Class::Source, "secret-keyring", "more than one"),
            (Some(Trouble::Locked), Class::NotNow, "keyring-locked", "is locked"),
            (Some(Trouble::NoBus), Class::NotNow, "keyring-unavailable", "session bus is not there"),
            (Some(Trouble::NoService), Class::NotNow, "keyring-unavailable", "no program"),
            (Some(Trouble::Failed("x.Y".to_owned())), Class::NotNow, "keyring-unavailable", "x.Y"),
            (None, Class::NotNow, "keyring-locked", "in time"),
        ] {
            let failure = explain(trouble, "alice");
            assert_eq!((failure.class, failure.kind), (class, kind));
            assert!(failure.message.contains(word) && !failure.hint.is_empty(), "{failure:?}");
        }
    }

    #[test]
    fn the_command_in_the_hint_is_one_that_a_shell_reads() {
        let hint = |user: &str| explain(Some(Trouble::Missing), user).hint;
        assert!(hint("lyve-prod").contains("lyve-prod") && !hint("lyve-prod").contains('\''));
        assert!(hint("it's $me").contains(r"'it'\''s $me'"), "{}", hint("it's $me"));
    }

    #[tokio::test]
    async fn a_keyring_that_never_answers_is_not_waited_for() {
        let silent = within(Duration::from_millis(1), std::future::pending::<Result<(), Trouble>>()).await;
        assert_eq!(silent, Err(None));
    }
}
