//! What a person is told to do on this system.

/// How the daemon is started.
pub(crate) const START: &str =
    "start it with `systemctl --user start tokend.socket`, or for this shell with `eval \"$(tokend env)\"`";

/// How the installed daemon is started in the place of the one that runs.
pub(crate) const RESTART: &str =
    "`systemctl --user restart tokend` starts the installed one, and loses nothing";

/// How one sees how the daemon is.
pub(crate) const LOOK_AT_IT: &str =
    "`systemctl --user status tokend` shows how it is and what it logged last";

/// How one looks at a socket that cannot be used.
pub(crate) const LOOK_AT_SOCKET: &str = "look at it with `ls -l`, or set TOKEND_SOCK to the right one";

/// What `$TOKEND_SOCK` has to be.
pub(crate) const SET_SOCKET: &str = "set TOKEND_SOCK to an absolute path, or unset it";

/// What is set where no place is known.
pub(crate) const SET_PLACES: &str = "set HOME, XDG_RUNTIME_DIR or TOKEND_SOCK";

/// What may be done where the kernel cannot say whose a daemon is.
pub(crate) const NOT_KNOWN_WHOSE: &str =
    "nothing was sent; run tokend and tok in the same container or PID namespace";
