//! The shells that `tokend env` speaks to.

use std::ffi::OsStr;
use std::path::Path;

use clap::ValueEnum;

/// A way of setting a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// sh, bash, zsh, ksh.
    #[value(aliases = ["bash", "zsh", "ksh", "dash"])]
    Sh,
    /// csh, tcsh.
    #[value(alias = "tcsh")]
    Csh,
    /// fish.
    Fish,
    /// PowerShell.
    #[value(name = "powershell", alias = "pwsh")]
    Pwsh,
    /// The command prompt of Windows.
    Cmd,
    /// Said by nobody: the user's shell is fish, but a script of sh may be what evaluates it.
    #[value(skip)]
    FishOrSh,
}

impl Shell {
    /// The user's shell by `$SHELL`, as ssh-agent(1) takes it; by what is usual on the system where it is not set.
    pub(crate) fn of_user(shell: Option<&OsStr>, usual: &str) -> Self {
        let shell = shell.filter(|shell| !shell.is_empty()).unwrap_or(OsStr::new(usual));
        // `bash.exe`, as Git's says on Windows.
        let name = Path::new(shell).file_stem().and_then(OsStr::to_str);
        match name {
            Some(name) if name.ends_with("csh") => Self::Csh,
            Some("fish") => Self::FishOrSh,
            Some("pwsh" | "powershell") => Self::Pwsh,
            Some("cmd") => Self::Cmd,
            _ => Self::Sh,
        }
    }

    /// What sets and exports a variable.
    pub(crate) fn set(self, name: &str, value: &str) -> String {
        match self {
            Self::Sh => format!("{name}={}; export {name};", quoted(value)),
            // Where there is nothing to escape, both read it the same way.
            Self::FishOrSh => format!("export {name}={};", quoted(value)),
            // History is expanded in quotes, too.
            Self::Csh => format!("setenv {name} {};", quoted(value).replace('!', r"\!")),
            Self::Fish => {
                format!("set -gx {name} '{}';", value.replace('\\', r"\\").replace('\'', r"\'"))
            }
            Self::Pwsh => format!("$env:{name} = '{}'", value.replace('\'', "''")),
            // In quotes nothing is special but what would end them, which no path has, and `%` in a batch file.
            Self::Cmd => format!("set \"{name}={}\"", value.replace('"', "")),
        }
    }

    /// What takes a variable away.
    pub(crate) fn unset(self, name: &str) -> String {
        match self {
            Self::Sh => format!("unset {name};"),
            Self::Csh => format!("unsetenv {name};"),
            Self::Fish => format!("set -e {name};"),
            // fish has no word for it that sh has, too: an empty one counts as none.
            Self::FishOrSh => format!("export {name}='';"),
            Self::Pwsh => format!("Remove-Item -ErrorAction Ignore Env:{name}"),
            Self::Cmd => format!("set \"{name}=\""),
        }
    }
}

/// A word between quotes, as sh and csh read it.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_is_told_by_its_name() {
        for (shell, is) in [
            ("/bin/bash", Shell::Sh),
            ("/usr/bin/tcsh", Shell::Csh),
            ("csh", Shell::Csh),
            ("/usr/bin/fish", Shell::FishOrSh),
            ("/opt/pwsh", Shell::Pwsh),
            ("/usr/bin/bash.exe", Shell::Sh),
            ("", Shell::Sh),
        ] {
            assert_eq!(Shell::of_user(Some(OsStr::new(shell)), "sh"), is, "{shell}");
        }
        assert_eq!(Shell::of_user(None, "sh"), Shell::Sh);
        assert_eq!(Shell::of_user(None, "powershell"), Shell::Pwsh);
        assert_eq!(Shell::of_user(Some(OsStr::new("")), "powershell"), Shell::Pwsh);
    }

    #[test]
    fn each_shell_is_told_in_its_own_words() {
        let odd = r"/a b/it's\!";
        for (shell, set, unset) in [
            (Shell::Sh, r"V='/a b/it'\''s\!'; export V;", "unset V;"),
            (Shell::Csh, r"setenv V '/a b/it'\''s\\!';", "unsetenv V;"),
            (Shell::Fish, r"set -gx V '/a b/it\'s\\!';", "set -e V;"),
            (Shell::Pwsh, r"$env:V = '/a b/it''s\!'", "Remove-Item -ErrorAction Ignore Env:V"),
            (Shell::Cmd, r#"set "V=/a b/it's\!""#, r#"set "V=""#),
        ] {
            assert_eq!((shell.set("V", odd), shell.unset("V")), (set.to_owned(), unset.to_owned()));
        }
        assert_eq!(Shell::FishOrSh.set("V", "/run/x.sock"), "export V='/run/x.sock';");
    }
}
