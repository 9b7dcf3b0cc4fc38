//! `tok help`: what can be said to `tok`.

use tokend_words::Command;
use tokend_words::tok::TOK;

use super::arguments::Words;
use super::complaint::Stop;
use super::{find, output, platform};

/// Lines that are longer are hard to read, on however wide a terminal.
const WIDEST: usize = 120;

/// A terminal that says it is narrower is not believed.
const NARROWEST: usize = 60;

/// `tok help [COMMAND]`.
pub(crate) fn run(mut words: Words<'_>) -> Result<u8, Stop> {
    let topic = words.only_value()?;
    let command = topic.map(|name| find(&name.to_string_lossy())).transpose()?;
    print(command.map(|command| command.words))?;
    Ok(0)
}

/// Explains a command, or lists them all.
pub(crate) fn print(command: Option<&Command>) -> Result<(), Stop> {
    let width = platform::terminal_width().map_or(WIDEST, |width| width.clamp(NARROWEST, WIDEST));
    let text = match command {
        Some(command) => TOK.help_of(command, width),
        None => TOK.help(width),
    };
    output::print(text.as_bytes())
}
