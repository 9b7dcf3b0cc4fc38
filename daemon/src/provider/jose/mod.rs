//! JSON Web Signatures (RFC 7515): tokend signs assertions with the client's key, and verifies id tokens with
//! the service's keys.
//!
//! The cryptography is ring's, which rustls brings anyway. `jsonwebtoken` left ring behind with its version
//! 10, the last on ring takes an `nbf` that is no number for none (CVE-2026-25537), and later ones sign with
//! the crate `rsa`, whose time tells of the key (RUSTSEC-2023-0071), or with aws-lc.

mod algorithm;
mod assertion;
mod certificate;
mod id_token;
mod key;
mod key_set;
mod pair;
mod private_jwk;
mod private_pem;
#[cfg(test)]
mod tests;

pub(in crate::provider) use algorithm::{Algorithm, Family};
pub(in crate::provider) use assertion::{Header, assertion, sign};
pub(in crate::provider) use certificate::Certificate;
pub(in crate::provider) use id_token::Expected;
pub(in crate::provider) use key::SigningKey;
pub(in crate::provider) use key_set::{ClientMac, KeySet, Unverified};
