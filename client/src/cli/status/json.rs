//! The JSON of `tok status`: fields are added, never renamed; docs/seeing.md describes each.

use serde::Serialize;
use tokend_client::AccountStatus;

use super::super::complaint::Complaint;
use super::super::span;

#[derive(Serialize)]
struct JsonStatus<'a> {
    account: &'a str,
    r#type: &'a str,
    state: &'a str,
    expires_at: Option<String>,
    expires_in: Option<u64>,
    next_refresh_at: Option<String>,
    refreshed_at: Option<String>,
    served: u64,
    last_error: Option<JsonError<'a>>,
    warnings: &'a [String],
    /// By how many seconds tokend's clock is ahead of the service's.
    clock_skew: Option<i64>,
    /// When the term of its login is over.
    login_ends_at: Option<String>,
}

#[derive(Serialize)]
struct JsonError<'a> {
    kind: &'a str,
    message: &'a str,
    hint: &'a str,
    at: String,
}

/// A list of all, on one line.
pub(super) fn list(accounts: &[AccountStatus]) -> Result<String, Complaint> {
    let objects: Vec<_> = accounts
        .iter()
        .map(|account| JsonStatus {
            account: &account.account,
            r#type: &account.account_type,
            state: &account.state,
            expires_at: account.expires_at_ms.map(span::rfc3339_ms),
            expires_in: account.expires_in_ms.map(|left| left / 1000),
            next_refresh_at: account.next_refresh_at_ms.map(span::rfc3339_ms),
            refreshed_at: account.refreshed_at_ms.map(span::rfc3339_ms),
            served: account.served,
            last_error: account.last_error.as_ref().map(|error| JsonError {
                kind: &error.kind,
                message: &error.message,
                hint: &error.hint,
                at: span::rfc3339_ms(error.at_ms),
            }),
            warnings: &account.warnings,
            clock_skew: account.clock_skew.as_ref().map(|skew| span::whole_seconds(skew.ahead_ms)),
            login_ends_at: account.login_ends_at_ms.map(span::rfc3339_ms),
        })
        .collect();
    let list = serde_json::to_string(&objects);
    Ok(list
        .map_err(|error| Complaint::fault(format!("no JSON can be written: {error}"), "leave --json away"))?
        + "\n")
}

#[cfg(test)]
mod tests {
    use super::super::super::table::tests::account;
    use super::*;

    #[test]
    fn json_has_every_field_of_the_interface() -> Result<(), Complaint> {
        let text = list(&[account("a", "fresh")])?;
        for field in [
            "account",
            "type",
            "state",
            "expires_at",
            "expires_in",
            "next_refresh_at",
            "refreshed_at",
            "served",
            "last_error",
            "warnings",
            "clock_skew",
            "login_ends_at",
        ] {
            assert!(text.contains(&format!("\"{field}\":")), "{field} in {text}");
        }
        Ok(())
    }

    #[test]
    fn json_has_the_end_of_a_logins_term_or_null() -> Result<(), Complaint> {
        let mut one = account("a", "fresh");
        assert!(list(std::slice::from_ref(&one))?.contains("\"login_ends_at\":null"));
        one.login_ends_at_ms = Some(1_700_000_000_999);
        assert!(list(&[one])?.contains("\"login_ends_at\":\"2023-11-14T22:13:20Z\""));
        Ok(())
    }

    #[test]
    fn json_has_the_skew_in_whole_seconds_or_null() -> Result<(), Complaint> {
        let skew = |ahead_ms| tokend_client::ClockSkew { host: "a.example".to_owned(), ahead_ms };
        let mut one = account("a", "fresh");
        assert!(list(std::slice::from_ref(&one))?.contains("\"clock_skew\":null"));
        one.clock_skew = Some(skew(-7_199_600));
        assert!(list(&[one])?.contains("\"clock_skew\":-7200"));
        Ok(())
    }
}
