//! Private keys as JWK (RFC 7517 4, RFC 7518 6, RFC 8037 2), and as a service account's file.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rsa::PublicKeyComponents;
use serde::Deserialize;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Family};
use super::key::{Held, unfit};
use super::pair::{Pair, RsaParts, make};
use super::private_pem;
use crate::provider::Failure;

/// The members that matter, borrowed from the text where they have no escapes.
#[derive(Deserialize)]
struct Jwk<'t> {
    #[serde(borrow)]
    kty: Option<Cow<'t, str>>,
    #[serde(borrow)]
    crv: Option<Cow<'t, str>>,
    #[serde(borrow)]
    kid: Option<Cow<'t, str>>,
    #[serde(borrow)]
    alg: Option<Cow<'t, str>>,
    #[serde(rename = "use", borrow)]
    purpose: Option<Cow<'t, str>>,
    #[serde(borrow)]
    key_ops: Option<Vec<Cow<'t, str>>>,
    #[serde(borrow)]
    n: Option<Cow<'t, str>>,
    #[serde(borrow)]
    e: Option<Cow<'t, str>>,
    #[serde(borrow)]
    d: Option<Cow<'t, str>>,
    #[serde(borrow)]
    p: Option<Cow<'t, str>>,
    #[serde(borrow)]
    q: Option<Cow<'t, str>>,
    #[serde(borrow)]
    dp: Option<Cow<'t, str>>,
    #[serde(borrow)]
    dq: Option<Cow<'t, str>>,
    #[serde(borrow)]
    qi: Option<Cow<'t, str>>,
    oth: Option<IgnoredAny>,
    #[serde(borrow)]
    x: Option<Cow<'t, str>>,
    #[serde(borrow)]
    y: Option<Cow<'t, str>>,
    /// A whole set.
    keys: Option<IgnoredAny>,
    /// Of a service account (Google): a PEM.
    #[serde(borrow)]
    private_key: Option<Cow<'t, str>>,
    /// Its name.
    #[serde(borrow)]
    private_key_id: Option<Cow<'t, str>>,
}

/// Reads a JSON object with a private key in it.
pub(super) fn read(text: &[u8]) -> Result<Held, Failure> {
    let jwk: Jwk<'_> = serde_json::from_slice(text).map_err(|_| {
        let hint = "give a JWK (RFC 7517), or a PEM instead";
        unfit("`private_key` is no whole JSON object of a key", hint)
    })?;
    if let (None, Some(pem)) = (&jwk.kty, &jwk.private_key) {
        let id = jwk.private_key_id.map(Cow::into_owned);
        return Ok(Held { id, ..private_pem::read(pem.as_bytes())? });
    }
    if jwk.keys.is_some() {
        return Err(unfit("`private_key` is a set of keys", "give one of its `keys`: the object in it"));
    }
    let Some(kind) = jwk.kty.as_deref() else {
        return Err(unfit(
            "`private_key` is JSON, but no JWK: it has no `kty`",
            "give a JWK, or a PEM instead",
        ));
    };
    jwk.may_sign()?;
    let pair = match kind {
        "oct" => {
            let hint =
                "give it as `client_secret`, and set `token_endpoint_auth_method = \"client_secret_jwt\"`";
            return Err(unfit("`private_key` is a shared secret (`kty` is `oct`)", hint));
        }
        "RSA" | "EC" | "OKP" if jwk.d.is_none() => {
            let hint = "give the JWK that has a member `d`, too";
            return Err(unfit("`private_key` is a public key, which signs nothing", hint));
        }
        "RSA" => jwk.rsa(),
        "EC" => jwk.ec(),
        "OKP" => jwk.okp(),
        _ => Err(unfit("`private_key` is a JWK of a kind that tokend does not know", make(Family::P256))),
    }?;
    let algorithm = match jwk.alg.as_deref() {
        Some(name) => Some(Algorithm::named(name).ok_or_else(|| {
            let hint = format!("for this key `alg` is \"{}\", or left out", pair.family().algorithm());
            unfit("`private_key` is a JWK for an `alg` that tokend does not sign with", hint)
        })?),
        None => None,
    };
    Ok(Held { pair, algorithm, id: jwk.kid.map(Cow::into_owned) })
}

