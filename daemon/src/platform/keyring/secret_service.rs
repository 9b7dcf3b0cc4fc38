//! The Secret Service of freedesktop.org, which GNOME Keyring, KWallet and KeePassXC speak.
//!
//! Each call has a connection of its own: one that is kept would break with the service, and secrets are
//! fetched minutes apart. Dropping a future ends its connection, and with it a question that is still on the
//! screen.
//!
//! Specification: <https://specifications.freedesktop.org/secret-service-spec/latest/>. The attributes are
//! those of the crate `keyring`, of Python's `keyring` and of whoever calls `secret-tool store … service S
//! username U`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use secret_service::{Collection, EncryptionType, Error, Item, SecretService};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::Trouble;

/// One question at a time is on the screen, however many wait for the keyring.
static ASKING: Mutex<()> = Mutex::const_new(());

/// Whether a question for the password was not answered. Nobody is asked again before the keyring has been
/// seen unlocked: tries go on for as long as it takes, and a person would be asked at each.
static UNANSWERED: AtomicBool = AtomicBool::new(false);

const CONTENT_TYPE: &str = "text/plain; charset=utf8";

/// The secret of the item for `service` and `user`. A person may be asked to unlock it.
///
/// # Errors
/// Why there is none.
pub async fn get(service: &str, user: &str) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let keyring = connect().await?;
    let item = find(&keyring, service, user).await?.ok_or(Trouble::Missing)?;
    item.get_secret().await.map(Zeroizing::new).map_err(trouble)
}

/// Whether there is one item for `service` and `user`, locked or not. Nobody is asked anything.
///
/// # Errors
/// Why there is none.
pub async fn look(service: &str, user: &str) -> Result<(), Trouble> {
    let keyring = connect().await?;
    let found = keyring.search_items(attributes(service, user)).await.map_err(trouble)?;
    match found.unlocked.len() + found.locked.len() {
        0 => Err(Trouble::Missing),
        1 => Ok(()),
        _ => Err(Trouble::Ambiguous),
    }
}

/// Makes `secret` the one of the item for `service` and `user`; where there is none, makes it in the default
/// collection. A person may be asked to unlock it.
///
/// # Errors
/// Why it was not taken.
pub async fn put(service: &str, user: &str, secret: &[u8]) -> Result<(), Trouble> {
    let keyring = connect().await?;
    if let Some(item) = find(&keyring, service, user).await? {
        return item.set_secret(secret, CONTENT_TYPE).await.map_err(trouble);
    }
    let collection = match keyring.get_default_collection().await {
        // As `secret-tool` does on a new desktop. A person is asked for the password that it shall have.
        Err(Error::NoResult) => keyring.create_collection("Login", "default").await,
        found => found,
    };
    let collection = collection.map_err(trouble)?;
    unlock(&collection).await?;
    let label = format!("{service}: {user}");
    let made = collection.create_item(&label, attributes(service, user), secret, false, CONTENT_TYPE).await;
    made.map(drop).map_err(trouble)
}

/// The command that puts a secret there.
#[must_use]
pub fn by_hand(service: &str, user: &str) -> String {
    format!("secret-tool store --label={user} service {service} username {user}")
}

async fn connect<'a>() -> Result<SecretService<'a>, Trouble> {
    // Not in clear: whoever may watch the session bus would see it.
    SecretService::connect(EncryptionType::Dh).await.map_err(trouble)
}

fn attributes<'a>(service: &'a str, user: &'a str) -> HashMap<&'a str, &'a str> {
    HashMap::from([("service", service), ("username", user)])
}

/// The item, unlocked.
async fn find<'k>(
    keyring: &'k SecretService<'_>,
    service: &str,
    user: &str,
) -> Result<Option<Item<'k>>, Trouble> {
    let found = keyring.search_items(attributes(service, user)).await.map_err(trouble)?;
    let mut items = found.unlocked.into_iter().chain(found.locked);
    match (items.next(), items.next()) {
        (None, _) => Ok(None),
        (Some(item), None) => {
            unlock(&item).await?;
            Ok(Some(item))
        }
        (Some(_), Some(_)) => Err(Trouble::Ambiguous),
    }
}

/// An item, or a whole collection.
trait Lockable {
    async fn is_locked(&self) -> Result<bool, Error>;
    /// Asks a person, where the service wants it.
    async fn unlock(&self) -> Result<(), Error>;
}

impl Lockable for Item<'_> {
    async fn is_locked(&self) -> Result<bool, Error> {
        Item::is_locked(self).await
    }

    async fn unlock(&self) -> Result<(), Error> {
        Item::unlock(self).await
    }
}

