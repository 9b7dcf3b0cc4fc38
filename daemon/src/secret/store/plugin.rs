//! An age plugin as what opens the store's identity: a program `age-plugin-NAME` that knows a TPM, a YubiKey
//! or the like.

use std::env;
use std::fmt;
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use age::plugin::{Identity, IdentityPluginV1, RecipientPluginV1};
use age::secrecy::SecretString;
use age::{Callbacks, DecryptError};
use tokio::sync::Semaphore;
use tokio::time;
use zeroize::Zeroizing;

use super::blocking;
use super::sealed;
use super::trouble::{Trouble, shown};
use crate::document::printable;
use crate::platform::{self, files};

const KIND: &str = "store-plugin";

/// How long a plugin may take to open the identity: somebody may have to find the key and touch it.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Plugins run one at a time, however many wait.
pub(super) static TURN: LazyLock<Turn> = LazyLock::new(Turn::default);

/// The one place in which a plugin runs. One that hangs cannot be ended from here; it keeps its place, and one
/// thread, until it ends.
pub(super) struct Turn {
    place: Arc<Semaphore>,
    /// Since when the last one has it, in milliseconds on the steady clock.
    since: Mutex<u64>,
}

impl Default for Turn {
    fn default() -> Self {
        Self { place: Arc::new(Semaphore::new(1)), since: Mutex::new(platform::steady_milliseconds()) }
    }
}

impl Turn {
    /// Does this work once the place is free. Whoever comes while a plugin has been silent for longer than
    /// `patience` need not wait at all.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        let left = match self.place.available_permits() {
            0 => {
                let since = *self.since();
                patience.saturating_sub(Duration::from_millis(
                    platform::steady_milliseconds().saturating_sub(since),
                ))
            }
            _ => patience,
        };
        let place = time::timeout(left, Arc::clone(&self.place).acquire_owned()).await;
        let Ok(Ok(place)) = place else { return Err(silent()) };
        *self.since() = platform::steady_milliseconds();
        let working = blocking(move || {
            let _place = place;
            Ok(work())
        });
        time::timeout(patience, working).await.unwrap_or_else(|_| Err(silent()))
    }

    fn since(&self) -> MutexGuard<'_, u64> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn silent() -> Trouble {
    Trouble::not_now(
        KIND,
        "the age plugin that opens the store's identity does not answer",
        "see that its device is there, and touch it; a plugin that hangs must be ended (`ps` shows age-plugin-…)",
    )
}

/// Where a plugin's messages go: nobody can answer them there.
#[derive(Clone)]
pub struct Voice(Arc<dyn Fn(&str) + Send + Sync>);

impl Voice {
    /// Messages are given to `say`, each in one line without anything that could move a cursor.
    pub fn new(say: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(say))
    }
}

impl Default for Voice {
    /// The log.
    fn default() -> Self {
        Self::new(|message| tracing::warn!("the store's plugin says: {message}"))
    }
}

impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Voice")
    }
}

/// What a plugin may ask, and gets no answer to.
#[derive(Clone)]
struct Deaf {
    voice: Voice,
    asked: Arc<AtomicBool>,
}

impl Deaf {
    fn new(voice: &Voice) -> Self {
        Self { voice: voice.clone(), asked: Arc::default() }
    }
}

impl Callbacks for Deaf {
    fn display_message(&self, message: &str) {
        (self.voice.0)(&printable(message, 300));
    }

    fn confirm(&self, message: &str, _: &str, _: Option<&str>) -> Option<bool> {
        self.display_message(message);
        self.asked.store(true, Ordering::Relaxed);
        None
    }

    fn request_public_string(&self, description: &str) -> Option<String> {
        self.display_message(description);
        self.asked.store(true, Ordering::Relaxed);
        None
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        self.display_message(description);
        self.asked.store(true, Ordering::Relaxed);
        None
    }
}