impl Jwk<'_> {
    /// RFC 7517 4.2 and 4.3.
    fn may_sign(&self) -> Result<(), Failure> {
        let purpose = self.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
        let operation = self.key_ops.as_ref().is_none_or(|list| list.iter().any(|one| one == "sign"));
        if purpose && operation {
            return Ok(());
        }
        let message = "`private_key` is a JWK that says it is not for signing (`use` or `key_ops`)";
        Err(unfit(message, "give the key that is: its `use` is `sig`"))
    }

    /// RFC 7518 6.3.
    fn rsa(&self) -> Result<Pair, Failure> {
        if self.oth.is_some() {
            return Err(unfit("`private_key` is an RSA key of more than two primes", make(Family::Rsa)));
        }
        let number = |name, member| -> Result<Zeroizing<Vec<u8>>, Failure> {
            let mut bytes = decoded(name, member)?;
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            bytes.drain(..zeros);
            Ok(bytes)
        };
        Pair::rsa(&RsaParts {
            public_key: PublicKeyComponents {
                n: &number("n", self.n.as_ref())?,
                e: &number("e", self.e.as_ref())?,
            },
            d: &number("d", self.d.as_ref())?,
            p: &number("p", self.p.as_ref())?,
            q: &number("q", self.q.as_ref())?,
            dP: &number("dp", self.dp.as_ref())?,
            dQ: &number("dq", self.dq.as_ref())?,
            qInv: &number("qi", self.qi.as_ref())?,
        })
    }

    /// RFC 7518 6.2.
    fn ec(&self) -> Result<Pair, Failure> {
        let (family, size) = match self.crv.as_deref() {
            Some("P-256") => (Family::P256, 32),
            Some("P-384") => (Family::P384, 48),
            _ => {
                let message = "`private_key` is an EC key on another curve than P-256 and P-384";
                return Err(unfit(message, make(Family::P256)));
            }
        };
        let full = |name, member| decoded(name, member).map(|bytes| full_size(&bytes, size));
        let mut public = vec![4];
        public.extend_from_slice(&full("x", self.x.as_ref())?);
        public.extend_from_slice(&full("y", self.y.as_ref())?);
        Pair::ecdsa(family, &full("d", self.d.as_ref())?, &public)
    }

    /// RFC 8037 2.
    fn okp(&self) -> Result<Pair, Failure> {
        if self.crv.as_deref() != Some("Ed25519") {
            let message = "`private_key` is an OKP key, but none of Ed25519";
            return Err(unfit(message, make(Family::Ed25519)));
        }
        Pair::ed25519(&decoded("d", self.d.as_ref())?, Some(&decoded("x", self.x.as_ref())?))
    }
}

/// The bytes of a member.
fn decoded(name: &str, member: Option<&Cow<'_, str>>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let hint = "export the whole private key, with every member of RFC 7518 6 for its kind";
    let Some(text) = member else {
        return Err(unfit(format!("`private_key` is a JWK without `{name}`"), hint));
    };
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('='));
    bytes
        .map(Zeroizing::new)
        .map_err(|_| unfit(format!("`{name}` of the JWK in `private_key` is no base64url"), hint))
}

/// The number with as many bytes as its curve wants: some write it without the zeros in front, or with one
/// more. What has too many all the same stays as it is, and fits nothing.
pub(super) fn full_size(number: &[u8], size: usize) -> Zeroizing<Vec<u8>> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let significant = &number[zeros..];
    let mut full = Zeroizing::new(Vec::with_capacity(size.max(significant.len())));
    full.resize(size.saturating_sub(significant.len()), 0);
    full.extend_from_slice(significant);
    full
}
