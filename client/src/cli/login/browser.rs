//! Which browser is opened, if one is: a decision about the environment, and the start of that program.

use std::path::PathBuf;
use std::process::{Child, Command};

use super::super::platform::{self, Desktop};
use super::address::Address;

/// Browsers of the terminal: they cannot run beside this program, which shows what it waits for there.
const IN_TERMINAL: [&str; 7] = ["w3m", "lynx", "links", "links2", "elinks", "browsh", "www-browser"];

/// Programs that open an address, the first that can.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Browser {
    /// Each a program with its arguments, of which one holds `%s`.
    ways: Vec<Vec<String>>,
}

impl Browser {
    /// The one of this environment.
    pub(super) fn of_this_process() -> Option<Self> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self::chosen(&platform::DESKTOP, variable, |name| platform::find_program(name).is_some())
    }

    /// The user's own words first, as `xdg-open` and Python's `webbrowser` read them; else what opens addresses on such
    /// a desktop, where this process is on it. A screen that is reached through ssh is not this machine's.
    fn chosen(
        desktop: &Desktop,
        variable: impl Fn(&str) -> Option<String>,
        is_there: impl Fn(&str) -> bool,
    ) -> Option<Self> {
        if let Some(named) = variable("BROWSER") {
            let ways: Vec<_> = named.split(desktop.separator).filter_map(way).collect();
            return (!ways.is_empty()).then_some(Self { ways });
        }
        let is_local = |display: String| {
            let host = display.split(':').next().unwrap_or_default();
            // A path is what macOS' X server says; `localhost:10` is what ssh does.
            host.is_empty() || host == "unix" || host.starts_with('/')
        };
        let has_display = variable("WAYLAND_DISPLAY").is_some() || variable("DISPLAY").is_some_and(is_local);
        let through_ssh = variable("SSH_CONNECTION").is_some() || variable("SSH_TTY").is_some();
        if !has_display && (desktop.needs_display || through_ssh) {
            return None;
        }
        let ways = desktop.openers.iter().filter(|words| words.first().is_some_and(|name| is_there(name)));
        let ways: Vec<_> = ways.map(|words| with_place(words.iter().copied())).collect();
        (!ways.is_empty()).then_some(Self { ways })
    }

    /// Sends it to this address, in a session of its own, so that it outlives this process and its terminal.
    ///
    /// # Errors
    /// In words, where no program could be started.
    pub(super) fn open(&self, address: &Address) -> Result<Opened, String> {
        let mut trouble = "there is no browser".to_owned();
        for (place, way) in self.ways.iter().enumerate() {
            let mut words = way.iter().map(|word| word.replace("%s", address.text()));
            let Some(name) = words.next() else { continue };
            let program = if name.contains(std::path::is_separator) {
                Some(PathBuf::from(&name))
            } else {
                platform::find_program(&name)
            };
            let Some(program) = program else {
                trouble = format!("there is no program {name}");
                continue;
            };
            match platform::spawn_apart(Command::new(program).args(words)) {
                Ok(child) => {
                    let others = Self { ways: self.ways[place + 1..].to_vec() };
                    return Ok(Opened { name, child, others });
                }
                Err(error) => trouble = format!("{name} cannot be started: {error}"),
            }
        }
        Err(trouble)
    }
}

/// A browser that was started.
pub(super) struct Opened {
    /// Its program.
    pub(super) name: String,
    /// It.
    pub(super) child: Child,
    /// Those to try next.
    pub(super) others: Browser,
}

/// One of the alternatives of `$BROWSER`: split at blanks, never read by a shell.
fn way(alternative: &str) -> Option<Vec<String>> {
    let words = alternative.split_whitespace().map(unquoted).filter(|word| *word != "&");
    let words = with_place(words);
    let name = words.first()?.rsplit('/').next()?;
    let can_run = !name.is_empty() && !name.contains("%s") && !IN_TERMINAL.contains(&name);
    can_run.then_some(words)
}

fn with_place<'w>(words: impl Iterator<Item = &'w str>) -> Vec<String> {
    let mut words: Vec<String> = words.map(str::to_owned).collect();
    if !words.is_empty() && !words.iter().any(|word| word.contains("%s")) {
        words.push("%s".to_owned());
    }
    words
}

/// `"%s"` as some write it, for a shell.
fn unquoted(word: &str) -> &str {
    let inside = |quote: char| word.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINUX: Desktop = Desktop {
        openers: &[&["xdg-open"], &["gio", "open"], &["wslview"]],
        needs_display: true,
        separator: ':',
    };
    const MACOS: Desktop = Desktop { openers: &[&["open"]], needs_display: false, separator: ':' };

    fn chosen(desktop: &Desktop, set: &[(&str, &str)], programs: &[&str]) -> Vec<String> {
        let variable =
            |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let browser = Browser::chosen(desktop, variable, |name| programs.contains(&name));
        browser.map_or_else(Vec::new, |browser| browser.ways.iter().map(|way| way.join(" ")).collect())
    }

    #[test]
    fn what_the_user_named_comes_first_wherever_this_runs() {
        let named = |value| chosen(&LINUX, &[("BROWSER", value), ("SSH_TTY", "/dev/pts/1")], &["xdg-open"]);
        assert_eq!(named("firefox"), ["firefox %s"]);
        assert_eq!(named("firefox --new-tab %s:/opt/b/chrome"), ["firefox --new-tab %s", "/opt/b/chrome %s"]);
        assert_eq!(named("a '%s' &: :b --x=%s -y"), ["a %s", "b --x=%s -y"]);
        // It runs beside this program, not in its terminal; and an address is no program.
        assert_eq!(named("w3m:/usr/bin/lynx:%s"), [""; 0]);
        assert_eq!(named("$(reboot);x"), ["$(reboot);x %s"], "a program of that name, which is not there");
    }

    #[test]
    fn a_desktop_opens_addresses_where_this_process_is_on_it() {
        let all = ["xdg-open", "gio", "wslview"];
        let ways = ["xdg-open %s", "gio open %s", "wslview %s"];
        for display in [("DISPLAY", ":0"), ("DISPLAY", "unix:1"), ("WAYLAND_DISPLAY", "wayland-0")] {
            assert_eq!(chosen(&LINUX, &[display], &all), ways, "{display:?}");
            assert_eq!(chosen(&LINUX, &[display, ("SSH_TTY", "/dev/pts/1")], &all), ways, "{display:?}");
        }
        assert_eq!(chosen(&LINUX, &[("DISPLAY", ":0")], &["gio"]), ["gio open %s"]);
        assert_eq!(chosen(&LINUX, &[("DISPLAY", ":0")], &[]), [""; 0]);
        assert_eq!(chosen(&LINUX, &[], &all), [""; 0]);
        assert_eq!(chosen(&MACOS, &[], &["open"]), ["open %s"]);
    }

    #[test]
    fn a_screen_behind_ssh_is_none() {
        let all = ["xdg-open", "open"];
        for display in ["localhost:10.0", "box:0", "127.0.0.1:11"] {
            assert_eq!(chosen(&LINUX, &[("DISPLAY", display)], &all), [""; 0], "{display}");
        }
        let connection = ("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22");
        assert_eq!(chosen(&LINUX, &[connection, ("DISPLAY", "localhost:10")], &all), [""; 0]);
        assert_eq!(chosen(&MACOS, &[connection], &all), [""; 0]);
        assert_eq!(chosen(&MACOS, &[connection, ("DISPLAY", "/private/tmp/x:0")], &all), ["open %s"]);
    }
}
