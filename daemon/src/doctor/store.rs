//! The store, as far as it shows without opening it, and the kept state.

use std::path::Path;
use std::sync::Arc;

use tokend_proto::finding::{self, Finding};

use super::secrets::sources;
use super::{Asked, PATIENCE, Tell, in_a_thread, state};
use crate::account::Definition;
use crate::document::printable;
use crate::platform::{files, remedies};
use crate::secret::store::{IdentityKind, Store, StoreState, Trouble};

/// Looks at the store; at the kept state, too, where no daemon did.
pub(super) async fn look(
    asked: &Asked,
    store: &Arc<Store>,
    kept: &Path,
    accounts: &[Definition],
    tell: Tell<'_>,
) {
    let is_needed =
        accounts.iter().any(|account| sources(&*account.provider).any(|source| source.in_store().is_some()));
    if !asked.running {
        let kept = kept.to_path_buf();
        in_a_thread(move || state::trouble(&kept)).await.flatten().into_iter().for_each(tell);
    }
    let folder = store.folder().to_path_buf();
    let looked = in_a_thread({
        let store = Arc::clone(store);
        move || store.state()
    });
    let (Some(state), Ok(listed)) = (looked.await, tokio::time::timeout(PATIENCE, store.list()).await) else {
        let message = format!("the store's folder {} does not answer", folder.display());
        tell(finding::STORE_SLOW.found(
            message,
            format!("is its file system there? `{}` on it should answer at once", remedies::LOOK_AT_IT),
        ));
        return;
    };
    tell(judge(&folder, &state, listed.err().or_else(|| open_identity(&folder)), is_needed));
}

/// Others who can read the identity can read the store.
fn open_identity(folder: &Path) -> Option<Trouble> {
    let path = folder.join("identity");
    let facts = files::facts(&path).ok().filter(files::Facts::others_may_touch)?;
    let shown = printable(&path.to_string_lossy(), 300);
    Some(Trouble::refused(
        "store-open",
        format!("the store's identity {shown} is open to others ({})", facts.openness()),
        format!("close it: `{}`", remedies::close(&shown)),
    ))
}

fn judge(folder: &Path, state: &StoreState, trouble: Option<Trouble>, is_needed: bool) -> Finding {
    if let Some(trouble) = trouble.or_else(|| state.trouble.clone()) {
        let is_open = trouble.kind == "store-open";
        let sort = if is_open { &finding::STORE_OPEN } else { &finding::STORE_DAMAGED };
        return sort.found(trouble.message, trouble.hint);
    }
    let how = match state.identity {
        IdentityKind::None if is_needed && folder.join("recipients.txt").exists() => {
            let message =
                format!("the store's identity in {} has gone, its secrets are there", folder.display());
            let hint = "restore `identity` from your backup; without it nobody can read the secrets";
            return finding::STORE_DAMAGED.found(message, hint);
        }
        IdentityKind::None if is_needed => {
            let message =
                format!("there is no identity in {}, and accounts need the store", folder.display());
            return finding::STORE_NO_IDENTITY
                .found(message, "`tok init`, then `tok secret set NAME` for each secret");
        }
        IdentityKind::None => {
            return finding::STORE_NONE
                .found("there is none yet; `tok init` makes one, under a passphrase if you like", "");
        }
        IdentityKind::Plain => {
            return finding::STORE_NO_PASSPHRASE.found(
                "the store's identity has no passphrase: whoever reads your files can read the store",
                "`tok init --change-passphrase` gives it one",
            );
        }
        IdentityKind::Passphrase => "a passphrase",
        IdentityKind::SshKey => "an SSH key",
        IdentityKind::Plugin => "an age plugin",
        IdentityKind::Keyring => "the desktop's keyring",
        IdentityKind::Credential => "a systemd credential",
    };
    finding::STORE_SOUND.found(format!("its identity is under {how}; what is kept can be written"), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_of_a_store_is_judged() {
        let state = |identity| StoreState {
            identity,
            locked: false,
            open: false,
            needs_passphrase: false,
            trouble: None,
        };
        let found = |kind, needed| judge(Path::new("/d"), &state(kind), None, needed);
        assert!(found(IdentityKind::None, false).is(&finding::STORE_NONE));
        assert!(found(IdentityKind::None, true).is(&finding::STORE_NO_IDENTITY));
        assert!(found(IdentityKind::Plain, true).is(&finding::STORE_NO_PASSPHRASE));
        assert!(found(IdentityKind::Passphrase, true).is(&finding::STORE_SOUND));
        let trouble = |kind| Some(Trouble::refused(kind, "it is so", "do that"));
        let of = |kind| judge(Path::new("/d"), &state(IdentityKind::Passphrase), trouble(kind), true);
        assert!(of("store-open").is(&finding::STORE_OPEN));
        assert!(of("store-identity").is(&finding::STORE_DAMAGED));
    }
}
