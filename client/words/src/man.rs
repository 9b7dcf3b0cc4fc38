//! The man page of a program, from its definition.

use crate::definition::{Choice, Command, Opt, Program, Value};
use crate::roff::{Page, code, head, plain};

/// The page in the language of man(7).
#[must_use]
pub fn page(program: &Program, section: u8, version: &str) -> String {
    let mut page = Page::new(program.name, section, &format!("tokend {version}"));
    page.section("name");
    page.paragraphs(&format!("{} \u{2013} {}", program.name, program.summary));
    page.section("synopsis");
    page.calls(program.usage.iter().map(|form| format!("{} {form}", program.name)));
    page.section("description");
    page.paragraphs(program.description);
    page.section("options");
    for option in program.options.iter().chain(program.own_options) {
        entry_of(&mut page, option);
    }
    for group in program.groups {
        page.section(group.title);
        for command in group.commands {
            describe(&mut page, program, command);
        }
    }
    if !program.exit_status.is_empty() {
        page.section("exit status");
        entries(&mut page, program.exit_status);
    }
    for note in program.notes {
        page.section(note.title);
        page.paragraphs(note.text);
        entries(&mut page, note.entries);
    }
    if !program.examples.is_empty() {
        page.section("examples");
        for example in program.examples {
            page.entry(&code(example.call), example.help);
        }
    }
    page.section("see also");
    page.paragraphs(&program.see_also.join(", "));
    page.finish()
}

fn describe(page: &mut Page, program: &Program, command: &Command) {
    page.subsection(&format!("{} {}", program.name, command.name));
    if command.actions.is_empty() {
        page.calls(command.usage.iter().map(|form| format!("{} {} {form}", program.name, command.name)));
        page.paragraph();
    }
    page.paragraphs(command.description);
    for action in command.actions {
        for (number, form) in action.usage.iter().enumerate() {
            let call = format!("{} {} {} {form}", program.name, command.name, action.name);
            let last = number + 1 == action.usage.len();
            page.entry(&head(call.trim_end()), if last { action.description } else { "" });
        }
        if !action.options.is_empty() {
            page.indent();
            action.options.iter().for_each(|option| entry_of(page, option));
            page.back();
        }
    }
    command.options.iter().for_each(|option| entry_of(page, option));
    for text in [command.notes, &exit_status(command)] {
        if !text.is_empty() {
            page.paragraph();
            page.paragraphs(text);
        }
    }
    if !command.examples.is_empty() {
        page.paragraph();
        page.paragraphs(if command.examples.len() == 1 { "Example:" } else { "Examples:" });
        for example in command.examples {
            page.entry(&code(example.call), example.help);
        }
    }
}

fn exit_status(command: &Command) -> String {
    if command.exit_status.is_empty() {
        String::new()
    } else {
        format!("Exit status: {}.", command.exit_status)
    }
}

fn entry_of(page: &mut Page, option: &Opt) {
    page.entry(&head(&option.call()), option.help);
    let Some((_, Value::OneOf(choices))) = option.value else { return };
    if choices.iter().any(|choice| !choice.help.is_empty()) {
        page.indent();
        entries(page, choices);
        page.back();
    }
}

fn entries(page: &mut Page, entries: &[Choice]) {
    for entry in entries {
        page.entry(&format!("\\fB{}\\fR", plain(entry.word)), entry.help);
    }
}
