//! What tests need of a system, and which systems have it: the one table, from which `build.rs` makes a `cfg` each.
//!
//! A test that needs something says `#[cfg_attr(not(has_modes), ignore = "…")]` with the reason of this table; a file of
//! which nothing could be compiled without it begins with `#![cfg(has_modes)]`. Both are counted where they are skipped:
//! the harness names the reason of each ignored test, and `tests/not_here.rs` names each file that is not there.

/// Which systems have something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Systems {
    /// Linux, macOS and their kin.
    Unix,
    /// Linux alone.
    Linux,
    /// Windows alone: tests of what only Windows has are missed nowhere else.
    Windows,
}

/// Something that not every system has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    /// Its `cfg`.
    pub(crate) name: &'static str,
    /// Where it is.
    pub(crate) systems: Systems,
    /// Why tests of it are skipped elsewhere.
    pub(crate) reason: &'static str,
}

impl Need {
    /// Whether a system has it, by what cargo calls the system and its families.
    #[must_use]
    pub(crate) fn is_on(&self, os: &str, families: &str) -> bool {
        match self.systems {
            Systems::Unix => families.split(',').any(|family| family == "unix"),
            Systems::Linux => os == "linux",
            Systems::Windows => os == "windows",
        }
    }
}

/// All of them.
pub(crate) const NEEDS: &[Need] = &[
    Need {
        name: "has_modes",
        systems: Systems::Unix,
        reason: "files have no modes and no numbers of owners here",
    },
    Need { name: "has_users", systems: Systems::Unix, reason: "a test cannot act as another user here" },
    Need { name: "has_links", systems: Systems::Unix, reason: "not every user may make links to files here" },
    Need { name: "has_signals", systems: Systems::Unix, reason: "there are no signals here" },
    Need { name: "has_unix_sockets", systems: Systems::Unix, reason: "a pipe is no file here" },
    Need { name: "has_shell", systems: Systems::Unix, reason: "there is no POSIX shell here" },
    Need {
        name: "has_terminals",
        systems: Systems::Unix,
        reason: "there are no pseudo-terminals of Unix here",
    },
    Need {
        name: "has_timing",
        systems: Systems::Unix,
        reason: "times mean nothing where Windows is played by Wine",
    },
    Need { name: "has_procfs", systems: Systems::Linux, reason: "there is no /proc here" },
    Need { name: "has_systemd", systems: Systems::Linux, reason: "there is no systemd here" },
    Need {
        name: "has_session_bus",
        systems: Systems::Linux,
        reason: "there is no session bus with a Secret Service here",
    },
    Need {
        name: "has_certificate_files",
        systems: Systems::Linux,
        reason: "the certificates of authorities are in no files here",
    },
    Need {
        name: "has_usual_place",
        systems: Systems::Unix,
        reason: "the usual pipe is the whole user's here, not one test's",
    },
    Need { name: "has_pipes", systems: Systems::Windows, reason: "there are no named pipes of Windows here" },
];
