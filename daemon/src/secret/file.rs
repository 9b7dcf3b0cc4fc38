//! A secret in a file that nobody else may touch.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokend_proto::Secret;
use tokend_proto::limits::MAX_SECRET;
use zeroize::Zeroizing;

use super::{MOST_READ, Unfit, without_newline};
use crate::document::printable;
use crate::platform::files::{self, Facts, Kind};
use crate::platform::{User, remedies};
use crate::provider::Failure;

/// A file may hang for good (a network that is gone), and a read of it cannot be cancelled: at most this many at once.
const MOST_READERS: usize = 4;

/// How many threads are reading the file.
pub(super) type Readers = Arc<AtomicUsize>;

/// Who may touch the file beside its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Openness {
    /// Nobody, as ssh wants it of its keys.
    OwnerOnly,
    /// Its group, where systemd lets a user in by an access list, whose mask shows as the group's permissions.
    GroupToo,
}

/// Reads the secret in the file at `path`, in a thread of its own. `kind` is the failures' word.
///
/// # Errors
/// `Source` where a person must act, `NotNow` where the system may recover or `timeout` has passed.
pub(super) async fn fetch(
    path: PathBuf,
    openness: Openness,
    kind: &'static str,
    readers: &Readers,
    timeout: Duration,
) -> Result<Secret, Failure> {
    in_a_thread(path, kind, readers, timeout, move |path| read(path, openness)).await
}

/// Looks whether the file could be read, and reads nothing of it.
///
/// # Errors
/// As [`fetch`].
pub(super) async fn look(
    path: PathBuf,
    openness: Openness,
    kind: &'static str,
    readers: &Readers,
    timeout: Duration,
) -> Result<(), Failure> {
    let look = move |path: &Path| {
        let (_, facts) = files::open(path).map_err(Refusal::Io)?;
        check(&facts, openness)?;
        if facts.length == 0 { Err(Refusal::Empty) } else { Ok(()) }
    };
    in_a_thread(path, kind, readers, timeout, look).await
}

async fn in_a_thread<T: Send + 'static>(
    path: PathBuf,
    kind: &'static str,
    readers: &Readers,
    timeout: Duration,
    work: impl FnOnce(&Path) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Failure> {
    let shown = printable(&path.to_string_lossy(), 300);
    let hangs = || {
        Failure::not_now(
            kind,
            format!("reading {shown} takes too long"),
            format!("is its file system there? `{}` on it should answer at once", remedies::LOOK_AT_IT),
        )
    };
    let Some(reader) = Reader::enter(readers) else {
        return Err(hangs());
    };
    let task = tokio::task::spawn_blocking(move || {
        let _reader = reader;
        work(&path)
    });
    match tokio::time::timeout(timeout, task).await {
        Err(_) => Err(hangs()),
        Ok(Err(_)) => {
            Err(Failure::not_now(kind, format!("reading {shown} was interrupted"), "it is tried again"))
        }
        Ok(Ok(result)) => result.map_err(|refusal| refusal.explain(&shown, kind)),
    }
}

/// One who reads; leaving when dropped.
struct Reader(Readers);

impl Reader {
    fn enter(readers: &Readers) -> Option<Self> {
        let reader = Self(Arc::clone(readers));
        (readers.fetch_add(1, Ordering::Relaxed) < MOST_READERS).then_some(reader)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why the file gives no secret.
#[derive(Debug)]
enum Refusal {
    Io(io::Error),
    NotAFile(Kind),
    Owner(User),
    Open(String),
    Empty,
    TooLong,
}

fn read(path: &Path, openness: Openness) -> Result<Secret, Refusal> {
    let (mut file, facts) = files::open(path).map_err(Refusal::Io)?;
    check(&facts, openness)?;
    // One allocation, so that nothing is left behind by a growing buffer.
    let mut bytes = Zeroizing::new(vec![0; MOST_READ]);
    let mut length = 0;
    while length < bytes.len() {
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Refusal::Io(error)),
        }
    }
    bytes.truncate(length);
    without_newline(&bytes).map_err(|unfit| match unfit {
        Unfit::Empty => Refusal::Empty,
        Unfit::TooLong => Refusal::TooLong,
    })
}

