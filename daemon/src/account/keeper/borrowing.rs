//! Requests that trade the tokens of other accounts (RFC 8693): these are got first, before a place at the service is taken,
//! for they may need one there themselves.

use std::sync::Arc;
use std::time::Duration;

use tokend_proto::Secret;
use tokend_proto::message::{self, Code};
use tokio::sync::{mpsc, oneshot};

use super::attempts::start;
use super::front::{Command, Question};
use super::{End, LifeId, Outcome, Task};
use crate::account::life::{Event, Reply};
use crate::account::registry::Variant;
use crate::account::token::{Need, Token};
use crate::account::words;
use crate::clock::{Clock, Moment};
use crate::provider::{Borrowed, Class, Failure};

/// The other account's service may take so long.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Asks this keeper as a caller does, without keeping it alive.
#[derive(Debug, Clone)]
pub(super) struct Borrower {
    commands: mpsc::WeakUnboundedSender<Command>,
    clock: Arc<dyn Clock>,
}

impl Task {
    /// Gets the tokens of other accounts for this attempt, which then goes on.
    pub(super) fn borrow(&mut self, id: LifeId, generation: u64, wanted: Vec<Borrowed>) {
        let borrower = self.borrower.clone();
        self.spawn(id, generation, None, |tasks| {
            start(tasks, async move {
                let mut tokens = Vec::with_capacity(wanted.len());
                let mut result = Ok(());
                for wanted in &wanted {
                    match borrower.token(wanted).await {
                        Ok(token) => tokens.push(Arc::new(token)),
                        Err(failure) => {
                            result = Err(failure);
                            break;
                        }
                    }
                }
                Outcome { life: id, end: End::Borrowed { generation, result: result.map(|()| tokens) } }
            })
        });
    }

    /// The tokens of other accounts are there, or not.
    pub(super) fn borrowed(
        &mut self,
        id: LifeId,
        generation: u64,
        result: Result<Vec<Arc<Secret>>, Failure>,
    ) {
        if !self.slots.get(&id).is_some_and(|slot| slot.life.is_attempting(generation)) {
            // It was given up meanwhile: nothing is sent for it, and whoever came after it keeps its turn.
            return;
        }
        match result {
            Ok(tokens) => self.mint_with(id, generation, tokens),
            Err(failure) => {
                let requested = self.clock.now();
                self.tell(id, Event::Minted { generation, requested, result: Err(failure) });
            }
        }
    }

    /// Accounts that trade a token of this one need not wait: it has a new login; or it has a new token, and what became of
    /// the one before may be why they were refused.
    pub(super) fn wake_borrowers(&mut self, lender: &str, event: fn() -> Event) {
        if !self.lenders.contains(lender) {
            return;
        }
        let lends = |borrowed: Vec<Borrowed>| borrowed.iter().any(|it| it.account == lender);
        let waiting: Vec<LifeId> = self
            .slots
            .iter()
            .filter(|(_, slot)| lends(slot.account.provider.borrows()))
            .map(|(id, _)| *id)
            .collect();
        for id in waiting {
            self.tell(id, event());
        }
    }
}

impl Borrower {
    pub(super) fn new(commands: mpsc::WeakUnboundedSender<Command>, clock: Arc<dyn Clock>) -> Self {
        Self { commands, clock }
    }

    async fn token(&self, wanted: &Borrowed) -> Result<Secret, Failure> {
        let token = self.ask(wanted, |question| Command::Ask(question, Need::Wish)).await?;
        if !wanted.id_token {
            return token.fields.first().map(|(_, it)| it.duplicate()).ok_or_else(words::no_token);
        }
        if let Some(id_token) = living_id_token(&token, self.clock.now()) {
            return Ok(id_token);
        }
        let token = self.ask(wanted, Command::Refresh).await?;
        living_id_token(&token, self.clock.now()).ok_or_else(|| words::no_id_token_to_trade(&wanted.account))
    }

    async fn ask(
        &self,
        wanted: &Borrowed,
        command: impl FnOnce(Question) -> Command,
    ) -> Result<Arc<Token>, Failure> {
        let (answer, reply) = oneshot::channel();
        let question = Question {
            account: wanted.account.clone(),
            variant: Variant::default(),
            deadline: self.clock.now().steady.after(LONGEST_WAIT),
            answer,
        };
        // A keeper that has gone asks nobody any more.
        let sent = self.commands.upgrade().and_then(|commands| commands.send(command(question)).ok());
        sent.ok_or_else(Failure::locked)?;
        match reply.await {
            Ok(Reply::Token(token, _)) => Ok(token),
            Ok(Reply::Failure(failure)) => Err(of_the_lender(&wanted.account, failure)),
            Err(_) => Err(Failure::locked()),
        }
    }
}

fn living_id_token(token: &Token, now: Moment) -> Option<Secret> {
    token.id_token(now).filter(|it| !it.left.is_zero()).map(|it| it.secret.duplicate())
}

/// What the other account's failure means here: it passes when that account has a token again. Where that one needs a
/// person, so does this.
fn of_the_lender(account: &str, failure: message::Failure) -> Failure {
    let class = match failure.code {
        Code::LOCKED => Class::Locked,
        Code::LOGIN_NEEDED => Class::LoginNeeded,
        _ => Class::NotNow,
    };
    let told = Failure::not_now(
        words::BORROWED,
        format!("the token of {account} is not to be had: {}", failure.message),
        failure.hint,
    );
    Failure { class, ..told }.after(failure.next_try_in_ms.map(Duration::from_millis))
}
