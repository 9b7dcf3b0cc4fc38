//! macOS' launchd: an agent of the user's own.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tokend::platform;
use tokend::user_service::launchd::{Agent, LABEL, Session, Shown, is_disabled, plist};

use super::manager::{Changes, LOOK, Manager, Orders, STOPPING, System, wait_for_daemon};
use super::manifest::Manifest;
use super::pieces::{Piece, completions, pages};
use super::places::Places;
use super::plan::{Order, Step, remove_folder};
use super::program::Program;
use super::trouble::Trouble;

/// launchctl's ends are errno's: what was asked to end does so after the answer, or has ended.
const UNDER_WAY: [Option<i32>; 2] = [Some(36), Some(3)];

/// The name under which the list keeps which program was started.
const PROGRAM: &str = "program";

/// A user's launchd, and how the agent is.
#[derive(Debug)]
pub(super) struct Launchd {
    system: Box<dyn System>,
    session: Session,
    /// The session's name.
    domain: String,
    /// How the agent is, if it is loaded.
    agent: Option<Shown>,
    /// Whether somebody has switched it off.
    is_disabled: bool,
    /// Its file.
    plist: PathBuf,
    socket: PathBuf,
    log: PathBuf,
}

impl Launchd {
    /// Finds how the agent of the user with this number is.
    ///
    /// # Errors
    /// When launchctl cannot be asked.
    pub(super) fn find(places: &Places, user: &str, system: Box<dyn System>) -> Result<Self, Trouble> {
        let mut found = None;
        for session in [Session::Graphical, Session::Background] {
            let name = format!("{}/{LABEL}", session.domain(user));
            if let Some(shown) = system.ask(&["print", &name])? {
                found = Some((session, Shown::read(&String::from_utf8_lossy(&shown))));
                break;
            }
        }
        // Where it is loaded it stays; else with the screen, if somebody sits there.
        let (session, agent) = match found {
            Some((session, shown)) => (session, Some(shown)),
            None if system.ask(&["print", &Session::Graphical.domain(user)])?.is_some() => {
                (Session::Graphical, None)
            }
            None => (Session::Background, None),
        };
        let domain = session.domain(user);
        let switches = system.ask(&["print-disabled", &domain])?.unwrap_or_default();
        Ok(Self {
            system,
            session,
            domain,
            agent,
            is_disabled: is_disabled(&String::from_utf8_lossy(&switches)),
            plist: places.home.join("Library/LaunchAgents").join(format!("{LABEL}.plist")),
            socket: places.socket.clone(),
            log: places.state.join("tokend.log"),
        })
    }

    fn name(&self) -> String {
        format!("{}/{LABEL}", self.domain)
    }

    fn load(&self) -> Result<(), Trouble> {
        // launchd makes the socket, but no folder.
        if let Some(folder) = self.socket.parent() {
            platform::private_folder(folder).map_err(|error| {
                let hint = "it must be your own, and closed to others";
                Trouble::new(format!("{}: {error}", folder.display()), hint)
            })?;
        }
        let plist = self.plist.to_string_lossy();
        self.system.tell(&["bootstrap", &self.domain, &plist]).map_err(|refused| {
            let hint = format!(
                "`launchctl print {}` may say more, and the log {}; then say it once more",
                self.name(),
                self.log.display()
            );
            Trouble::new(refused.said, hint)
        })?;
        self.wait()
    }

