//! `tok`, the client of `tokend`: arguments in, one request, one answer out.

mod cli;

/// Wipes what is freed: libraries leave copies of a token behind otherwise (seen in `serde_json`).
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> std::process::ExitCode {
    cli::run()
}
