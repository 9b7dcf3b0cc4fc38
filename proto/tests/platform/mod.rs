//! Where the Python client can run.

#[cfg(target_os = "linux")]
mod python;

#[cfg(not(target_os = "linux"))]
#[test]
fn where_it_cannot_run_is_said() {
    eprintln!("SKIPPED: the Python client of docs/wire-protocol.md: it connects to Linux' sockets");
}
