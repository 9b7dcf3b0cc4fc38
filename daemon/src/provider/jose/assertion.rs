//! Signed JWTs: assertions by which a client says who it is, or asks for a token (RFC 7523).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use tokend_proto::Secret;
use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::key::SigningKey;
use super::pair::no_random_bytes;
use crate::clock::Wall;
use crate::provider::Failure;

/// How long an assertion can be used. Some services take none that lives longer than five minutes (Auth0), by
/// a clock that may be behind ours.
const LIFETIME: Duration = Duration::from_secs(4 * 60);

/// 160 bits: nobody guesses one, and none comes twice.
const ID_BYTES: usize = 20;

/// What the header says beside the algorithm.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::provider) struct Header<'h> {
    /// `typ` (RFC 7515 4.1.9); `JWT` where nothing is said.
    pub(in crate::provider) kind: Option<&'h str>,
    /// `kid` (RFC 7515 4.1.4); what the key itself says, where nothing is said.
    pub(in crate::provider) key_id: Option<&'h str>,
    /// The certificate of the key.
    pub(in crate::provider) certificate: Option<&'h Certificate>,
}

/// The claims of an assertion that is made now (RFC 7523 3): `iss`, `sub`, `aud`, `iat`, `exp` four minutes
/// later, and a `jti` that is new each time. Make new ones for each try: a service takes each `jti` once.
///
/// What is in `more` comes on top, and takes the place of `iss`, `sub` and `aud`, but not of the others.
///
/// # Errors
/// *Not now* if the system has no random bytes.
pub(in crate::provider) fn assertion(
    issuer: &str,
    subject: &str,
    audience: &str,
    now: Wall,
    more: &Map<String, Value>,
) -> Result<Value, Failure> {
    let mut id = [0; ID_BYTES];
    getrandom::getrandom(&mut id).map_err(|_| no_random_bytes())?;
    let mut claims = Map::new();
    claims.insert("iss".to_owned(), json!(issuer));
    claims.insert("sub".to_owned(), json!(subject));
    claims.insert("aud".to_owned(), json!(audience));
    claims.extend(more.clone());
    claims.insert("iat".to_owned(), json!(seconds(now)));
    claims.insert("exp".to_owned(), json!(seconds(now.after(LIFETIME))));
    claims.insert("jti".to_owned(), json!(URL_SAFE_NO_PAD.encode(id)));
    Ok(Value::Object(claims))
}

/// Whole Unix seconds, which every service reads; the time is not in the future.
fn seconds(time: Wall) -> i64 {
    time.0.div_euclid(1000)
}

/// The claims as a signed JWT (RFC 7515 3.1 and 7.1, RFC 7519 7.1).
///
/// # Errors
/// [`Class::Source`](crate::provider::Class::Source) if the key cannot sign after all, or the result were too
/// long.
pub(in crate::provider) fn sign(
    key: &SigningKey,
    header: Header<'_>,
    claims: &Value,
) -> Result<Secret, Failure> {
    let mut head = Map::new();
    head.insert("alg".to_owned(), json!(key.algorithm().name()));
    head.insert("typ".to_owned(), json!(header.kind.unwrap_or("JWT")));
    if let Some(id) = header.key_id.or(key.id()) {
        head.insert("kid".to_owned(), json!(id));
    }
    if let Some(certificate) = header.certificate {
        certificate.name_in(&mut head, key.algorithm());
    }
    let head = Value::Object(head).to_string();
    let claims = Zeroizing::new(claims.to_string());
    // Enough for all of it, so that nothing moves and leaves a copy.
    let mut text = Zeroizing::new(String::with_capacity((head.len() + claims.len()) * 4 / 3 + 1024));
    URL_SAFE_NO_PAD.encode_string(head, &mut text);
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(claims.as_bytes(), &mut text);
    let signature = key.signature(text.as_bytes())?;
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    Secret::new(std::mem::take(&mut *text).into_bytes()).map_err(|too_long| {
        Failure::source(
            "bad-claims",
            format!("the signed claims are {too_long}"),
            "write fewer `assertion_claims`",
        )
    })
}
