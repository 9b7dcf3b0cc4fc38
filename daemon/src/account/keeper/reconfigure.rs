//! A new configuration: what did not change keeps its tokens, the rest begins anew.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Lives, Reconfigured, Task};
use crate::account::life::Event;
use crate::account::registry::{Account, Definition, Registry, Variant};

impl Task {
    pub(super) fn reconfigure(&mut self, definitions: Vec<Definition>) -> Reconfigured {
        let mut outcome = Reconfigured { accounts: definitions.len(), ..Reconfigured::default() };
        let before = self.registry.load_full();
        let mut registry = Registry::new();
        let mut started = Vec::new();
        let mut begun = Vec::new();
        for new in definitions {
            let account = match before.get(&new.name) {
                Some(old) if old.kind == new.kind && old.service == new.service => {
                    started.extend(self.all_of(&new.name));
                    if old.policy == new.policy && old.setting == new.setting {
                        Arc::clone(old)
                    } else {
                        outcome.changed += 1;
                        self.keep_otherwise(old, new)
                    }
                }
                old => {
                    if old.is_some() {
                        outcome.changed += 1;
                        self.end(&new.name);
                    } else {
                        outcome.added += 1;
                    }
                    let account = Arc::new(Account::new(new));
                    let id =
                        self.begin(Arc::clone(&account), Variant::default(), Arc::clone(&account.shared));
                    self.lives.insert(account.name.clone(), Lives { own: id, variants: HashMap::new() });
                    started.push(id);
                    if self.keeps(&account) && !(self.is_locked && account.policy.lock) {
                        begun.push(id);
                    }
                    account
                }
            };
            registry.insert(account.name.clone(), account);
        }
        for name in before.keys().filter(|name| !registry.contains_key(*name)) {
            outcome.removed += 1;
            self.end(name);
        }
        self.readings.retain(|_, turnstile| Arc::strong_count(turnstile) > 1);
        let borrowed = registry.values().flat_map(|account| account.provider.borrows());
        self.lenders = borrowed.map(|borrowed| borrowed.account).collect();
        self.registry.store(Arc::new(registry));
        for id in started {
            self.tell(id, Event::Started);
        }
        self.restore(&begun);
        self.look_at_grants();
        outcome
    }

    /// The same account, kept or asked for in another way: its token stays.
    fn keep_otherwise(&mut self, old: &Arc<Account>, new: Definition) -> Arc<Account> {
        let is_asked_otherwise = old.setting != new.setting;
        let account = Arc::new(old.configured(new));
        let policy = &account.policy;
        let mut covered = Vec::new();
        for id in self.all_of(&account.name) {
            if let Some(slot) = self.slots.get_mut(&id) {
                slot.account = Arc::clone(&account);
            }
            if is_asked_otherwise {
                self.tell(id, Event::SetOtherwise);
            }
            self.tell(id, Event::Kept(policy.clone()));
            if self.is_locked && old.policy.lock != policy.lock {
                if policy.lock {
                    covered.push(id);
                } else {
                    self.tell(id, Event::Unlocked { restoring: false });
                }
            }
        }
        if !covered.is_empty() {
            // Nobody waits for it.
            self.lock_lives(covered, oneshot::channel().0);
        }
        account
    }

    /// Ends every life of an account: its tokens are wiped, its requests cancelled, its callers told.
    fn end(&mut self, account: &str) {
        for id in self.all_of(account) {
            self.drop_slot(id, account);
        }
        self.lives.remove(account);
    }
}
