//! Of macOS.

/// Shows whether the clock is right.
pub const LOOK_AT_CLOCK: &str = "sntp time.apple.com";

/// Where the system tells of disks that fail.
pub const FAILING_DISKS: &str = "`diskutil info /` may know of a failing disk";

/// How a crash leaves no core file.
pub const NO_CORE_FILES: &str = "`ulimit -c 0` before its start";

/// Shows the store.
pub const LOOK_AT_STORE: &str = "ls -l ~/Library/Application\\ Support/tokend/data";

/// Sets the clock by the network.
pub const SET_CLOCK: &str =
    "set it by the network: System Settings, Date & Time; `sntp time.apple.com` shows how it is";

/// Where what tokend said is to be read.
pub const LOOK_AT_LOG: &str = "the log says more: tokend.log in ~/Library/Application Support/tokend/state, or what tokend itself printed";

/// Starts the daemon, as whoever it is that keeps it running does.
pub const START: &str = "tokend install";

/// The same of one that ended by itself.
pub const START_SERVICE: &str = "tokend install";
