//! Programs that are shell scripts: engines above all.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli::engine::Installed;

/// `tok` with an engine that writes down its words and what it read, and then does this, in a shell's words.
pub(super) fn with_engine(script: &str) -> Installed {
    let installed = Installed::tok_alone();
    program(
        &installed.program("tokend"),
        &format!(
            "printf '%s\\n' \"$*\" >> \"$HOME/words\"\n\
             printf 'read: ' >> \"$HOME/input\"; cat >> \"$HOME/input\"; echo >> \"$HOME/input\"\n{script}"
        ),
    );
    installed
}

/// What the engine read, a line for each call.
pub(super) fn input(installed: &Installed) -> String {
    fs::read_to_string(installed.home().join("input")).unwrap_or_default()
}

/// Writes a program of a shell's words. Another process does it, for the reason that `copy_program` has.
pub(super) fn program(path: &Path, script: &str) {
    let mut writer = Command::new("/bin/sh")
        .args(["-c", "cat > \"$1\" && chmod 755 \"$1\"", "sh"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    let script = format!("#!/bin/sh\n{script}\n");
    writer.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("a script");
    assert!(writer.wait().is_ok_and(|status| status.success()), "{} cannot be written", path.display());
}
