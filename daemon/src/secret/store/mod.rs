//! The store: one standard age file a secret, and the identity that opens them.
//!
//! What is where, and how to read it with the `age` program alone, is in `docs/store.md`.

mod entries;
mod identity;
mod keys;
mod making;
mod name;
mod opening;
mod penalty;
mod places;
mod plugin;
mod riding;
mod sealed;
mod shared;
mod ssh;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests;
mod trouble;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokend_proto::Secret;
use zeroize::Zeroizing;

use self::identity::How;
use self::places::Places;
use self::shared::Shared;
use super::Errand;
use crate::newer::Newer;
use crate::platform;
use crate::provider::Failure;

pub use entries::{Binding, Entry, Set};
pub use identity::IdentityKind;
pub use keys::{StateKeys, Unreadable, form_of};
pub use making::{Made, Protection};
pub use name::{is_name, made_of};
pub use opening::Shut;
pub use plugin::Voice;
pub use sealed::Bound;
pub use trouble::{Sort, Trouble};

/// The store in one folder (`$XDG_DATA_HOME/tokend`). Cheap to make; nothing is read before it is needed.
#[derive(Debug, Default)]
pub struct Store {
    places: Places,
    voice: Voice,
    shared: Arc<Shared>,
}

/// What is known of the store without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreState {
    /// What protects the identity.
    pub identity: IdentityKind,
    /// Whether it was locked on purpose.
    pub locked: bool,
    /// Whether the identity is open that lies there.
    pub open: bool,
    /// Whether opening asks for a passphrase.
    pub needs_passphrase: bool,
    /// What is wrong with the identity, as far as that shows.
    pub trouble: Option<Trouble>,
}

/// Why the store stays locked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnlockError {
    /// It opens with a passphrase, and none was given.
    PassphraseNeeded,
    /// The passphrase is not the right one.
    WrongPassphrase,
    /// After wrong ones the next try must wait this long; the passphrase was not looked at.
    TooSoon(Duration),
    /// Anything else.
    Failure(Failure),
}

