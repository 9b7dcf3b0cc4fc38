//! What a secret is known by where it must not be kept: its SHA-256.

use sha2::{Digest as _, Sha256};
use tokend_proto::Secret;

use crate::platform;

/// SHA-256 of the secret behind a `prefix`, which makes it another one for each use. Nothing of the secret is left on
/// the stack: the last block of a hash lies in its state.
pub(crate) fn digest(prefix: &[u8], secret: &Secret) -> [u8; 32] {
    let digest = hash(prefix, &secret.expose());
    platform::scrub_stack();
    digest
}

/// In a frame of its own, which is dead when it returns.
#[inline(never)]
fn hash(prefix: &[u8], bytes: &[u8]) -> [u8; 32] {
    Sha256::new_with_prefix(prefix).chain_update(bytes).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_prefix_it_is_what_a_rejection_names() -> Result<(), tokend_proto::secret::TooLong> {
        let secret = Secret::new(b"abc".to_vec())?;
        // FIPS 180-2, B.1.
        assert_eq!(digest(b"", &secret)[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(digest(b"ab", &Secret::new(b"c".to_vec())?), digest(b"", &secret));
        Ok(())
    }
}
