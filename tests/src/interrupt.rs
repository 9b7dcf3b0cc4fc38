//! Ctrl-C, a terminal that is closed, a polite kill: a program ends at its next step and cleans up behind
//! itself.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime::Builder;

use crate::platform::until_asked_to_end;

/// Whether a signal asked for the end.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<AtomicBool>);

/// A signal asked for the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

impl Interrupt {
    /// From here on these signals end nothing by themselves.
    ///
    /// # Errors
    /// When the system is short of something.
    pub fn watch() -> io::Result<Self> {
        let interrupt = Self(Arc::default());
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let any = {
            let _inside = runtime.enter();
            until_asked_to_end()?
        };
        let came = interrupt.clone();
        thread::spawn(move || {
            runtime.block_on(any);
            came.0.store(true, Ordering::Release);
        });
        Ok(interrupt)
    }

    /// Whether one came.
    #[must_use]
    pub fn came(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// An error if one came.
    ///
    /// # Errors
    /// That one came.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.came() { Err(Interrupted) } else { Ok(()) }
    }

    /// The same, for who looks at it often.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}
