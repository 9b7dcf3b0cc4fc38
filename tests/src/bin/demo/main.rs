//! `cargo demo`: all of tokend in under a minute, told as it happens, on services that it starts itself.
//!
//! It is a check as well: it ends with 1 where a step does not do what it says. Everything that it starts is ended
//! and everything that it writes is removed, also when it fails or is interrupted.

mod cut;
mod stage;
mod story;
mod voice;

use std::io::Write;
use std::process::ExitCode;
use std::thread;

use tokend_tests::interrupt::Interrupt;
use tokend_tests::programs;

use cut::Cut;
use voice::Voice;

fn main() -> ExitCode {
    if std::env::args_os().len() > 1 {
        return complain("the demo takes no arguments", "run `cargo demo`", 2);
    }
    if let Err(why) = programs::build() {
        return complain(&why, "`cargo demo`, in the folder of the project, builds what it needs", 1);
    }
    let interrupt = match Interrupt::watch() {
        Ok(interrupt) => interrupt,
        Err(error) => return complain(&error.to_string(), "the system is short of something", 1),
    };
    // In a thread, so that a panic of the stand-ins cleans up as any other end does.
    let watched = interrupt.clone();
    match thread::spawn(move || story::tell(Voice::of_stdout(), watched)).join() {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(_)) | Err(_) if interrupt.came() => complain(
            "interrupted; everything that it started has been ended",
            "`cargo demo` starts it again",
            130,
        ),
        Ok(Err(Cut::Failed(what))) => {
            complain(&what, "this is a fault of tokend or of its demo: please report it", 1)
        }
        // Nobody reads any more.
        Ok(Err(Cut::Unheard | Cut::Interrupted)) => ExitCode::FAILURE,
        Err(_) => complain("the demo broke off", "what went wrong is said above", 1),
    }
}

/// What happened and what to do, in two lines, as tok says it.
fn complain(what: &str, hint: &str, code: u8) -> ExitCode {
    // There is nowhere else to say that this failed.
    let _ = writeln!(std::io::stderr(), "demo: {what}\nhint: {hint}");
    ExitCode::from(code)
}
