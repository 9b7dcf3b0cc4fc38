//! Who is called when a person must log in: the configured hook, and the desktop. Once per need, and nobody
//! waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::{self, JoinSet};

use crate::account::LoginNeed;
use crate::platform::notification;
use crate::secret::Program;

/// However many accounts need a login at once, so many hooks run.
const MOST: usize = 4;

/// How long the desktop may take to show a notification.
const NOTIFYING: Duration = Duration::from_secs(5);

/// Who is called, as configured.
#[derive(Debug, Clone)]
pub struct Calls {
    /// `on_login_needed`
    pub hook: Option<Arc<Program>>,
    /// `login_notification`
    pub notification: bool,
    /// How long the hook may take (`command_timeout`).
    pub timeout: Duration,
}

/// Calls persons.
#[derive(Debug)]
pub struct Callers {
    calls: Mutex<Calls>,
    places: Semaphore,
}

impl Callers {
    /// Calls nobody until it is [set](Self::set).
    #[must_use]
    pub fn new() -> Arc<Self> {
        let calls = Calls { hook: None, notification: false, timeout: Duration::ZERO };
        Arc::new(Self { calls: Mutex::new(calls), places: Semaphore::new(MOST) })
    }

    /// From now on these are called.
    pub fn set(&self, calls: Calls) {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner) = calls;
    }

    /// Calls for each need until there are no more to come. Of one account one after the other; of several
    /// needs that come meanwhile the last counts.
    pub async fn run(self: Arc<Self>, mut needs: mpsc::UnboundedReceiver<LoginNeed>) {
        let mut calling = JoinSet::new();
        let mut called = HashMap::<task::Id, String>::new();
        let mut waiting = HashMap::<String, Option<LoginNeed>>::new();
        loop {
            let need = tokio::select! {
                need = needs.recv() => match need {
                    Some(need) => need,
                    None => return,
                },
                Some(done) = calling.join_next_with_id() => {
                    // A call that panicked is over as well.
                    let task = done.map_or_else(|panicked| panicked.id(), |(task, ())| task);
                    match called.remove(&task).and_then(|account| waiting.remove(&account)?) {
                        Some(need) => need,
                        None => continue,
                    }
                }
            };
            if let Some(next) = waiting.get_mut(&need.account) {
                *next = Some(need);
                continue;
            }
            waiting.insert(need.account.clone(), None);
            let (callers, account) = (Arc::clone(&self), need.account.clone());
            let call = calling.spawn(async move { callers.call(&need).await });
            called.insert(call.id(), account);
        }
    }

    async fn call(&self, need: &LoginNeed) {
        let LoginNeed { account, reason, hint } = need;
        tracing::warn!(account, "a person must log in: {reason}");
        let Ok(_place) = self.places.acquire().await else { return };
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let notified = async {
            if calls.notification {
                let (headline, text) = (format!("{account} needs a login"), format!("{reason}. {hint}"));
                let shown = tokio::time::timeout(NOTIFYING, notification::show(&headline, &text)).await;
                tracing::debug!(account, ?shown, "the desktop was told");
            }
        };
        let hooked = async {
            let Some(hook) = &calls.hook else { return };
            let told = [("TOKEND_ACCOUNT", &**account), ("TOKEND_REASON", reason), ("TOKEND_HINT", hint)];
            if let Err(failure) = hook.call(&told, calls.timeout).await {
                tracing::warn!(account, "on_login_needed: {failure}");
            }
        };
        tokio::join!(notified, hooked);
    }
}

#[cfg(test)]
mod tests;