fn check(facts: &Facts, openness: Openness) -> Result<(), Refusal> {
    let open = match openness {
        Openness::OwnerOnly => facts.others_may_touch(),
        Openness::GroupToo => facts.everybody_may_touch(),
    };
    if facts.kind != Kind::Regular {
        Err(Refusal::NotAFile(facts.kind))
    } else if !facts.trusted_owner {
        Err(Refusal::Owner(facts.owner.clone()))
    } else if open {
        Err(Refusal::Open(facts.openness()))
    } else {
        Ok(())
    }
}

impl Refusal {
    fn explain(self, path: &str, kind: &'static str) -> Failure {
        use io::ErrorKind as E;
        match self {
            Self::Io(error) => {
                let (what, hint) = match error.kind() {
                    E::NotFound => (
                        "there is no file",
                        format!("write the secret into it, and `{}` it", remedies::CLOSE_IT),
                    ),
                    E::PermissionDenied => (
                        "no permission to read",
                        format!("see `{}`; the daemon's user must own it", remedies::look_at_file(path)),
                    ),
                    E::NotADirectory | E::InvalidInput | E::InvalidFilename | E::IsADirectory => {
                        ("no file can be at", "mend the path in the configuration".to_owned())
                    }
                    // Too many open files, a disk that fails, a server that is gone: these pass.
                    _ => {
                        let message = format!("cannot read {path}: {error}");
                        return Failure::not_now(kind, message, "it is tried again");
                    }
                };
                Failure::source(kind, format!("{what} {path}"), hint)
            }
            Self::NotAFile(it) => {
                let it = if it == Kind::Folder { "a folder" } else { "no regular file" };
                Failure::source(kind, format!("{path} is {it}"), "name the file that holds the secret")
            }
            Self::Owner(owner) => Failure::source(
                kind,
                format!("{path} belongs to user {owner}, who can change it"),
                format!("make it yours: `{}`", remedies::own(path)),
            ),
            Self::Open(openness) => Failure::source(
                kind,
                format!("{path} is open to others ({openness})"),
                format!("close it: `{}`", remedies::close(path)),
            ),
            Self::Empty => Failure::source(kind, format!("{path} is empty"), "write the secret into it"),
            Self::TooLong => Failure::source(
                kind,
                format!("{path} holds more than {MAX_SECRET} bytes"),
                "name the file that holds the secret",
            ),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use std::fs;

    use super::*;
    use crate::platform::testing;
    use crate::provider::Class;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, bytes: &[u8], mode: u32) -> PathBuf {
            let path = self.0.path().join("secret");
            fs::write(&path, bytes).unwrap();
            testing::set_mode(&path, mode);
            path
        }
    }

    #[tokio::main(flavor = "current_thread")]
    async fn fetched(path: &Path) -> Result<Vec<u8>, Failure> {
        let readers = Readers::default();
        let secret =
            fetch(path.to_path_buf(), Openness::OwnerOnly, "secret-file", &readers, Duration::from_secs(9));
        secret.await.map(|secret| secret.expose().to_vec())
    }

    #[test]
    fn a_closed_file_gives_its_bytes_without_the_newline() {
        let folder = Folder::new();
        assert_eq!(fetched(&folder.write(b"hunter2\n", 0o600)).unwrap(), b"hunter2");
        assert_eq!(fetched(&folder.write(b"a\nb\r\n", 0o400)).unwrap(), b"a\nb");
    }

