//! The Python client in `docs/wire-protocol.md` works: it runs against a daemon made of this crate.

mod platform;
