//! Of Linux, as most have it: with systemd.

/// Shows whether the clock is right.
pub const LOOK_AT_CLOCK: &str = "timedatectl";

/// Where the system tells of disks that fail.
pub const FAILING_DISKS: &str = "`dmesg` may know of a failing disk";

/// How a crash leaves no core file.
pub const NO_CORE_FILES: &str = "`LimitCORE=0` in the unit, or `ulimit -c 0` before its start";

/// Shows the store.
pub const LOOK_AT_STORE: &str = "ls -l ~/.local/share/tokend";

/// Sets the clock by the network.
pub const SET_CLOCK: &str =
    "set it by the network: `sudo timedatectl set-ntp true`; `timedatectl` shows how it is";

/// Where what tokend said is to be read.
pub const LOOK_AT_LOG: &str =
    "`journalctl --user -u tokend` says more; without systemd, what tokend itself printed";

/// Starts the daemon, as whoever it is that keeps it running does.
pub const START: &str = "systemctl --user start tokend.socket";

/// The same of one that ended by itself.
pub const START_SERVICE: &str = "systemctl --user start tokend";
