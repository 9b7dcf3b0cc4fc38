//! The tests that need something which only one system has.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
