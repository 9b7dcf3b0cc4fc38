//! What travels between `tok` and `tokend`: messages, their encoding, frames, limits, and where the socket is.
//!
//! No I/O and no runtime here: every function turns bytes or values into others. `docs/wire-protocol.md`
//! describes the same byte by byte, for those who write another client.

#![forbid(unsafe_code)]

mod code;
pub mod codec;
pub mod envelope;
pub mod finding;
pub mod frame;
mod health;
pub mod limits;
pub mod list;
mod login;
pub mod message;
pub mod places;
pub mod secret;
mod store;

pub use codec::{DecodeError, EncodeError};
pub use envelope::{Envelope, Extra, Kind};
pub use list::List;
pub use message::{Answer, Request};
pub use secret::Secret;
