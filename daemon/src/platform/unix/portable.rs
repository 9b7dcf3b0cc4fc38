//! Other Unix systems: clocks are looked at now and then; no page can be kept out of a core file.

use std::ffi::c_void;
use std::io;
use std::time::Duration;

/// Nothing: there is no core file, since its limit is 0, and what is forked off here runs a program at once.
pub(super) fn keep_from_cores_and_children(_start: *mut c_void, _length: usize) -> io::Result<()> {
    Ok(())
}

/// Would tell when the wall is set or the machine wakes up; no system call here does, so that who asks has to look.
#[derive(Debug)]
pub struct ClockWatch(std::convert::Infallible);

impl ClockWatch {
    /// Nothing.
    ///
    /// # Errors
    /// Always `Unsupported`.
    pub fn new() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// There is none that could change.
    ///
    /// # Errors
    /// None; the signature is Linux's.
    pub async fn changed(&self) -> io::Result<()> {
        match self.0 {}
    }
}

/// Beats again and again.
#[derive(Debug)]
pub struct Metronome(Duration);

impl Metronome {
    /// The first beat is `span` from now.
    ///
    /// # Errors
    /// None; the signature is Linux's.
    pub fn every(span: Duration) -> io::Result<Self> {
        Ok(Self(span))
    }

    /// Ends after the span.
    ///
    /// # Errors
    /// None; the signature is Linux's.
    pub async fn beat(&self) -> io::Result<()> {
        tokio::time::sleep(self.0).await;
        Ok(())
    }
}
