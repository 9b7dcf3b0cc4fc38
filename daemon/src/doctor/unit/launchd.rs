//! The agent of macOS' launchd.

use std::path::Path;

use tokend_proto::finding::{self, Finding};

use super::{Asked, another_program};
use crate::doctor::PATIENCE;
use crate::platform::{self, files};
use crate::user_service::call;
use crate::user_service::launchd::{LABEL, Session, Shown, is_disabled};

/// Asks launchd of this user.
pub(super) async fn look(launchctl: &Path, asked: &Asked) -> Vec<Finding> {
    match ask(launchctl).await {
        Ok((domain, agent, is_off)) => judge(asked, &domain, agent.as_ref(), is_off),
        Err(error) => vec![finding::UNIT_NO_SYSTEMD.found(format!("launchd does not say: {error}"), "")],
    }
}

/// The agent's session, how it is there if it is loaded, and whether somebody has switched it off.
async fn ask(launchctl: &Path) -> std::io::Result<(String, Option<Shown>, bool)> {
    let user = platform::own_user().to_string();
    for session in [Session::Graphical, Session::Background] {
        let domain = session.domain(&user);
        let said = call(launchctl, &["print", &format!("{domain}/{LABEL}")], PATIENCE).await?;
        if said.status.success() {
            return Ok((domain, Some(Shown::read(&String::from_utf8_lossy(&said.stdout))), false));
        }
    }
    let domain = Session::Graphical.domain(&user);
    let switches = call(launchctl, &["print-disabled", &domain], PATIENCE).await?;
    let is_off = is_disabled(&String::from_utf8_lossy(&switches.stdout));
    Ok((domain, None, is_off))
}

fn judge(asked: &Asked, domain: &str, agent: Option<&Shown>, is_off: bool) -> Vec<Finding> {
    let Some(agent) = agent else {
        return vec![if is_off {
            let hint = format!("`launchctl enable {domain}/{LABEL}`, then `tokend install`");
            finding::UNIT_NOT_ENABLED.found(format!("the agent {LABEL} is disabled"), hint)
        } else {
            let hint = "`tokend install` sets it up, so that the first `tok` starts the daemon";
            finding::UNIT_NOT_INSTALLED.found(format!("launchd has no agent {LABEL}"), hint)
        }];
    };
    let mut found: Vec<_> = failed(domain, agent).into_iter().collect();
    if let Some(program) = &agent.program {
        let shown = program.display();
        if !files::is_program(program) {
            let message = format!("the agent's program {shown} is not there");
            found.push(finding::UNIT_NO_PROGRAM.found(message, "`tokend install` writes the right path"));
        } else if let Some(process) = asked.process.filter(|_| asked.running) {
            if agent.process != Some(process) {
                let message =
                    format!("the daemon that runs (process {process}) was not started by the agent");
                let hint = format!("`tokend env -k` stops it; then `launchctl kickstart {domain}/{LABEL}`");
                found.push(finding::UNIT_BY_HAND.found(message, hint));
            } else if let Some(running) = another_program(asked, program) {
                let message =
                    format!("the daemon that runs is {}, the agent's program is {shown}", running.display());
                let hint = format!("`launchctl kickstart -k {domain}/{LABEL}` starts the agent's");
                found.push(finding::UNIT_OTHER_PROGRAM.found(message, hint));
            }
        }
    }
    if found.is_empty() {
        let runs =
            if agent.process.is_some() { "runs" } else { "is loaded, and starts with the first `tok`" };
        found.push(finding::UNIT_RUNS.found(format!("the agent {domain}/{LABEL} {runs}"), ""));
    }
    found
}

fn failed(domain: &str, agent: &Shown) -> Option<Finding> {
    let status = agent.last_exit.filter(|status| *status != 0 && agent.process.is_none())?;
    let start = format!("`launchctl kickstart {domain}/{LABEL}`");
    Some(match status {
        78 => finding::UNIT_FAILED_CONFIGURATION.found(
            "the agent has failed: the configuration was faulty (status 78)",
            format!("mend it (`tokend check` shows the line), then {start}"),
        ),
        69 => finding::UNIT_FAILED_TAKEN.found(
            "the agent has failed: another tokend ran on the same state (status 69)",
            format!("stop that one (`tokend env -k`), then {start}"),
        ),
        status => finding::UNIT_FAILED.found(
            format!("the agent has failed (status {status})"),
            format!("tokend.log in the state folder shows why; then {start}"),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(asked: &Asked, agent: Option<&Shown>, is_off: bool) -> Vec<String> {
        judge(asked, "gui/501", agent, is_off).into_iter().map(|found| found.finding).collect()
    }

    #[test]
    fn each_state_of_an_agent_is_found() {
        let none = Asked::default();
        assert_eq!(judged(&none, None, false), ["not-installed"]);
        assert_eq!(judged(&none, None, true), ["not-enabled"]);
        let own = std::env::current_exe().unwrap_or_default();
        let agent = Shown { program: Some(own.clone()), process: Some(7), ..Shown::default() };
        assert_eq!(judged(&none, Some(&agent), false), ["sound"]);
        let running = |process, program| Asked {
            running: true,
            process: Some(process),
            program: Some(program),
            ..Asked::default()
        };
        assert_eq!(judged(&running(7, own.clone()), Some(&agent), false), ["sound"]);
        assert_eq!(judged(&running(8, own), Some(&agent), false), ["by-hand"]);
        assert_eq!(judged(&running(7, "/other/tokend".into()), Some(&agent), false), ["other-program"]);
        let gone = Shown { program: Some("/nowhere/tokend".into()), ..agent.clone() };
        assert_eq!(judged(&none, Some(&gone), false), ["no-program"]);
        for (status, finding) in [(78, "failed-configuration"), (69, "failed-taken"), (1, "failed")] {
            let ended = Shown { process: None, last_exit: Some(status), ..agent.clone() };
            assert_eq!(judged(&none, Some(&ended), false), [finding]);
        }
        // It was mended since.
        assert_eq!(judged(&none, Some(&Shown { last_exit: Some(78), ..agent }), false), ["sound"]);
    }
}
