//! macOS' Keychain: the user's default one, which is the login keychain unless somebody has changed that. It asks a person
//! before it gives a program what another program has put there, or when it is locked.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use keyring::Error;
use security_framework::os::macos::keychain::SecKeychain;

/// Whether an item can be looked at without asking a person.
pub(super) const ASKS_NOBODY: bool = false;

/// `errSecUserCanceled` and `errSecAuthFailed` of `<Security/SecBase.h>`: a person said no, or not the right password.
const SAID_NO: [i32; 2] = [-128, -25_293];

/// `errSecInteractionNotAllowed`: a person would have to be asked.
const MAY_NOT_ASK: i32 = -25_308;

/// Of which users' items a person said no. Nobody is asked again before the item was had without asking: tries go on for as
/// long as it takes, and a person would be asked at each.
static REFUSED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// How a person puts a secret there.
#[must_use]
pub fn by_hand(service: &str, user: &str) -> String {
    format!("security add-generic-password -s {service} -a {user} -w")
}

/// Does what may ask a person, unless it was refused for this user before: then only what can be had without asking.
pub(super) fn asking_once<T>(user: &str, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let refused = || REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    let outcome = if refused().contains(user) {
        // It holds for the whole process: whoever else would ask right now is told that nobody may be asked, and tries again.
        let quiet = SecKeychain::disable_user_interaction();
        let outcome = work();
        drop(quiet);
        outcome
    } else {
        work()
    };
    match &outcome {
        Ok(_) => drop(refused().remove(user)),
        Err(error) if status(error).is_some_and(|status| SAID_NO.contains(&status)) => {
            refused().insert(user.to_owned());
        }
        Err(_) => {}
    }
    outcome
}

/// Whether a person said no, or may not be asked.
pub(super) fn is_refusal(error: &Error) -> bool {
    status(error).is_some_and(|status| status == MAY_NOT_ASK || SAID_NO.contains(&status))
}

fn status(error: &Error) -> Option<i32> {
    let (Error::PlatformFailure(cause) | Error::NoStorageAccess(cause)) = error else { return None };
    cause.downcast_ref::<security_framework::base::Error>().map(|cause| cause.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: i32) -> Error {
        Error::PlatformFailure(Box::new(security_framework::base::Error::from_code(status)))
    }

    #[test]
    fn a_person_who_said_no_is_remembered_until_the_item_is_had() {
        let is_remembered = || REFUSED.lock().unwrap_or_else(PoisonError::into_inner).contains("remembered");
        for (status, remembered) in [(MAY_NOT_ASK, false), (-128, true), (MAY_NOT_ASK, true)] {
            let outcome = asking_once("remembered", || Err::<(), _>(failure(status)));
            assert!(outcome.is_err_and(|error| is_refusal(&error)));
            assert_eq!(is_remembered(), remembered, "{status}");
        }
        assert!(asking_once("remembered", || Ok(())).is_ok());
        assert!(!is_remembered());
    }
}
