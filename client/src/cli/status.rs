//! `tok status`: how each account is, for a person, for a script, or as an exit status.

use serde::Serialize;
use tokend_client::{AccountStatus, Client, Code};

use super::arguments::{Word, Words};
use super::complaint::{Complaint, Stop, printable};
use super::table::{self, Look};
use super::{clock, output, platform, span};

/// `tok status [ACCOUNT]`.
pub(crate) fn run(mut words: Words<'_>) -> Result<u8, Stop> {
    let mut account = None;
    let mut check = false;
    while let Some(word) = words.next()? {
        match word {
            Word::Value(value) if account.is_none() => account = Some(value),
            Word::Long("check") => check = true,
            other => return Err(words.unexpected(&other)),
        }
    }
    let mut client = Client::connect()?;
    let accounts = match account {
        Some(account) => vec![client.status_of(&words.account(Some(account))?)?],
        None => client.status()?,
    };
    if words.manner.json {
        output::print(json(&accounts)?.as_bytes())?;
    } else if accounts.is_empty() {
        say_that_there_are_none(&mut client);
    } else {
        output::print(text(&accounts).as_bytes())?;
    }
    for account in &accounts {
        let name = printable(&account.account);
        let warnings: Vec<_> = account.warnings.iter().map(|warning| format!("{name}: {warning}")).collect();
        output::warn(*words.manner, &warnings);
    }
    Ok(if check { worst(&accounts) } else { 0 })
}

/// Greets who has just begun.
pub(crate) fn say_that_there_are_none(client: &mut Client) {
    let place = match client.about() {
        Ok(about) => format!("{}/config.toml", printable(&about.configuration)),
        Err(_) => "tokend's configuration".to_owned(),
    };
    output::tell(&format!("No accounts yet. Describe one in {place}, then `tok reload`.\n"));
}

fn text(accounts: &[AccountStatus]) -> String {
    let now = clock::wall_ms();
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match platform::terminal_width() {
        None => table::plain(accounts, now),
        Some(width) => {
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            table::for_terminal(accounts, now, Look { width, colour: !dumb && !set("NO_COLOR"), ascii: dumb })
        }
    }
}

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

fn json(accounts: &[AccountStatus]) -> Result<String, Complaint> {
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

/// The exit status of `--check`: what a person must do comes before what mends itself.
fn worst(accounts: &[AccountStatus]) -> u8 {
    const ORDER: [Code; 9] = [
        Code::LOGIN_NEEDED,
        Code::REFUSED,
        Code::LOCKED,
        Code::DENIED,
        Code::UNKNOWN,
        Code::NEVER_THAT_LONG,
        Code::INTERNAL,
        Code::NOT_NOW,
        Code(0),
    ];
    // What is not in the order is a newer daemon's: taken for the worst.
    let rank = |code: &u8| ORDER.iter().position(|known| known.0 == *code).map_or(0, |place| place + 1);
    accounts.iter().map(code).min_by_key(rank).unwrap_or(0)
}

fn code(account: &AccountStatus) -> u8 {
    let told = |otherwise: Code| {
        account.last_error.as_ref().map(|error| error.code.0).filter(|code| *code != 0).unwrap_or(otherwise.0)
    };
    match account.state.as_str() {
        "fresh" | "refreshing" | "idle" => 0,
        "waiting" => told(Code::NOT_NOW),
        "parked" => told(Code::REFUSED),
        "login-needed" => Code::LOGIN_NEEDED.0,
        "locked" => Code::LOCKED.0,
        _ => Code::INTERNAL.0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::account;
    use super::*;

    #[test]
    fn all_well_is_0_and_no_accounts_too() {
        assert_eq!(worst(&[account("a", "fresh"), account("b", "idle"), account("c", "refreshing")]), 0);
        assert_eq!(worst(&[]), 0);
    }

    #[test]
    fn what_a_person_must_do_comes_before_what_mends_itself() {
        let waiting = account("w", "waiting");
        let parked = account("p", "parked");
        assert_eq!(worst(&[waiting.clone(), account("f", "fresh")]), 6);
        assert_eq!(worst(&[waiting.clone(), parked.clone()]), 5);
        assert_eq!(worst(&[parked.clone(), account("l", "login-needed"), waiting]), 4);
        assert_eq!(worst(&[account("l", "locked"), parked]), 5);
        assert_eq!(worst(&[account("x", "of-the-future")]), 1);
    }

    #[test]
    fn json_has_every_field_of_the_interface() -> Result<(), Complaint> {
        let text = json(&[account("a", "fresh")])?;
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
        assert!(json(std::slice::from_ref(&one))?.contains("\"login_ends_at\":null"));
        one.login_ends_at_ms = Some(1_700_000_000_999);
        assert!(json(&[one])?.contains("\"login_ends_at\":\"2023-11-14T22:13:20Z\""));
        Ok(())
    }

    #[test]
    fn json_has_the_skew_in_whole_seconds_or_null() -> Result<(), Complaint> {
        let skew = |ahead_ms| tokend_client::ClockSkew { host: "a.example".to_owned(), ahead_ms };
        let mut one = account("a", "fresh");
        assert!(json(std::slice::from_ref(&one))?.contains("\"clock_skew\":null"));
        one.clock_skew = Some(skew(-7_199_600));
        assert!(json(&[one])?.contains("\"clock_skew\":-7200"));
        Ok(())
    }
}
