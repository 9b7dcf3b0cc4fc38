//! The client in another language that `docs/wire-protocol.md` shows.

mod platform;
