//! What is said to whoever logs in: what happened, and what to do next.

use std::time::Duration;

use tokend_proto::message::{self, Code};

use super::usage;
use crate::account::{Account, span};
use crate::provider::login::{CODE_EXPIRED, DECLINED, NO_DEVICE_FLOW};
use crate::provider::{Class, Failure};

/// The kind of a fault of tokend's own.
const FAULT: &str = "internal";

/// The failure of a login as the client gets it.
pub(super) fn told(account: &str, failure: &Failure) -> message::Failure {
    let code = match (failure.kind, failure.class) {
        (DECLINED, _) => Code::DENIED,
        ("stopping", _) => Code::NO_DAEMON,
        (FAULT, _) => Code::INTERNAL,
        (_, Class::Locked) => Code::LOCKED,
        (_, Class::NotNow) => Code::NOT_NOW,
        (_, Class::LoginNeeded) => Code::LOGIN_NEEDED,
        (_, Class::No | Class::Doubtful | Class::Source) => Code::REFUSED,
    };
    message::Failure {
        code,
        kind: failure.kind.to_owned(),
        message: format!("{account}: {}", failure.message),
        hint: hint(account, failure),
        next_try_in_ms: None,
    }
}

/// What to do about it. Hints of providers say that tokend tries again, which is not so of a login.
pub(super) fn hint(account: &str, failure: &Failure) -> String {
    let again = format!("`tok login {account}`");
    match failure.kind {
        "busy" | "service-error" | "rate-limited" => format!("{again} again in a moment"),
        "page" | "redirect" | "bad-answer" => {
            format!("check the endpoints; on a public network, log in to its portal first; then {again}")
        }
        "unclear-refusal" => format!("{FIT}; then {again}"),
        CODE_EXPIRED => format!("{again} gives a new code"),
        "timeout" | "dns" | "unreachable" | "reset" | "tls" | "proxy" | "bad-metadata" => {
            format!("{}; then {again}", failure.hint)
        }
        _ => match failure.hint.strip_suffix("; tokend tries again") {
            Some(hint) => format!("{hint}; then {again}"),
            None => failure.hint.clone(),
        },
    }
}

const FIT: &str = "check issuer, endpoints, client_id and scope against what the service says";

/// Nobody logs in to an account of this type.
pub(super) fn no_login(account: &str, kind: &str) -> message::Failure {
    let what = match kind {
        "oauth2" => "its grant needs no person",
        _ => "accounts of this type need no person",
    };
    usage(
        "no-login",
        format!("nobody logs in to {account}: its type is {kind}"),
        format!("{what}; `tok get {account}` gives its token"),
    )
}

pub(super) fn unknown_way() -> message::Failure {
    usage(
        "unknown-way",
        "tokend does not know this way to log in".to_owned(),
        "tok and tokend of one version fit".to_owned(),
    )
}

pub(super) fn no_such_login(account: &str) -> message::Failure {
    usage(
        "no-such-login",
        format!("{account}: this login is over"),
        format!("`tok login {account}` begins another"),
    )
}

pub(super) fn takes_no_redirect(account: &str) -> message::Failure {
    usage("no-redirect", format!("{account}: this login waits for no address"), "do what it shows".to_owned())
}

pub(super) fn no_redirect(account: &str) -> message::Failure {
    usage(
        "wrong-redirect",
        format!("{account}: this is no address that a login ends at"),
        "paste the whole address that the browser shows in the end, with all that stands behind its `?`"
            .to_owned(),
    )
}

pub(super) fn foreign_redirect(account: &str) -> message::Failure {
    usage(
        "wrong-redirect",
        format!("{account}: this address is cut off or belongs to another login: its state does not match"),
        "log in on the page that this login shows, and paste the whole address where that ends".to_owned(),
    )
}

/// RFC 9207 2.4. Nothing of it is sent anywhere.
pub(super) fn redirect_of_another_issuer(account: &str, failure: &Failure) -> message::Failure {
    usage(
        "wrong-redirect",
        format!("{account}: this address is cut off or of another service: its iss does not match"),
        format!("paste the whole address where this login ends; if that is it: {}", failure.hint),
    )
}

pub(super) fn unfinished_redirect(account: &str, uri: &str) -> message::Failure {
    usage(
        "wrong-redirect",
        format!("{account}: there is no code in this address"),
        format!("finish the login in the browser; the address that it ends at begins with {uri}"),
    )
}

pub(super) fn reconfigured(account: &str) -> message::Failure {
    message::Failure {
        code: Code::NOT_NOW,
        kind: "reconfigured".to_owned(),
        message: format!("{account}: its configuration changed during the login"),
        hint: format!("`tok login {account}` again"),
        next_try_in_ms: None,
    }
}

/// A fault of tokend's own.
pub(super) fn broken(account: &str) -> message::Failure {
    message::Failure {
        code: Code::INTERNAL,
        kind: FAULT.to_owned(),
        message: format!("{account}: {FAULT_STOPPED_IT}"),
        hint: PLEASE_REPORT.to_owned(),
        next_try_in_ms: None,
    }
}

/// The same, of what the login waited for.
pub(super) fn fault() -> Failure {
    Failure::not_now(FAULT, FAULT_STOPPED_IT, PLEASE_REPORT)
}

