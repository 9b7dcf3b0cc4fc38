//! What differs from system to system in the tests' own doings: processes and how they are asked to end, files' modes and
//! owners, the place where a daemon listens, and how it is known that it does.
//!
//! One folder a system, with the same names and signatures. What a system has not by nature fails there with
//! [`Unsupported`](std::io::ErrorKind::Unsupported), or is missing; tests that need it say so (`build.rs`).

/// The name of the file that a program of this name is in.
#[must_use]
pub fn program_file(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

#[cfg(unix)]
mod unix;
#[cfg(windows)]
#[expect(unsafe_code, reason = "Windows is asked by its own calls")]
mod windows;

#[cfg(unix)]
pub use unix::*;
#[cfg(windows)]
pub use windows::*;
