//! `tok refresh` and `tok reload`: a new token, a new configuration. Both print nothing but to a person, or with `-v`.

use tokend_client::{Client, Reloaded};
use tokend_proto::limits::DEFAULT_TIMEOUT;

use super::arguments::{Word, Words, timeout};
use super::complaint::{Complaint, Stop, printable};
use super::{output, span};

/// `tok refresh ACCOUNT`.
pub(crate) fn refresh(mut words: Words<'_>) -> Result<u8, Stop> {
    let mut account = None;
    let mut patience = DEFAULT_TIMEOUT;
    while let Some(word) = words.next()? {
        match word {
            Word::Value(value) if account.is_none() => account = Some(value),
            Word::Long("timeout") => patience = timeout(&mut words)?,
            other => return Err(words.unexpected(&other)),
        }
    }
    let account = words.account(account)?;
    let token = Client::connect()?.refresh(&account, patience)?;
    let life = match token.expires_in() {
        Some(left) => format!("{} of life", span::words(left)),
        None => "of unknown life".to_owned(),
    };
    output::remark(*words.manner, &format!("{}: a new token, {life}", printable(&account)));
    output::warn(*words.manner, token.warnings());
    Ok(0)
}

/// `tok reload`.
pub(crate) fn reload(mut words: Words<'_>) -> Result<u8, Stop> {
    words.end()?;
    let reloaded = Client::connect()?.reload().map_err(|error| {
        let mut complaint = Complaint::from(error);
        complaint.several_lines = true;
        complaint
    })?;
    output::remark(*words.manner, &summary(&reloaded));
    output::warn(*words.manner, reloaded.warnings.iter());
    Ok(0)
}

fn summary(reloaded: &Reloaded) -> String {
    let Reloaded { accounts, added, changed, removed, .. } = reloaded;
    let plural = if *accounts == 1 { "" } else { "s" };
    format!("{accounts} account{plural}: {added} added, {changed} changed, {removed} removed")
}
