//! What is not run on this system, and why.

use std::io::Write as _;

#[test]
fn what_is_not_run_here_is_said() {
    const TERMINAL: &str = "its terminal is a Unix one (a pty)";
    const SHELL: &str = "its programs are shell scripts";
    for (what, why) in [
        ("unlock_asks", TERMINAL),
        ("login_at_terminal", TERMINAL),
        ("secrets", "its engines are shell scripts and its terminal is a Unix one; see engine"),
        ("browser", SHELL),
        ("child", "it is about signals, and its programs are shell scripts; see child of this system"),
        ("curl", "its curl is a shell script; see curl of this system"),
        ("shell", "it is about a shell of Unix"),
    ] {
        // Not by eprintln!, which the test harness captures.
        let _ = writeln!(std::io::stderr(), "SKIPPED: cli::{what}: {why}");
    }
}