/// The plugin's identity in the file at `path`: one line `AGE-PLUGIN-…`.
pub(super) fn read(path: &Path) -> Result<String, Trouble> {
    let (file, _) = files::open(path).map_err(|error| Trouble::io("read", path, &error))?;
    let mut text = Zeroizing::new(String::new());
    let refused = |what: &str| {
        let message = format!("{} {what}", shown(path));
        Trouble::refused(KIND, message, "name the file with the one AGE-PLUGIN-… line that the plugin made")
    };
    let read = file.take(64 * 1024).read_to_string(&mut text);
    read.map_err(|_| refused("is no plugin's identity"))?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    match (lines.next(), lines.next()) {
        (Some(line), None) if line.parse::<Identity>().is_ok() => Ok(line.to_owned()),
        (Some(_), Some(_)) => Err(refused("holds more than one identity")),
        _ => Err(refused("is no plugin's identity")),
    }
}

/// Encrypts for a plugin's identity.
pub(super) fn wrap(identity: &str, voice: &Voice, plaintext: &[u8]) -> Result<Vec<u8>, Trouble> {
    let identity = parse(identity)?;
    let ears = Deaf::new(voice);
    let name = identity.plugin().to_owned();
    let plugin =
        RecipientPluginV1::new(&name, &[], &[identity], ears.clone()).map_err(|_| not_there(&name))?;
    sealed::encrypt(&plugin, plaintext).map_err(|trouble| explain(&name, &ears, &trouble.message))
}

/// Decrypts by a plugin's identity.
pub(super) fn unwrap(identity: &str, voice: &Voice, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let identity = parse(identity)?;
    let ears = Deaf::new(voice);
    let name = identity.plugin().to_owned();
    let plugin = IdentityPluginV1::new(&name, &[identity], ears.clone()).map_err(|_| not_there(&name))?;
    sealed::decrypt(bytes, &plugin).map_err(|error| {
        let why = match &error {
            DecryptError::NoMatchingKeys => "it does not know the identity".to_owned(),
            error => sealed::words(error),
        };
        explain(&name, &ears, &why)
    })
}

fn parse(identity: &str) -> Result<Identity, Trouble> {
    // The library would print the key that passes between it and the plugin.
    if env::var_os("AGEDEBUG").is_some() {
        let message = "AGEDEBUG is set: the plugin's conversation, with the key, would be in the log";
        return Err(Trouble::refused(KIND, message, "unset AGEDEBUG where this is started"));
    }
    let refused =
        |_| Trouble::refused(KIND, "identity.source names no plugin's identity", "`plugin AGE-PLUGIN-…`");
    identity.parse().map_err(refused)
}

fn not_there(name: &str) -> Trouble {
    let name = printable(name, 60);
    Trouble::refused(
        KIND,
        format!("the store's identity needs the program age-plugin-{name}, which is not there"),
        "install it where PATH finds it; the daemon's PATH is that of its service",
    )
}

fn explain(name: &str, ears: &Deaf, why: &str) -> Trouble {
    let name = printable(name, 60);
    if ears.asked.load(Ordering::Relaxed) {
        let message = format!("age-plugin-{name} asks for a PIN or an answer, and there is nobody to ask");
        let hint = "give the key a policy that needs none (touch is no trouble), or `tok init` another kind";
        return Trouble::refused(KIND, message, hint);
    }
    let message = format!("age-plugin-{name} does not open the store's identity: {why}");
    Trouble::not_now(KIND, message, "see that its device is there; it is tried again")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use std::sync::mpsc;

    use super::super::trouble::Sort;
    use super::*;

    #[tokio::test]
    async fn a_plugin_that_hangs_keeps_one_thread_and_nobody_for_long() {
        let turn = Turn::default();
        let (end, ended) = mpsc::channel::<()>();
        let short = Duration::from_millis(20);
        let trouble = turn.run(short, move || ended.recv()).await.unwrap_err();
        assert_eq!((trouble.sort, trouble.kind), (Sort::NotNow, KIND));
        // Nothing else is begun meanwhile.
        for _ in 0..3 {
            assert!(turn.run::<()>(short, || unreachable!()).await.is_err());
        }
        end.send(()).unwrap();
        // Its place is free once it has ended.
        assert_eq!(turn.run(PATIENCE, || 7).await.unwrap(), 7);
    }
}
