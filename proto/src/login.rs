//! The messages of a person's login: how it goes on, what it brought, and its end.

use serde::{Deserialize, Serialize};

use crate::message::Words;
use crate::secret::Secret;

/// A person logs in to an account. Answered by [`LoginStep`]s, then by [`LoggedIn`] or a failure; the login ends with
/// the connections of all who wait for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The account's name.
    pub account: String,
    /// Whether the client can open a browser whose machine is the daemon's.
    pub has_browser: bool,
    /// [`Login::AS_FITS`] or one of the other ways.
    pub way: String,
    /// The login is forgotten after so long, in milliseconds.
    pub term_ms: Option<u64>,
}

impl Login {
    /// A browser where there is one, else the device flow where the service has it, else the redirect is pasted.
    pub const AS_FITS: &'static str = "";
    /// The device flow (RFC 8628).
    pub const DEVICE: &'static str = "device";
    /// A browser elsewhere: the address that it is sent to in the end is pasted.
    pub const REDIRECT: &'static str = "redirect";
}

/// What a login waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginStep {
    /// Which login: what [`LoginRedirect`] must repeat.
    pub login: u64,
    /// [`LoginStep::BROWSER`], [`LoginStep::DEVICE`], [`LoginStep::REDIRECT`] or [`LoginStep::PROGRESS`].
    pub step: String,
    /// The address to open, `https` or on the loopback, of visible ASCII without quotes and such; empty with
    /// [`LoginStep::PROGRESS`].
    pub url: String,
    /// The same with the code in it (RFC 8628 3.3.1).
    pub complete_url: Option<String>,
    /// The code to type there.
    pub user_code: Option<String>,
    /// How long that is good for, in milliseconds.
    pub expires_in_ms: Option<u64>,
    /// Whether the address that the browser is sent to in the end may be pasted ([`LoginRedirect`]).
    pub takes_redirect: bool,
    /// What it waits for, in words.
    pub message: String,
}

impl LoginStep {
    /// Open `url` in a browser on this machine.
    pub const BROWSER: &'static str = "browser";
    /// Open `url` anywhere, and type `user_code` there.
    pub const DEVICE: &'static str = "device";
    /// Open `url` in a browser elsewhere, and paste where it ends.
    pub const REDIRECT: &'static str = "redirect";
    /// It goes on.
    pub const PROGRESS: &'static str = "progress";
}

/// The address that the browser was sent to, pasted by the person who logs in.
#[derive(Debug, Serialize, Deserialize)]
pub struct LoginRedirect {
    /// The account's name.
    pub account: String,
    /// Which login.
    pub login: u64,
    /// The whole address, or what stands behind its `?`.
    pub url: Secret,
}

/// The login is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedIn {
    /// The account's name.
    pub account: String,
    /// Who logged in, as the service names that person in the id token; for people. None where there is no id token.
    pub person: Option<String>,
    /// How long its token lives, in milliseconds, where that is known.
    pub expires_in_ms: Option<u64>,
    /// Whether the service gave a refresh token; without one the login ends with the token.
    pub renews: bool,
    /// When the login's term is over, in milliseconds since 1970.
    pub ends_at_ms: Option<i64>,
    /// What it is good for, where that is known.
    pub scope: Words,
    /// What the person should know.
    pub warnings: Words,
}

/// A person logs out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logout {
    /// The account's name.
    pub account: String,
    /// The login is only forgotten here, not revoked at the service.
    pub local: bool,
}

/// The login is forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedOut {
    /// Whether the service was told, and took it (RFC 7009).
    pub revoked: bool,
    /// What the person should know.
    pub warnings: Words,
}
