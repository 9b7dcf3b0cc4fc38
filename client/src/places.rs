//! Where a daemon of this user may be, and what it reads: for who looks why it is not where it should be.

use std::path::{Path, PathBuf};

use tokend_proto::places::Surroundings;

use crate::error::Error;
use crate::platform;

/// Every place where a daemon of this user may listen, each once. The first is the one that counts.
pub fn sockets() -> Result<Vec<PathBuf>, Error> {
    let all = platform::all_surroundings();
    let mut places = vec![all.socket().map_err(Error::NoPlace)?];
    let without_variable = Surroundings { tokend_sock: None, ..all };
    let by_looking = Surroundings { xdg_runtime_dir: None, ..without_variable.clone() };
    let in_state = Surroundings { run_user: None, ..by_looking.clone() };
    for other in [without_variable, by_looking, in_state] {
        places.extend(other.socket().ok().filter(|place| !places.contains(place)));
    }
    Ok(places)
}

/// The folder of the configuration that a daemon with this environment reads.
#[must_use]
pub fn configuration() -> Option<PathBuf> {
    platform::all_surroundings().configuration().ok()
}

/// The folder of the store that a daemon with this environment has.
#[must_use]
pub fn data() -> Option<PathBuf> {
    platform::all_surroundings().data().ok()
}

/// The folder for files that live no longer than a login, of this user's daemon on this socket: the socket's own, on
/// Windows one of the user's. It may not be there.
#[must_use]
pub fn run_folder(socket: &Path) -> Option<PathBuf> {
    platform::run_folder(socket)
}
