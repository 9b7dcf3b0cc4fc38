//! Persons log in and out: what they brought goes into the account's grant, then its token into its life.

use std::sync::Arc;
use std::time::Duration;

use tokend_proto::Secret;
use tokio::sync::oneshot;

use super::keeping::Job;
use super::spending::{Gain, Spender, spends};
use super::{LifeId, Task};
use crate::account::grant::{Event, NewLogin};
use crate::account::kept::Binding;
use crate::account::life;
use crate::account::registry::Account;
use crate::account::snapshot::State;
use crate::account::words;
use crate::provider::login::Asking;
use crate::provider::{Class, Failure, Revocation, Revoked};
use crate::secret::Errand;

/// A login or a logout is answered when the disk has it, or after so long.
const FOR_THE_DISK: Duration = Duration::from_secs(5);

/// Who waits for a login to count.
pub(super) type LoggedIn = oneshot::Sender<Result<(), Failure>>;

/// Who waits for a login to be forgotten.
pub(super) type LoggedOut = oneshot::Sender<Result<Revoked, Failure>>;

/// An account that needs a person's login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginNeed {
    /// Its name.
    pub account: String,
    /// Why; one line for people.
    pub reason: String,
    /// What to do; one line for people.
    pub hint: String,
}

impl Task {
    /// A person has logged in to this account.
    pub(super) fn log_in(&mut self, account: &Account, login: Box<NewLogin>, done: LoggedIn) {
        let binding = Binding::of_grant(account);
        let own = self.lives.get(&account.name).and_then(|lives| self.slots.get(&lives.own));
        let refusal = match own {
            Some(slot) if spends(&slot.account) && Binding::of_grant(&slot.account) == binding => {
                (self.is_locked && slot.account.policy.lock).then(Failure::locked)
            }
            _ => Some(words::login_for_another(&account.name)),
        };
        match (refusal, own.map(|slot| Arc::clone(&slot.account))) {
            (None, Some(account)) => {
                self.spender(&account).arriving.push_back(done);
                self.tell_grant(&binding, Event::LoggedIn(login));
            }
            (refusal, _) => {
                let refusal = refusal.unwrap_or_else(|| words::login_for_another(&account.name));
                // Whoever logged in may have gone.
                let _ = done.send(Err(refusal));
            }
        }
    }

    /// Whether a login of this account may be kept, or a token of one that is not.
    pub(super) fn may_hold_login(&self, account: &Account) -> bool {
        let spender = self.spending.spender_of(&Binding::of_grant(account));
        account.shared.snapshot().token.is_some()
            || spender.map_or(self.keeping.is_some(), |spender| spender.grant.may_hold_login())
    }

    /// A person logs out.
    pub(super) fn log_out(&mut self, name: &str, local: bool, done: LoggedOut) {
        let own = self.lives.get(name).and_then(|lives| self.slots.get(&lives.own));
        let account = own.map(|slot| Arc::clone(&slot.account));
        let refusal = match &account {
            None => Some(words::no_login(name, "unknown")),
            Some(account) if !spends(account) => Some(words::no_login(name, account.kind)),
            Some(account) => (self.is_locked && account.policy.lock).then(Failure::locked),
        };
        match (refusal, account) {
            (None, Some(account)) => {
                self.spender(&account).leaving.push_back(done);
                self.tell_grant(&Binding::of_grant(&account), Event::LogOut { local });
            }
            (refusal, _) => {
                let refusal = refusal.unwrap_or_else(|| words::no_login(name, "unknown"));
                let _ = done.send(Err(refusal));
            }
        }
    }

    /// What is on disk of the logins of these lives' accounts is looked at: they may have a term.
    pub(super) fn look_at_logins(&mut self, lives: &[LifeId]) {
        let accounts: Vec<Arc<Account>> = lives
            .iter()
            .filter_map(|id| Some(Arc::clone(&self.slots.get(id)?.account)))
            .filter(|account| account.provider.login().is_some())
            .collect();
        for account in accounts {
            self.spender(&account);
            self.tell_grant(&Binding::of_grant(&account), Event::Look);
        }
    }

    /// The login is on disk: its token is served, and what came of an earlier login is forgotten.
    pub(super) fn logged_in(&mut self, binding: &Binding, login: NewLogin) {
        let Some(spender) = self.spending.spender(binding) else { return };
        let (account, done) = (Arc::clone(&spender.account), spender.arriving.pop_front());
        let lives = self.lives_of(binding);
        if lives.is_empty() {
            // What has its name now is another service's, client's or user's, and gets none of these tokens.
            if let Some(done) = done {
                let _ = done.send(Err(words::login_for_another(&account.name)));
            }
            return;
        }
        let own = self.lives.get(&account.name).map(|lives| lives.own);
        for life in &lives {
            self.withdraw(*life);
            self.step_aside(*life);
        }
        let mut tokens = Some((login.requested, login.minted));
        for life in lives {
            let tokens = if Some(life) == own { tokens.take() } else { None };
            self.forget_on_disk(life);
            self.tell(life, life::Event::LoggedIn(tokens));
        }
        self.wake_borrowers(&account.name, || life::Event::LenderLoggedIn);
        tracing::info!(account = account.name, "a person logged in");
        if let Some(done) = done {
            self.once_written(done, Ok(()));
        }
    }

