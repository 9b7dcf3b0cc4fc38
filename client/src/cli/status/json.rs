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
    use serde_json::{Map, Value};

    use super::super::super::table::tests::{account, failed};
    use super::*;

    /// The rows of docs/seeing.md's table of fields: each field's name, and what it may be.
    fn documented() -> Vec<(&'static str, &'static str)> {
        let page = include_str!("../../../../docs/seeing.md");
        let table =
            page.split_once("| field | type | what it is |\n|---|---|---|\n").map_or("", |(_, rest)| rest);
        let rows = table.lines().take_while(|line| line.starts_with('|'));
        let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
        cells.filter_map(|cells| Some((cells.get(1)?.trim_matches('`'), *cells.get(2)?))).collect()
    }

    fn is(value: &Value, what: &str) -> bool {
        what.split(" or ").any(|what| match what {
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "object" => value.is_object(),
            "null" => value.is_null(),
            "list of strings" => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
            _ => false,
        })
    }

    /// Without anything that can be left out, and with everything.
    fn both() -> [AccountStatus; 2] {
        let all = AccountStatus {
            expires_at_ms: Some(1),
            expires_in_ms: Some(1),
            next_refresh_at_ms: Some(1),
            refreshed_at_ms: Some(1),
            warnings: tokend_proto::List::truncating(vec!["a warning".to_owned()]),
            clock_skew: Some(tokend_client::ClockSkew { host: "a.example".to_owned(), ahead_ms: 1 }),
            login_ends_at_ms: Some(1),
            ..failed("b", "waiting", "no route", "wait")
        };
        [account("a", "idle"), all]
    }

    #[test]
    fn what_the_page_documents_is_what_is_printed() -> Result<(), Box<dyn std::error::Error>> {
        let text = list(&both()).map_err(|complaint| complaint.message)?;
        let printed: Vec<Map<String, Value>> = serde_json::from_str(&text)?;
        let documented = documented();
        for object in &printed {
            let mut names: Vec<String> = object.keys().cloned().collect();
            if let Some(Value::Object(error)) = object.get("last_error") {
                names.extend(error.keys().map(|name| format!("last_error.{name}")));
            }
            for name in &names {
                assert!(documented.iter().any(|(known, _)| known == name), "{name} is not in docs/seeing.md");
            }
            for (name, what) in &documented {
                let value = match name.split_once('.') {
                    None => object.get(*name),
                    Some((outer, inner)) => match object.get(outer) {
                        Some(Value::Null) => continue,
                        found => found.and_then(|found| found.get(inner)),
                    },
                };
                assert!(value.is_some_and(|value| is(value, what)), "{name}: {what}, and not {value:?}");
            }
        }
        Ok(())
    }

    /// Scripts stand on this: a line that fails here may be added to, and never changed.
    #[test]
    fn no_field_is_ever_renamed() -> Result<(), Complaint> {
        let text = list(&both())?;
        let expected = concat!(
            r#"[{"account":"a","type":"static","state":"idle","expires_at":null,"expires_in":null,"#,
            r#""next_refresh_at":null,"refreshed_at":null,"served":0,"last_error":null,"warnings":[],"#,
            r#""clock_skew":null,"login_ends_at":null},"#,
            r#"{"account":"b","type":"static","state":"waiting","expires_at":"1970-01-01T00:00:00Z","#,
            r#""expires_in":0,"next_refresh_at":"1970-01-01T00:00:00Z","refreshed_at":"1970-01-01T00:00:00Z","#,
            r#""served":0,"last_error":{"kind":"x","message":"no route","hint":"wait","#,
            r#""at":"2023-11-14T22:11:10Z"},"warnings":["a warning"],"clock_skew":0,"#,
            r#""login_ends_at":"1970-01-01T00:00:00Z"}]"#,
            "\n"
        );
        assert_eq!(text, expected);
        Ok(())
    }

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
