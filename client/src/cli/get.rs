//! `tok get` and `tok header`: a token on standard output, and nothing else.

use tokend_client::{Client, Get};

use super::arguments::{Wishes, Word, Words};
use super::complaint::{Complaint, Stop};
use super::format::Format;
use super::{output, variable};

/// `tok get ACCOUNT`.
pub(crate) fn get(mut words: Words<'_>) -> Result<u8, Stop> {
    let mut account = None;
    let mut wishes = Wishes::default();
    let mut form = Form::default();
    let mut which = Which::Token;
    while let Some(word) = words.next()? {
        match word {
            Word::Value(value) if account.is_none() => account = Some(value),
            Word::Long("id-token") => which = Which::IdToken,
            Word::Long(option) if wishes.take(option, &mut words)? || form.take(option, &mut words)? => {}
            other => return Err(words.unexpected(&other)),
        }
    }
    let account = words.account(account)?;
    let format = form.format(&account, which, &words)?;
    print(&words, which, wishes.of(&account), &format)
}

/// `tok header ACCOUNT`.
pub(crate) fn header(mut words: Words<'_>) -> Result<u8, Stop> {
    let mut account = None;
    let mut wishes = Wishes::default();
    while let Some(word) = words.next()? {
        match word {
            Word::Value(value) if account.is_none() => account = Some(value),
            Word::Long(option) if wishes.take(option, &mut words)? => {}
            other => return Err(words.unexpected(&other)),
        }
    }
    let account = words.account(account)?;
    print(&words, Which::Token, wishes.of(&account), &Format::Header)
}

/// Which of an account's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Token,
    IdToken,
}

impl Which {
    /// The variable that it goes into where no other is named.
    fn variable(self, account: &str) -> String {
        match self {
            Self::Token => variable::for_account(account),
            Self::IdToken => variable::for_id_token(account),
        }
    }
}

fn print(words: &Words<'_>, which: Which, get: Get, format: &Format) -> Result<u8, Stop> {
    let mut client = Client::connect()?;
    let token = match which {
        Which::Token => client.get(get),
        Which::IdToken => client.id_token(get),
    }?;
    let line = format.line(&token)?;
    output::print(line.as_bytes())?;
    output::warn(*words.manner, token.warnings());
    Ok(0)
}

/// The options that choose a form.
#[derive(Default)]
struct Form {
    name: Option<String>,
    variable: Option<String>,
    user: Option<String>,
    host: Option<String>,
    port: Option<u16>,
}

impl Form {
    fn take(&mut self, option: &str, words: &mut Words<'_>) -> Result<bool, Stop> {
        match option {
            "format" => self.name = Some(words.text(option)?),
            "var" => {
                let name = words.text(option)?;
                variable::refuse(&name)?;
                self.variable = Some(name);
            }
            "user" => self.user = Some(one_line(words, option)?),
            "host" => self.host = Some(one_line(words, option)?),
            "port" => {
                let port = words.text(option)?.parse().ok().filter(|port| *port != 0);
                self.port = Some(port.ok_or_else(|| words.usage("--port is a number from 1 to 65535"))?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The form that the options add up to. None is accepted where it would have no effect.
    fn format(self, account: &str, which: Which, words: &Words<'_>) -> Result<Format, Stop> {
        let name = self.name.as_deref().unwrap_or(if words.manner.json { "json" } else { "raw" });
        if self.variable.is_some() && name != "env" {
            return Err(words.usage("--var goes with --format env"));
        }
        let for_mail = name == "xoauth2" || name == "oauthbearer";
        if !for_mail && (self.user.is_some() || self.host.is_some() || self.port.is_some()) {
            return Err(words.usage("--user, --host and --port go with --format xoauth2 and oauthbearer"));
        }
        if which == Which::IdToken && (for_mail || name == "form") {
            let hint = "an id token goes with --format raw, header, json or env";
            return Err(Complaint::usage(format!("--format {name} is no form of an id token"), hint).into());
        }
        let user = self.user;
        let needed = || {
            Complaint::usage(format!("--format {name} needs --user"), "add --user with the mailbox's name")
        };
        Ok(match name {
            "raw" => Format::Raw,
            "header" => Format::Header,
            "json" => Format::Json,
            "env" => Format::Env { name: self.variable.unwrap_or_else(|| which.variable(account)) },
            "form" => Format::Form,
            "xoauth2" => Format::XOauth2 { user: user.ok_or_else(needed)? },
            "oauthbearer" => {
                Format::OauthBearer { user: user.ok_or_else(needed)?, host: self.host, port: self.port }
            }
            _ => {
                return Err(Complaint::usage(
                    "there is no such --format",
                    "the formats are raw, header, json, env, form, xoauth2 and oauthbearer",
                )
                .into());
            }
        })
    }
}

/// A value that cannot end its field of a mechanism that separates fields by control characters.
fn one_line(words: &mut Words<'_>, option: &str) -> Result<String, Stop> {
    let value = words.text(option)?;
    if value.is_empty() || value.chars().any(char::is_control) {
        return Err(words.usage(format!("--{option} is empty or holds a control character")));
    }
    Ok(value)
}
