//! The open identity over a restart of the daemon: given away by the one that ends, taken over by the next.

use std::sync::Arc;

use tokend_proto::Secret;

use super::identity::{self, Opened};
use super::trouble::Trouble;
use super::{Store, blocking, opening, shared};
use crate::provider::Failure;

impl Store {
    /// Whether opening asks a person for a passphrase, so that something is won by staying open.
    pub async fn asks_for_passphrase(&self) -> bool {
        let places = self.places.clone();
        let asks =
            blocking(move || Ok(identity::find(&places)?.as_ref().is_some_and(opening::needs_passphrase)));
        asks.await.unwrap_or(false)
    }

    /// The identity, if it is open now: `AGE-SECRET-KEY-1…`, nothing else. Waits for nothing.
    #[must_use]
    pub fn open_identity(&self) -> Option<Secret> {
        self.shared.held().map(|opened| opened.text.duplicate())
    }

    /// Goes on with an identity that was open before. It must be the one that lies there still, under a passphrase.
    ///
    /// # Errors
    /// Why it is not taken; the store stays as it was.
    pub async fn adopt(&self, identity: Secret) -> Result<(), Failure> {
        let places = self.places.clone();
        let opened = blocking(move || {
            let opened = Opened::read(&identity.expose(), "what was handed over")?;
            let asks = identity::find(&places)?.as_ref().is_some_and(opening::needs_passphrase);
            let Some(recipient) = identity::recipient(&places)?.filter(|_| asks) else {
                return Err(Trouble::locked());
            };
            if opened.recipient != recipient {
                return Err(shared::exchanged(&places, &recipient));
            }
            identity::noted(&places, &recipient)?;
            Ok(opened)
        });
        self.shared.adopt(Arc::new(opened.await?));
        Ok(())
    }
}
