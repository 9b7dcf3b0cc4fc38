//! Where secrets come from: the sources that a configuration can name, each fetched anew whenever it is needed.
//!
//! The type itself, which wipes itself and prints as `…`, is [`tokend_proto::Secret`]. A source holds names and paths,
//! never a secret.

mod digest;
mod errand;
mod file;
pub mod keyring;
mod program;
mod source;
pub mod store;
pub mod vault;

use std::sync::Arc;

use tokend_proto::Secret;
use zeroize::Zeroizing;

pub(crate) use digest::digest;
pub use errand::Errand;
pub use program::Program;
pub use source::{Source, Teller};

/// What sources reach beyond files and programs.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Where `{ store = NAME }` leads.
    pub store: Arc<store::Store>,
    /// Where `{ vault = … }` leads, if `[vault]` says so.
    pub vault: Option<Arc<vault::Vault>>,
    /// Whether there is a `[vault]`, even a faulty one, of which more need not be said.
    pub has_vault: bool,
}

/// Why bytes are no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// There is nothing but perhaps a newline.
    Empty,
    /// More than [`MAX_SECRET`](tokend_proto::limits::MAX_SECRET) bytes.
    TooLong,
}

/// The most that is read of anything: a secret of the limit, its newline, and a byte that shows that there is more.
pub const MOST_READ: usize = tokend_proto::limits::MAX_SECRET + 3;

/// The secret without the one newline that editors and programs put at the end.
///
/// # Errors
/// [`Unfit`] where nothing is left, or too much.
pub fn without_newline(bytes: &Zeroizing<Vec<u8>>) -> Result<Secret, Unfit> {
    let bytes =
        bytes.strip_suffix(b"\n").map_or(bytes.as_slice(), |line| line.strip_suffix(b"\r").unwrap_or(line));
    if bytes.is_empty() {
        return Err(Unfit::Empty);
    }
    // A copy of exactly its length: the buffer that it was read into is larger, and wiped.
    Secret::new(bytes.to_vec()).map_err(|_| Unfit::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(bytes: &[u8]) -> Result<Vec<u8>, Unfit> {
        without_newline(&Zeroizing::new(bytes.to_vec())).map(|secret| secret.expose().to_vec())
    }

    #[test]
    fn one_newline_at_the_end_is_no_part_of_the_secret() {
        assert_eq!(stripped(b"a\n"), Ok(b"a".to_vec()));
        assert_eq!(stripped(b"a\r\n"), Ok(b"a".to_vec()));
        assert_eq!(stripped(b"a\n\n"), Ok(b"a\n".to_vec()));
        assert_eq!(stripped(b" a \r"), Ok(b" a \r".to_vec()));
        assert_eq!(stripped(b"\0\xff"), Ok(b"\0\xff".to_vec()));
    }

    #[test]
    fn nothing_is_no_secret() {
        assert_eq!(stripped(b""), Err(Unfit::Empty));
        assert_eq!(stripped(b"\n"), Err(Unfit::Empty));
        assert_eq!(stripped(b"\r\n"), Err(Unfit::Empty));
    }

    #[test]
    fn a_secret_of_the_limit_may_end_in_a_newline() {
        let limit = tokend_proto::limits::MAX_SECRET;
        let mut bytes = vec![b'x'; limit];
        bytes.extend_from_slice(b"\r\n");
        assert_eq!(stripped(&bytes).map(|secret| secret.len()), Ok(limit));
        bytes.insert(0, b'x');
        assert_eq!(stripped(&bytes), Err(Unfit::TooLong));
    }
}
