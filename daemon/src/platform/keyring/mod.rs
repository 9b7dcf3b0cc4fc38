//! The desktop's keyring, as each system has it: one item for a service and a user.

#[cfg(any(target_os = "macos", windows))]
mod native;
#[cfg(any(target_os = "macos", windows))]
pub use native::{by_hand, get, look, put};

#[cfg(not(any(target_os = "macos", windows)))]
mod secret_service;
#[cfg(not(any(target_os = "macos", windows)))]
pub use secret_service::{by_hand, get, look, put};

/// Why a keyring gives or takes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// There is no such item.
    Missing,
    /// There is more than one such item.
    Ambiguous,
    /// The person who was asked to unlock it said no, or nobody answered.
    Locked,
    /// There is no session bus.
    NoBus,
    /// Nobody on the session bus keeps secrets.
    NoService,
    /// Anything else. What it was, without a secret.
    Failed(String),
}
