//! What a person is told to do on this system: macOS, which has no systemd.

/// How the daemon is started.
pub(crate) const START: &str =
    "start it: `tokend install` does, now and at each login, for this shell `eval \"$(tokend env)\"`";

/// How the daemon is started in this shell, where it is looked for.
pub(crate) const START_THERE: &str = "start tokend there with `eval \"$(tokend env)\"`";

/// How a variable is no more.
pub(crate) const UNSET_SOCKET: &str = "`unset TOKEND_SOCK`";

/// How the installed daemon is started in the place of the one that runs.
pub(crate) const RESTART: &str = "`launchctl kickstart -k gui/$(id -u)/io.tokend.tokend` starts the installed one anew; one that was started by \
     hand ends by `tokend env -k`";

/// How a daemon that does not answer is started anew.
pub(crate) const RESTART_ANY: &str = "`launchctl kickstart -k gui/$(id -u)/io.tokend.tokend` starts the installed one anew; one that was started by \
     hand ends by `tokend env -k`";

/// The same, of one that is not the installed one.
pub(crate) const RESTART_INSTALLED: &str = "`launchctl kickstart -k gui/$(id -u)/io.tokend.tokend` starts the installed one anew; one that was started by \
     hand ends by `tokend env -k`";

/// Why the token may not come to curl.
pub(crate) const NOT_HANDED_ON: &str = "curl was not started; is /dev/fd there?";

/// How one looks at a program that cannot be started.
pub(crate) const LOOK_AT_PROGRAM: &str = "look at its permissions with `ls -l`";

/// A program is there, and what is to run it is not.
pub(crate) const NO_INTERPRETER: (&str, &str) =
    ("the program that is to run it does not exist", "look at its first line, `#!…`");

/// Where a token's file would be.
pub(crate) const RUN_FOLDER: &str = "look at the space and the permissions of $TMPDIR";

/// Standard output is closed.
pub(crate) const NO_OUTPUT: &str = "tok must have somewhere to write to: do not call it with `>&-`";

/// How a process is ended.
pub(crate) fn end_process(id: u32) -> String {
    format!("`kill {id}`")
}

/// How one looks at a socket that cannot be used.
pub(crate) fn look_at_socket(shown: &str) -> String {
    format!("`ls -ld {shown}` and its folder: both must be this user's own")
}
