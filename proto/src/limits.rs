//! The bounds of everything that travels, in bytes, items and time.

use std::time::Duration;

/// The protocol that this crate speaks; the first two bytes of a connection's first frame (little endian).
pub const PROTOCOL: u16 = 1;

/// A request's payload (what follows the length) is at most this many bytes.
pub const MAX_REQUEST: usize = 64 * 1024;

/// An answer's payload is at most this many bytes.
pub const MAX_ANSWER: usize = 1024 * 1024;

/// A secret or token is at most this many bytes.
pub const MAX_SECRET: usize = 64 * 1024;

/// An account's name is at most this many bytes.
pub const MAX_NAME: usize = 64;

/// At most this many scopes, audiences, fields or warnings in one message.
pub const MAX_WORDS: usize = 64;

/// At most this many accounts in one page of `status` or `list`; the next page is asked for by the last name.
pub const MAX_PAGE: usize = 1024;

/// How long the daemon waits for the rest of a frame that has begun, and for a client to take an answer.
pub const FRAME_DEADLINE: Duration = Duration::from_secs(10);

/// The longest that a request may ask the daemon to wait for a service.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(600);

/// What `get` waits for the service when its caller says nothing.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
