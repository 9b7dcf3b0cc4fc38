//! `tok completions`: what makes a shell complete `tok`'s words, and the names that it asks for then.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokend_client::Client;

use super::arguments::{Word, Words};
use super::complaint::{Complaint, Stop};
use super::{init, output, variable};

/// Who presses a key waits no longer.
const PATIENCE: Duration = Duration::from_millis(500);

/// The scripts: shell, program, text. `cargo words` makes them.
const SCRIPTS: [(&str, &str, &str); 8] = [
    ("bash", "tok", include_str!("../../../docs/completions/tok.bash")),
    ("zsh", "tok", include_str!("../../../docs/completions/_tok")),
    ("fish", "tok", include_str!("../../../docs/completions/tok.fish")),
    ("powershell", "tok", include_str!("../../../docs/completions/tok.ps1")),
    ("bash", "tokend", include_str!("../../../docs/completions/tokend.bash")),
    ("zsh", "tokend", include_str!("../../../docs/completions/_tokend")),
    ("fish", "tokend", include_str!("../../../docs/completions/tokend.fish")),
    ("powershell", "tokend", include_str!("../../../docs/completions/tokend.ps1")),
];

/// `tok completions SHELL`.
pub(crate) fn run(mut words: Words<'_>) -> Result<u8, Stop> {
    let mut shell = None;
    let mut program = "tok".to_owned();
    let mut names = None;
    while let Some(word) = words.next()? {
        match word {
            Word::Value(value) if shell.is_none() => shell = Some(value),
            Word::Long("for") => program = words.text("for")?,
            Word::Long("names") => names = Some(words.text("names")?),
            other => return Err(words.unexpected(&other)),
        }
    }
    if let Some(kind) = names {
        return list(&kind).map_err(|()| words.usage("--names is accounts, secrets or assignments"));
    }
    let Some(shell) = shell else {
        let hint = "name one: bash, zsh, fish or powershell";
        return Err(Complaint::usage("no shell was named", hint).into());
    };
    if !SCRIPTS.iter().any(|(_, name, _)| *name == program) {
        return Err(words.usage("--for is tok or tokend"));
    }
    let fits = |(name, of, _): &&(&str, &str, &str)| shell == **name && *of == program;
    let Some((_, _, script)) = SCRIPTS.iter().find(fits) else {
        let hint = "the shells are bash, zsh, fish and powershell";
        return Err(Complaint::usage("there are no completions for this shell", hint).into());
    };
    output::print(script.as_bytes())?;
    Ok(0)
}

/// Prints names of this kind; nothing where there are none, whatever the reason: a shell shows no errors between words.
fn list(kind: &str) -> Result<u8, ()> {
    let names = match kind {
        "accounts" => accounts(),
        "secrets" => init::names_of_secrets(),
        "assignments" => {
            accounts().iter().map(|name| format!("{}={name}", variable::for_account(name))).collect()
        }
        _ => return Err(()),
    };
    let words: Vec<_> = names.into_iter().filter(|name| is_word(name)).collect();
    if !words.is_empty() {
        let _ = output::print((words.join("\n") + "\n").as_bytes());
    }
    Ok(0)
}

/// The names of the daemon's accounts, if it answers in time.
fn accounts() -> Vec<String> {
    let (send, answer) = mpsc::channel();
    let ask = move || {
        let names = Client::connect().and_then(|mut client| client.list());
        let _ = send.send(names);
    };
    // It ends with the process.
    let asked = thread::Builder::new().name("names".to_owned()).spawn(ask);
    match asked.ok().and_then(|_| answer.recv_timeout(PATIENCE).ok()) {
        Some(Ok(names)) => names.iter().map(|account| account.account.clone()).collect(),
        _ => Vec::new(),
    }
}

/// Whether a shell takes this for one word that means nothing to it.
fn is_word(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte);
    !name.is_empty() && !name.starts_with('-') && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_one_harmless_word_is_offered() {
        assert!(is_word("lyve-prod") && is_word("LYVE_PROD_TOKEN=lyve-prod") && is_word("A.b_1"));
        for bad in ["", "-x", "a b", "$(x)", "a\nb", "é", "a;b"] {
            assert!(!is_word(bad), "{bad:?}");
        }
    }
}
