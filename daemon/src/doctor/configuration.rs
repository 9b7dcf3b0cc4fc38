//! Whether the configuration is understood.

use std::path::Path;
use std::sync::Arc;

use tokend_proto::finding;

use super::{Tell, count, in_a_thread};
use crate::account::Definition;
use crate::config::{self, Loaded};
use crate::document::Diagnostic;
use crate::platform::remedies;
use crate::provider::http::ProxyEnvironment;
use crate::secret::store::Store;

/// More mistakes are only counted.
const SHOWN: usize = 10;

/// Reads it as the daemon does. Nothing comes back where it cannot be used.
pub(super) async fn look(
    folder: &Path,
    store: &Arc<Store>,
    is_closed: bool,
    tell: Tell<'_>,
) -> Option<Loaded> {
    if !is_closed {
        let hint = "mend the permissions first, then `tok doctor` again";
        tell(
            finding::CONFIGURATION_UNREAD
                .found("the configuration is not read while others can change it", hint),
        );
        return None;
    }
    let (place, store) = (folder.to_path_buf(), Arc::clone(store));
    let loaded = in_a_thread(move || config::load(&place, &ProxyEnvironment::of_process(), &store)).await;
    match loaded {
        None => {
            let message = format!("{} does not answer in time", folder.display());
            let hint =
                format!("is its file system there? `{}` on it should answer at once", remedies::LOOK_AT_IT);
            tell(finding::CONFIGURATION_UNREAD.found(message, hint));
            None
        }
        Some(Err(mistakes)) => {
            for mistake in mistakes.iter().take(SHOWN) {
                let hint = match mistake.hint.as_str() {
                    "" => "`tokend check` shows the line".to_owned(),
                    hint => format!("{hint} (`tokend check` shows the line)"),
                };
                tell(finding::CONFIGURATION_FAULTY.found(placed(mistake), hint));
            }
            if mistakes.len() > SHOWN {
                let message = format!("… and {} more mistakes", mistakes.len() - SHOWN);
                tell(finding::CONFIGURATION_FAULTY.found(message, "`tokend check` shows all of them"));
            }
            let message =
                "services, secrets and the keyring are not looked at before the configuration is mended";
            tell(finding::CONFIGURATION_UNREAD.found(message, ""));
            None
        }
        Some(Ok(loaded)) => {
            tell_of(&loaded, folder, tell);
            Some(loaded)
        }
    }
}

fn tell_of(loaded: &Loaded, folder: &Path, tell: Tell<'_>) {
    let accounts = loaded.configuration.accounts.len();
    if loaded.files.is_empty() {
        let message = format!("there is no configuration in {}", folder.display());
        let hint = format!(
            "describe an account in {}, then `tok reload`; \
             `tokend install` writes an example there",
            folder.join("config.toml").display()
        );
        tell(finding::CONFIGURATION_MISSING.found(message, hint));
        return;
    }
    if accounts == 0 {
        let message = format!("the configuration in {} names no account", folder.display());
        let hint = "describe one, `[accounts.NAME]` with its `type`, then `tok reload`";
        tell(finding::CONFIGURATION_NO_ACCOUNTS.found(message, hint));
    }
    for warning in loaded.warnings.iter().take(SHOWN) {
        tell(finding::CONFIGURATION_DOUBTFUL.found(placed(warning), warning.hint.clone()));
    }
    if accounts > 0 {
        let accounts = count(accounts, "account", "accounts");
        let files = count(loaded.files.len(), "file", "files");
        tell(
            finding::CONFIGURATION_SOUND.found(format!("{accounts} in {files} of {}", folder.display()), ""),
        );
    }
}

/// What is wrong and where, in one line.
fn placed(mistake: &Diagnostic) -> String {
    if mistake.place.file.as_os_str().is_empty() {
        return mistake.message.clone();
    }
    format!("{}: {}", mistake.place, mistake.message)
}

/// The accounts that it describes.
pub(super) fn into_accounts(loaded: Loaded) -> Vec<Definition> {
    loaded.configuration.accounts.into_values().collect()
}
