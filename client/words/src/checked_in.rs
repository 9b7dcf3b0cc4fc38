//! Files that are made from definitions and checked in: a test compares them, and `cargo words` writes them.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Set by `cargo words`: files are written, not compared.
const UPDATE: &str = "UPDATE_WORDS";

/// Whether `docs/NAME` holds this text; or, under `cargo words`, makes it so. For tests: `docs` is looked
/// for in the sources.
///
/// # Errors
/// What is different, and the command that mends it.
pub fn agrees(name: &str, text: &str) -> Result<(), String> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    let failed = |what: &str, error: &io::Error| format!("docs/{name} cannot be {what}: {error}");
    let found = match fs::read_to_string(&path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed("read", &error)),
    };
    if found == text {
        return Ok(());
    }
    if std::env::var_os(UPDATE).is_some() {
        return fs::write(&path, text).map_err(|error| failed("written", &error));
    }
    let same = found.lines().zip(text.lines()).take_while(|(found, made)| found == made).count();
    let line = |text: &str| text.lines().nth(same).unwrap_or("(its end)").to_owned();
    Err(format!(
        "docs/{name} is not what the definitions make, from line {}:\n  is      {}\n  should  {}\n\
         `cargo words` writes it anew",
        same + 1,
        line(&found),
        line(text),
    ))
}
