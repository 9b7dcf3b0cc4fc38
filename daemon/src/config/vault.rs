//! The `[vault]` table: where `{ vault = … }` leads.

use std::sync::Arc;

use crate::document::Table;
use crate::provider::Defaults;
use crate::secret::vault::{Settings, Vault};

/// Reads `[vault]`, which is for config.toml alone, into what the accounts' sources reach.
pub(super) fn read(roots: &mut [(Table<'_>, bool)], defaults: &mut Defaults) -> Option<Arc<Vault>> {
    let mut vault = None;
    for (root, is_main) in roots {
        let Some(span) = root.key_span("vault") else {
            continue;
        };
        defaults.reach.has_vault = true;
        let Some(table) = root.table("vault") else {
            continue;
        };
        if *is_main {
            vault = Settings::read(table, defaults).map(Vault::of);
        } else {
            root.report(&span, "`[vault]` is for config.toml alone", "move it there");
        }
    }
    defaults.reach.vault.clone_from(&vault);
    vault
}
