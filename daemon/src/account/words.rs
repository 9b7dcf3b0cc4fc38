//! What is said to callers: each failure says what happened and what to do next.

use std::time::Duration;

use tokend_proto::message::{self, Code};

use super::grant::{End, Unwritten};
use super::registry::Account;
use crate::clock::milliseconds;
use crate::provider::{CarriedOut, Class, Failure};

/// Said while rejections of a token that lives are not honoured.
pub(super) const VOUCHED: &str =
    "a caller rejected this token, but the service says that it lives; it is served on";

/// Said of a token of which the clocks disagree how old it is, while no new one can be had.
pub(super) const CLOCKS_DISAGREE: &str =
    "this machine's clock was set since the token was fetched, so it may be dead; no new one can be had now";

/// A span for people, in at most two units.
#[must_use]
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let rounded = match seconds {
        0 => return "under 1s".to_owned(),
        1..60 => seconds,
        60..3600 => seconds / 5 * 5,
        3600..86400 => seconds / 60 * 60,
        _ => seconds / 3600 * 3600,
    };
    humantime::format_duration(Duration::from_secs(rounded)).to_string()
}

/// The account is parked: tokend will not try again by itself.
pub(super) fn parked(account: &str, failure: &Failure) -> message::Failure {
    let hint = match failure.kind {
        // What a process was started with does not change while it runs.
        "secret-env" | "secret-credential" => failure.hint.clone(),
        _ if failure.class == Class::LoginNeeded => failure.hint.clone(),
        _ => format!(
            "{}; tokend will not try again until the {} changes (then: `tok reload`, or `tok refresh {account}`)",
            failure.hint,
            what_changes(failure.class)
        ),
    };
    message::Failure {
        code: if failure.class == Class::LoginNeeded { Code::LOGIN_NEEDED } else { Code::REFUSED },
        kind: failure.kind.to_owned(),
        message: format!("{account}: {}", failure.message),
        hint,
        next_try_in_ms: None,
    }
}

fn what_changes(class: Class) -> &'static str {
    match class {
        Class::Source => "secret",
        _ => "configuration or the secret",
    }
}

/// The account is locked, or the store that has its secret is.
#[must_use]
pub fn locked(account: &str, failure: &Failure) -> message::Failure {
    message::Failure {
        code: Code::LOCKED,
        kind: "locked".to_owned(),
        message: format!("{account}: {}", failure.message),
        hint: failure.hint.clone(),
        next_try_in_ms: None,
    }
}

/// Said after `tok lock`.
pub(super) fn forgotten() -> Failure {
    Failure { message: "tokend is locked".to_owned(), ..Failure::locked() }
}

/// A request that a lock has cancelled.
pub(super) fn cancelled_by_a_lock() -> Failure {
    Failure {
        class: Class::NotNow,
        kind: "cancelled",
        message: "a request was under way when tokend was locked, and was cancelled".to_owned(),
        hint: "it is tried again".to_owned(),
        retry_after: None,
        carried_out: CarriedOut::No,
        rotated: None,
    }
}

/// The service is not ready; the next try is scheduled.
pub(super) fn waiting(account: &str, failure: &Failure, next: Duration) -> message::Failure {
    message::Failure {
        code: Code::NOT_NOW,
        kind: failure.kind.to_owned(),
        message: format!("{account}: {}", failure.message),
        hint: format!("the next try is in {}; {}", span(next), failure.hint),
        next_try_in_ms: Some(milliseconds(next)),
    }
}

/// There is no such account.
pub(super) fn unknown(account: &str) -> message::Failure {
    message::Failure {
        code: Code::UNKNOWN,
        kind: "unknown-account".to_owned(),
        message: format!("there is no account {account}"),
        hint: "`tok list` shows the accounts".to_owned(),
        next_try_in_ms: None,
    }
}

