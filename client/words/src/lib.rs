//! The one definition of what can be said to `tok`, as data: its parser, `tok help`, the man page and the
//! completions of every shell come from it.
//!
//! [`tok::TOK`] is the definition. To add a command, write a [`Command`] beside those of its group in
//! `tok/`; to add an option, write an [`Opt`] into its command. The parser of `tok` takes no option that is
//! not there, and knows from there whether it has a value. Then `cargo words` writes the man pages and
//! completions anew.

pub mod checked_in;
pub mod completions;
mod definition;
mod help;
mod lines;
pub mod man;
pub mod roff;
pub mod tok;

pub use definition::{Argument, Choice, Command, Example, Group, Note, Opt, Program, Value};
