//! `tok logout`: a login is forgotten, and ended at the service.

use serde::Serialize;
use tokend_client::{Client, LoggedOut};

use super::arguments::{Word, Words};
use super::complaint::{Stop, printable};
use super::output;

/// `tok logout ACCOUNT`.
pub(crate) fn run(mut words: Words<'_>) -> Result<u8, Stop> {
    let mut account = None;
    let mut local = false;
    while let Some(word) = words.next()? {
        match word {
            Word::Value(value) if account.is_none() => account = Some(value),
            Word::Long("local") => local = true,
            other => return Err(words.unexpected(&other)),
        }
    }
    let account = words.account(account)?;
    let done = Client::connect()?.log_out(&account, local)?;
    let manner = *words.manner;
    if manner.json {
        output::print_json(&JsonLoggedOut {
            account: &account,
            revoked: done.revoked,
            warnings: &done.warnings,
        })?;
    } else {
        output::remark(manner, &told(&printable(&account), local, &done));
    }
    output::warn(manner, done.warnings.iter());
    Ok(0)
}

#[derive(Serialize)]
struct JsonLoggedOut<'a> {
    account: &'a str,
    revoked: bool,
    warnings: &'a [String],
}

/// What was done. Why a service was not told, the warnings say.
fn told(account: &str, local: bool, done: &LoggedOut) -> String {
    match (done.revoked, local) {
        (true, _) => format!("logged out of {account}: the service ended the login"),
        (false, true) => format!("logged out of {account}: forgotten here; the service was not told"),
        (false, false) => format!("logged out of {account}: forgotten here; the service did not end it"),
    }
}

#[cfg(test)]
mod tests {
    use tokend_proto::List;

    use super::*;

    #[test]
    fn who_ended_it_is_told() {
        let done = |revoked| LoggedOut { revoked, warnings: List::default() };
        assert_eq!(told("a", false, &done(true)), "logged out of a: the service ended the login");
        assert_eq!(
            told("a", false, &done(false)),
            "logged out of a: forgotten here; the service did not end it"
        );
        assert_eq!(
            told("a", true, &done(false)),
            "logged out of a: forgotten here; the service was not told"
        );
    }
}