    #[test]
    fn a_file_that_others_may_touch_is_refused() {
        let folder = Folder::new();
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o777] {
            if !testing::tells(mode) {
                continue;
            }
            let path = folder.write(b"hunter2", mode);
            let failure = fetched(&path).unwrap_err();
            assert_eq!((failure.class, failure.kind), (Class::Source, "secret-file"));
            let openness = testing::openness(&path, mode);
            assert_eq!(failure.message, format!("{} is open to others ({openness})", path.display()));
            let remedy = remedies::close(&path.display().to_string());
            assert_eq!(failure.hint, format!("close it: `{remedy}`"));
        }
    }

    #[test]
    fn what_counts_is_the_target_of_a_link() {
        let folder = Folder::new();
        let link = folder.0.path().join("link");
        let path = folder.write(b"hunter2", 0o600);
        if !testing::link(&path, &link) {
            return;
        }
        assert_eq!(fetched(&link).unwrap(), b"hunter2");
        folder.write(b"hunter2", 0o644);
        assert!(fetched(&link).unwrap_err().message.contains("open to others"));
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        let (facts, user) = testing::facts_of_another(Kind::Regular);
        let refusal = check(&facts, Openness::OwnerOnly).unwrap_err();
        let failure = refusal.explain("/x", "secret-file");
        assert_eq!(failure.class, Class::Source);
        assert!(failure.message.contains(&format!("/x belongs to user {user}")));
    }

    #[test]
    fn a_real_file_of_another_user_is_refused() {
        let folder = Folder::new();
        let path = folder.write(b"hunter2", 0o600);
        // Only root can give files away; for others the check above stands.
        if let Some(user) = testing::give_away(&path) {
            assert!(fetched(&path).unwrap_err().message.contains(&format!("belongs to user {user}")));
        }
    }

    #[test]
    fn a_pipe_a_folder_and_a_device_are_refused_without_waiting() {
        let folder = Folder::new();
        let pipe = folder.0.path().join("pipe");
        let pipe = testing::pipe_at(&pipe).then_some((pipe.as_path(), "no regular file"));
        let device = (Path::new(testing::DEVICE), "no regular file");
        for (path, what) in [(folder.0.path(), "a folder"), device].into_iter().chain(pipe) {
            let failure = fetched(path).unwrap_err();
            assert_eq!(failure.class, Class::Source);
            assert!(failure.message.contains(what), "{failure:?}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        for path in testing::NO_FILES {
            let failure = fetched(Path::new(path)).unwrap_err();
            assert_eq!(failure.class, Class::Source);
            assert!(failure.message.contains(path), "{failure:?}");
        }
    }

    #[test]
    fn an_empty_or_too_long_file_is_refused() {
        let folder = Folder::new();
        assert!(fetched(&folder.write(b"\n", 0o600)).unwrap_err().message.contains("is empty"));
        assert_eq!(fetched(&folder.write(&vec![b'x'; MAX_SECRET], 0o600)).unwrap().len(), MAX_SECRET);
        let failure = fetched(&folder.write(&vec![b'x'; MAX_SECRET + 1], 0o600)).unwrap_err();
        assert_eq!(failure.class, Class::Source);
        assert!(failure.message.contains("more than 65536 bytes"), "{failure:?}");
        assert!(fetched(&folder.write(&vec![b'x'; 9 * MAX_SECRET], 0o600)).is_err());
    }

    #[test]
    fn a_group_that_systemd_lets_in_is_no_fault_but_everybody_is() {
        let facts = |mode| testing::facts(Kind::Regular, mode);
        assert!(check(&facts(0o440), Openness::GroupToo).is_ok());
        assert!(check(&facts(0o444), Openness::GroupToo).is_err());
        assert!(check(&facts(0o440), Openness::OwnerOnly).is_err());
    }

    #[test]
    fn a_system_that_may_recover_is_tried_again() {
        let refusal = Refusal::Io(io::Error::from(io::ErrorKind::StaleNetworkFileHandle));
        assert_eq!(refusal.explain("/x", "secret-file").class, Class::NotNow);
    }

    #[tokio::test]
    async fn reads_that_hang_are_not_joined_by_ever_more() {
        let folder = Folder::new();
        let path = folder.write(b"hunter2", 0o600);
        let readers = Readers::new(AtomicUsize::new(MOST_READERS));
        let once =
            || fetch(path.clone(), Openness::OwnerOnly, "secret-file", &readers, Duration::from_secs(9));
        assert_eq!(once().await.unwrap_err().class, Class::NotNow);
        assert_eq!(readers.load(Ordering::Relaxed), MOST_READERS);
        readers.store(MOST_READERS - 1, Ordering::Relaxed);
        assert!(once().await.is_ok());
    }
}
