//! The request that brings a login's tokens goes on when everybody has left: those that come then are revoked
//! at the service, for nobody holds them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::words;
use crate::account::{Account, Keeper};
use crate::clock::Clock;
use crate::provider::login::Asking;
use crate::provider::{Failure, Minted, Revocation, Revoked};
use crate::secret::Errand;

/// A service may take so long to revoke what nobody holds.
const LONGEST: Duration = Duration::from_secs(30);

/// Where a request is sent from that may bring tokens.
#[derive(Debug)]
pub(super) struct Trade {
    pub(super) account: Arc<Account>,
    pub(super) keeper: Keeper,
    pub(super) clock: Arc<dyn Clock>,
}

impl Trade {
    /// What comes of `request`. Once that is sent the service may give tokens for it, so it is not cancelled
    /// with this future, and `tokens` says which there are in what comes too late.
    ///
    /// # Errors
    /// Those of `request`.
    pub(super) async fn outcome<T: Send + 'static>(
        self,
        request: impl Future<Output = Result<T, Failure>> + Send + 'static,
        tokens: fn(T) -> Option<Minted>,
    ) -> Result<T, Failure> {
        let slot = Arc::new(Mutex::new(None));
        let take = |slot: &Mutex<Option<_>>| slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (done, comes) = oneshot::channel();
        // Dropped with this future, after it took what came.
        let (_waits, has_gone) = oneshot::channel::<()>();
        tokio::spawn({
            let slot = Arc::clone(&slot);
            async move {
                let result = request.await;
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                let _ = done.send(());
                let _ = has_gone.await;
                if let Some(tokens) = take(&slot).and_then(Result::ok).and_then(tokens) {
                    self.revoke(tokens).await;
                }
            }
        });
        let _ = comes.await;
        take(&slot).unwrap_or_else(|| Err(words::fault()))
    }

    /// As well as it can be done. Where the account may have a login all the same, nothing is: there are services
    /// that revoke by the person and the client (Google) or by the person's session (Keycloak), and that one
    /// would end with this.
    async fn revoke(&self, minted: Minted) {
        let account = &self.account.name;
        if self.keeper.may_hold_login(&self.account).await.unwrap_or(true) {
            tracing::info!(account, "tokens came for a login that was given up; they are forgotten");
            return;
        }
        let token = minted.fields.into_iter().next().map(|(_, token)| Arc::new(token));
        let revocation =
            Revocation { refresh_token: minted.refresh_token.map(Arc::new), access_token: token };
        let errand = Errand::new(account, &self.account.provider.identity().origin);
        let asking = Asking { now: self.clock.now(), errand };
        let revoked = self.account.provider.revoke(&revocation, &asking);
        match tokio::time::timeout(LONGEST, revoked).await {
            Ok(Ok(Revoked::Done)) => {
                tracing::info!(account, "tokens came for a login that was given up; they are revoked");
            }
            Ok(Ok(Revoked::NotOffered)) => tracing::info!(
                account,
                "tokens came for a login that was given up; they are forgotten, for the service revokes none"
            ),
            Ok(Err(failure)) => tracing::warn!(
                account,
                kind = failure.kind,
                "tokens came for a login that was given up, and could not be revoked: {failure}"
            ),
            Err(_) => tracing::warn!(
                account,
                "tokens came for a login that was given up, and were not revoked in time"
            ),
        }
    }
}
