//! The tokens that a service issued: which live, which are dead, and how new ones are made.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::clock;

/// A service's book of tokens. Every clone is the same book.
#[derive(Clone, Debug)]
pub struct Tokens(Arc<Mutex<Book>>);

#[derive(Debug)]
struct Book {
    lifetime: Duration,
    padding: usize,
    issued: Vec<Issued>,
    by_fingerprint: HashMap<String, usize>,
}

/// A token that was issued; the token itself is not kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Issued {
    /// Its SHA-256 in hex, as `tok reject --hash` takes it.
    pub sha256: String,
    /// When it was issued.
    pub at: SystemTime,
    /// When it dies.
    pub expires_at: SystemTime,
    /// Whether it was revoked before.
    pub revoked: bool,
    /// What the service knows of it: its claims, or client, scope and audience.
    pub about: Value,
}

impl Issued {
    /// Life left now.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.expires_at.duration_since(clock::now()).unwrap_or_default()
    }
}

/// What a service thinks of a token that it is shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It is good.
    Live(Issued),
    /// It was good once.
    Expired(Issued),
    /// Never issued here, or revoked.
    Unknown,
}

/// What a token looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenForm {
    /// Letters and digits that say nothing.
    #[default]
    Opaque,
    /// A JWT whose `exp` is the truth; its signature is not one.
    Jwt,
}

impl Tokens {
    pub(super) fn new(lifetime: Duration, padding: usize) -> Self {
        let book = Book { lifetime, padding, issued: Vec::new(), by_fingerprint: HashMap::new() };
        Self(Arc::new(Mutex::new(book)))
    }

    /// How long a token lives that is issued now.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.book().lifetime
    }

    /// Whether the token is good now.
    #[must_use]
    pub fn is_live(&self, token: &str) -> bool {
        matches!(self.standing(token), Standing::Live(_))
    }

    /// What the service thinks of this token now.
    #[must_use]
    pub fn standing(&self, token: &str) -> Standing {
        let book = self.book();
        match book.by_fingerprint.get(&fingerprint(token)).map(|index| &book.issued[*index]) {
            Some(issued) if issued.revoked => Standing::Unknown,
            Some(issued) if issued.expires_at <= clock::now() => Standing::Expired(issued.clone()),
            Some(issued) => Standing::Live(issued.clone()),
            None => Standing::Unknown,
        }
    }

    /// Every token, first issued first.
    #[must_use]
    pub fn all(&self) -> Vec<Issued> {
        self.book().issued.clone()
    }

    /// How many were issued.
    #[must_use]
    pub fn issued(&self) -> usize {
        self.book().issued.len()
    }

    /// None of the tokens issued until now is good any more.
    pub fn revoke_all(&self) {
        for issued in &mut self.book().issued {
            issued.revoked = true;
        }
    }

    /// None of the tokens about which this is true is good any more.
    pub(super) fn revoke_where(&self, is_meant: impl Fn(&Value) -> bool) {
        for issued in self.book().issued.iter_mut().filter(|issued| is_meant(&issued.about)) {
            issued.revoked = true;
        }
    }

    /// This one token is not good any more.
    pub fn revoke(&self, token: &str) {
        self.alter(token, |issued| issued.revoked = true);
    }

    /// The same, of a token that is known by its [`fingerprint`] only.
    pub(super) fn revoke_fingerprint(&self, sha256: &str) {
        let mut book = self.book();
        if let Some(index) = book.by_fingerprint.get(sha256).copied() {
            book.issued[index].revoked = true;
        }
    }

    pub(super) fn set_lifetime(&self, lifetime: Duration) {
        self.book().lifetime = lifetime;
    }

    /// A use of the token starts its lifetime again.
    pub(super) fn extend(&self, token: &str) {
        let expires_at = clock::now() + self.lifetime();
        self.alter(token, |issued| issued.expires_at = expires_at);
    }

    /// Issues an opaque token with the usual lifetime.
    pub(super) fn issue_opaque(&self, about: Value) -> String {
        let padding = self.book().padding;
        let token = opaque() + &"x".repeat(padding);
        self.enter(&token, clock::now() + self.lifetime(), about);
        token
    }

    /// Issues a JWT with these claims, which are not changed but by padding; it dies at `expires_at`.
    pub(super) fn issue_jwt(&self, algorithm: &str, claims: Value, expires_at: SystemTime) -> String {
        let padding = self.book().padding;
        let mut padded = claims.clone();
        if padding > 0 {
            padded["padding"] = Value::from("x".repeat(padding * 3 / 4));
        }
        // As long as an ES384 signature.
        let signature = [unique(), unique(), unique()].concat();
        let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        let header = json!({"alg": algorithm, "typ": "JWT"}).to_string();
        let token =
            [encode(header.as_bytes()), encode(padded.to_string().as_bytes()), encode(&signature)].join(".");
        self.enter(&token, expires_at, claims);
        token
    }

    /// Issues a token of this form with the usual lifetime; a JWT gets an `exp` beside what it is about.
    pub(super) fn issue(&self, form: TokenForm, about: Value) -> String {
        match form {
            TokenForm::Opaque => self.issue_opaque(about),
            TokenForm::Jwt => {
                let exp = clock::unix_seconds(clock::now() + self.lifetime());
                let mut claims = about;
                claims["exp"] = exp.into();
                self.issue_jwt("RS256", claims, UNIX_EPOCH + Duration::from_secs(exp))
            }
        }
    }

    fn enter(&self, token: &str, expires_at: SystemTime, about: Value) {
        let sha256 = fingerprint(token);
        let mut book = self.book();
        let index = book.issued.len();
        book.by_fingerprint.insert(sha256.clone(), index);
        book.issued.push(Issued { sha256, at: clock::now(), expires_at, revoked: false, about });
    }

    fn alter(&self, token: &str, alter: impl FnOnce(&mut Issued)) {
        let mut book = self.book();
        if let Some(index) = book.by_fingerprint.get(&fingerprint(token)).copied() {
            alter(&mut book.issued[index]);
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("nobody panics while writing")
    }
}

