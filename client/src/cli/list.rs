//! `tok list`: the accounts' names and types.

use std::fmt::Write;

use serde::Serialize;
use tokend_client::{AccountName, Client};

use super::arguments::Words;
use super::complaint::{Complaint, Stop, printable};
use super::{output, status};

/// `tok list`.
pub(crate) fn run(mut words: Words<'_>) -> Result<u8, Stop> {
    words.end()?;
    let mut client = Client::connect()?;
    let accounts = client.list()?;
    if words.manner.json {
        output::print(json(&accounts)?.as_bytes())?;
    } else if accounts.is_empty() {
        status::say_that_there_are_none(&mut client);
    } else {
        output::print(lines(&accounts).as_bytes())?;
    }
    Ok(0)
}

#[derive(Serialize)]
struct JsonAccount<'a> {
    account: &'a str,
    r#type: &'a str,
}

fn json(accounts: &[AccountName]) -> Result<String, Complaint> {
    let objects: Vec<_> = accounts
        .iter()
        .map(|account| JsonAccount { account: &account.account, r#type: &account.account_type })
        .collect();
    let list = serde_json::to_string(&objects);
    Ok(list
        .map_err(|error| Complaint::fault(format!("no JSON can be written: {error}"), "leave --json away"))?
        + "\n")
}

fn lines(accounts: &[AccountName]) -> String {
    let names: Vec<_> = accounts.iter().map(|account| printable(&account.account)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let types = accounts.iter().map(|account| printable(&account.account_type));
    let mut text = String::new();
    for (name, kind) in names.iter().zip(types) {
        let _ = writeln!(text, "{name:width$}  {kind}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Vec<AccountName> {
        let account =
            |name: &str, kind: &str| AccountName { account: name.to_owned(), account_type: kind.to_owned() };
        vec![account("a", "static"), account("lyve-prod", "lyve-cloud")]
    }

    #[test]
    fn names_and_types_stand_under_each_other() {
        assert_eq!(lines(&accounts()), "a          static\nlyve-prod  lyve-cloud\n");
    }

    #[test]
    fn json_is_a_list_of_objects() {
        let text = json(&accounts()).unwrap_or_default();
        let expected = r#"[{"account":"a","type":"static"},{"account":"lyve-prod","type":"lyve-cloud"}]"#
            .to_owned()
            + "\n";
        assert_eq!(text, expected);
    }
}
