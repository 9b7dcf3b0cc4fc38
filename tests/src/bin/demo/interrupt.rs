//! Ctrl-C, a terminal that is closed, a polite kill: the story ends at its next step and cleans up behind itself.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::cut::Cut;

/// Whether a signal asked for the end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From here on these signals end nothing by themselves.
    pub(crate) fn watch() -> io::Result<Self> {
        let interrupt = Self(Arc::default());
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let any = {
            let _inside = runtime.enter();
            any_of([SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()])?
        };
        let came = interrupt.clone();
        thread::spawn(move || {
            runtime.block_on(any);
            came.0.store(true, Ordering::Release);
        });
        Ok(interrupt)
    }

    /// Whether one came.
    pub(crate) fn came(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Ends the story if one came.
    pub(crate) fn check(&self) -> Result<(), Cut> {
        if self.came() { Err(Cut::Interrupted) } else { Ok(()) }
    }
}

/// Ends with the first of these signals. They are caught from the call on.
fn any_of(kinds: [SignalKind; 3]) -> io::Result<impl Future<Output = ()> + Send> {
    let [mut first, mut second, mut third] = [signal(kinds[0])?, signal(kinds[1])?, signal(kinds[2])?];
    Ok(async move {
        tokio::select! {
            _ = first.recv() => {}
            _ = second.recv() => {}
            _ = third.recv() => {}
        }
    })
}
