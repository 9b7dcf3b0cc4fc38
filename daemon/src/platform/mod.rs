//! The few places where the operating system shows; the only home of `unsafe` and of `cfg` by system.

#[cfg(unix)]
pub mod children;
#[cfg(unix)]
pub mod files;
pub mod keyring;
mod leftovers;
pub mod notification;
mod supervisor;
#[cfg(unix)]
pub mod sealed_memory;
#[cfg(unix)]
pub mod systemd;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

pub use leftovers::scrub_stack;
pub use supervisor::Supervisor;

#[cfg(not(unix))]
compile_error!("tokend is not built for this system yet");
