//! `tok exec`: runs a program with tokens in its environment, or in files that are kept fresh.

use std::ffi::OsString;
use std::process::Command;

use tokend_client::{Client, Token};

use super::arguments::{Wishes, Word, Words};
use super::complaint::{Complaint, Stop, is_plain};
use super::{curl, output, platform, supervise, variable};

/// What `tok exec` ends with when it fails itself, as env(1) does.
const OWN_FAILURE: u8 = 125;

/// `tok exec VAR=ACCOUNT … -- CMD…`.
pub(crate) fn run(words: Words<'_>) -> Result<u8, Stop> {
    call(words).map_err(|stop| match stop {
        // 126 and 127 are the program's, not tok's own.
        Stop::Complaint(complaint) if !matches!(complaint.code, 126 | 127) => {
            Complaint { code: OWN_FAILURE, ..complaint }.into()
        }
        other => other,
    })
}

fn call(mut words: Words<'_>) -> Result<u8, Stop> {
    let call = Call::read(&mut words)?;
    let mut client = Client::connect()?;
    let mut command = Command::new(platform::program(&call.program));
    command.args(&call.arguments);
    let mut files = Vec::new();
    for assignment in call.assignments {
        let token = client.get(call.wishes.of(&assignment.account))?;
        output::warn(*words.manner, token.warnings());
        if assignment.to_file {
            files.push((assignment, token));
        } else {
            command.env(&assignment.variable, &*token.text());
        }
    }
    if files.is_empty() {
        let error = platform::replace_by(&mut command);
        return Err(curl::not_started(&call.program.to_string_lossy(), &error).into());
    }
    supervise::run(command, &call.program.to_string_lossy(), client.socket(), files)
}

/// A variable and the account whose token goes there.
#[derive(Debug)]
pub(crate) struct Assignment {
    /// The variable's name.
    pub(crate) variable: String,
    /// The account's name.
    pub(crate) account: String,
    /// Whether the variable holds the path of a file instead of the token.
    pub(crate) to_file: bool,
}

/// An assignment with its first token.
pub(crate) type Assigned = (Assignment, Token);

struct Call {
    assignments: Vec<Assignment>,
    wishes: Wishes,
    program: OsString,
    arguments: Vec<OsString>,
}

impl Call {
    fn read(words: &mut Words<'_>) -> Result<Self, Stop> {
        let separated = words.split_off_command();
        let mut assignments: Vec<Assignment> = Vec::new();
        let mut wishes = Wishes::default();
        let mut command = Vec::new();
        while let Some(word) = words.next()? {
            let (text, to_file) = match word {
                Word::Long("file") => (words.value()?, true),
                Word::Long(option) if wishes.take(option, words)? => continue,
                Word::Value(value) if separated.is_none() && !holds_assignment(&value) => {
                    command = words.rest()?;
                    command.insert(0, value);
                    break;
                }
                Word::Value(value) => (value, false),
                other @ Word::Long(_) => return Err(words.unexpected(&other)),
            };
            let assignment = assignment(&text, to_file, words)?;
            if assignments
                .iter()
                .any(|other| platform::is_same_variable(&other.variable, &assignment.variable))
            {
                return Err(words.usage(format!("{} is set twice", assignment.variable)));
            }
            assignments.push(assignment);
        }
        let mut command = separated.unwrap_or(command).into_iter();
        if assignments.is_empty() {
            return Err(words.usage("no VAR=ACCOUNT was given"));
        }
        if wishes.names_a_variant() && assignments.iter().any(|assignment| assignment.to_file) {
            return Err(words.usage(
                "--file does not go with --scope and --audience: only an account's own token is kept fresh",
            ));
        }
        let program = command.next().ok_or_else(|| words.usage("no command to run was given"))?;
        Ok(Self { assignments, wishes, program, arguments: command.collect() })
    }
}

fn holds_assignment(value: &OsString) -> bool {
    value.as_encoded_bytes().contains(&b'=')
}

fn assignment(text: &OsString, to_file: bool, words: &Words<'_>) -> Result<Assignment, Stop> {
    let parts = text.to_str().and_then(|text| text.split_once('='));
    let Some((variable, account)) = parts else {
        let message = "what stands before the command is VAR=ACCOUNT";
        let option = if to_file { "--file " } else { "" };
        let account = text.to_str().filter(|account| is_plain(account)).unwrap_or("ACCOUNT");
        return Err(Complaint::usage(message, format!("write for example `{option}TOKEN={account}`")).into());
    };
    variable::refuse(variable)?;
    if account.is_empty() {
        return Err(words.usage(format!("{variable}= names no account")));
    }
    Ok(Assignment { variable: variable.to_owned(), account: account.to_owned(), to_file })
}
