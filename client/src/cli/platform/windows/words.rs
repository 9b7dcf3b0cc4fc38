//! What a person is told to do on this system.

/// How the daemon is started.
pub(crate) const START: &str = "`tokend install` starts it, now and at each logon; for this PowerShell alone \
     `tokend env --shell powershell | Invoke-Expression` does";

/// How the daemon is started in this shell, where it is looked for.
pub(crate) const START_THERE: &str =
    "start tokend there with `tokend env --shell powershell | Invoke-Expression`";

/// How a variable is no more.
pub(crate) const UNSET_SOCKET: &str =
    "`Remove-Item Env:TOKEND_SOCK` in PowerShell, `set TOKEND_SOCK=` in cmd";

/// How the installed daemon is started in the place of the one that runs.
pub(crate) const RESTART: &str =
    "`tokend install` starts the installed one anew; one of `tokend env` ends by `tokend env -k`";

/// How a daemon that does not answer is started anew.
pub(crate) const RESTART_ANY: &str =
    "`tokend install` starts it anew; one that was started by hand ends by `tokend env -k`";

/// The same, of one that is not the installed one.
pub(crate) const RESTART_INSTALLED: &str =
    "`tokend install` starts the installed one; one that was started by hand ends by `tokend env -k`";

/// Why the token may not come to curl.
pub(crate) const NOT_HANDED_ON: &str = "curl was not started; the system refused a named pipe for it";

/// How one looks at a program that cannot be started.
pub(crate) const LOOK_AT_PROGRAM: &str = "it must be a program of this machine's kind or a script of cmd (.bat, .cmd); call others through their interpreter";

/// A program is there, and what is to run it is not.
pub(crate) const NO_INTERPRETER: (&str, &str) =
    ("the system does not find what it needs to run it", "call it through its interpreter");

/// Where a token's file would be.
pub(crate) const RUN_FOLDER: &str =
    r"look at the space and the permissions of %LOCALAPPDATA%\tokend\state\run";

/// Standard output is closed.
pub(crate) const NO_OUTPUT: &str = "tok must have somewhere to write to";

/// How a process is ended.
pub(crate) fn end_process(id: u32) -> String {
    format!("`taskkill /f /pid {id}`")
}

/// How one looks at a pipe that cannot be used.
pub(crate) fn look_at_socket(shown: &str) -> String {
    format!(
        "`Get-ChildItem \\\\.\\pipe\\ | Where-Object Name -like tokend*` in PowerShell lists tokend's pipes; {shown} must be \
         this user's own"
    )
}