/// The account's configuration changed while its caller waited.
pub(super) fn reconfigured(account: &str) -> message::Failure {
    message::Failure {
        code: Code::NOT_NOW,
        kind: "reconfigured".to_owned(),
        message: format!("{account}: its configuration changed while you waited"),
        hint: "ask again".to_owned(),
        next_try_in_ms: None,
    }
}

/// Callers made too many variants of an account.
pub(super) fn too_many_variants(account: &str, limit: usize) -> message::Failure {
    message::Failure {
        code: Code::NOT_NOW,
        kind: "too-many-variants".to_owned(),
        message: format!("{account}: tokens for {limit} other scopes and audiences are kept already"),
        hint: "ask for fewer different ones; one that is not used is dropped after three lifetimes"
            .to_owned(),
        next_try_in_ms: None,
    }
}

/// Callers reject too often.
pub(super) fn rejected_too_often() -> Failure {
    Failure {
        class: Class::NotNow,
        kind: "rejected-too-often",
        message: "its tokens were rejected again and again within ten minutes".to_owned(),
        hint: "find out why tokens that the service has just given are refused".to_owned(),
        retry_after: None,
        carried_out: CarriedOut::No,
        rotated: None,
    }
}

/// A forced refresh while the last delay runs: nothing was tried.
pub(super) fn not_tried(account: &str, failure: &Failure, next: Duration) -> message::Failure {
    message::Failure {
        message: format!("{account}: not tried again yet; the last try said: {}", failure.message),
        ..waiting(account, failure, next)
    }
}

/// Forced refreshes come too often.
pub(super) fn refreshed_too_often(account: &str, next: Duration) -> message::Failure {
    message::Failure {
        code: Code::NOT_NOW,
        kind: "refreshed-too-often".to_owned(),
        message: format!("{account}: refreshed a moment ago; the service is not asked again so soon"),
        hint: format!("the next refresh is possible in {}", span(next)),
        next_try_in_ms: Some(milliseconds(next)),
    }
}

/// A demand for nearly a whole lifetime, soon after the last token was fetched.
pub(super) fn too_soon(account: &str, next: Duration) -> message::Failure {
    message::Failure {
        code: Code::NOT_NOW,
        kind: "demanded-too-often".to_owned(),
        message: format!(
            "{account}: a token that long was fetched a moment ago; the service is not asked again so soon"
        ),
        hint: format!("the next one can be had in {}; ask for less with `--min-valid`", span(next)),
        next_try_in_ms: Some(milliseconds(next)),
    }
}

/// More is demanded of an exclusive account than its token has left.
pub(super) fn kills_the_old(account: &str, next: Duration) -> message::Failure {
    message::Failure {
        code: Code::NOT_NOW,
        kind: "exclusive".to_owned(),
        message: format!(
            "{account}: a new token would kill the one in hand, which has less life left than that"
        ),
        hint: format!(
            "the next one comes in {}; `tok refresh {account}` gets it now, and ends the old one",
            span(next)
        ),
        next_try_in_ms: Some(milliseconds(next)),
    }
}

/// The caller's time is over while a request is under way.
pub(super) fn timed_out(account: &str) -> message::Failure {
    message::Failure {
        code: Code::NOT_NOW,
        kind: "timeout".to_owned(),
        message: format!("{account}: the service did not answer in time"),
        hint: "tokend goes on trying; wait longer with `--timeout`, or see `tok status`".to_owned(),
        next_try_in_ms: None,
    }
}

/// The service never gives a token that long.
pub(super) fn never_that_long(account: &str, least: Duration, longest: Option<Duration>) -> message::Failure {
    let (given, hint) = match longest {
        Some(longest) => (
            format!("the longest that its service gave lives {}", span(longest)),
            "ask for less with `--min-valid`",
        ),
        None => (
            "its service does not say how long its tokens live".to_owned(),
            "leave `--min-valid` out, or set the account's `assume_lifetime`",
        ),
    };
    message::Failure {
        code: Code::NEVER_THAT_LONG,
        kind: "never-that-long".to_owned(),
        message: format!("{account}: no token lives {}; {given}", span(least)),
        hint: hint.to_owned(),
        next_try_in_ms: None,
    }
}

