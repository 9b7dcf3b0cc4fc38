//! What a request says: pairs of a form, and which of them are secrets.

use tokend_proto::Secret;

use crate::provider::http::Buffer;
use crate::provider::words::Held;

/// The pairs of a request, and the secrets in them, so that an answer which repeats one does not spread it.
#[derive(Default)]
pub(super) struct Form {
    pub(super) pairs: Buffer,
    pub(super) held: Held,
}

impl Form {
    /// With this `grant_type`.
    pub(super) fn of_grant(grant_type: &str) -> Self {
        let mut form = Self { pairs: Buffer::with_capacity(512), held: Held::default() };
        form.say("grant_type", grant_type);
        form
    }

    /// Adds a pair.
    pub(super) fn say(&mut self, name: &str, value: &str) {
        self.pairs.push_pair(name.as_bytes(), value.as_bytes());
    }

    /// Adds a pair for each value.
    pub(super) fn say_each(&mut self, name: &str, values: &[String]) {
        for value in values {
            self.say(name, value);
        }
    }

    /// Adds a pair whose value is a secret.
    pub(super) fn say_secret(&mut self, name: &str, value: &Secret) {
        let value = value.expose();
        self.held.add(&value);
        self.pairs.push_pair(name.as_bytes(), &value);
    }
}
