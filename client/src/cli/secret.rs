//! `tok secret`: the store's secrets. `tok` asks what is to be asked; the engine does the rest.

use tokend_client::Code;
use tokend_proto::limits::MAX_SECRET;

use super::arguments::{Word, Words};
use super::asking::{self, Asker, Question};
use super::complaint::{Complaint, Stop};
use super::engine::Engine;
use super::init::by_ssh_key;
use super::unlock::{PROMPT, PROMPT_OF_SSH_KEY, TRIES, WRONG, passphrase_from_stdin};
use super::{input, nearest, output, platform};

/// What can be done with secrets.
const ACTIONS: [(&str, Action); 5] =
    [("set", set), ("list", list), ("show", show), ("remove", remove), ("import", import)];

type Action = fn(Words<'_>) -> Result<u8, Stop>;

/// `tok secret set|list|show|remove|import`.
pub(crate) fn run(mut words: Words<'_>) -> Result<u8, Stop> {
    let name = match words.next()? {
        Some(Word::Value(name)) => name,
        Some(other) => return Err(words.unexpected(&other)),
        None => return Err(words.usage("what is to be done is missing: set, list, show, remove or import")),
    };
    let name = name.to_string_lossy();
    if let Some((action, act)) = ACTIONS.iter().find(|(action, _)| *action == name) {
        words.are_for_action(action);
        return act(words);
    }
    let hint = match nearest(&name, ACTIONS.iter().map(|(action, _)| *action)) {
        Some(near) => format!("did you mean `tok secret {near}`?"),
        None => "`tok secret` goes on with set, list, show, remove or import".to_owned(),
    };
    // The word is not repeated: it may be a secret, put into the wrong place.
    Err(Complaint::usage("`tok secret` does nothing of this name", hint).into())
}

fn set(mut words: Words<'_>) -> Result<u8, Stop> {
    let mut name = None;
    let mut account = None;
    let mut for_any = false;
    while let Some(word) = words.next()? {
        match word {
            Word::Value(value) if name.is_none() => name = Some(value),
            Word::Value(_) => {
                return Err(Complaint::usage(
                    "the secret is read from standard input or asked for; among the arguments everybody who lists \
                     processes sees it, and the shell's history keeps it",
                    "`tok secret set NAME` asks, `tok secret set NAME < FILE` reads; if that was a secret, take another",
                )
                .into());
            }
            Word::Long("for") => {
                let value = words.value()?;
                account = Some(plain(&words, words.account(Some(value))?, "an account's name")?);
            }
            Word::Long("for-any") => for_any = true,
            other @ Word::Long(_) => return Err(words.unexpected(&other)),
        }
    }
    let name = secret_name(&words, name)?;
    if account.is_some() && for_any {
        return Err(words.usage("a secret is --for one account, or --for-any"));
    }
    let mut engine = Engine::find(*words.manner, "set")?.word(&name);
    if let Some(account) = account {
        engine = engine.word("--for").word(account);
    }
    if for_any {
        engine = engine.word("--for-any");
    }
    if !input::is_terminal() {
        if !platform::INPUT_MAY_HAVE_A_MARK {
            return Err(engine.take_over());
        }
        let input = input::whole(MAX_SECRET).map_err(|error| {
            Complaint::usage(format!("standard input cannot be read: {error}"), "pipe the secret to tok")
        })?;
        return engine.run_on(&input);
    }
    let asker = Asker::at_terminal().ok_or_else(|| {
        let hint = "`tok secret set NAME < FILE` reads it";
        Complaint::usage("there is no terminal to ask for the secret at", hint)
    })?;
    let secret = asker.ask(Question { prompt: &format!("Secret {name}"), mistake: None })?;
    if secret.is_empty() {
        return Err(
            Complaint::usage("nothing was typed: a secret is not empty", "nothing was changed").into()
        );
    }
    engine.run(Some(&secret))
}

fn list(mut words: Words<'_>) -> Result<u8, Stop> {
    words.end()?;
    Err(Engine::find(*words.manner, "list")?.take_over())
}

fn remove(mut words: Words<'_>) -> Result<u8, Stop> {
    let value = words.only_value()?;
    let name = secret_name(&words, value)?;
    let status = Engine::find(*words.manner, "remove")?.word(&name).run(None)?;
    if status == 0 {
        output::remark(*words.manner, &format!("removed {name}"));
    }
    Ok(status)
}

fn import(mut words: Words<'_>) -> Result<u8, Stop> {
    let rest = words.rest()?;
    let engine = Engine::find(*words.manner, "import")?;
    Err(rest.into_iter().fold(engine, Engine::word).take_over())
}

/// The engine says whether it needs a passphrase: one is asked for only then.
fn show(mut words: Words<'_>) -> Result<u8, Stop> {
    let mut name = None;
    let mut from_stdin = false;
    while let Some(word) = words.next()? {
        match word {
            Word::Value(value) if name.is_none() => name = Some(value),
            Word::Long("stdin") => from_stdin = true,
            other => return Err(words.unexpected(&other)),
        }
    }
    let name = secret_name(&words, name)?;
    let engine = || Ok::<_, Complaint>(Engine::find(*words.manner, "show")?.word(&name));
    if from_stdin {
        let passphrase = passphrase_from_stdin()?;
        return engine()?.word("--passphrase-stdin").run(Some(&passphrase));
    }
    let locked = |status| status == Code::LOCKED.0;
    let (status, said) = engine()?.run_quietly(None)?;
    if !locked(status) {
        said.tell();
        return Ok(status);
    }
    let asker = Asker::find().ok_or_else(asking::nobody_to_ask)?;
    let opening = engine()?.word("--passphrase-stdin");
    let prompt = if by_ssh_key() { PROMPT_OF_SSH_KEY } else { PROMPT };
    let mut mistake = None;
    let mut tries_left = TRIES;
    loop {
        let passphrase = asker.ask_for_passphrase(Question { prompt, mistake })?;
        tries_left -= 1;
        let (status, said) = opening.run_quietly(Some(&passphrase))?;
        if !locked(status) || tries_left == 0 {
            said.tell();
            return Ok(status);
        }
        mistake = Some(WRONG);
    }
}

fn secret_name(words: &Words<'_>, value: Option<std::ffi::OsString>) -> Result<String, Stop> {
    let name = value.and_then(|value| value.into_string().ok()).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| words.usage("no secret was named"))?;
    plain(words, name, "a secret's name")
}

/// The engine would take it for an option of its own.
fn plain(words: &Words<'_>, name: String, what: &str) -> Result<String, Stop> {
    if name.starts_with('-') { Err(words.usage(format!("{what} does not begin with `-`"))) } else { Ok(name) }
}
