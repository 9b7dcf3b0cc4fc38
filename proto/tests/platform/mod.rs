//! What of these tests only some systems have.

#[cfg(target_os = "linux")]
mod python;

#[cfg(not(target_os = "linux"))]
#[test]
fn the_python_client_is_linuxs() {
    use std::io::Write as _;
    // Not by eprintln!, which the test harness captures.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: the Python client of docs/wire-protocol.md: it asks for SO_PEERCRED on a Unix socket"
    );
}