/// A warning beside a token that has less life than was wished for.
pub(super) fn short(left: Duration, trouble: Option<(String, Option<Duration>)>) -> String {
    match trouble {
        Some((message, Some(next))) => {
            format!(
                "only {} left; refreshing failed: {message}; the next try is in {}",
                span(left),
                span(next)
            )
        }
        Some((message, None)) => format!("only {} left; refreshing failed for good: {message}", span(left)),
        None => format!("only {} left; a refresh is under way", span(left)),
    }
}

/// A provider that broke its word: a fault of tokend's own.
pub(super) fn no_token() -> Failure {
    Failure {
        class: Class::NotNow,
        kind: "no-token",
        message: "the service's answer holds no token".to_owned(),
        hint: "see the log of tokend".to_owned(),
        retry_after: None,
        carried_out: CarriedOut::No,
        rotated: None,
    }
}

/// More secret fields than an answer can hold.
pub(super) fn too_large() -> Failure {
    Failure {
        class: Class::NotNow,
        kind: "bad-token",
        message: "the service's credential is larger than what can be served".to_owned(),
        hint: "look whether the account's `response` names the right fields".to_owned(),
        retry_after: None,
        carried_out: CarriedOut::No,
        rotated: None,
    }
}

/// A provider panicked.
pub(super) fn provider_panicked() -> Failure {
    Failure {
        class: Class::NotNow,
        kind: "internal",
        message: "a fault in tokend itself stopped the request".to_owned(),
        hint: "see the log of tokend, and please report it".to_owned(),
        retry_after: None,
        carried_out: CarriedOut::No,
        rotated: None,
    }
}

/// The service gave a rejected token once more.
pub(super) fn same_again(renews: bool) -> Failure {
    if renews {
        Failure {
            class: Class::NotNow,
            kind: "same-token",
            message: "the service gave the rejected token once more".to_owned(),
            hint: "it may keep a token until it expires".to_owned(),
            retry_after: None,
            carried_out: CarriedOut::No,
            rotated: None,
        }
    } else {
        Failure {
            class: Class::No,
            kind: "only-token",
            message: "the only token there is was rejected".to_owned(),
            hint: "put a new one in its place".to_owned(),
            retry_after: None,
            carried_out: CarriedOut::No,
            rotated: None,
        }
    }
}

/// The answer took longer than the token lives.
pub(super) fn dead_on_arrival() -> Failure {
    Failure {
        class: Class::NotNow,
        kind: "dead-on-arrival",
        message: "the service's token was dead when it arrived".to_owned(),
        hint: "the service is slow, or this machine's clock is wrong".to_owned(),
        retry_after: None,
        carried_out: CarriedOut::No,
        rotated: None,
    }
}

/// The answer to the last refresh was lost, so that the refresh token may have been spent.
pub(super) fn refresh_in_doubt() -> Failure {
    let message = "whether the last refresh was carried out is not known";
    let hint = "the token in hand is served to its end; then the refresh token is sent once more";
    Failure::not_now("refresh-in-doubt", message, hint).perhaps(CarriedOut::AnswerLost)
}

/// Said while a refresh token is not on disk.
pub(super) fn login_at_risk(why: &str) -> String {
    format!(
        "a crash of tokend now loses this account's login: what became of its refresh token is not on disk ({why})"
    )
}

/// What a person does about a grant that has ended.
const NEW_GRANT: &str = "log in anew at the service, and put the new refresh token where the account's `refresh_token` comes \
                         from (`tok secret set` for a store's)";

/// A refresh token that is not sent again.
pub(super) fn grant_has_ended(end: End) -> Failure {
    match end {
        End::Refused => {
            Failure::login_needed("invalid-grant", "the service refused the refresh token", NEW_GRANT)
        }
        End::Lost => Failure::login_needed(
            "grant-lost",
            "the answers to two refreshes with the same refresh token were lost; it is not sent a third time",
            NEW_GRANT,
        ),
        End::LoggedOut => Failure::login_needed(LOGGED_OUT, "somebody logged out", NEW_GRANT),
        End::Over => Failure::login_needed("login-over", "the term of this login is over", NEW_GRANT),
    }
}

