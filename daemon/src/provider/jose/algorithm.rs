//! The algorithms of signatures (RFC 7518 3.1, RFC 8037 3.1, RFC 9864 2.2). `none` is not among them.

use std::fmt;

use ring::{digest, hmac};

/// How a JWT is signed: what its header says as `alg`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provider) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// `EdDSA`, on Ed25519: on no other curve here.
    EdDsa,
    /// The same under the name that RFC 9864 gives it.
    Ed25519,
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

/// A kind of key: each algorithm is for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::provider) enum Family {
    /// RSA.
    Rsa,
    /// An elliptic curve key on P-256.
    P256,
    /// An elliptic curve key on P-384.
    P384,
    /// Ed25519.
    Ed25519,
    /// A secret that both sides know.
    Secret,
}

impl Algorithm {
    /// Every one, the default of its family before the others.
    pub(super) const ALL: [Self; 13] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
        Self::Ed25519,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];

    /// Their names, for `token_endpoint_auth_signing_alg`.
    pub(in crate::provider) const NAMES: &[&str] = &[
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519", "HS256",
        "HS384", "HS512",
    ];

    /// The one of this name, letter by letter (RFC 7515 4.1.1).
    pub(in crate::provider) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Its name in the registry.
    pub(in crate::provider) fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Ed25519 => "Ed25519",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// What it signs with.
    pub(in crate::provider) fn family(self) -> Family {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => Family::Rsa,
            Self::Es256 => Family::P256,
            Self::Es384 => Family::P384,
            Self::EdDsa | Self::Ed25519 => Family::Ed25519,
            Self::Hs256 | Self::Hs384 | Self::Hs512 => Family::Secret,
        }
    }

    /// The hash in it, which `at_hash` is made with (OpenID Connect Core 3.1.3.6).
    pub(super) fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 | Self::Hs256 => &digest::SHA256,
            Self::Rs384 | Self::Ps384 | Self::Es384 | Self::Hs384 => &digest::SHA384,
            Self::Rs512 | Self::Ps512 | Self::Hs512 | Self::EdDsa | Self::Ed25519 => &digest::SHA512,
        }
    }

    /// The MAC that it is; `None` for a signature.
    pub(super) fn mac(self) -> Option<hmac::Algorithm> {
        match self {
            Self::Hs256 => Some(hmac::HMAC_SHA256),
            Self::Hs384 => Some(hmac::HMAC_SHA384),
            Self::Hs512 => Some(hmac::HMAC_SHA512),
            _ => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Family {
    /// What it signs with where nobody says.
    pub(in crate::provider) fn algorithm(self) -> Algorithm {
        match self {
            Self::Rsa => Algorithm::Rs256,
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
            Self::Ed25519 => Algorithm::EdDsa,
            Self::Secret => Algorithm::Hs256,
        }
    }

    /// The command that makes a key of the kind.
    pub(super) fn making(self) -> &'static str {
        match self {
            Self::Rsa => "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out key.pem",
            Self::P256 => "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem",
            Self::P384 => "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out key.pem",
            Self::Ed25519 => "openssl genpkey -algorithm ed25519 -out key.pem",
            Self::Secret => "openssl rand -base64 48",
        }
    }
}

/// With its article, for sentences.
impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa => "an RSA key",
            Self::P256 => "an EC key on P-256",
            Self::P384 => "an EC key on P-384",
            Self::Ed25519 => "an Ed25519 key",
            Self::Secret => "a shared secret",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_algorithm_is_found_by_its_own_name_only() {
        assert_eq!(Algorithm::ALL.map(Algorithm::name).as_slice(), Algorithm::NAMES);
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::named(algorithm.name()), Some(algorithm));
        }
        for name in ["none", "None", "", "rs256", "RS256 ", "ES512", "ES256K", "RS1"] {
            assert_eq!(Algorithm::named(name), None, "{name}");
        }
    }

    #[test]
    fn the_default_of_a_family_is_for_it() {
        for algorithm in Algorithm::ALL {
            let family = algorithm.family();
            assert_eq!(family.algorithm().family(), family);
            assert_eq!(algorithm.mac().is_some(), family == Family::Secret);
        }
    }
}