/// A token's SHA-256 in hex.
#[must_use]
pub fn fingerprint(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Letters and digits that say nothing and come once.
pub(super) fn opaque() -> String {
    let mut text = hex(&unique());
    text.truncate(40);
    text
}

/// Bytes that no other call gets, in this process or another.
pub(super) fn unique() -> [u8; 32] {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let nanoseconds = clock::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    Sha256::new()
        .chain_update(SERIAL.fetch_add(1, Ordering::Relaxed).to_le_bytes())
        .chain_update(std::process::id().to_le_bytes())
        .chain_update(nanoseconds.to_le_bytes())
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_live_then_expired_and_a_revoked_one_unknown() {
        let tokens = Tokens::new(Duration::from_secs(60), 0);
        let live = tokens.issue(TokenForm::Jwt, json!({"sub": "a"}));
        let other = tokens.issue(TokenForm::Jwt, json!({"sub": "a"}));
        assert_ne!(live, other);
        tokens.set_lifetime(Duration::ZERO);
        let dead = tokens.issue(TokenForm::Opaque, Value::Null);
        tokens.revoke(&other);

        assert!(matches!(tokens.standing(&live), Standing::Live(issued) if issued.about["sub"] == "a"));
        assert!(matches!(tokens.standing(&dead), Standing::Expired(_)));
        assert_eq!(tokens.standing(&other), Standing::Unknown);
        assert_eq!(tokens.standing("never seen"), Standing::Unknown);
        tokens.revoke_all();
        assert!(!tokens.is_live(&live));
        assert_eq!(tokens.issued(), 3);
    }

    #[test]
    fn a_fingerprint_is_the_sha256_in_hex() {
        assert_eq!(fingerprint("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
