//! The agent of macOS' launchd: launchd.plist(5), launchctl(1).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::escaped;

/// The agent's name.
pub const LABEL: &str = "io.tokend.tokend";

/// The name of its socket, by which the daemon asks launchd for it.
pub const SOCKET: &str = "tokend";

/// The sessions in which an agent is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// Of somebody at the screen.
    Graphical,
    /// Of a user without a screen, over ssh for example.
    Background,
}

impl Session {
    /// The name of this session of the user with this number, as launchctl wants it.
    #[must_use]
    pub fn domain(self, user: &str) -> String {
        match self {
            Self::Graphical => format!("gui/{user}"),
            Self::Background => format!("user/{user}"),
        }
    }

    /// launchd's word for it.
    fn kind(self) -> &'static str {
        match self {
            Self::Graphical => "Aqua",
            Self::Background => "Background",
        }
    }
}

/// What the agent is made of.
#[derive(Debug)]
pub struct Agent<'a> {
    /// The program, absolute.
    pub program: &'a Path,
    /// Where launchd listens for it.
    pub socket: &'a Path,
    /// The file that gets its log.
    pub log: &'a Path,
    /// Where it is loaded.
    pub session: Session,
    /// What else it finds in its environment: variables with folders.
    pub variables: &'a [(&'static str, PathBuf)],
}

/// Where the agent looks for programs: Homebrew's folders on both kinds of processors, then the system's.
const PATH: &str = "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// The agent as a property list. None where a path is not UTF-8, or has control characters: no property list can hold
/// it.
#[must_use]
pub fn plist(agent: &Agent<'_>) -> Option<String> {
    let word = |path: &Path| path.to_str().and_then(escaped);
    let (program, socket, log) = (word(agent.program)?, word(agent.socket)?, word(agent.log)?);
    // launchd's own has none of the folders into which people install the programs that print secrets.
    let mut variables = format!(
        "\t<key>EnvironmentVariables</key>\n\t<dict>\n\t\t<key>PATH</key>\n\t\t<string>{PATH}</string>\n"
    );
    for (name, value) in agent.variables {
        let value = word(value)?;
        // Writing to a string does not fail.
        let _ = writeln!(variables, "\t\t<key>{name}</key>\n\t\t<string>{value}</string>");
    }
    variables.push_str("\t</dict>\n");
    let kind = agent.session.kind();
    Some(format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Made by `tokend install`, which leaves it alone once somebody has changed it. -->
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>{LABEL}</string>
	<key>ProgramArguments</key>
	<array>
		<string>{program}</string>
		<string>--log-file</string>
		<string>{log}</string>
	</array>
{variables}	<!-- Where tok looks first: a client that asks while the daemon restarts waits. -->
	<key>Sockets</key>
	<dict>
		<key>{SOCKET}</key>
		<dict>
			<key>SockPathName</key>
			<string>{socket}</string>
			<!-- 0600 -->
			<key>SockPathMode</key>
			<integer>384</integer>
		</dict>
	</dict>
	<key>RunAtLoad</key>
	<true/>
	<!-- After a crash it comes back; one that has ended, also over a faulty configuration, does at the next client. -->
	<key>KeepAlive</key>
	<dict>
		<key>Crashed</key>
		<true/>
	</dict>
	<!-- It may finish a request that must not be cut off. -->
	<key>ExitTimeOut</key>
	<integer>60</integer>
	<key>ProcessType</key>
	<string>Standard</string>
	<key>LimitLoadToSessionType</key>
	<string>{kind}</string>
	<!-- 0077 -->
	<key>Umask</key>
	<integer>63</integer>
	<!-- What is said before the daemon has its log open. -->
	<key>StandardErrorPath</key>
	<string>{log}</string>
</dict>
</plist>
"#
    ))
}

/// How a loaded agent is, as far as `launchctl print` says: its words are for people, and may change.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The file that it was loaded from.
    pub path: Option<PathBuf>,
    /// Its program.
    pub program: Option<PathBuf>,
    /// Its process, while it runs.
    pub process: Option<u32>,
    /// With which status it ended the last time.
    pub last_exit: Option<i32>,
}

