//! The program `tokend`: arguments, wiring, signals.

mod arguments;
mod background;
mod doctor_command;
mod ending;
mod install;
mod logging;
mod run;
mod shell;
mod stopping;
mod store_command;

use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

/// Whatever is freed is wiped first: libraries leave copies of secrets otherwise.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    arguments::run()
}
