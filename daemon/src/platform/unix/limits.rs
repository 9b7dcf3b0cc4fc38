//! What the system lets this process have, and who started it.

use std::fs;
use std::time::Duration;

use rustix::process::Resource;

/// Whether a crash would leave a core file.
#[must_use]
pub fn leaves_core_files() -> bool {
    rustix::process::getrlimit(Resource::Core).current != Some(0)
}

/// The systemd unit that started this process, if one did.
#[must_use]
pub fn own_unit() -> Option<String> {
    // systemd.exec(5): of the process that systemd started, not of its children, which inherit the variable.
    let process = std::env::var("SYSTEMD_EXEC_PID").ok()?;
    if process != std::process::id().to_string() {
        return None;
    }
    unit_in(&fs::read_to_string("/proc/self/cgroup").ok()?)
}

/// cgroups(7): a line a hierarchy, `ID:CONTROLLERS:PATH`; systemd's is the one of version 2, or the named
/// one.
fn unit_in(groups: &str) -> Option<String> {
    let path = groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        matches!(controllers, "" | "name=systemd").then_some(path)
    })?;
    let unit = path.rsplit('/').find(|part| part.ends_with(".service"))?;
    Some(unit.to_owned())
}

/// How long this process may keep systemd waiting, where systemd watches it (`sd_watchdog_enabled(3)`).
#[must_use]
pub fn watchdog() -> Option<Duration> {
    let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    let is_ours = number("WATCHDOG_PID").is_none_or(|process| process == u64::from(std::process::id()));
    number("WATCHDOG_USEC").filter(|_| is_ours).map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_the_last_service_of_systemds_hierarchy() {
        let groups = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/tokend.service\n";
        assert_eq!(unit_in(groups).as_deref(), Some("tokend.service"));
        let older = "3:cpu:/other.service\n1:name=systemd:/system.slice/a.service\n";
        assert_eq!(unit_in(older).as_deref(), Some("a.service"));
        assert_eq!(unit_in("0::/user.slice/session-2.scope\n"), None);
        assert_eq!(unit_in(""), None);
    }
}
