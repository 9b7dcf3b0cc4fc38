//! Beats by the runtime's timer.

use std::io;
use std::time::Duration;

/// Beats again and again.
#[derive(Debug)]
pub struct Metronome(Duration);

impl Metronome {
    /// The first beat is `span` from now.
    ///
    /// # Errors
    /// None; the signature is Linux's.
    #[expect(clippy::unnecessary_wraps, reason = "the signature is Linux's")]
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
