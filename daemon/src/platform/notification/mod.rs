//! A notification on the desktop, where there is one.

#[cfg(not(any(target_os = "macos", windows)))]
mod freedesktop;
#[cfg(not(any(target_os = "macos", windows)))]
pub use freedesktop::show;

#[cfg(any(target_os = "macos", windows))]
mod none;
#[cfg(any(target_os = "macos", windows))]
pub use none::show;

/// There is no desktop, or nobody on it shows notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotShown;