    /// The login is forgotten, or why not.
    pub(super) fn logged_out(&mut self, binding: &Binding, result: Result<Revoked, Failure>) {
        let Some(spender) = self.spending.spender(binding) else { return };
        let (account, done) = (Arc::clone(&spender.account), spender.leaving.pop_front());
        let is_forgotten = match &result {
            Ok(_) => true,
            Err(failure) => failure.kind == words::STAYS_ON_DISK,
        };
        if is_forgotten {
            for life in self.lives_of(binding) {
                self.withdraw(life);
                self.step_aside(life);
                self.forget_on_disk(life);
                let failure = words::mended(words::logged_out(), &account);
                self.tell(life, life::Event::LoggedOut(failure));
            }
            tracing::info!(account = account.name, "a person logged out");
        }
        if let Some(done) = done {
            self.once_written(done, result);
        }
    }

    /// The lives of a grant's account; none where that is configured otherwise by now, and has another grant.
    pub(super) fn lives_of(&self, binding: &Binding) -> Vec<LifeId> {
        let Some(spender) = self.spending.spender_of(binding) else { return Vec::new() };
        let name = &spender.account.name;
        let own = self.lives.get(name).and_then(|lives| self.slots.get(&lives.own));
        match own {
            Some(slot) if Binding::of_grant(&slot.account) == *binding => self.all_of(name),
            _ => Vec::new(),
        }
    }

    /// A token on disk is of an earlier login, also where it was not read yet, could not be, or may not be while locked.
    fn forget_on_disk(&mut self, life: LifeId) {
        let Some(slot) = self.slots.get_mut(&life).filter(|slot| slot.variant.is_own()) else { return };
        if let Some(keeping) = &self.keeping {
            slot.kept = None;
            let (binding, shared) = (Binding::of(&slot.account), Arc::downgrade(&slot.shared));
            keeping.send(Job::Remove { binding, shared });
        }
    }

    /// A crash right after the answer must not bring an earlier login's token back from the disk.
    fn once_written<T: Send + 'static>(&self, done: oneshot::Sender<T>, result: T) {
        let Some(keeping) = &self.keeping else {
            // Whoever waits may have gone.
            let _ = done.send(result);
            return;
        };
        let (flushed, waiting) = oneshot::channel();
        keeping.send(Job::Flush(flushed));
        tokio::spawn(async move {
            // Without a writer the daemon is stopping; a disk that hangs holds nobody up.
            let _ = tokio::time::timeout(FOR_THE_DISK, waiting).await;
            let _ = done.send(result);
        });
    }

    /// The service is told that a login is over.
    pub(super) fn revoke(&mut self, binding: &Binding, refresh_token: Option<Arc<Secret>>) {
        let Some(spender) = self.spending.spender(binding) else { return };
        let account = Arc::clone(&spender.account);
        let own = self.lives_of(binding).into_iter().filter_map(|life| self.slots.get(&life));
        let token = own.filter(|slot| slot.variant.is_own()).find_map(|slot| slot.life.token_to_keep());
        let access_token =
            token.and_then(|token| token.fields.first().map(|(_, it)| Arc::new(it.duplicate())));
        let errand = Errand::new(&account.name, &account.provider.identity().origin);
        let asking = Asking { now: self.clock.now(), errand };
        self.step(binding, async move {
            let revocation = Revocation { refresh_token, access_token };
            let revoked = account.provider.revoke(&revocation, &asking).await;
            (Event::Revoked(revoked), Gain::Nothing)
        });
    }

    /// Readers see when the term of the login is over.
    pub(super) fn publish_term(&self, binding: &Binding, lives: &[LifeId]) {
        let Some(spender) = self.spending.spender_of(binding) else { return };
        let term = spender.grant.term();
        for slot in lives.iter().filter_map(|id| self.slots.get(id)) {
            slot.shared.set_login_end(term);
        }
    }

    /// Tells whoever calls persons, once per need.
    pub(super) fn tell_of_needs(&mut self, id: LifeId) {
        let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.variant.is_own()) else { return };
        let snapshot = slot.shared.snapshot();
        match (snapshot.state, &snapshot.trouble) {
            (State::LoginNeeded, Some(trouble)) => {
                let is_news = !std::mem::replace(&mut slot.has_told_of_need, true);
                // Who logs out knows; and of one need two accounts tell once.
                let is_known = [words::LOGGED_OUT, words::BORROWED].contains(&trouble.failure.kind);
                if is_news && !is_known {
                    let need = LoginNeed {
                        account: slot.account.name.clone(),
                        reason: trouble.failure.message.clone(),
                        hint: trouble.failure.hint.clone(),
                    };
                    // Without a listener nobody is called.
                    let _ = self.needs.send(need);
                }
            }
            (State::Fresh, _) => slot.has_told_of_need = false,
            _ => {}
        }
    }

    /// The grant of an account, as it is configured now.
    pub(super) fn spender(&mut self, account: &Arc<Account>) -> &mut Spender {
        let spender = self.spending.of(account);
        spender.account = Arc::clone(account);
        spender
    }
}

/// What a life is told of a failure of its account: where a person logs in by tokend, that is what to do.
pub(super) fn told(result: Failure, account: &Account) -> Failure {
    if result.class == Class::LoginNeeded { words::mended(result, account) } else { result }
}
