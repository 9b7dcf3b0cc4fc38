//! What a person is told to do on this system: macOS, which has no systemd.

/// How the daemon is started.
pub(crate) const START: &str =
    "`tokend install` starts it, now and at each login; for this shell `eval \"$(tokend env)\"` does";

/// How the installed daemon is started in the place of the one that runs.
pub(crate) const RESTART: &str =
    "`launchctl kickstart -k gui/$(id -u)/io.tokend.tokend` starts the installed one, and loses nothing";

/// How one sees how the daemon is.
pub(crate) const LOOK_AT_IT: &str = "`tok doctor` looks at the whole set-up";

/// How one looks at a socket that cannot be used.
pub(crate) const LOOK_AT_SOCKET: &str = "look at it with `ls -l`, or set TOKEND_SOCK to the right one";

/// What `$TOKEND_SOCK` has to be.
pub(crate) const SET_SOCKET: &str = "set TOKEND_SOCK to an absolute path, or unset it";

/// What is set where no place is known.
pub(crate) const SET_PLACES: &str = "set HOME or TOKEND_SOCK";

/// What may be done where the kernel cannot say whose a daemon is.
pub(crate) const NOT_KNOWN_WHOSE: &str = "nothing was sent; run tokend and tok as the same user";
