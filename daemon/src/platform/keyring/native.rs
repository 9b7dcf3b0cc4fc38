//! macOS' Keychain and Windows' Credential Manager, through the crate `keyring`. They block while a person is
//! asked.

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as system;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

use keyring::{Entry, Error};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::Trouble;
pub use system::by_hand;

/// A question cannot be taken back: at most this many threads wait for an answer.
static WAITING: Semaphore = Semaphore::const_new(4);

/// The secret of the item for `service` and `user`. A person may be asked to unlock it.
///
/// # Errors
/// Why there is none.
pub async fn get(service: &str, user: &str) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let of = user.to_owned();
    let read = |entry: &Entry| match entry.get_password() {
        Ok(text) => Ok(Zeroizing::new(text.into_bytes())),
        Err(Error::BadEncoding(bytes)) => Ok(Zeroizing::new(bytes)),
        Err(error) => Err(error),
    };
    with_entry(service, user, move |entry| system::asking_once(&of, || read(entry))).await
}

/// Whether there is an item for `service` and `user`. Where its system cannot tell without asking a person, it is taken
/// to be there.
///
/// # Errors
/// Why there is none.
pub async fn look(service: &str, user: &str) -> Result<(), Trouble> {
    if system::ASKS_NOBODY {
        return get(service, user).await.map(drop);
    }
    with_entry(service, user, |_| Ok(())).await
}

/// Makes `secret` the one of the item for `service` and `user`. A person may be asked to unlock it.
///
/// # Errors
/// Why it was not taken.
pub async fn put(service: &str, user: &str, secret: &[u8]) -> Result<(), Trouble> {
    let (secret, of) = (Zeroizing::new(secret.to_vec()), user.to_owned());
    let write = move |entry: &Entry| match std::str::from_utf8(&secret) {
        Ok(text) => entry.set_password(text),
        Err(_) => entry.set_secret(&secret),
    };
    with_entry(service, user, move |entry| system::asking_once(&of, || write(entry))).await
}

async fn with_entry<T: Send + 'static>(
    service: &str,
    user: &str,
    work: impl FnOnce(&Entry) -> Result<T, Error> + Send + 'static,
) -> Result<T, Trouble> {
    let place = WAITING.acquire().await.map_err(|_| Trouble::Locked)?;
    let (service, user) = (service.to_owned(), user.to_owned());
    let task = tokio::task::spawn_blocking(move || {
        let _place = place;
        Entry::new(&service, &user).and_then(|entry| work(&entry))
    });
    task.await.map_err(|_| Trouble::Failed("it was interrupted".to_owned()))?.map_err(|error| trouble(&error))
}

fn trouble(error: &Error) -> Trouble {
    match error {
        Error::NoEntry => Trouble::Missing,
        Error::Ambiguous(_) => Trouble::Ambiguous,
        Error::NoStorageAccess(_) => Trouble::Locked,
        error if system::is_refusal(error) => Trouble::Locked,
        Error::NoDefaultStore => Trouble::NoService,
        Error::TooLong(_, most) => {
            Trouble::Failed(format!("the system's keyring takes no secret of more than {most} bytes"))
        }
        // Its words may hold anything.
        _ => Trouble::Failed("the system's keyring failed".to_owned()),
    }
}

#[cfg(all(test, windows))]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_put_is_got_and_what_is_not_there_is_missing() {
        let user = format!("trial-{}", std::process::id());
        assert_eq!(get("tokend-trial", &user).await, Err(Trouble::Missing));
        assert_eq!(look("tokend-trial", &user).await, Err(Trouble::Missing));
        for secret in ["hunter2".as_bytes(), "gr\u{fc}n \u{1f512}".as_bytes(), b"\xff\xfe\x00"] {
            put("tokend-trial", &user, secret).await.unwrap();
            assert_eq!(&**get("tokend-trial", &user).await.unwrap(), secret);
            look("tokend-trial", &user).await.unwrap();
        }
        with_entry("tokend-trial", &user, Entry::delete_credential).await.unwrap();
        assert_eq!(get("tokend-trial", &user).await, Err(Trouble::Missing));
    }
}
