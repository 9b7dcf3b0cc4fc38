//! An engine for tests: a `tokend` beside a `tok`, which writes down how it was called.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::platform;

/// A folder with `tok` and an engine, and a home.
pub(crate) struct Installed {
    home: TempDir,
}

impl Installed {
    /// `tok` without an engine.
    pub(crate) fn tok_alone() -> Self {
        let home = TempDir::new().expect("a folder");
        fs::create_dir(home.path().join("bin")).expect("a folder");
        let installed = Self { home };
        platform::copy_program(env!("CARGO_BIN_EXE_tok").as_ref(), &installed.program("tok"));
        installed
    }

    /// `tok` with an engine that does nothing, and that well.
    pub(crate) fn with_idle_engine() -> Self {
        let installed = Self::tok_alone();
        platform::make_idle_program(&installed.program("tokend"), &installed.home().join("words"));
        installed
    }

    /// Where this program is.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder().join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Where both programs are.
    pub(crate) fn folder(&self) -> PathBuf {
        self.home.path().join("bin")
    }

    /// The home of who calls them.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// This `tok` with these words, in an environment that holds nothing but a home.
    pub(crate) fn tok(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.program("tok"));
        command.args(words).env_clear().env("PATH", platform::USUAL_PATH).stdin(Stdio::null());
        platform::live_in(&mut command, self.home());
        platform::keep_what_programs_need(&mut command);
        command
    }

    /// The calls of the engine so far, a line each.
    pub(crate) fn words(&self) -> String {
        fs::read_to_string(self.home().join("words")).unwrap_or_default()
    }
}
