//! The man page and the completions of `tok` that are checked in are those of its definition.

use tokend_words::checked_in::agrees;
use tokend_words::tok::TOK;
use tokend_words::{completions, man};

#[test]
fn the_checked_in_man_page_of_tok_is_that_of_its_definition() -> Result<(), String> {
    agrees("man/tok.1", &man::page(&TOK, 1, env!("CARGO_PKG_VERSION")))
}

#[test]
fn the_checked_in_completions_of_tok_are_those_of_its_definition() -> Result<(), String> {
    agrees("completions/tok.bash", &completions::bash(&TOK))?;
    agrees("completions/_tok", &completions::zsh(&TOK))?;
    agrees("completions/tok.fish", &completions::fish(&TOK))?;
    agrees("completions/tok.ps1", &completions::powershell(&TOK))
}