impl Store {
    /// The store in `folder`, which need not exist. A plugin's messages go to the log.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self { places: Places::at(folder), ..Self::default() }
    }

    /// The same, with a plugin's messages given to `voice`.
    #[must_use]
    pub fn with_voice(self, voice: Voice) -> Self {
        Self { voice, ..self }
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.places.folder()
    }

    /// The file that holds the secret `name`, whether there is one or not.
    #[must_use]
    pub fn file_of(&self, name: &str) -> PathBuf {
        self.places.file_of(name)
    }

    /// The files whose change may mend a failed fetch of the secret `name`.
    #[must_use]
    pub fn files_of(&self, name: &str) -> Vec<PathBuf> {
        [self.places.file_of(name)].into_iter().chain(self.identity_files()).collect()
    }

    /// The files whose change may mend that the identity cannot be opened.
    pub fn identity_files(&self) -> impl Iterator<Item = PathBuf> {
        let places = &self.places;
        let layout = Newer::layout_file(places.folder());
        [places.plain(), places.protected(), places.source(), places.recipients(), layout].into_iter()
    }

    /// Gets the secret `name` for `errand`. Opens the identity where that needs no passphrase; whoever gives up waiting
    /// for it cancels it for nobody.
    ///
    /// # Errors
    /// `Locked` while the store is, or where a passphrase is needed; `Source` where only a person can mend
    /// it; `NotNow` where it may pass.
    pub async fn fetch(&self, name: &str, errand: &Errand) -> Result<Secret, Failure> {
        Ok(self.secret(name, Some(errand.clone())).await?)
    }

    /// Gets the secret `name` for its owner, whomever it is bound to.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch), and `Missing` where there is none.
    pub async fn show(&self, name: &str) -> Result<Secret, Trouble> {
        self.secret(name, None).await
    }

    /// Sets the secret `name`. Makes a plain identity where there is none. Needs no open identity.
    ///
    /// # Errors
    /// [`Trouble`] says what there is in the way; then nothing was changed.
    pub async fn set(&self, name: &str, secret: Secret, binding: Binding) -> Result<Set, Trouble> {
        let (places, name) = (self.places.clone(), name.to_owned());
        blocking(move || entries::set(&places, &name, &secret, binding)).await
    }

    /// Removes the secret `name`.
    ///
    /// # Errors
    /// `Missing` where there is none, and whatever is in the way.
    pub async fn remove(&self, name: &str) -> Result<(), Trouble> {
        let (places, name) = (self.places.clone(), name.to_owned());
        blocking(move || entries::remove(&places, &name)).await
    }

    /// What is in the store: the secrets by name, then what is no secret.
    ///
    /// # Errors
    /// When its folder cannot be read, or others can write to it.
    pub async fn list(&self) -> Result<Vec<Entry>, Trouble> {
        let places = self.places.clone();
        blocking(move || entries::list(&places)).await
    }

    /// Makes the identity.
    ///
    /// # Errors
    /// `Usage` where there is one; nothing was changed then.
    pub async fn make(&self, protection: Protection) -> Result<Made, Trouble> {
        making::make(&self.places, protection, &self.voice).await
    }

    /// Gives the identity another passphrase, one for the first time, or none.
    ///
    /// # Errors
    /// [`Shut`] says what is in the way; nothing was changed then.
    pub async fn change_passphrase(&self, old: Option<Secret>, new: Option<Secret>) -> Result<Made, Shut> {
        making::change_passphrase(&self.places, old, new, &self.voice).await
    }

    /// Forgets the opened identity and every key of it, at once; the store stays locked until
    /// [`unlock`](Self::unlock).
    pub fn lock(&self) {
        self.shared.lock();
    }

    /// Opens the identity, and ends a lock. Tries are made one after another, and wrong ones cost growing
    /// time.
    ///
    /// # Errors
    /// [`UnlockError`] says which; a locked store stays so.
    pub async fn unlock(&self, passphrase: Option<Secret>) -> Result<(), UnlockError> {
        self.shared.unlock(&self.places, passphrase, &self.voice).await
    }

    /// What is known without opening it. Reads small files at most.
    #[must_use]
    pub fn state(&self) -> StoreState {
        let (locked, open) = self.shared.state();
        let (how, trouble) = match identity::find(&self.places) {
            Ok(how) => (how, None),
            Err(trouble) => (None, Some(trouble)),
        };
        let another = identity::recipient(&self.places).ok().flatten();
        let another = self.shared.another(another).map(|another| shared::exchanged(&self.places, &another));
        StoreState {
            identity: how.as_ref().map_or(IdentityKind::None, How::kind),
            locked,
            open: open && another.is_none(),
            needs_passphrase: how.as_ref().is_some_and(opening::needs_passphrase),
            trouble: trouble.or(another),
        }
    }

    /// The keys of the kept state.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch); `Source` where there is no identity.
    pub async fn keys(&self) -> Result<Arc<StateKeys>, Failure> {
        let opened = self.shared.opened(&self.places, &self.voice).await?;
        Ok(Arc::new(StateKeys::of(&opened)))
    }

    /// The same; where there is no identity, a plain one is made first, and what a person must know of it
    /// comes back, too.
    ///
    /// # Errors
    /// As [`keys`](Self::keys), and whatever is in the way of making one.
    pub async fn keys_or_make(&self) -> Result<(Arc<StateKeys>, Option<Made>), Failure> {
        self.shared.admit()?;
        let places = self.places.clone();
        let made = blocking(move || match identity::find(&places)? {
            Some(_) => Ok(None),
            None => Ok(making::ensure(&places.write()?)?.1),
        });
        let made = made.await?;
        Ok((self.keys().await?, made))
    }

    /// Looks whether the secret `name` is there and for `errand`, as its file says, and opens nothing.
    ///
    /// # Errors
    /// `Missing` where there is none, `Refused` where it is another account's, and whatever is in the way.
    pub async fn look(&self, name: &str, errand: &Errand) -> Result<(), Trouble> {
        self.sealed(name, Some(errand.clone())).await.map(drop)
    }

    async fn secret(&self, name: &str, errand: Option<Errand>) -> Result<Secret, Trouble> {
        self.shared.admit()?;
        // What is missing or not this account's is so whether the store is open or not.
        let bytes = self.sealed(name, errand.clone()).await?;
        let opened = self.shared.opened(&self.places, &self.voice).await?;
        let (path, name) = (self.places.file_of(name), name.to_owned());
        let secret = blocking(move || {
            let identity = opened.identity()?;
            sealed::open(&bytes, &identity, &name, errand.as_ref())
                .map_err(|fault| fault.explain(&path, &name))
        });
        let secret = secret.await?;
        // A lock that came meanwhile holds for this one, too.
        self.shared.admit()?;
        Ok(secret)
    }
}

impl Store {
    /// The secret's file as it is, if it says that it is this secret and for this errand.
    async fn sealed(&self, name: &str, errand: Option<Errand>) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let (places, wanted) = (self.places.clone(), name.to_owned());
        let reader = self.shared.reader().await;
        blocking(move || {
            let _reader = reader;
            let bytes = entries::read(&places, &wanted)?;
            let label = sealed::peek(&bytes).and_then(|label| sealed::fits(&label, &wanted, errand.as_ref()));
            label.map_err(|fault| fault.explain(&places.file_of(&wanted), &wanted))?;
            Ok(bytes)
        })
        .await
    }
}

impl From<Shut> for UnlockError {
    fn from(shut: Shut) -> Self {
        match shut {
            Shut::PassphraseNeeded => Self::PassphraseNeeded,
            Shut::WrongPassphrase => Self::WrongPassphrase,
            Shut::Trouble(trouble) => Self::Failure(trouble.into()),
        }
    }
}

/// Runs what may take long, or leave a key on the stack, in a thread for such work. It is not cancelled with
/// its caller.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    let task = tokio::task::spawn_blocking(move || {
        let result = work();
        platform::scrub_stack();
        result
    });
    task.await.unwrap_or_else(|_| {
        Err(Trouble::fault("work on the store was interrupted", "it is tried again; please report this"))
    })
}