/// The kind of failure of an account that trades another's token, and gets none.
pub(super) const BORROWED: &str = "borrowed-token";

/// The other account's service gives no id token.
pub(super) fn no_id_token_to_trade(account: &str) -> Failure {
    Failure::not_now(
        BORROWED,
        format!("no id token came with the token of {account}"),
        format!("the `scope` of {account} must have \"openid\""),
    )
}

/// A disk that takes too long.
pub(super) fn disk_hangs() -> Failure {
    Failure::not_now("kept-state", "the disk does not answer in time", "mend the disk")
}

/// Nobody has logged in yet, or what came of it has been used up.
pub(super) fn nobody_logged_in() -> Failure {
    Failure::login_needed("login-needed", "nobody is logged in to this account", NEW_GRANT)
}

/// The token in hand is the last one of a login with a term.
pub(super) fn last_of_its_term() -> Failure {
    Failure::login_needed("login-ends", "the term of this login ends with the token in hand", NEW_GRANT)
}

/// The same; where a person logs in by tokend, that is what to do.
pub(super) fn mended(failure: Failure, account: &Account) -> Failure {
    if account.provider.login().is_some() {
        return Failure { hint: format!("`tok login {}`", account.name), ..failure };
    }
    failure
}

/// A refresh brought an id token of another subject than the login.
pub(super) const SOMEBODY_ELSE: &str =
    "the id token was left out: it is about somebody else than the one that came with the login (`sub`)";

/// The kind of failure that a logout leaves behind.
pub(super) const LOGGED_OUT: &str = "logged-out";

/// Somebody logged out.
pub(super) fn logged_out() -> Failure {
    grant_has_ended(End::LoggedOut)
}

/// The kind of failure of a logout that the disk did not take.
pub(super) const STAYS_ON_DISK: &str = "login-on-disk";

/// A logout that the disk did not take.
pub(super) fn login_stays_on_disk(unwritten: &Unwritten) -> Failure {
    let why = match unwritten {
        Unwritten::Locked => "the store is locked",
        Unwritten::Refused(why) => why,
    };
    Failure::not_now(
        STAYS_ON_DISK,
        format!("the login is forgotten, but its file cannot be changed ({why})"),
        "mend that, then say `tok logout` once more",
    )
}

/// A login for an account that was configured otherwise meanwhile.
pub(super) fn login_for_another(account: &str) -> Failure {
    Failure::not_now(
        "reconfigured",
        format!("the configuration of {account} changed while somebody logged in"),
        format!("`tok login {account}` once more"),
    )
}

/// A logout from an account that nobody logs in to.
pub(super) fn no_login(account: &str, kind: &str) -> Failure {
    Failure::source(
        "no-login",
        format!("nobody logs in to {account}: it is of type {kind}, with no refresh token"),
        "its secret is revoked at the service, or removed from where it comes from",
    )
}

/// The service refused a refresh token that was sent once more.
pub(super) fn after_a_lost_answer(refusal: Failure) -> Failure {
    let message = format!("{}; the answer to an earlier refresh with it was lost", refusal.message);
    Failure { message, ..refusal }
}

/// A fault of tokend's own.
pub(super) fn no_refresh_token() -> Failure {
    Failure::not_now(
        "internal",
        "there is no refresh token to spend",
        "see the log of tokend, and please report it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_well() {
        assert_eq!(span(Duration::from_millis(300)), "under 1s");
        assert_eq!(span(Duration::from_secs(59)), "59s");
        assert_eq!(span(Duration::from_secs(3599)), "59m 55s");
        assert_eq!(span(Duration::from_secs(3600 * 23 + 125)), "23h 2m");
        assert_eq!(span(Duration::from_secs(86400 * 10 + 3700)), "10days 1h");
    }
}
