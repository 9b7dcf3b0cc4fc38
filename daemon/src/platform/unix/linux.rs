//! Linux: folders are watched by inotify, without polling.

use std::ffi::c_void;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::mm::Advice;
use tokio::io::unix::AsyncFd;

/// Leaves these pages out of a core file, and empties them in a process that is forked off.
pub(super) fn keep_from_cores_and_children(start: *mut c_void, length: usize) -> io::Result<()> {
    // SAFETY: neither advice changes what this process reads at any address.
    unsafe { rustix::mm::madvise(start, length, Advice::LinuxDontDump) }?;
    // SAFETY: as above.
    unsafe { rustix::mm::madvise(start, length, Advice::LinuxWipeOnFork) }?;
    Ok(())
}

/// Tells when something in a folder is made, moved or removed, or the folder itself is.
#[derive(Debug)]
pub struct FolderWatch(AsyncFd<OwnedFd>);

impl FolderWatch {
    /// Watches `folder`.
    ///
    /// # Errors
    /// When there is no such folder, or the user watches too many.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let events = WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        inotify::add_watch(&watch, folder, events)?;
        // SAFETY: the descriptor is owned by what is registered, is never replaced, and closes with it.
        Ok(Self(unsafe { AsyncFd::register(watch) }?))
    }

    /// Ends when something has changed since the last call.
    ///
    /// # Errors
    /// When the watch broke.
    pub async fn changed(&self) -> io::Result<()> {
        drained(&self.0).await
    }
}

/// Tells when a file in one of some folders is made, written, moved, removed, or has other permissions.
#[derive(Debug)]
pub struct FolderWatches(AsyncFd<OwnedFd>);

impl FolderWatches {
    /// Watches the folders. Of one that does not exist the nearest one above it is watched.
    ///
    /// # Errors
    /// When the user watches too many.
    pub fn new<'a>(folders: impl Iterator<Item = &'a Path>) -> io::Result<Self> {
        let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let events = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        for folder in folders {
            for place in folder.ancestors() {
                match inotify::add_watch(&watch, place, events) {
                    Ok(_) => break,
                    Err(rustix::io::Errno::NOSPC | rustix::io::Errno::NOMEM) => {
                        return Err(io::Error::other("too many files are watched"));
                    }
                    Err(_) => {}
                }
            }
        }
        // SAFETY: the descriptor is owned by what is registered, is never replaced, and closes with it.
        Ok(Self(unsafe { AsyncFd::register(watch) }?))
    }

    /// Ends when something has changed since the last call.
    ///
    /// # Errors
    /// When the watch broke.
    pub async fn changed(&self) -> io::Result<()> {
        drained(&self.0).await
    }
}

/// Ends when there were events, and none is left.
async fn drained(watch: &AsyncFd<OwnedFd>) -> io::Result<()> {
    let mut ready = watch.readable().await?;
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(watch.get_ref(), &mut buffer);
    // What changed does not matter, only that nothing is left to read.
    while events.next().is_ok() {}
    ready.clear_ready();
    Ok(())
}
