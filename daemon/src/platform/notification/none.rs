//! No notifications: macOS and Windows show those of applications that are bundled or registered, which a
//! daemon is not.

use super::NotShown;

/// Shows nothing.
///
/// # Errors
/// Always.
pub async fn show(_headline: &str, _text: &str) -> Result<(), NotShown> {
    Err(NotShown)
}