const FAULT_STOPPED_IT: &str = "a fault in tokend itself stopped the login";
const PLEASE_REPORT: &str = "see the log of tokend, and please report it";

pub(super) fn stopping() -> Failure {
    Failure::not_now("stopping", "tokend is stopping", "log in again in a moment")
}

pub(super) fn no_way() -> Failure {
    Failure::no(
        "no-endpoint",
        "the service tells of no place where a person logs in",
        "write `authorization_endpoint` or `device_authorization_endpoint`",
    )
}

pub(super) fn no_device_flow() -> Failure {
    Failure::no(
        NO_DEVICE_FLOW,
        "the service does not say that it has a device flow",
        "write `device_authorization_endpoint` if it has one; else leave `--device` out",
    )
}

/// The same, of somebody who asked for it, where there is another way.
pub(super) fn of_the_wish_for_a_device(failure: Failure) -> Failure {
    if failure.kind != NO_DEVICE_FLOW {
        return failure;
    }
    let hint = format!("{}; else leave `--device` out", failure.hint);
    Failure { hint, ..failure }
}

/// Another way is gone, since the service does not let this client begin the device flow.
pub(super) fn no_device_flow_here(failure: &Failure) -> String {
    match failure.kind {
        NO_DEVICE_FLOW => failure.message.clone(),
        _ => format!("no device flow for this client: {}", failure.message),
    }
}

pub(super) fn nobody_came(patience: Duration) -> Failure {
    let message = format!("nobody logged in within {}", span(patience));
    Failure::not_now("login-timeout", message, "log in again, and do not leave it lying")
}

pub(super) fn code_expired() -> Failure {
    Failure::not_now(CODE_EXPIRED, "the code expired before anybody used it", "log in again for a new code")
}

/// The token lives, and then the login is over.
pub(super) fn no_refresh_token(account: &Account) -> String {
    let hint = no_refresh_token_hint(account.provider.scopes().unwrap_or_default());
    format!("the service gave no refresh token, so this login ends with its token; {hint}")
}

/// OpenID Connect Core 1.0, 11: without the person's consent anew, `offline_access` may be ignored.
fn no_refresh_token_hint(scopes: &[String]) -> &'static str {
    if scopes.iter().any(|scope| scope == "offline_access") {
        "some services give one in a browser only with extra = { authorization = { prompt = \"consent\" } }; \
         or the client may not be allowed to have one: look at its registration"
    } else {
        "many services give one for scope = [\"offline_access\"], some for extra = { authorization = \
         { access_type = \"offline\" } }"
    }
}

pub(super) fn open_here() -> String {
    "waiting for the browser".to_owned()
}

pub(super) fn open_elsewhere() -> String {
    "waiting for the address that the browser ends at".to_owned()
}

pub(super) fn type_the_code() -> String {
    "waiting for you to enter the code there".to_owned()
}

pub(super) fn answer_has_come() -> String {
    "the browser came back; fetching the tokens".to_owned()
}

pub(super) fn foreign_answer() -> String {
    "an answer came whose state does not match; it was turned away, and the login goes on".to_owned()
}

pub(super) fn unfinished_answer() -> String {
    "an answer came without a code; the login goes on".to_owned()
}

pub(super) fn fails_for_now(failure: &Failure) -> String {
    format!("{}; trying on", failure.message)
}

pub(super) fn answers_again() -> String {
    "the service answers again".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_for_a_refresh_token_is_told_what_else_there_is() {
        let hint = |scopes: &[&str]| {
            no_refresh_token_hint(&scopes.iter().map(|&scope| scope.to_owned()).collect::<Vec<_>>())
        };
        let asked = hint(&["openid", "offline_access"]);
        assert!(asked.contains("extra = { authorization = { prompt = \"consent\" } }"), "{asked}");
        let unasked = hint(&["openid"]);
        assert!(
            unasked.contains("scope = [\"offline_access\"]") && !unasked.contains("consent"),
            "{unasked}"
        );
    }

    #[test]
    fn a_failed_login_has_the_exit_code_of_its_meaning() {
        for (failure, code) in [
            (Failure::no(DECLINED, "x", "y"), Code::DENIED),
            (Failure::no("refused", "x", "y"), Code::REFUSED),
            (Failure::doubtful("unclear-refusal", "x", "y"), Code::REFUSED),
            (Failure::source("secret-file", "x", "y"), Code::REFUSED),
            (code_expired(), Code::NOT_NOW),
            (Failure::not_now("timeout", "x", "y"), Code::NOT_NOW),
            (Failure::not_now("id-token", "x", "y; tokend tries again"), Code::NOT_NOW),
            (Failure::not_now("page", "x", "y; tokend tries again"), Code::NOT_NOW),
            (Failure::locked(), Code::LOCKED),
            (stopping(), Code::NO_DAEMON),
            (fault(), Code::INTERNAL),
        ] {
            let told = told("a", &failure);
            assert_eq!(told.code, code, "{failure:?}");
            assert!(!told.hint.contains("tokend tries again"), "{}", told.hint);
        }
        assert_eq!(told("a", &code_expired()).hint, "`tok login a` gives a new code");
    }
}
