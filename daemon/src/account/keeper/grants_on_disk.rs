//! Grants on the disk, which may hang, be full, or be locked: each step by itself, within its time.

use std::sync::Arc;
use std::time::Duration;

use crate::account::grant::{Kept, Unwritten};
use crate::account::kept::{Binding, Cabinet};
use crate::account::words;
use crate::platform;
use crate::provider::{Class, Failure};
use crate::secret::store::StateKeys;

/// The store's key may need a person's touch; the accounts do not wait for that forever.
const LONGEST_OPENING: Duration = Duration::from_secs(10);

/// A disk that takes longer does as if it refused.
const LONGEST_WRITING: Duration = Duration::from_secs(5);

/// What was kept. What cannot be read may be there, and newer than anything else: that is a failure.
pub(super) async fn load(cabinet: Option<Arc<Cabinet>>, binding: Binding) -> Result<Option<Kept>, Failure> {
    let Some(cabinet) = cabinet else { return Ok(None) };
    let (at, of) = (Arc::clone(&cabinet), binding.clone());
    if !on_disk(move || at.has(&of)).await? {
        return Ok(None);
    }
    let opening = tokio::time::timeout(LONGEST_OPENING, cabinet.store().keys());
    let keys = opening.await.unwrap_or_else(|_| {
        Err(Failure::not_now("kept-state", "the store does not open in time", "look at the store's identity"))
    })?;
    on_disk(move || {
        let kept = cabinet.read_grant(&keys, &binding);
        platform::scrub_stack();
        kept
    })
    .await
}

/// Writes it anew, with the store's key if it is at hand; the key that did it.
pub(super) async fn write(
    cabinet: Option<Arc<Cabinet>>,
    binding: Binding,
    kept: Kept,
    keys: Option<Arc<StateKeys>>,
    disk: Arc<tokio::sync::Mutex<()>>,
) -> (Result<(), Unwritten>, Option<Arc<StateKeys>>) {
    let Some(cabinet) = cabinet else { return (Ok(()), None) };
    let keys = match keys {
        Some(keys) => keys,
        None => match tokio::time::timeout(LONGEST_OPENING, cabinet.store().keys_or_make()).await {
            Ok(Ok((keys, made))) => {
                if let Some(made) = made {
                    for line in made.to_string().lines() {
                        tracing::warn!("{line}");
                    }
                }
                match keys.held() {
                    Some(keys) => Arc::new(keys),
                    None => return (Err(Unwritten::Locked), None),
                }
            }
            Ok(Err(failure)) if failure.class == Class::Locked => return (Err(Unwritten::Locked), None),
            Ok(Err(failure)) => return (Err(Unwritten::Refused(failure.message)), None),
            Err(_) => {
                let why = "the store does not open in time".to_owned();
                return (Err(Unwritten::Refused(why)), None);
            }
        },
    };
    let held = Arc::clone(&keys);
    let writing = async {
        let turn = tokio::time::timeout(LONGEST_WRITING, disk.lock_owned()).await;
        let turn = turn.map_err(|_| words::disk_hangs())?;
        on_disk(move || {
            // Held by the write itself: none begins while one hangs.
            let _turn = turn;
            let result = cabinet.write_grant(&keys, &binding, &kept);
            platform::scrub_stack();
            result
        })
        .await
    };
    (writing.await.map_err(|failure: Failure| Unwritten::Refused(failure.message)), Some(held))
}

/// Takes it away.
pub(super) async fn remove(
    cabinet: Option<Arc<Cabinet>>,
    binding: Binding,
    disk: Arc<tokio::sync::Mutex<()>>,
) -> Result<(), Unwritten> {
    let Some(cabinet) = cabinet else { return Ok(()) };
    let removing = async {
        let turn = tokio::time::timeout(LONGEST_WRITING, disk.lock_owned()).await;
        let turn = turn.map_err(|_| words::disk_hangs())?;
        on_disk(move || {
            let _turn = turn;
            cabinet.remove_grant(&binding)
        })
        .await
    };
    removing.await.map_err(|failure: Failure| Unwritten::Refused(failure.message))
}

/// Works off the runtime, on a disk that may hang.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::time::timeout(LONGEST_WRITING, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Failure::not_now("internal", "a fault in tokend itself", "see the log of tokend")),
        Err(_) => Err(words::disk_hangs()),
    }
}
