//! The user's own systemd.

mod folders;
mod systemctl;
mod units;
mod word;

use std::path::{Path, PathBuf};

use tokend::platform;

use self::folders::Folders;
use self::systemctl::{Systemctl, Unit};
use self::units::UNITS;
use super::manager::{Changes, Manager, Orders};
use super::manifest::Manifest;
use super::pieces::Piece;
use super::places::Places;
use super::plan::{Order, Step, remove_folder};
use super::program::Program;
use super::trouble::Trouble;

/// A user's systemd, and how both units are.
#[derive(Debug)]
pub(super) struct Systemd {
    systemctl: Systemctl,
    folders: Folders,
    socket: Unit,
    service: Unit,
    listens: PathBuf,
}

impl Systemd {
    /// Finds the user's systemd.
    ///
    /// # Errors
    /// Why there is none, or none for this user here.
    pub(super) fn find(places: &Places) -> Result<Self, Trouble> {
        let systemctl = Systemctl::find()?;
        let folders = Folders::find(&systemctl, places)?;
        let [socket, service] = UNITS;
        let (socket, service) = (systemctl.unit(socket)?, systemctl.unit(service)?);
        let listens = socket.listens.clone();
        let listens = listens.unwrap_or_else(|| systemctl.runtime_dir().join("tokend/tokend.sock"));
        Ok(Self { systemctl, folders, socket, service, listens })
    }

    /// A unit that is masked: somebody does not want it.
    fn is_wanted(&self) -> Result<(), Trouble> {
        for (name, unit) in UNITS.into_iter().zip([&self.socket, &self.service]) {
            if unit.file_state.starts_with("masked") {
                let hint = format!("`systemctl --user unmask {name}`, if it should run again");
                return Err(Trouble::new(format!("{name} is masked: somebody has forbidden it"), hint));
            }
        }
        Ok(())
    }

    /// The link by which systemd starts a unit at the login.
    fn wants(&self, unit: &str) -> PathBuf {
        let target = if unit == UNITS[0] { "sockets.target.wants" } else { "default.target.wants" };
        self.folders.units.join(target).join(unit)
    }
}

impl Manager for Systemd {
    fn listens(&self) -> &Path {
        &self.listens
    }

    fn process(&self) -> Option<u32> {
        self.service.process
    }

    fn pieces(&self, places: &Places, program: &Program) -> Result<Vec<Piece>, Trouble> {
        self.is_wanted()?;
        units::pieces(places, &self.folders, program, &self.listens, self.systemctl.knows_notify_reload())
    }

    fn orders(&self, changes: &Changes<'_>) -> Orders {
        let Self { socket, service, .. } = self;
        let before = changes.before;
        let mut orders = Orders::default();
        let touched = changes.touched.iter().any(|path| path.starts_with(&self.folders.units));
        if touched || before.is_begun || socket.is_outdated || service.is_outdated {
            orders.then.push(Step::Tell(Order::Reload, vec!["systemd's units".to_owned()]));
        }
        let mut enable = Vec::new();
        let mut start = Vec::new();
        for (name, unit) in UNITS.into_iter().zip([socket, service]) {
            if unit.is_enabled() {
                if before.enabled.contains(name) || before.is_begun {
                    orders.enabled.push(name.to_owned());
                }
            } else if before.enabled.contains(name) && !unit.file_state.is_empty() {
                orders.left.push((name.to_owned(), "disabled, as you left it"));
                continue;
            } else {
                orders.enabled.push(name.to_owned());
                enable.push(name.to_owned());
            }
            if !unit.is_active() {
                start.push(name.to_owned());
            }
        }
        if !enable.is_empty() {
            orders.then.push(Step::Tell(Order::Enable, enable));
        }
        // systemd changes no socket under a service that runs.
        let socket_changed = changes.changed.iter().any(|path| path.ends_with(UNITS[0]));
        let is_newer = service.started_at.is_some_and(|started| {
            service.process.is_some()
                && platform::files::changed_at(&changes.program.path).is_some_and(|changed| changed > started)
        });
        let mut restart = Vec::new();
        if socket_changed && socket.is_active() {
            restart.push(UNITS[0].to_owned());
        }
        if (!changes.changed.is_empty() || is_newer) && service.is_active() {
            restart.push(UNITS[1].to_owned());
        }
        if !restart.is_empty() {
            orders.then.push(Step::Tell(Order::Restart, restart));
        }
        if !start.is_empty() {
            orders.then.push(Step::Tell(Order::Start, start));
        }
        orders
    }

    fn orders_to_end(&self, manifest: &Manifest) -> Orders {
        let (mut stop, mut disable) = (Vec::new(), Vec::new());
        for (name, unit) in UNITS.into_iter().zip([&self.socket, &self.service]) {
            if unit.is_active() {
                stop.push(name.to_owned());
            }
            if unit.is_enabled() && manifest.enabled.contains(name) {
                disable.push(name.to_owned());
            }
        }
        let told = [(Order::Stop, stop), (Order::Disable, disable)].into_iter();
        let first =
            told.filter(|(_, units)| !units.is_empty()).map(|(order, units)| Step::Tell(order, units));
        Orders { first: first.collect(), ..Orders::default() }
    }

    fn orders_after(&self, removed: &[&Path]) -> Vec<Step> {
        let touched = removed.iter().any(|path| path.starts_with(&self.folders.units));
        let reload = touched.then(|| Step::Tell(Order::Reload, vec!["systemd's units".to_owned()]));
        reload.into_iter().collect()
    }

    fn makes(&self, order: Order, units: &[String]) -> Vec<PathBuf> {
        match order {
            Order::Enable | Order::Disable => units.iter().map(|unit| self.wants(unit)).collect(),
            _ => Vec::new(),
        }
    }

    fn tell(&self, order: Order, units: &[String]) -> Result<(), Trouble> {
        let mut words = vec![word(order)];
        if order != Order::Reload {
            words.extend(units.iter().map(String::as_str));
        }
        self.systemctl.tell(&words).map_err(|said| {
            let hint = match order {
                Order::Start | Order::Restart => {
                    "`tokend check` shows a faulty configuration, `journalctl --user -u tokend` what else it was; \
                     then say it once more"
                }
                _ => "mend it, and say it once more: it goes on where it stopped",
            };
            Trouble::new(said, hint)
        })
    }

    fn hints(&self, is_changed: bool) -> Vec<String> {
        let mut hints = Vec::new();
        if let Some(folder) = &self.folders.packaged {
            hints.push(format!("the units are those of the package, in {}", folder.display()));
        }
        if is_changed && self.systemctl.lingers() != Some(true) {
            hints.push(
                "it runs while you are logged in; on a machine where nobody is: `loginctl enable-linger`"
                    .to_owned(),
            );
        }
        hints
    }

    fn sweep(&self) {
        // The socket's folder goes with the session anyway.
        remove_folder(&self.systemctl.runtime_dir().join("tokend"));
    }
}

/// systemctl's word.
fn word(order: Order) -> &'static str {
    match order {
        Order::Reload => "daemon-reload",
        Order::Enable => "enable",
        Order::Disable => "disable",
        Order::Start => "start",
        Order::Restart => "restart",
        Order::Stop => "stop",
    }
}
