//! What a person should know after an installation.

use std::env;

use super::manager::Manager;
use super::pieces::zsh_folder;
use super::places::Places;
use super::program::Program;

/// What is worth a line: always what does not work as it is; after a change also what might be wanted next.
pub(super) fn hints(
    manager: &dyn Manager,
    places: &Places,
    program: &Program,
    is_changed: bool,
) -> Vec<String> {
    let mut hints: Vec<String> = program.note.iter().cloned().collect();
    let listens = manager.listens();
    let variable = env::var_os("TOKEND_SOCK").filter(|value| !value.is_empty());
    if variable.as_deref().is_some_and(|value| value != listens.as_os_str()) {
        hints.push(
            "TOKEND_SOCK is set, and names another socket: unset TOKEND_SOCK, here and in your profile"
                .to_owned(),
        );
    } else if variable.is_none() && places.socket != listens {
        hints.push(format!(
            "in a shell tok looks elsewhere for the socket: into its profile, export TOKEND_SOCK={}",
            listens.display()
        ));
    }
    if is_changed && manager.has_pages() {
        hints.extend(completions_and_pages(places));
    }
    hints.extend(manager.hints(is_changed));
    if is_changed {
        hints.push(format!(
            "next: accounts, in {}; `tok status` shows them, `tok doctor` checks the rest",
            places.short(&places.configuration.join("config.toml"))
        ));
    }
    hints
}

/// Where a shell and man(1) have to be told to look.
fn completions_and_pages(places: &Places) -> Vec<String> {
    let mut hints = Vec::new();
    let zsh = zsh_folder(places);
    let is_zsh = env::var_os("SHELL").is_some_and(|shell| shell.as_encoded_bytes().ends_with(b"zsh"));
    let fpath = env::var_os("FPATH");
    let is_in_fpath = fpath.is_some_and(|fpath| env::split_paths(&fpath).any(|folder| folder == zsh));
    if is_zsh && !is_in_fpath {
        hints.push(format!(
            "for zsh's completions, before compinit in ~/.zshrc: fpath=({} $fpath)",
            places.short(&zsh)
        ));
    }
    if !places.man_is_found(env::var_os("PATH").as_deref(), env::var_os("MANPATH").as_deref()) {
        hints.push("man(1) does not look where the pages are; `tok man` shows them".to_owned());
    }
    hints
}
