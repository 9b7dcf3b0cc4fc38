//! What a person is told to do on this system.

/// How the daemon is started.
pub(crate) const START: &str = "`tokend install` starts it, now and at each logon; for this PowerShell alone \
     `tokend env --shell powershell | Invoke-Expression` does";

/// How the installed daemon is started in the place of the one that runs.
pub(crate) const RESTART: &str =
    "restart it with `tokend install`, which loses nothing; one of `tokend env` ends by `tokend env -k`";

/// How one sees how the daemon is.
pub(crate) const LOOK_AT_IT: &str = "`tok doctor` looks at the whole set-up";

/// How one looks at a pipe that cannot be used.
pub(crate) const LOOK_AT_SOCKET: &str = "`Get-ChildItem \\\\.\\pipe\\ | Where-Object Name -like tokend*` in PowerShell lists tokend's pipes; set TOKEND_SOCK to \
     the right one, or unset it";

/// What `$TOKEND_SOCK` has to be.
pub(crate) const SET_SOCKET: &str = r"set TOKEND_SOCK to `\\.\pipe\NAME`, or unset it";

/// What is set where no place is known.
pub(crate) const SET_PLACES: &str = "set APPDATA and LOCALAPPDATA, or TOKEND_SOCK";

/// What may be done where the system cannot say whose a daemon is.
pub(crate) const NOT_KNOWN_WHOSE: &str =
    "nothing was sent; run tokend and tok as the same user, neither of them `as administrator`";
