//! Waiting until a file was put into a folder.

use std::path::Path;

/// Tells when a file was put into a folder.
#[cfg(target_os = "linux")]
pub(crate) struct Arrivals(std::fs::File);

#[cfg(target_os = "linux")]
impl Arrivals {
    pub(crate) fn into(folder: &Path) -> Self {
        use rustix::fs::inotify;
        let watch = inotify::init(inotify::CreateFlags::CLOEXEC).expect("inotify");
        inotify::add_watch(&watch, folder, inotify::WatchFlags::MOVED_TO).expect("a folder");
        Self(std::fs::File::from(watch))
    }

    pub(crate) fn wait(&mut self) {
        let mut event = [0; 4096];
        assert!(std::io::Read::read(&mut self.0, &mut event).expect("an event") > 0);
    }
}

/// The same where there is no inotify: by looking.
#[cfg(not(target_os = "linux"))]
pub(crate) struct Arrivals(std::path::PathBuf, Option<std::time::SystemTime>);

#[cfg(not(target_os = "linux"))]
impl Arrivals {
    pub(crate) fn into(folder: &Path) -> Self {
        Self(folder.to_owned(), changed(folder))
    }

    pub(crate) fn wait(&mut self) {
        while changed(&self.0) == self.1 {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        self.1 = changed(&self.0);
    }
}

#[cfg(not(target_os = "linux"))]
fn changed(folder: &Path) -> Option<std::time::SystemTime> {
    folder.metadata().and_then(|found| found.modified()).ok()
}