impl Lockable for Collection<'_> {
    async fn is_locked(&self) -> Result<bool, Error> {
        Collection::is_locked(self).await
    }

    async fn unlock(&self) -> Result<(), Error> {
        Collection::unlock(self).await
    }
}

async fn unlock(it: &impl Lockable) -> Result<(), Trouble> {
    let is_locked = async || it.is_locked().await.map_err(trouble);
    if !is_locked().await? {
        UNANSWERED.store(false, Ordering::Relaxed);
        return Ok(());
    }
    let _asking = ASKING.lock().await;
    // Whoever asked before may have been answered.
    if !is_locked().await? {
        return Ok(());
    }
    if UNANSWERED.swap(true, Ordering::Relaxed) {
        return Err(Trouble::Locked);
    }
    // Given up in the middle, it counts as not answered.
    let outcome = match it.unlock().await.map_err(trouble) {
        Ok(()) if is_locked().await? => Err(Trouble::Locked),
        outcome => outcome,
    };
    if outcome != Err(Trouble::Locked) {
        UNANSWERED.store(false, Ordering::Relaxed);
    }
    outcome
}

fn trouble(error: Error) -> Trouble {
    match error {
        Error::NoResult => Trouble::Missing,
        Error::Locked | Error::Prompt | Error::PromptDisconnected => Trouble::Locked,
        Error::Unavailable => Trouble::NoBus,
        Error::Zbus(error) => of_bus(&error),
        Error::ZbusFdo(error) => of_bus(&zbus::Error::FDO(Box::new(error))),
        Error::Crypto(_) | Error::Zvariant(_) => {
            Trouble::Failed("it answered what nobody understands".to_owned())
        }
        _ => Trouble::Failed("it failed".to_owned()),
    }
}

fn of_bus(error: &zbus::Error) -> Trouble {
    use zbus::fdo::Error as F;
    match error {
        zbus::Error::Address(_)
        | zbus::Error::Connection(..)
        | zbus::Error::InputOutput(_)
        | zbus::Error::Handshake(_) => Trouble::NoBus,
        zbus::Error::MethodError(name, ..) => of_name(name),
        zbus::Error::FDO(error) => match &**error {
            F::ServiceUnknown(_) | F::NameHasNoOwner(_) => Trouble::NoService,
            F::ZBus(error) => of_bus(error),
            other => of_name(zbus::DBusError::name(other).as_str()),
        },
        _ => Trouble::Failed("it answered what nobody understands".to_owned()),
    }
}

/// What a D-Bus error of this name means. Its text is foreign, and may say anything.
fn of_name(name: &str) -> Trouble {
    match name {
        "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner" => {
            Trouble::NoService
        }
        "org.freedesktop.Secret.Error.IsLocked" => Trouble::Locked,
        "org.freedesktop.Secret.Error.NoSuchObject" => Trouble::Missing,
        spawn if spawn.starts_with("org.freedesktop.DBus.Error.Spawn.") => Trouble::NoService,
        name => {
            let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
            Trouble::Failed(name.chars().filter(|c| sound(*c)).take(100).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_bus_are_told_apart_by_their_names() {
        for (name, trouble) in [
            ("org.freedesktop.DBus.Error.ServiceUnknown", Trouble::NoService),
            ("org.freedesktop.DBus.Error.NameHasNoOwner", Trouble::NoService),
            ("org.freedesktop.DBus.Error.Spawn.ChildExited", Trouble::NoService),
            ("org.freedesktop.Secret.Error.IsLocked", Trouble::Locked),
            ("org.freedesktop.Secret.Error.NoSuchObject", Trouble::Missing),
            (
                "org.freedesktop.DBus.Error.NoReply\u{1b}[1m",
                Trouble::Failed("org.freedesktop.DBus.Error.NoReply1m".to_owned()),
            ),
        ] {
            assert_eq!(of_name(name), trouble, "{name}");
        }
    }

    #[test]
    fn errors_of_the_service_are_told_apart() {
        let fdo = |error| trouble(Error::ZbusFdo(error));
        assert_eq!(trouble(Error::Prompt), Trouble::Locked);
        assert_eq!(trouble(Error::Unavailable), Trouble::NoBus);
        assert_eq!(trouble(Error::Zbus(zbus::Error::Address("x".to_owned()))), Trouble::NoBus);
        assert_eq!(fdo(zbus::fdo::Error::ServiceUnknown("hunter2".to_owned())), Trouble::NoService);
        assert_eq!(fdo(zbus::fdo::Error::SpawnFailed("hunter2".to_owned())), Trouble::NoService);
        let other = fdo(zbus::fdo::Error::NoReply("hunter2".to_owned()));
        assert_eq!(other, Trouble::Failed("org.freedesktop.DBus.Error.NoReply".to_owned()));
    }
}
