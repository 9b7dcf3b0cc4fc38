//! What `tok help` and `tok help COMMAND` say.

use std::fmt::Write as _;

use crate::definition::{Command, Opt, Program, Value};
use crate::lines::{fill, paragraphs};

/// What stands left of an explanation is at most so wide; behind a longer one the explanation begins on its
/// own line.
const WIDEST: usize = 26;

pub(crate) fn of_program(program: &Program, width: usize) -> String {
    let mut out = usage(program.name, program.usage);
    section(&mut out, program.description, width);
    let widest = program.commands().map(|command| command.name.len()).max().unwrap_or(0);
    for group in program.groups {
        let _ = writeln!(out, "\n{}:", group.title);
        let commands = group.commands.iter();
        let name = |command: &Command| format!("{:widest$}", command.name);
        rows(&mut out, commands.map(|command| (name(command), command.summary, None)), width);
    }
    let _ = writeln!(out, "\nOptions of every command:");
    options(&mut out, program.options.iter(), width);
    let statuses: Vec<_> =
        program.exit_status.iter().map(|status| format!("{} {}", status.word, status.help)).collect();
    section(&mut out, &format!("Exit status: {}.", statuses.join(", ")), width);
    out
}

pub(crate) fn of_command(program: &Program, command: &Command, width: usize) -> String {
    let mut out = if command.actions.is_empty() {
        usage(&format!("{} {}", program.name, command.name), command.usage)
    } else {
        usage_of_actions(program, command)
    };
    section(&mut out, command.description, width);
    if !command.actions.is_empty() {
        out.push('\n');
        let actions = command.actions.iter();
        rows(&mut out, actions.map(|action| (action.name.to_owned(), action.description, None)), width);
    }
    if command.all_options().next().is_some() {
        out.push('\n');
        options(&mut out, command.all_options(), width);
    }
    section(&mut out, command.notes, width);
    if !command.exit_status.is_empty() {
        section(&mut out, &format!("Exit status: {}.", command.exit_status), width);
    }
    if !command.examples.is_empty() {
        out.push_str("\nExamples:\n");
        for example in command.examples {
            let _ = writeln!(out, "  {}", example.call);
            if !example.help.is_empty() {
                out.push_str("      ");
                fill(&mut out, example.help, width, 6, 6);
            }
        }
    }
    out
}

fn usage_of_actions(program: &Program, command: &Command) -> String {
    let mut out = String::new();
    for action in command.actions {
        let before = if out.is_empty() { "Usage:" } else { "      " };
        for form in action.usage {
            let call = format!("{before} {} {} {} {form}", program.name, command.name, action.name);
            let _ = writeln!(out, "{}", call.trim_end());
        }
    }
    out
}

fn usage(call: &str, forms: &[&str]) -> String {
    let mut out = String::new();
    for form in forms {
        let before = if out.is_empty() { "Usage:" } else { "      " };
        let _ = writeln!(out, "{}", format!("{before} {call} {form}").trim_end());
    }
    out
}

/// Paragraphs below an empty line; nothing where there are none.
fn section(out: &mut String, text: &str, width: usize) {
    if !text.is_empty() {
        out.push('\n');
        paragraphs(out, text, width);
    }
}

fn options<'o>(out: &mut String, options: impl Iterator<Item = &'o Opt>, width: usize) {
    let options: Vec<&Opt> = options.collect();
    rows(out, options.iter().map(|option| (head(option), option.help, option.value)), width);
}

/// `-x, --long VALUE`; one without a letter stands below the long names of the others.
fn head(option: &Opt) -> String {
    let before = if option.short.is_none() { "    " } else { "" };
    format!("{before}{}", option.call())
}

type Row<'r> = (String, &'r str, Option<(&'static str, Value)>);

/// Two columns: what is said, and what that means.
fn rows<'r>(out: &mut String, rows: impl Iterator<Item = Row<'r>>, width: usize) {
    let rows: Vec<Row<'r>> = rows.collect();
    let lengths = rows.iter().map(|(head, ..)| head.chars().count());
    let column = 2 + lengths.filter(|length| *length <= WIDEST).max().unwrap_or(0) + 3;
    for (head, help, value) in rows {
        let _ = write!(out, "  {head}");
        let length = 2 + head.chars().count();
        if length + 2 > column {
            let _ = write!(out, "\n{:column$}", "");
        } else {
            let _ = write!(out, "{:1$}", "", column - length);
        }
        fill(out, help, width, column, column);
        let Some((_, Value::OneOf(choices))) = value else { continue };
        let explained = || choices.iter().filter(|choice| !choice.help.is_empty());
        let widest = explained().map(|choice| choice.word.len()).max().unwrap_or(0);
        for choice in explained() {
            let _ = write!(out, "{:column$}{:widest$}  ", "", choice.word);
            fill(out, choice.help, width, column + widest + 2, column + widest + 2);
        }
    }
}
