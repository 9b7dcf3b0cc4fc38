//! What tests need of a system beyond what the programs do: permissions, links and pipes in folders.

#[cfg(unix)]
pub(crate) use super::unix::testing::*;
#[cfg(windows)]
pub(crate) use super::windows::testing::*;

/// Says that a test, or a part of it, does not run here, and why.
pub(crate) fn skip(what: &str, why: &str) {
    use std::io::Write as _;
    // Not by the macro, whose words the harness keeps of a test that passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}: {why}");
}
