//! Folders are watched by kqueue(2), which is told of each file that it shall watch.
//!
//! Not by a crate: the one that there is opens all that lies below a folder as soon as something in the folder changes, be
//! it somebody's home.

use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::kqueue::{Event, EventFilter, EventFlags, VnodeEvents, kevent, kqueue};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, FdFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::super::system::ONLY_TO_WATCH;

/// So many files of a folder are watched one by one. In a larger one a file that is written in place is not noticed, but for
/// what else happens there.
const MOST_FILES: usize = 256;

/// Tells when something in a folder is made, moved or removed, or the folder itself is.
#[derive(Debug)]
pub struct FolderWatch(Watches);

impl FolderWatch {
    /// Watches `folder`.
    ///
    /// # Errors
    /// When there is no such folder, or this process has too many files open.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let mut watches = Watches::new()?;
        watches.add(open(folder, OFlags::DIRECTORY)?, VnodeEvents::empty())?;
        Ok(Self(watches))
    }

    /// Ends when something has changed since the last call.
    ///
    /// # Errors
    /// When the watch broke.
    pub async fn changed(&self) -> io::Result<()> {
        self.0.changed().await
    }
}

/// Tells when a file in one of some folders is made, written, moved, removed, or has other permissions. Whoever was told
/// watches anew: a file that has come since is not watched by itself.
#[derive(Debug)]
pub struct FolderWatches(Watches);

impl FolderWatches {
    /// Watches the folders. Of one that does not exist the nearest one above it is watched.
    ///
    /// # Errors
    /// When this process has too many files open.
    pub fn new<'a>(folders: impl Iterator<Item = &'a Path>) -> io::Result<Self> {
        let mut watches = Watches::new()?;
        for folder in folders {
            for place in folder.ancestors() {
                match open(place, OFlags::DIRECTORY) {
                    Ok(descriptor) => {
                        watches.add(descriptor, VnodeEvents::ATTRIBUTES)?;
                        if place == folder {
                            watches.add_files(place)?;
                        }
                        break;
                    }
                    Err(Errno::MFILE | Errno::NFILE) => return Err(too_many()),
                    Err(_) => {}
                }
            }
        }
        Ok(Self(watches))
    }

    /// Ends when something has changed since the last call.
    ///
    /// # Errors
    /// When the watch broke.
    pub async fn changed(&self) -> io::Result<()> {
        self.0.changed().await
    }
}

#[derive(Debug)]
struct Watches {
    queue: AsyncFd<OwnedFd>,
    /// Each is watched as long as it is open.
    open: Vec<OwnedFd>,
}

impl Watches {
    fn new() -> io::Result<Self> {
        let queue = kqueue()?;
        rustix::io::fcntl_setfd(&queue, FdFlags::CLOEXEC)?;
        // Only to read: a kqueue in another one takes nothing else.
        // SAFETY: the descriptor is owned by what is registered, is never replaced, and closes with it.
        let queue = unsafe { AsyncFd::register_with_interest(queue, Interest::READABLE) }?;
        Ok(Self { queue, open: Vec::new() })
    }

    /// A folder is written when something in it is made, moved or removed.
    fn add(&mut self, descriptor: OwnedFd, more: VnodeEvents) -> io::Result<()> {
        let flags = VnodeEvents::WRITE
            | VnodeEvents::EXTEND
            | VnodeEvents::DELETE
            | VnodeEvents::RENAME
            | VnodeEvents::REVOKE
            | more;
        let filter = EventFilter::Vnode { vnode: descriptor.as_raw_fd(), flags };
        let change = Event::new(filter, EventFlags::ADD | EventFlags::CLEAR, std::ptr::null_mut());
        let mut none: [MaybeUninit<Event>; 0] = [];
        // SAFETY: the descriptor is open, and is kept as long as the queue.
        unsafe { kevent(self.queue.get_ref(), &[change], &mut none, Some(Duration::ZERO)) }?;
        self.open.push(descriptor);
        Ok(())
    }

    fn add_files(&mut self, folder: &Path) -> io::Result<()> {
        // What cannot be read is watched as a folder.
        let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
        let files = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        for entry in files.take(MOST_FILES) {
            match open(&entry.path(), OFlags::NOFOLLOW) {
                Ok(descriptor) => self.add(descriptor, VnodeEvents::ATTRIBUTES)?,
                Err(Errno::MFILE | Errno::NFILE) => return Err(too_many()),
                // It has gone, or is closed to this user.
                Err(_) => {}
            }
        }
        Ok(())
    }

    async fn changed(&self) -> io::Result<()> {
        loop {
            let mut ready = self.queue.readable().await?;
            let mut has_changed = false;
            loop {
                let mut space = [const { MaybeUninit::<Event>::uninit() }; 16];
                // SAFETY: nothing is added.
                let told = unsafe { kevent(self.queue.get_ref(), &[], &mut space, Some(Duration::ZERO)) };
                match told {
                    Ok(([], _)) => break,
                    // What changed does not matter, only that nothing is left.
                    Ok(_) => has_changed = true,
                    Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            ready.clear_ready();
            if has_changed {
                return Ok(());
            }
        }
    }
}

fn open(path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let flags = flags | ONLY_TO_WATCH | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty())
}

fn too_many() -> io::Error {
    io::Error::other("too many files are watched")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test should fail with the place")]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn a_file_that_comes_and_goes_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let watch = FolderWatch::new(folder.path()).unwrap();
        fs::write(&path, "x").unwrap();
        timeout(LONG, watch.changed()).await.unwrap().unwrap();
        fs::remove_file(&path).unwrap();
        timeout(LONG, watch.changed()).await.unwrap().unwrap();
        assert!(timeout(Duration::from_millis(50), watch.changed()).await.is_err());
    }

    #[tokio::test]
    async fn a_file_that_is_written_in_place_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "x").unwrap();
        let watches = FolderWatches::new([folder.path()].into_iter()).unwrap();
        fs::write(&path, "other").unwrap();
        timeout(LONG, watches.changed()).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn the_nearest_folder_that_is_there_is_watched() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("not/there");
        assert!(FolderWatch::new(&missing).is_err());
        let watches = FolderWatches::new([missing.as_path()].into_iter()).unwrap();
        fs::create_dir(folder.path().join("not")).unwrap();
        timeout(LONG, watches.changed()).await.unwrap().unwrap();
    }
}
