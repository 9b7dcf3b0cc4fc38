//! A key in ring's form: its parts are checked when it is made, then it signs.

use std::fmt;

use ring::error::KeyRejected;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use ring::{hmac, rsa};
use tokend_proto::Secret;

use super::algorithm::{Algorithm, Family};
use super::key::unfit;
use crate::provider::Failure;

/// Fewer bits are too weak to sign with (RFC 7518 3.3).
const FEWEST_BITS: usize = 2048;

/// ring signs with no more.
const MOST_BITS: usize = 4096;

/// What signs. On the heap, where our allocator wipes it when it is dropped: ring itself does not.
pub(super) enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(Family, Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
    /// A client's secret: its bytes are the key (OpenID Connect Core 10.1).
    Mac(Secret),
}

/// The numbers of a private RSA key, in the order of RFC 8017 A.1.2, big-endian.
pub(super) type RsaParts<'p> = rsa::KeyPairComponents<&'p [u8], &'p [u8]>;

impl Pair {
    /// An RSA key of two primes.
    pub(super) fn rsa(parts: &RsaParts<'_>) -> Result<Self, Failure> {
        let bits = bits(parts.public_key.n);
        if bits < FEWEST_BITS {
            let message =
                format!("`private_key` is an RSA key of {bits} bits; fewer than {FEWEST_BITS} are too weak");
            return Err(unfit(message, make(Family::Rsa)));
        }
        if bits > MOST_BITS {
            let message =
                format!("`private_key` is an RSA key of {bits} bits; tokend signs with {MOST_BITS} at most");
            return Err(unfit(message, make(Family::Rsa)));
        }
        let pair = RsaKeyPair::from_components(parts).map_err(|why| rejected(Family::Rsa, &why))?;
        Ok(Self::Rsa(Box::new(pair)))
    }

    /// A key on one of the two curves; the public key is an uncompressed point (SEC 1, 2.3.3).
    pub(super) fn ecdsa(family: Family, private: &[u8], public: &[u8]) -> Result<Self, Failure> {
        let curve = match family {
            Family::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
            _ => &ECDSA_P256_SHA256_FIXED_SIGNING,
        };
        let pair =
            EcdsaKeyPair::from_private_key_and_public_key(curve, private, public, &SystemRandom::new())
                .map_err(|why| rejected(family, &why))?;
        Ok(Self::Ecdsa(family, Box::new(pair)))
    }

    /// An Ed25519 key (RFC 8032 5.1.5); a public key that comes with it must be its own.
    pub(super) fn ed25519(seed: &[u8], public: Option<&[u8]>) -> Result<Self, Failure> {
        let pair = match public {
            Some(public) => Ed25519KeyPair::from_seed_and_public_key(seed, public),
            None => Ed25519KeyPair::from_seed_unchecked(seed),
        };
        Ok(Self::Ed25519(Box::new(pair.map_err(|why| rejected(Family::Ed25519, &why))?)))
    }

    /// What kind of key it is.
    pub(super) fn family(&self) -> Family {
        match self {
            Self::Rsa(_) => Family::Rsa,
            Self::Ecdsa(family, _) => *family,
            Self::Ed25519(_) => Family::Ed25519,
            Self::Mac(_) => Family::Secret,
        }
    }

    /// The public key as the bits that X.509 has of it: an `RSAPublicKey` (RFC 3279 2.3.1), an uncompressed
    /// point (RFC 5480 2.2), the 32 bytes of Ed25519 (RFC 8410 4).
    pub(super) fn public(&self) -> Option<&[u8]> {
        match self {
            Self::Rsa(pair) => Some(pair.public().as_ref()),
            Self::Ecdsa(_, pair) => Some(pair.public_key().as_ref()),
            Self::Ed25519(pair) => Some(pair.public_key().as_ref()),
            Self::Mac(_) => None,
        }
    }

    /// The signature of `message`, as a JWS has it (RFC 7518 3.2 to 3.5, RFC 8037 3.1). The algorithm is for
    /// this kind of key: whoever made the key has seen to that.
    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(padding(algorithm), &random, message, &mut signature).map_err(|_| {
                    // Its numbers agree only in part, which shows not before the first signature.
                    unfit(
                        "`private_key` is an RSA key that cannot sign: its parts do not agree",
                        make(Family::Rsa),
                    )
                })?;
                Ok(signature)
            }
            Self::Ecdsa(_, pair) => {
                let signature = pair.sign(&random, message).map_err(|_| no_random_bytes())?;
                Ok(signature.as_ref().to_vec())
            }
            Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Self::Mac(secret) => {
                let mac = algorithm.mac().unwrap_or(hmac::HMAC_SHA256);
                let key = Box::new(hmac::Key::new(mac, &secret.expose()));
                Ok(hmac::sign(&key, message).as_ref().to_vec())
            }
        }
    }
}

/// Nothing of the key.
impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.family())
    }
}

fn padding(algorithm: Algorithm) -> &'static dyn RsaEncoding {
    match algorithm {
        Algorithm::Rs384 => &RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &RSA_PSS_SHA256,
        Algorithm::Ps384 => &RSA_PSS_SHA384,
        Algorithm::Ps512 => &RSA_PSS_SHA512,
        _ => &RSA_PKCS1_SHA256,
    }
}

/// How many bits a number has, big-endian.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros() as usize);
    (number.len() - zeros) * 8 - first
}

/// What to do about a key that cannot be used.
pub(super) fn make(family: Family) -> String {
    format!("make one with `{}`, and register its public key with the service", family.making())
}

/// The words are ring's, a fixed one for each fault.
fn rejected(family: Family, why: &KeyRejected) -> Failure {
    unfit(format!("`private_key` is {family} that cannot be used ({why})"), make(family))
}

/// The system has no random bytes, which passes.
pub(super) fn no_random_bytes() -> Failure {
    Failure::not_now("no-random-bytes", "the system gives no random bytes", "tokend tries again")
}

#[cfg(test)]
mod tests {
    use super::bits;

    #[test]
    fn bits_are_counted_from_the_first_that_is_set() {
        for (number, count) in
            [(&[][..], 0), (&[0], 0), (&[1], 1), (&[0x80], 8), (&[0, 0x80, 0], 16), (&[0x7f, 0], 15)]
        {
            assert_eq!(bits(number), count, "{number:?}");
        }
    }
}