    fn unload(&self) -> Result<(), Trouble> {
        match self.system.tell(&["bootout", &self.name()]) {
            Err(refused) if !UNDER_WAY.contains(&refused.status) => {
                return Err(Trouble::new(refused.said, "mend it, and say it once more"));
            }
            _ => {}
        }
        // It may still be finishing a request.
        let mut looks = STOPPING.as_millis() / LOOK.as_millis();
        while self.system.ask(&["print", &self.name()])?.is_some() {
            if looks == 0 {
                return Err(Trouble::new(format!("{LABEL} does not stop"), "say it once more"));
            }
            looks -= 1;
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn kick(&self, words: &[&str]) -> Result<(), Trouble> {
        let name = self.name();
        let words = [&["kickstart"], words, &[&name]].concat();
        let told = self.system.tell(&words);
        told.map_err(|refused| Trouble::new(refused.said, "mend it, and say it once more"))?;
        self.wait()
    }

    fn wait(&self) -> Result<(), Trouble> {
        wait_for_daemon(&*self.system, &self.socket, &self.log, || {
            let shown = self.system.ask(&["print", &self.name()]).ok()??;
            let shown = Shown::read(&String::from_utf8_lossy(&shown));
            shown.last_exit.filter(|status| *status != 0 && shown.process.is_none())
        })
    }

    /// Which program there is now: another after an upgrade.
    fn stamp(program: &Program) -> Option<String> {
        platform::files::changed_at(&program.path).map(|changed| changed.to_string())
    }
}

impl Manager for Launchd {
    fn listens(&self) -> &Path {
        &self.socket
    }

    fn process(&self) -> Option<u32> {
        self.agent.as_ref()?.process
    }

    fn pieces(&self, places: &Places, program: &Program) -> Result<Vec<Piece>, Trouble> {
        let agent = Agent {
            program: &program.path,
            socket: &self.socket,
            log: &self.log,
            session: self.session,
            variables: &places.variables,
        };
        let text = plist(&agent).ok_or_else(|| {
            let what = "no property list can hold these paths: the program, or your folders".to_owned();
            Trouble::new(what, "choose such that are UTF-8, without control characters")
        })?;
        let mut pieces = vec![Piece::unit(self.plist.clone(), text.into_bytes(), "")];
        pieces.extend(completions(places));
        pieces.extend(pages(places));
        Ok(pieces)
    }

    fn orders(&self, changes: &Changes<'_>) -> Orders {
        let mut orders = Orders::default();
        let named = || vec![LABEL.to_owned()];
        if self.is_disabled {
            orders.left.push((LABEL.to_owned(), "disabled, as you left it"));
            return orders;
        }
        orders.enabled.push(LABEL.to_owned());
        let stamp = changes.before.stamps.get(PROGRAM);
        let is_newer = stamp.is_some() && stamp != Self::stamp(changes.program).as_ref();
        let order = match &self.agent {
            None => Some(Order::Enable),
            Some(_) if !changes.changed.is_empty() => Some(Order::Reload),
            Some(agent) if agent.process.is_none() => Some(Order::Start),
            Some(_) => is_newer.then_some(Order::Restart),
        };
        orders.then.extend(order.map(|order| Step::Tell(order, named())));
        orders
    }

    fn orders_to_end(&self, _manifest: &Manifest) -> Orders {
        let loaded = self.agent.iter().map(|_| Step::Tell(Order::Disable, vec![LABEL.to_owned()]));
        Orders { first: loaded.collect(), ..Orders::default() }
    }

    fn tell(&self, order: Order, _units: &[String]) -> Result<(), Trouble> {
        match order {
            Order::Enable => self.load(),
            Order::Disable | Order::Stop => self.unload(),
            // launchd reads a file once.
            Order::Reload => self.unload().and_then(|()| self.load()),
            Order::Start => self.kick(&[]),
            Order::Restart => self.kick(&["-k"]),
        }
    }

    fn stamps(&self, program: &Program) -> BTreeMap<String, String> {
        Self::stamp(program).map(|stamp| (PROGRAM.to_owned(), stamp)).into_iter().collect()
    }

    fn hints(&self, is_changed: bool) -> Vec<String> {
        let mut hints = Vec::new();
        if self.is_disabled {
            hints.push(format!(
                "`launchctl enable {}`, then `tokend install`, makes it run again",
                self.name()
            ));
        }
        if is_changed {
            hints.push(
                "it runs while you are logged in; macOS may tell of it as a new background item".to_owned(),
            );
        }
        hints
    }

    fn sweep(&self) {
        // launchd leaves it.
        let _ = std::fs::remove_file(&self.socket);
        if let Some(folder) = self.socket.parent() {
            remove_folder(folder);
        }
    }
}
