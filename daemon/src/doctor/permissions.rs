//! Whether others can change what the daemon trusts: the configuration, the kept state, the socket's folder.

use std::path::{Path, PathBuf};

use tokend_proto::finding::{self, Sort};

use super::{Asked, Tell, in_a_thread};
use crate::config;
use crate::document::printable;
use crate::platform::files::{self, Facts};
use crate::platform::remedies;

/// Looks at all of them. Whether the configuration may be read.
pub(super) async fn look(asked: &Asked, folder: &Path, state: &Path, tell: Tell<'_>) -> bool {
    let mut paths: Vec<(PathBuf, Sort)> = Vec::new();
    if let Some(parent) = asked.socket.as_deref().and_then(Path::parent) {
        paths.push((parent.to_path_buf(), finding::PERMISSIONS_SOCKET_FOLDER));
    }
    paths.push((state.to_path_buf(), finding::PERMISSIONS_STATE));
    let folder = folder.to_path_buf();
    let open = in_a_thread(move || {
        let configuration = [folder.clone(), folder.join("accounts.d")].into_iter();
        let configuration = configuration.chain(config::stamps(&folder).into_iter().map(|(path, _)| path));
        paths.extend(configuration.map(|path| (path, finding::PERMISSIONS_CONFIGURATION)));
        let opened = paths.into_iter().filter_map(|(path, sort)| {
            let facts = files::facts(&path).ok()?;
            let (what, hint) = distrust(&path, &facts)?;
            Some(sort.found(what, hint))
        });
        opened.collect::<Vec<_>>()
    })
    .await;
    let Some(open) = open else {
        // What hangs is told by who reads it.
        return true;
    };
    if open.is_empty() {
        tell(
            finding::PERMISSIONS_CLOSED
                .found("nobody else can change the configuration, state or socket", ""),
        );
    }
    let is_closed = !open.iter().any(|found| found.is(&finding::PERMISSIONS_CONFIGURATION));
    open.into_iter().for_each(tell);
    is_closed
}

/// Who else can change it, and how to end that.
fn distrust(path: &Path, facts: &Facts) -> Option<(String, String)> {
    let shown = printable(&path.to_string_lossy(), 300);
    if !facts.trusted_owner {
        let what = format!("{shown} belongs to user {}, who can change it", facts.owner);
        return Some((what, format!("make it yours: `{}`", remedies::own(&shown))));
    }
    (facts.others_may_write() && !facts.keeps_files_to_their_owners()).then(|| {
        let what = format!("others can write {shown} ({})", facts.openness());
        (what, format!("close it: `{}`", remedies::close_to_writers(&shown)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::files::Kind;
    use crate::platform::testing;

    #[test]
    fn what_others_can_change_is_said_with_its_remedy() {
        let said = |facts| distrust(Path::new("/c"), &facts);
        assert_eq!(said(testing::facts(Kind::Folder, 0o700)), None);
        assert_eq!(testing::folder_of_everybody().and_then(said), None);
        let remedy = remedies::close_to_writers("/c");
        assert!(said(testing::facts(Kind::Regular, 0o1622)).is_some_and(|(_, hint)| hint.contains(&remedy)));
        let open = testing::facts(Kind::Folder, 0o770);
        let openness = open.openness();
        assert!(said(open).is_some_and(|(what, _)| what.contains(&openness)));
        let (theirs, _) = testing::facts_of_another(Kind::Folder);
        let remedy = remedies::own("/c");
        assert!(said(theirs).is_some_and(|(_, hint)| hint.contains(&remedy)));
    }
}
