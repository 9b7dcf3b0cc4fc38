//! `tok curl`: curl with a token that no process list shows.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Command;

use tokend_client::{Client, Token};
use tokend_words::Opt;
use zeroize::Zeroizing;

use super::arguments::{Wishes, Word, Words};
use super::complaint::{Complaint, Stop};
use super::curl_body::{self, Obstacle, Place};
use super::format::{self, SecretText};
use super::{output, platform};

/// `tok curl ACCOUNT -- ARGS…`. Without `--`, all that follows ACCOUNT is curl's.
pub(crate) fn run(mut words: Words<'_>) -> Result<u8, Stop> {
    words.hint_at("curl's options go behind `--`: tok curl ACCOUNT -- …");
    let separated = words.split_off_command();
    let mut account = None;
    let mut wishes = Wishes::default();
    let mut arguments = Vec::new();
    while let Some(word) = words.next()? {
        match word {
            Word::Value(value) if account.is_none() => {
                account = Some(value);
                if separated.is_none() {
                    arguments = words.rest()?;
                    break;
                }
            }
            Word::Long(option) if wishes.take(option, &mut words)? => {}
            other => return Err(words.unexpected(&other)),
        }
    }
    let account = words.account(account)?;
    if separated.is_none() {
        refuse_own_options(&arguments, words.options())?;
    }
    let arguments = separated.unwrap_or(arguments);
    if arguments.is_empty() {
        return Err(words.usage("there are no arguments for curl"));
    }
    let token = Client::connect()?.get(wishes.of(&account))?;
    output::warn(*words.manner, token.warnings());
    let (_open, path) =
        platform::pass_on(configuration(&token, &account, &arguments)?.as_bytes()).map_err(|error| {
            Complaint::fault(
                format!("the token cannot be handed to curl: {error}"),
                platform::words::NOT_HANDED_ON,
            )
        })?;
    drop(token);

    let mut curl = Command::new(platform::program("curl".as_ref()));
    // Only as its very first argument does `-q` keep curl from reading .curlrc.
    if arguments.first().is_some_and(keeps_curlrc_out) {
        curl.arg("-q");
    }
    let error = platform::replace_by(curl.arg("--config").arg(path).args(arguments));
    Err(not_started("curl", &error).into())
}

/// Why a program did not start, with the status that a shell would give.
pub(crate) fn not_started(program: &str, error: &io::Error) -> Complaint {
    if error.kind() == io::ErrorKind::NotFound {
        let (what, hint) = match program.contains(std::path::is_separator) {
            false => ("no such program was found", "install it, or look at PATH"),
            true if Path::new(program).exists() => platform::words::NO_INTERPRETER,
            true => ("this file does not exist", "look at the path"),
        };
        return Complaint::new(127, "not-found", format!("{program}: {what}"), hint);
    }
    let message = format!("{program} cannot be started: {error}");
    Complaint::new(126, "not-executable", message, platform::words::LOOK_AT_PROGRAM)
}

/// A line of curl's configuration that carries the token: a header or a form field, as the account needs.
fn configuration(token: &Token, account: &str, arguments: &[OsString]) -> Result<SecretText, Complaint> {
    let Some(parameter) = token.parameter() else {
        return Ok(option("header", &format::header(token)?));
    };
    let name = match curl_body::place(arguments) {
        Place::Data => "data-urlencode",
        Place::Part => "form-string",
        Place::Nowhere(obstacle) => {
            let message = format!(
                "{account} takes its token as the form field `{parameter}`, but {}",
                obstacle.words()
            );
            let hint = match obstacle {
                Obstacle::Head => "add -G: the token then travels in the URL".to_owned(),
                _ => format!(
                    "`tok get {account} --format form` prints `{parameter}=…` for the URL; `tok help curl` says how"
                ),
            };
            return Err(Complaint::usage(message, hint));
        }
    };
    Ok(option(name, &Zeroizing::new(format!("{parameter}={}", &*token.text()))))
}

/// Without `--`, all that follows ACCOUNT is curl's; but curl has no options of these names.
fn refuse_own_options(arguments: &[OsString], own: &[Opt]) -> Result<(), Complaint> {
    for word in arguments.iter().filter_map(|word| word.to_str()) {
        let name = word.split('=').next().unwrap_or_default();
        if name.strip_prefix("--").is_some_and(|name| own.iter().any(|option| option.long == name)) {
            return Err(Complaint::usage(
                format!("{name} is tok's own option, and all that follows ACCOUNT is curl's"),
                format!("put `--` before curl's arguments: tok curl ACCOUNT {name} … -- …"),
            ));
        }
    }
    Ok(())
}

/// `name = "value"`, in the quotes of curl's configuration (curl(1), `--config`).
fn option(name: &str, value: &str) -> SecretText {
    let mut line = Zeroizing::new(String::with_capacity(name.len() + 2 * value.len() + 8));
    line.push_str(name);
    line.push_str(" = \"");
    for c in value.chars() {
        if c == '\\' || c == '"' {
            line.push('\\');
        }
        line.push(c);
    }
    line.push_str("\"\n");
    line
}

fn keeps_curlrc_out(first: &OsString) -> bool {
    first.to_str().is_some_and(|first| first == "--disable" || first.starts_with("-q"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_end_its_quotes() {
        assert_eq!(
            option("header", "Authorization: Bearer a").as_str(),
            "header = \"Authorization: Bearer a\"\n"
        );
        assert_eq!(option("header", r#"a"b\c"#).as_str(), "header = \"a\\\"b\\\\c\"\n");
    }

    #[test]
    fn a_missing_program_and_a_forbidden_one_are_told_apart() {
        assert_eq!(not_started("x", &io::ErrorKind::NotFound.into()).code, 127);
        assert_eq!(not_started("x", &io::ErrorKind::PermissionDenied.into()).code, 126);
        let hint = |program| not_started(program, &io::ErrorKind::NotFound.into()).hint;
        let (nothing, something) = platform::testing::NO_FILE_AND_A_FILE;
        assert!(hint("x").contains("PATH") && !hint(nothing).contains("PATH"));
        // It is there: what is missing is its interpreter.
        assert_eq!(hint(something), platform::words::NO_INTERPRETER.1);
    }
}
