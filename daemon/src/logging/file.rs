//! A log in a file, which nobody rotates: where there is no journal.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use tokend::platform;
use tracing_subscriber::fmt::MakeWriter;

/// Once the file is longer, what is in it goes into the one beside it, and it begins anew: both have at most about that
/// many bytes.
const LONGEST: u64 = 1024 * 1024;

/// The file that has standard error.
static FILE: OnceLock<Kept> = OnceLock::new();

/// A file that is kept short.
struct Kept {
    path: PathBuf,
    /// How long it is, or a little longer.
    length: AtomicU64,
    /// Held while what is in it is moved.
    moving: Mutex<()>,
}

/// Standard error goes to the file at `path` from now on, behind what is there.
///
/// # Errors
/// What the system says; then it goes where it went before.
pub(crate) fn to_file(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        platform::private_folder(folder)?;
    }
    let file = File::options().append(true).create(true).open(path)?;
    let length = file.metadata()?.len();
    platform::write_errors_to(file)?;
    let kept = FILE.get_or_init(|| Kept {
        path: path.to_path_buf(),
        length: AtomicU64::new(length),
        moving: Mutex::new(()),
    });
    kept.shorten(LONGEST);
    Ok(())
}

impl Kept {
    /// Moves what is in it to the one beside it, if it is longer than `longest`. It is emptied, not renamed: whoever has
    /// it open, as standard error of this process, goes on at its beginning.
    fn shorten(&self, longest: u64) {
        if self.length.load(Ordering::Relaxed) <= longest {
            return;
        }
        // Another thread does it.
        let Ok(_moving) = self.moving.try_lock() else { return };
        if self.length.load(Ordering::Relaxed) <= longest {
            return;
        }
        let mut former = self.path.clone().into_os_string();
        former.push(".old");
        let moved = fs::copy(&self.path, PathBuf::from(former))
            .and_then(|_| OpenOptions::new().write(true).open(&self.path)?.set_len(0));
        // On a full disk it is tried again after as much more.
        let _ = moved;
        self.length.store(0, Ordering::Relaxed);
    }
}

/// Standard error, as a log's writer.
pub(super) struct Errors;

impl<'a> MakeWriter<'a> for Errors {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for Errors {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = io::stderr().write(bytes)?;
        if let Some(kept) = FILE.get() {
            kept.length.fetch_add(u64::try_from(written).unwrap_or(0), Ordering::Relaxed);
            kept.shorten(LONGEST);
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_long_begins_anew_and_what_was_in_it_is_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokend.log");
        let former = folder.path().join("tokend.log.old");
        let mut file = File::options().append(true).create(true).open(&path).unwrap();
        let kept = Kept { path: path.clone(), length: AtomicU64::new(0), moving: Mutex::new(()) };
        let mut write = |text: &str| {
            file.write_all(text.as_bytes()).unwrap();
            kept.length.fetch_add(text.len() as u64, Ordering::Relaxed);
            kept.shorten(8);
        };
        write("12345678");
        assert!(!former.exists());
        write("9");
        assert_eq!(fs::read_to_string(&former).unwrap(), "123456789");
        write("next");
        assert_eq!(fs::read_to_string(&path).unwrap(), "next");
        write("56789");
        assert_eq!(fs::read_to_string(&former).unwrap(), "next56789");
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    }
}
