//! The unlocked store rides over a restart: its key lies in systemd's descriptor store from the moment this daemon ends
//! until the next one has taken it. No longer, so that a lock, an idle lock or a crash leaves nothing behind; after a stop
//! systemd drops it by itself.

use tokend_proto::Secret;
use zeroize::Zeroizing;

use crate::clock::Steady;
use crate::platform::sealed_memory;
use crate::platform::systemd::{Descriptor, Notifier};

/// The name of the descriptor in the store.
pub const STORED_NAME: &str = "tokend-key";

/// The first line, so that what somebody else has put there is not taken for ours.
const HEAD: &str = "tokend unlocked store 1";

/// What the next daemon needs to go on unlocked.
#[derive(Debug)]
pub struct Riding {
    /// The store's identity (`AGE-SECRET-KEY-1…`).
    pub identity: Secret,
    /// When somebody last wanted a token: a restart does not put off an idle lock.
    pub last_use: Steady,
}

/// Puts it into systemd's descriptor store; whether that worked.
#[must_use]
pub fn hand_over(notifier: &Notifier, riding: &Riding) -> bool {
    let bytes = encode(riding);
    match sealed_memory::seal(&bytes) {
        Ok(memory) => notifier.hand_over(&["FDSTORE=1", &format!("FDNAME={STORED_NAME}")], &memory),
        Err(error) => {
            tracing::warn!(%error, "the store's key cannot be handed to the next tokend");
            false
        }
    }
}

/// Takes it from there: whatever was passed is removed, whether it is good or not.
#[must_use]
pub fn taken_over(notifier: &Notifier, stored: Vec<Descriptor>) -> Option<Riding> {
    if stored.is_empty() {
        return None;
    }
    forget_stored(notifier, STORED_NAME);
    let mut found = None;
    for descriptor in stored {
        let riding = sealed_memory::open(&descriptor).ok().and_then(|bytes| decode(&bytes));
        if riding.is_none() {
            tracing::warn!("what lay in systemd's descriptor store is not tokend's: it is not used");
        }
        found = riding.or(found);
    }
    found
}

/// Removes what lies in systemd's descriptor store under this name.
pub fn forget_stored(notifier: &Notifier, name: &str) {
    notifier.tell(&["FDSTOREREMOVE=1", &format!("FDNAME={name}")]);
}

fn encode(riding: &Riding) -> Zeroizing<Vec<u8>> {
    let head = format!("{HEAD}\n{}\n", riding.last_use.0);
    let identity = riding.identity.expose();
    let mut bytes = Zeroizing::new(Vec::with_capacity(head.len() + identity.len()));
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(&identity);
    bytes
}

fn decode(bytes: &[u8]) -> Option<Riding> {
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    if lines.next()? != HEAD.as_bytes() {
        return None;
    }
    let last_use = Steady(std::str::from_utf8(lines.next()?).ok()?.parse().ok()?);
    let identity = lines.next().filter(|text| !text.is_empty())?;
    Some(Riding { identity: Secret::new(identity.to_vec()).ok()?, last_use })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test should fail with the place")]
mod tests {
    use super::*;

    #[test]
    fn what_rides_arrives_and_anything_else_is_refused() {
        let identity = || Secret::new(b"AGE-SECRET-KEY-1X".to_vec()).unwrap();
        let bytes = encode(&Riding { identity: identity(), last_use: Steady(17) });
        let arrived = decode(&bytes).unwrap();
        assert!(arrived.identity.matches(&identity()));
        assert_eq!(arrived.last_use, Steady(17));
        for strange in
            [&b""[..], b"tokend unlocked store 2\n1\nx", b"tokend unlocked store 1\nx\nx", HEAD.as_bytes()]
        {
            assert!(decode(strange).is_none());
        }
        assert!(decode(format!("{HEAD}\n1\n").as_bytes()).is_none());
    }
}
