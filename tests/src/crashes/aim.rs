//! The moment of a kill.

use std::time::Duration;

use fastrand::Rng;

use crate::real_time::let_pass;
use crate::stand_in::{Fault, OAuthServer, Outcome, Sending};

/// How long an aimed kill waits for its moment before it comes anyway.
const PATIENCE: Duration = Duration::from_secs(3);

/// When a daemon is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// After so long: at no moment in particular.
    Anywhen(Duration),
    /// So long after a service carried a rotation out, whose answer takes longer.
    Rotated(Duration),
    /// So long after an answer with a rotation went off.
    Answered(Duration),
}

impl Aim {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        match rng.u8(0..4) {
            0 | 1 => Self::Anywhen(Duration::from_micros(rng.u64(0..700_000))),
            2 => Self::Rotated(Duration::from_micros(rng.u64(0..5_000))),
            _ => Self::Answered(Duration::from_micros(rng.u64(0..8_000))),
        }
    }

    /// Returns when the moment has come.
    pub(super) fn wait(self, services: &[OAuthServer], rng: &mut Rng) {
        let service = &services[rng.usize(0..services.len())];
        let grants = service.grants();
        let before = grants.count();
        let rotation = |sending: &Sending| matches!(sending.outcome, Outcome::Rotated(_));
        match self {
            Self::Anywhen(span) => {
                // A service at the other end of the world, now and then.
                if rng.bool() {
                    for service in services {
                        service.fault(Fault::Slow(Duration::from_millis(rng.u64(0..30))));
                    }
                }
                let_pass(span, "chance says when");
            }
            Self::Rotated(span) => {
                service.fault(Fault::Slow(Duration::from_millis(50)));
                let _ = grants.wait_until(PATIENCE, |sent| sent[before..].iter().any(rotation));
                let_pass(span, "a moment within the answer");
            }
            Self::Answered(span) => {
                let _ = grants.wait_until(PATIENCE, |sent| {
                    sent[before..].iter().any(|sending| sending.answered && rotation(sending))
                });
                let_pass(span, "a moment after the answer");
            }
        }
    }
}
