//! What only Windows has: a pipe whose descriptor lets in its user alone, other ways to be asked to end, programs in files
//! of other endings, the Credential Manager.

#![cfg(has_pipes)]
#![expect(clippy::expect_used, reason = "a test should fail with the place")]

mod ends;
mod pipes;
mod programs;
mod secrets;
