//! The logon task of Windows' Task Scheduler.

use std::path::Path;

use tokend_proto::finding::{self, Finding};

use super::{Asked, another_program};
use crate::doctor::PATIENCE;
use crate::platform::{self, files};
use crate::user_service::call;
use crate::user_service::task::{self, Shown};

/// Asks the Task Scheduler for the task of this user.
pub(super) async fn look(schtasks: &Path, asked: &Asked) -> Vec<Finding> {
    let name = task::name(&platform::own_user().to_string());
    match call(schtasks, &["/Query", "/TN", &name, "/XML"], PATIENCE).await {
        Ok(said) => {
            let shown = Shown::read(&said.stdout).filter(|_| said.status.success());
            judge(asked, &name, shown.as_ref())
        }
        Err(error) => {
            vec![finding::UNIT_NO_SYSTEMD.found(format!("the Task Scheduler does not say: {error}"), "")]
        }
    }
}

fn judge(asked: &Asked, name: &str, task: Option<&Shown>) -> Vec<Finding> {
    let Some(task) = task else {
        let hint = "`tokend install` sets it up, so that the daemon runs from the logon on";
        return vec![finding::UNIT_NOT_INSTALLED.found(format!("there is no task {name}"), hint)];
    };
    let mut found = Vec::new();
    if !task.is_enabled {
        let hint = format!("`schtasks /Change /TN {name} /ENABLE`");
        found.push(finding::UNIT_NOT_ENABLED.found(format!("the task {name} is disabled"), hint));
    }
    if let Some(program) = &task.program {
        let shown = program.display();
        if !files::is_program(program) {
            let message = format!("the task's program {shown} is not there");
            found.push(finding::UNIT_NO_PROGRAM.found(message, "`tokend install` puts it there"));
        } else if let Some(running) = another_program(asked, program) {
            let message =
                format!("the daemon that runs is {}, the task's program is {shown}", running.display());
            let hint = format!("`tokend env -k` stops it; then `schtasks /Run /TN {name}`");
            found.push(finding::UNIT_OTHER_PROGRAM.found(message, hint));
        }
    }
    if found.is_empty() {
        let message = format!("the task {name} starts it at the logon");
        found.push(finding::UNIT_RUNS.found(message, ""));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_of_a_task_is_found() {
        let judged = |asked: &Asked, task: Option<&Shown>| -> Vec<String> {
            judge(asked, r"\tokend-S-1", task).into_iter().map(|found| found.finding).collect()
        };
        let none = Asked::default();
        assert_eq!(judged(&none, None), ["not-installed"]);
        let own = std::env::current_exe().unwrap_or_default();
        let task = Shown { program: Some(own), is_enabled: true, gist: String::new() };
        assert_eq!(judged(&none, Some(&task)), ["sound"]);
        assert_eq!(judged(&none, Some(&Shown { is_enabled: false, ..task.clone() })), ["not-enabled"]);
        let other = Asked { running: true, program: Some("/other/tokend".into()), ..Asked::default() };
        assert_eq!(judged(&other, Some(&task)), ["other-program"]);
        let gone = Shown { program: Some("/nowhere/tokend".into()), ..task };
        assert_eq!(judged(&none, Some(&gone)), ["no-program"]);
    }
}