impl Shown {
    /// Reads what `launchctl print DOMAIN/LABEL` says.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut shown = Self::default();
        for (name, value) in text.lines().filter_map(|line| line.trim().split_once(" = ")) {
            // What lies deeper, a socket for example, has properties of the same names: the first counts.
            match name {
                "path" if shown.path.is_none() => shown.path = Some(value.into()),
                "program" if shown.program.is_none() => shown.program = Some(value.into()),
                "pid" if shown.process.is_none() => shown.process = value.parse().ok(),
                "last exit code" if shown.last_exit.is_none() => {
                    // `78: EX_CONFIG`, where the number has a name.
                    shown.last_exit = value.split(':').next().and_then(|number| number.parse().ok());
                }
                _ => {}
            }
        }
        shown
    }
}

/// Whether `launchctl print-disabled DOMAIN` says that somebody has switched the agent off.
#[must_use]
pub fn is_disabled(text: &str) -> bool {
    let name = format!("\"{LABEL}\" => ");
    let value = text.lines().find_map(|line| line.trim().strip_prefix(&name));
    // Until macOS 12 it said `true`.
    value.is_some_and(|value| matches!(value.trim_end_matches(','), "disabled" | "true"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_no_property_list_holds_is_refused() {
        let (path, odd) = (Path::new("/a"), Path::new("/a\u{1}"));
        let agent = |program| Agent {
            program,
            socket: path,
            log: path,
            session: Session::Background,
            variables: &[],
        };
        assert!(plist(&agent(path)).is_some());
        assert_eq!(plist(&agent(odd)), None);
    }

    #[test]
    fn names_are_escaped_and_variables_told() {
        let text = plist(&Agent {
            program: Path::new("/Users/a & b/tokend"),
            socket: Path::new("/s"),
            log: Path::new("/l"),
            session: Session::Graphical,
            variables: &[("XDG_DATA_HOME", "/d<".into())],
        })
        .unwrap();
        assert!(text.contains("<string>/Users/a &amp; b/tokend</string>"), "{text}");
        assert!(text.contains("<key>XDG_DATA_HOME</key>\n\t\t<string>/d&lt;</string>"), "{text}");
        assert!(text.contains("<string>Aqua</string>"), "{text}");
        // XML 1.0, 2.5.
        let comments = text.split("<!-- ").skip(1).map(|rest| rest.split_once(" -->").unwrap().0);
        assert!(comments.into_iter().all(|comment| !comment.contains("--")), "{text}");
    }

    #[test]
    fn an_agent_is_read_as_launchctl_shows_it() {
        let shown = Shown::read(
            "gui/501/io.tokend.tokend = {\n\tactive count = 1\n\tpath = /Users/a b/Library/LaunchAgents/\
             io.tokend.tokend.plist\n\ttype = LaunchAgent\n\tstate = running\n\n\tprogram = /usr/local/bin/tokend\n\
             \targuments = {\n\t\t/usr/local/bin/tokend\n\t}\n\n\tpid = 4711\n\tlast exit code = 78: EX_CONFIG\n\
             \tsockets = {\n\t\t\"tokend\" = {\n\t\t\tpath = /var/folders/x/T/tokend/tokend.sock\n\t\t}\n\t}\n}\n",
        );
        assert_eq!(shown.path, Some("/Users/a b/Library/LaunchAgents/io.tokend.tokend.plist".into()));
        assert_eq!(shown.program, Some("/usr/local/bin/tokend".into()));
        assert_eq!((shown.process, shown.last_exit), (Some(4711), Some(78)));
        let idle = Shown::read("\tstate = not running\n\tlast exit code = (never exited)\n");
        assert_eq!((idle.process, idle.last_exit), (None, None));
    }

    #[test]
    fn a_switch_is_read_in_both_ages_words() {
        let text = |word| format!("disabled services = {{\n\t\t\"io.tokend.tokend\" => {word}\n\t}}\n");
        for (word, is) in [("disabled", true), ("true", true), ("enabled", false), ("false", false)] {
            assert_eq!(is_disabled(&text(word)), is, "{word}");
        }
        assert!(!is_disabled("\"com.example\" => disabled\n"));
    }
}
