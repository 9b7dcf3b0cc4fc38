//! Fetches tokens from `tokend`, the agent that keeps a fresh one for each account.
//!
//! ```no_run
//! # fn main() -> Result<(), tokend_client::Error> {
//! use tokend_client::Client;
//!
//! let token = Client::connect()?.get("lyve-prod")?;
//! let header = format!("Authorization: {} {}", token.scheme().unwrap_or("Bearer"), &*token.text());
//! # drop(header); Ok(())
//! # }
//! ```
//!
//! [`Client`] blocks and needs no runtime; with the feature `tokio` there is an `AsyncClient` with the same
//! methods. Both keep one connection, make it anew when the daemon was restarted, and send nothing before the
//! kernel has said that the daemon is this user's or root's. What is asked and how an answer is read is written
//! once, without I/O, in `ask` and `exchange`.
//!
//! Every error says what happened, what to do ([`Error::hint`]), and what `tok` exits with for it
//! ([`Error::code`]). Tokens are [`Secret`]s: wiped when dropped, silent in `Debug`.

mod ask;
#[cfg(feature = "tokio")]
mod asynchronous;
mod blocking;
mod clock;
mod error;
mod exchange;
pub mod places;
mod platform;
mod reach;
mod token;

pub use ask::{Get, LoginEvent, LoginOptions, LoginWay};
#[cfg(feature = "tokio")]
pub use asynchronous::{AsyncClient, AsyncLogin, AsyncWatch};
pub use blocking::{Client, Login, Watch};
pub use error::Error;
pub use platform::User;
pub use token::Token;
pub use tokend_proto::Secret;
pub use tokend_proto::message::{
    About, AccountName, AccountStatus, ClockSkew, Code, Failure, Finding, Health, LastError, LoggedIn,
    LoggedOut, LoginStep, Reloaded, StoreState,
};
