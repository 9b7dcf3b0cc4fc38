//! `tokend install` and `tokend uninstall`: tokend as a service of the user's own, with completions and pages.

mod hints;
mod launchd;
mod manager;
mod manifest;
mod pieces;
mod places;
mod plan;
mod program;
mod putting_in;
mod systemd;
mod taking_away;
mod tasks;
mod telling;
mod trouble;

use std::process::ExitCode;

use clap::Args;
use tokend::platform;

use self::manager::Manager;
use self::places::Places;
use self::trouble::Trouble;

/// How it is done.
#[derive(Debug, Args)]
pub(crate) struct Words {
    /// Shows what would be done, and does nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Sets tokend up.
pub(crate) fn install(words: &Words) -> ExitCode {
    ended(putting_in::run(words.dry_run))
}

/// Takes away what was set up.
pub(crate) fn uninstall(words: &Words) -> ExitCode {
    ended(taking_away::run(words.dry_run))
}

fn ended(result: Result<(), Trouble>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => trouble.tell(),
    }
}

/// Where things are of the user who calls, who is not root, and what keeps that one's services running.
fn begin() -> Result<(Places, Box<dyn Manager>), Trouble> {
    platform::close_new_files_to_others();
    if platform::own_user().is_superuser() {
        let hint = match std::env::var("SUDO_USER") {
            Ok(user) if user != "root" => format!("say it without sudo, as {user}"),
            _ => "say it as the user whose tokens these are; for an account of the machine, see \
                  docs/installing.md, \"For a machine's account\""
                .to_owned(),
        };
        return Err(Trouble::new("this sets up a user's own service, and you are root", hint));
    }
    let places = Places::find()?;
    let manager = manager::find(&places)?;
    Ok((places, manager))
}
