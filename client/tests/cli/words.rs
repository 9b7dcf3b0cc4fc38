//! The parser and the definition of `tok`'s words agree.

use std::collections::BTreeSet;
use std::process::Command;

use tokend_words::tok::TOK;
use tokend_words::{Argument, Opt, Value};

use super::engine::Installed;
use super::tok::{Run, run};

/// A command or what it goes on with, as it is called, with what may follow.
struct Call {
    words: Vec<&'static str>,
    options: &'static [Opt],
    arguments: &'static [Argument],
}

fn calls() -> Vec<Call> {
    let mut calls = Vec::new();
    for command in TOK.commands() {
        let (options, arguments) = (command.options, command.arguments);
        if command.actions.is_empty() {
            calls.push(Call { words: vec![command.name], options, arguments });
        }
        // What `tok secret import` is told, the engine reads.
        for action in command.actions.iter().filter(|action| action.name != "import") {
            let (options, arguments) = (action.options, action.arguments);
            calls.push(Call { words: vec![command.name, action.name], options, arguments });
        }
    }
    calls
}

/// A word that is of this kind.
fn example(value: Value) -> &'static str {
    match value {
        Value::Duration => "5m",
        Value::Assignment => "A=x",
        Value::Command => "get",
        Value::OneOf(choices) => choices[0].word,
        Value::Account
        | Value::Secret
        | Value::File
        | Value::Folder
        | Value::Program
        | Value::For(_)
        | Value::Text => "25",
    }
}

/// The call with these options and every argument; without a daemon, and with an engine that does nothing.
fn said(installed: &Installed, call: &Call, options: &[String]) -> Run {
    let mut command: Command = installed.tok(&call.words);
    command.env("TOKEND_SOCK", installed.home().join("nobody")).args(options);
    for argument in call.arguments {
        if matches!(argument.value, Value::Program | Value::For(_)) {
            command.arg("--");
        }
        command.arg(example(argument.value));
    }
    run(command)
}

/// What the parser says where it does not know an option, or knows it otherwise.
const NOT_KNOWN: [&str; 5] =
    ["there is no option", "a word too many", "takes no value", "needs a value", "lacks its value"];

#[test]
fn every_option_of_the_definition_is_accepted() {
    let installed = Installed::with_idle_engine();
    for call in calls() {
        for option in call.options.iter().chain(TOK.options) {
            let long = format!("--{}", option.long);
            let mut forms = Vec::new();
            match option.value {
                None => forms.push(vec![long]),
                Some((_, value)) if option.may_do_without => {
                    forms.push(vec![long.clone()]);
                    forms.push(vec![format!("{long}={}", example(value))]);
                }
                Some((_, value)) => {
                    forms.push(vec![long.clone(), example(value).to_owned()]);
                    forms.push(vec![format!("{long}={}", example(value))]);
                }
            }
            forms.extend(option.short.map(|letter| vec![format!("-{letter}")]));
            for form in forms {
                let said = said(&installed, &call, &form);
                let unknown = NOT_KNOWN.iter().find(|words| said.err.contains(**words));
                assert_eq!(unknown, None, "tok {:?} {form:?}: {said:?}", call.words);
                assert!(
                    said.code >= 0 && !said.err.contains("panicked"),
                    "{:?} {form:?}: {said:?}",
                    call.words
                );
            }
        }
    }
}

#[test]
fn no_option_is_accepted_that_is_not_in_the_definition() {
    let installed = Installed::with_idle_engine();
    let longs: BTreeSet<&str> =
        calls().iter().flat_map(|call| call.options).map(|option| option.long).chain(["nonsense"]).collect();
    for call in calls() {
        let general = TOK.options.iter().chain(call.options);
        let own: BTreeSet<&str> = general.map(|option| option.long).collect();
        for long in longs.difference(&own) {
            let said = said(&installed, &call, &[format!("--{long}")]);
            assert!(said.err.contains("there is no option --"), "{:?} --{long}: {said:?}", call.words);
        }
    }
    assert_eq!(installed.words(), "", "the engine was called");
}

#[test]
fn help_has_every_command_and_every_option() {
    let installed = Installed::tok_alone();
    let all = run(installed.tok(&["help"]));
    for command in TOK.commands() {
        assert!(all.printed().contains(&format!("\n  {} ", command.name)), "{}", command.name);
        let one = run(installed.tok(&["help", command.name]));
        for option in command.all_options() {
            assert!(
                one.printed().contains(&format!("--{}", option.long)),
                "{} --{}",
                command.name,
                option.long
            );
        }
    }
}
