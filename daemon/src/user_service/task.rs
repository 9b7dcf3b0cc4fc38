//! The logon task of Windows' Task Scheduler: the XML of its schema 1.2 ([MS-TSCH] 2.5), and schtasks.exe, of which only
//! ends and XML are read: its words are the user's language.
//!
//! [MS-TSCH]: https://learn.microsoft.com/openspecs/windows_protocols/ms-tsch/

use std::path::{Path, PathBuf};

use super::{escaped, unescaped};

/// What the task is made of.
#[derive(Debug)]
pub struct Task<'a> {
    /// The program, absolute.
    pub program: &'a Path,
    /// The file that gets its log.
    pub log: &'a Path,
    /// The user, by the SID.
    pub user: &'a str,
}

/// The name of this user's task. It lies in the root, since schtasks removes no folder.
#[must_use]
pub fn name(user: &str) -> String {
    format!(r"\tokend-{user}")
}

/// The task, as `schtasks /Create /XML` reads it. None where a path is not Unicode, or has control characters: no XML can
/// hold it.
#[must_use]
pub fn xml(task: &Task<'_>) -> Option<String> {
    let word = |path: &Path| path.to_str().and_then(escaped);
    let (program, log, user) = (word(task.program)?, word(task.log)?, escaped(task.user)?);
    let name = escaped(&name(task.user))?;
    Some(format!(
        r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Token agent. Made by `tokend install`, taken away by `tokend uninstall`.</Description>
    <URI>{name}</URI>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <UserId>{user}</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{user}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>true</AllowHardTerminate>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
    <IdleSettings>
      <StopOnIdleEnd>false</StopOnIdleEnd>
      <RestartOnIdle>false</RestartOnIdle>
    </IdleSettings>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <Hidden>true</Hidden>
    <RunOnlyIfIdle>false</RunOnlyIfIdle>
    <WakeToRun>false</WakeToRun>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>5</Priority>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>255</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{program}</Command>
      <Arguments>--background --log-file &quot;{log}&quot;</Arguments>
    </Exec>
  </Actions>
</Task>
"#
    ))
}

/// The XML as a file has it: UTF-16 with its mark, and lines that end as Windows' do.
#[must_use]
pub fn encoded(xml: &str) -> Vec<u8> {
    let lines = xml.replace('\n', "\r\n");
    std::iter::once(0xfeff).chain(lines.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// What schtasks wrote. Through a pipe its XML comes in the console's own code page, whatever its first line says.
#[must_use]
pub fn decoded(bytes: &[u8]) -> String {
    match bytes {
        [0xff, 0xfe, rest @ ..] => {
            let units = rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// A task as the Task Scheduler shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its program.
    pub program: Option<PathBuf>,
    /// Whether it is switched on.
    pub is_enabled: bool,
    /// All of it, as far as it does not depend on a console's code page: to tell whether somebody has changed it.
    pub gist: String,
}

impl Shown {
    /// Reads what `schtasks /Query /XML` writes; None where that is no task.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let text = decoded(bytes);
        if !text.contains("<Task") {
            return None;
        }
        let between = |text: &str, name: &str| {
            let rest = text.split_once(&format!("<{name}>"))?.1;
            Some(rest.split_once(&format!("</{name}>"))?.0.trim().to_owned())
        };
        // A trigger has a switch of its own.
        let settings = between(&text, "Settings").unwrap_or_default();
        let is_enabled = between(&settings, "Enabled").is_none_or(|word| word != "false");
        let program = between(&text, "Command").map(|word| unescaped(&word).trim_matches('"').into());
        // What a code page lacks is shown as a question mark.
        let gist = text.chars().filter(|c| c.is_ascii_graphic() && *c != '?').collect();
        Some(Self { program, is_enabled, gist })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    const USER: &str = "S-1-5-21-1-2-3-1001";

    fn task() -> String {
        let program = Path::new(r"C:\Users\a & b\AppData\Local\Programs\tokend\tokend.exe");
        xml(&Task { program, log: Path::new(r"C:\s\tokend.log"), user: USER }).unwrap()
    }

    #[test]
    fn the_task_is_of_this_user_alone() {
        let text = task();
        assert_eq!(text.matches(&format!("<UserId>{USER}</UserId>")).count(), 2);
        assert!(text.contains(r"<Command>C:\Users\a &amp; b\AppData\"), "{text}");
        assert!(text.contains(r"--background --log-file &quot;C:\s\tokend.log&quot;"), "{text}");
        let odd = Task { program: Path::new("a\u{7}"), log: Path::new("b"), user: USER };
        assert_eq!(xml(&odd), None);
    }

    #[test]
    fn its_file_is_utf_16_with_windows_lines() {
        let bytes = encoded("<a>\nä");
        assert_eq!(bytes, b"\xff\xfe<\0a\0>\0\r\0\n\0\xe4\0");
        assert_eq!(decoded(&bytes), "<a>\r\nä");
    }

    #[test]
    fn a_task_is_read_as_it_was_written_and_told_from_a_changed_one() {
        let shown = Shown::read(&encoded(&task())).unwrap();
        let program = r"C:\Users\a & b\AppData\Local\Programs\tokend\tokend.exe";
        assert_eq!((shown.program.as_deref(), shown.is_enabled), (Some(Path::new(program)), true));
        // Another code page, and other white space.
        let again = Shown::read(task().replace("Token agent", "Token\u{a0} agent?").as_bytes()).unwrap();
        assert_eq!(again.gist, shown.gist);
        let off =
            task().replace("    <Enabled>true</Enabled>\n    <Hidden>", "<Enabled>false</Enabled><Hidden>");
        let off = Shown::read(off.as_bytes()).unwrap();
        assert!(!off.is_enabled);
        assert_ne!(off.gist, shown.gist);
        assert_eq!(Shown::read(b"\r\n"), None);
    }
}
