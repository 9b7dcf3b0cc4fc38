//! Secrets in a process that seals them: what is at rest is not what was put in, and nobody notices.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::sync::atomic::{AtomicU64, Ordering};

use tokend_proto::Secret;
use tokend_proto::codec::{decode_answer, encode};
use tokend_proto::envelope::{Kind, frame};
use tokend_proto::limits::MAX_ANSWER;
use tokend_proto::secret::{SealedAlready, Sealer, seal_with};

/// Adds the number to every byte, and counts what it is asked for.
struct Adding {
    next: AtomicU64,
    open: AtomicU64,
}

impl Sealer for Adding {
    fn seal(&self, bytes: &mut [u8]) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        for byte in bytes {
            *byte = byte.wrapping_add(number.to_le_bytes()[0]);
        }
        number
    }

    fn open(&self, number: u64, bytes: &mut [u8]) {
        self.open.fetch_add(1, Ordering::Relaxed);
        for byte in bytes {
            *byte = byte.wrapping_sub(number.to_le_bytes()[0]);
        }
    }
}

static ADDING: Adding = Adding { next: AtomicU64::new(1), open: AtomicU64::new(0) };

#[test]
fn secrets_are_sealed_from_the_moment_on_that_there_is_a_sealer() {
    let older = Secret::new(b"older".to_vec()).unwrap();
    let plain = encode(&older).unwrap();
    assert_eq!(seal_with(&ADDING), Ok(()));
    assert_eq!(seal_with(&ADDING), Err(SealedAlready));

    let secret = Secret::new(b"older".to_vec()).unwrap();
    assert_eq!(ADDING.next.load(Ordering::Relaxed), 2, "it was sealed");
    assert_eq!(&*secret.expose(), b"older");
    assert_eq!(secret.len(), 5);
    assert!(secret.matches(&older) && older.matches(&secret));
    assert!(!secret.matches(&Secret::new(b"oldes".to_vec()).unwrap()));
    assert_eq!(secret.duplicate().expose().as_str(), Some("older"));
    assert_eq!(secret.expose().into_text().as_deref(), Some("older"));
    let opened = ADDING.open.load(Ordering::Relaxed);
    assert_eq!(&*older.expose(), b"older");
    assert_eq!(ADDING.open.load(Ordering::Relaxed), opened, "what is older stays as it was");

    // The bytes on the wire are the same, also where they are written into their frame.
    let framed =
        |secret: &Secret| frame(7, Kind::CREDENTIAL, &("a", secret, secret), true, MAX_ANSWER).unwrap();
    let mut opened = ADDING.open.load(Ordering::Relaxed);
    assert_eq!(framed(&secret), framed(&older));
    opened += 2;
    assert_eq!(ADDING.open.load(Ordering::Relaxed), opened, "each is opened once");
    let empty = (Secret::new(Vec::new()).unwrap(), 7_u8);
    assert_eq!(decode_answer::<(Secret, u8)>(&encode(&empty).unwrap()).unwrap().1, 7);
    assert!(frame(7, Kind::CREDENTIAL, &empty, true, MAX_ANSWER).is_ok());
    assert_eq!(encode(&secret).unwrap(), plain);
    let arrived: Secret = decode_answer(&plain).unwrap();
    assert_eq!(&*arrived.expose(), b"older");
}
