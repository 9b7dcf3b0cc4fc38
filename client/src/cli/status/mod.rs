//! `tok status`: how each account is, for a person, for a script, or as an exit status.

mod canvas;
mod changes;
mod frame;
mod json;
mod keys;
mod live;
mod observer;

use tokend_client::{AccountStatus, Client, Code};

use super::arguments::{Word, Words};
use super::complaint::{Complaint, Stop, printable};
use super::table::{self, Look};
use super::{clock, output, platform};

/// `tok status [ACCOUNT]`.
pub(crate) fn run(mut words: Words<'_>) -> Result<u8, Stop> {
    let mut account = None;
    let mut check = false;
    let mut watch = false;
    while let Some(word) = words.next()? {
        match word {
            Word::Value(value) if account.is_none() => account = Some(value),
            Word::Long("check") => check = true,
            Word::Long("watch") => watch = true,
            other => return Err(words.unexpected(&other)),
        }
    }
    let account = account.map(|account| words.account(Some(account))).transpose()?;
    if watch {
        if check {
            let message = "--check exits with one status, and --watch goes on";
            return Err(Complaint::usage(message, "leave one of them out").into());
        }
        return if words.manner.json { changes::tell(account.as_deref()) } else { live::show(account) };
    }
    let mut client = Client::connect()?;
    let accounts = match account {
        Some(account) => vec![client.status_of(&account)?],
        None => client.status()?,
    };
    if words.manner.json {
        output::print(json::list(&accounts)?.as_bytes())?;
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
    match platform::terminal_width() {
        None => table::plain(accounts, now),
        Some(width) => table::for_terminal(accounts, now, look(width)),
    }
}

/// What this terminal can show.
fn look(width: usize) -> Look {
    let dumb = is_dumb();
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    Look { width, colour: !dumb && !no_colour, ascii: dumb }
}

fn is_dumb() -> bool {
    !platform::terminal_can_draw() || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
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
}
