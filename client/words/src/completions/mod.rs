//! Completions for shells, from the definition of a program. Names of accounts and secrets are asked for
//! while one types: by `tok completions --names`, which is silent and quick where there are none.

mod bash;
mod fish;
mod powershell;
mod zsh;

pub use bash::script as bash;
pub use fish::script as fish;
pub use powershell::script as powershell;
pub use zsh::script as zsh;

use crate::definition::{Argument, Choice, Opt, Program, Value};

/// Spans of time that are offered; any other can be typed.
const DURATIONS: &str = "30s 1m 5m 15m 30m 1h 8h 24h";

/// The first line but for the sign of a comment.
const MADE_BY: &str = "made by `cargo words` from the definitions in the sources: changes here are lost";

/// A place among the words of a call: behind the program, a command, or what that goes on with.
struct Place {
    /// The words that lead here: empty, `get`, `secret set`.
    path: String,
    /// Commands or actions that may follow.
    next: Vec<Choice>,
    /// Options that may come here, those of every command among them.
    options: Vec<Opt>,
    arguments: &'static [Argument],
}

impl Place {
    /// The arguments that stand by themselves, each with its position, and the one that may be repeated
    /// from there.
    fn positions(&self) -> impl Iterator<Item = (usize, &'static Argument)> {
        self.arguments.iter().enumerate().filter(|(_, argument)| passed_on(argument).is_none())
    }

    /// To whom everything behind `--` goes: to this program, or, if it is empty, to the one that is named
    /// there.
    fn passes_on(&self) -> Option<&'static str> {
        self.arguments.iter().find_map(passed_on)
    }
}

fn passed_on(argument: &Argument) -> Option<&'static str> {
    match argument.value {
        Value::For(program) => Some(program),
        Value::Program => Some(""),
        _ => None,
    }
}

/// Every place of a program, the program itself first.
fn places(program: &Program) -> Vec<Place> {
    let own: Vec<Opt> = program.options.iter().chain(program.own_options).copied().collect();
    let next = program.commands().map(|command| Choice::new(command.name, command.summary)).collect();
    let mut places = vec![Place { path: String::new(), next, options: own, arguments: &[] }];
    for command in program.commands() {
        let next = command.actions.iter().map(|action| Choice::new(action.name, action.summary)).collect();
        places.push(Place {
            path: command.name.to_owned(),
            next,
            options: with_general(command.options, program),
            arguments: command.arguments,
        });
        places.extend(command.actions.iter().map(|action| Place {
            path: format!("{} {}", command.name, action.name),
            next: Vec::new(),
            options: with_general(action.options, program),
            arguments: action.arguments,
        }));
    }
    places
}

/// The command's options and those of every command; its own explanation of one of those counts.
fn with_general(options: &[Opt], program: &Program) -> Vec<Opt> {
    let general = program.options.iter().filter(|general| options.iter().all(|own| own.long != general.long));
    options.iter().chain(general).copied().collect()
}

/// An explanation in half a line, for shells that show one beside each candidate.
fn brief(help: &str) -> String {
    let end = help.find([';', ':']).or_else(|| help.find(". ")).unwrap_or(help.len());
    help[..end].replace('`', "").trim_end_matches('.').to_owned()
}

/// What a program's functions are called in a shell.
fn function(program: &Program) -> String {
    format!("_{}", program.name.replace(['-', '.'], "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_its_options_once() {
        for place in places(&crate::tok::TOK) {
            let mut longs: Vec<_> = place.options.iter().map(|option| option.long).collect();
            longs.sort_unstable();
            let all = longs.len();
            longs.dedup();
            assert_eq!(longs.len(), all, "{}", place.path);
            assert!(longs.contains(&"help"), "{}", place.path);
        }
    }

    #[test]
    fn an_explanation_is_cut_where_it_goes_into_detail() {
        assert_eq!(brief("a token for these scopes; repeat it"), "a token for these scopes");
        assert_eq!(brief("shows `x`. Then more"), "shows x");
    }
}
