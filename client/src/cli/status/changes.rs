//! `tok status --watch --json`: the list of `tok status --json` on one line, now and whenever it has changed.

use std::thread;
use std::time::{Duration, Instant};

use tokend_client::{AccountStatus, Client, Code, Error};

use super::super::complaint::Stop;
use super::super::{clock, output, platform};
use super::json;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a daemon that went away may take to come back, as for `tok watch`.
const RETURN: Duration = Duration::from_secs(30);

/// Times that are counted from two clocks differ by less from look to look.
const SAME_MS: u64 = 1500;

/// Prints until nobody reads, or the daemon is gone for long.
pub(super) fn tell(account: Option<&str>) -> Result<u8, Stop> {
    let mut client = Client::lazy()?;
    let mut told: Option<Vec<AccountStatus>> = None;
    let mut gone: Option<Instant> = None;
    loop {
        let looked = match account {
            Some(account) => client.status_of(account).map(|status| vec![status]),
            None => client.status(),
        };
        match looked {
            Ok(accounts) => {
                gone = None;
                let known = lasting(&accounts, clock::wall_ms());
                if told.as_deref().is_none_or(|told| has_changed(told, &known)) {
                    output::print(json::list(&accounts)?.as_bytes())?;
                    told = Some(known);
                }
            }
            Err(error) => {
                let since = *gone.get_or_insert_with(clock::now);
                if told.is_none() || !went_away(&error) || since.elapsed() > RETURN {
                    return Err(error.into());
                }
            }
        }
        thread::sleep(PAUSE);
        if platform::stdout_has_no_reader() {
            return Ok(0);
        }
    }
}

fn went_away(error: &Error) -> bool {
    match error {
        Error::Lost(_) | Error::NotRunning { .. } | Error::TimedOut { .. } => true,
        Error::Failed(failure) => failure.code == Code::NO_DAEMON,
        _ => false,
    }
}

/// What is due stays due, whatever the time is.
fn lasting(accounts: &[AccountStatus], now_ms: i64) -> Vec<AccountStatus> {
    let mut accounts = accounts.to_vec();
    for account in &mut accounts {
        account.next_refresh_at_ms =
            account.next_refresh_at_ms.map(|at| if at < now_ms + 1000 { 0 } else { at });
    }
    accounts
}

/// Whether something other than the time has changed: what only runs down or counts up is no change.
fn has_changed(before: &[AccountStatus], now: &[AccountStatus]) -> bool {
    before.len() != now.len() || before.iter().zip(now).any(|(before, now)| differ(before, now))
}

fn differ(before: &AccountStatus, now: &AccountStatus) -> bool {
    let apart = |before: Option<i64>, now: Option<i64>| match (before, now) {
        (Some(before), Some(now)) => before.abs_diff(now) > SAME_MS,
        (before, now) => before != now,
    };
    before.account != now.account
        || before.account_type != now.account_type
        || before.state != now.state
        || before.last_error != now.last_error
        || before.warnings != now.warnings
        || apart(before.expires_at_ms, now.expires_at_ms)
        || apart(before.next_refresh_at_ms, now.next_refresh_at_ms)
        || apart(before.refreshed_at_ms, now.refreshed_at_ms)
        || before.login_ends_at_ms != now.login_ends_at_ms
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::super::super::table::tests::account;
    use super::*;

    #[test]
    fn time_that_passes_is_no_change() {
        let before = AccountStatus {
            expires_at_ms: Some(100_000),
            expires_in_ms: Some(50_000),
            ..account("a", "fresh")
        };
        let later = AccountStatus {
            expires_at_ms: Some(100_001),
            expires_in_ms: Some(49_000),
            served: 7,
            ..before.clone()
        };
        assert!(!has_changed(from_ref(&before), from_ref(&later)));
        for changed in [
            AccountStatus { state: "refreshing".to_owned(), ..later.clone() },
            AccountStatus { expires_at_ms: Some(200_000), ..later.clone() },
            AccountStatus { next_refresh_at_ms: Some(1), ..later.clone() },
            AccountStatus { login_ends_at_ms: Some(1), ..later },
        ] {
            assert!(has_changed(from_ref(&before), &[changed]));
        }
        assert!(has_changed(from_ref(&before), &[]));
        let due = |at| lasting(&[AccountStatus { next_refresh_at_ms: Some(at), ..before.clone() }], 50_000);
        assert!(!has_changed(&due(40_000), &due(50_900)));
        assert!(has_changed(&due(40_000), &due(52_000)));
    }
}
