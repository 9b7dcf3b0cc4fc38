//! What a daemon that was killed had on disk, read without any code of its own: the kept state is standard
//! age files.

use std::fs;
use std::io::Read as _;
use std::str::FromStr as _;

use age::x25519::Identity;

use crate::sandbox::Sandbox;

/// The plain bytes of every file that is kept for an account.
pub(super) struct Kept(Vec<Vec<u8>>);

impl Kept {
    /// Only between a daemon's end and the next one's start.
    pub(super) fn of(sandbox: &Sandbox, account: &str) -> Self {
        // No store, nothing kept.
        let Ok(text) = fs::read_to_string(sandbox.path().join("data/tokend/identity")) else {
            return Self(Vec::new());
        };
        let line = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap_or_default();
        let identity = Identity::from_str(line).expect("the store's identity is an age identity");
        let own = format!("{account}.");
        let entries = fs::read_dir(sandbox.state().join("accounts")).into_iter().flatten().flatten();
        let files = entries.filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(&own) && name.ends_with(".age")
        });
        Self(files.filter_map(|file| opened(&fs::read(file.path()).ok()?, &identity)).collect())
    }

    /// Which of these is kept, the newest of them if it is more than one: they come oldest first.
    pub(super) fn newest_of(&self, tokens: &[String]) -> Option<usize> {
        tokens.iter().rposition(|token| self.0.iter().any(|plain| holds(plain, token)))
    }
}

fn holds(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

fn opened(sealed: &[u8], identity: &Identity) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let decryptor = age::Decryptor::new_buffered(sealed).ok()?;
    let reading = decryptor.decrypt(std::iter::once::<&dyn age::Identity>(identity));
    reading.ok()?.read_to_end(&mut plain).ok()?;
    Some(plain)
}
