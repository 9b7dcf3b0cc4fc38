//! What the rest of the daemon says to the keeper's task, and reads of the accounts without asking it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, mpsc, oneshot};

use super::keeping::Keeping;
use super::logins::{LoggedIn, LoggedOut, LoginNeed};
use super::{Published, Task};
use crate::account::grant::NewLogin;
use crate::account::kept::Cabinet;
use crate::account::life::Reply;
use crate::account::registry::{Account, Definition, Registry, Variant};
use crate::account::token::Need;
use crate::clock::{Clock, Moment, Steady};
use crate::provider::{Failure, Revoked};

/// What a new configuration changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reconfigured {
    /// Accounts now.
    pub accounts: usize,
    /// New ones.
    pub added: usize,
    /// Changed ones.
    pub changed: usize,
    /// Gone ones.
    pub removed: usize,
}

/// The keeper's task has ended: the daemon is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeeperGone;

/// Speaks to the task that keeps the accounts.
#[derive(Debug, Clone)]
pub struct Keeper {
    commands: mpsc::UnboundedSender<Command>,
    registry: Arc<ArcSwap<Registry>>,
    clock: Arc<dyn Clock>,
    /// When somebody last wanted a token.
    last_use: Arc<AtomicU64>,
    /// Told whenever something was published.
    changes: Arc<Notify>,
    /// Who needs a login, until somebody takes this over.
    needs: Arc<Mutex<Option<mpsc::UnboundedReceiver<LoginNeed>>>>,
}

/// What is said to the task.
#[derive(Debug)]
pub(super) enum Command {
    Ask(Question, Need),
    Refresh(Question),
    Reject { account: String, sha256: [u8; 32], done: oneshot::Sender<()> },
    Reconfigure(Vec<Definition>, oneshot::Sender<Reconfigured>),
    Flush(oneshot::Sender<()>),
    StopSpending(oneshot::Sender<()>),
    LogIn(Arc<Account>, Box<NewLogin>, LoggedIn),
    LogOut(String, bool, LoggedOut),
    MayHoldLogin(Arc<Account>, oneshot::Sender<bool>),
    Lock(oneshot::Sender<()>),
    Unlock(oneshot::Sender<()>),
}

/// Somebody asks for a token.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) account: String,
    pub(super) variant: Variant,
    pub(super) deadline: Steady,
    pub(super) answer: oneshot::Sender<Reply>,
}

impl Keeper {
    /// Starts the task on the current runtime; last tokens are kept in the cabinet, if there is one. It ends when the
    /// last `Keeper` is dropped.
    #[must_use]
    pub fn start(clock: Arc<dyn Clock>, cabinet: Option<Cabinet>) -> Self {
        let (commands, inbox) = mpsc::unbounded_channel();
        let registry = Arc::new(ArcSwap::from_pointee(Registry::new()));
        let keeping = cabinet.map(|cabinet| Keeping::start(Arc::new(cabinet), Arc::clone(&clock)));
        let (need, needs) = mpsc::unbounded_channel();
        let changes = Arc::new(Notify::new());
        let published = Published { registry: Arc::clone(&registry), changes: Arc::clone(&changes) };
        let (task, reports) = Task::new(Arc::clone(&clock), published, keeping, need, commands.downgrade());
        tokio::spawn(task.run(inbox, reports));
        let last_use = Arc::new(AtomicU64::new(clock.now().steady.0));
        Self { commands, registry, clock, last_use, changes, needs: Arc::new(Mutex::new(Some(needs))) }
    }

    /// Somebody wants a token.
    pub fn touch(&self, now: Steady) {
        self.last_use.store(now.0, Ordering::Relaxed);
    }

    /// When somebody last wanted a token; at first, when this was started.
    #[must_use]
    pub fn last_use(&self) -> Steady {
        Steady(self.last_use.load(Ordering::Relaxed))
    }

    /// The accounts as they are now.
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        self.registry.load_full()
    }

    /// Ends when something was published since the last call. For one listener.
    pub async fn changed(&self) {
        self.changes.notified().await;
    }

    /// One account, without a lock.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<Arc<Account>> {
        self.registry.load().get(name).cloned()
    }

    /// Both hands of the keeper's clock.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// A token, once there is one, or why not.
    pub async fn ask(
        &self,
        account: &str,
        variant: Variant,
        need: Need,
        wait: Duration,
    ) -> Result<Reply, KeeperGone> {
        self.question(account, variant, wait, |question| Command::Ask(question, need)).await
    }

    /// A new token now.
    pub async fn refresh(&self, account: &str, wait: Duration) -> Result<Reply, KeeperGone> {
        self.question(account, Variant::default(), wait, Command::Refresh).await
    }

    /// The token with this SHA-256 is not to be served again. Ends when that is so.
    pub async fn reject(&self, account: &str, sha256: [u8; 32]) -> Result<(), KeeperGone> {
        self.told(|done| Command::Reject { account: account.to_owned(), sha256, done }).await
    }

    /// Takes a new configuration over. Accounts that did not change keep their tokens.
    pub async fn reconfigure(&self, definitions: Vec<Definition>) -> Result<Reconfigured, KeeperGone> {
        self.told(|done| Command::Reconfigure(definitions, done)).await
    }

    /// Ends when every token that can be kept is on disk.
    pub async fn flush(&self) -> Result<(), KeeperGone> {
        self.told(Command::Flush).await
    }

    /// From now on no refresh token is spent. Ends when every request that spends one has come to its end, and what came
    /// of it is on disk.
    pub async fn stop_spending(&self) -> Result<(), KeeperGone> {
        self.told(Command::StopSpending).await
    }

    /// A person has logged in: the refresh token is kept, on disk if that takes it, then the access token is served.
    /// Ends when that is so.
    pub async fn logged_in(
        &self,
        account: &Arc<Account>,
        login: NewLogin,
    ) -> Result<Result<(), Failure>, KeeperGone> {
        self.told(|done| Command::LogIn(Arc::clone(account), Box::new(login), done)).await
    }

    /// A person logs out: the service is told, unless it is to be `local`, then all that the login brought is forgotten.
    /// Where the service cannot be told, nothing is.
    pub async fn log_out(&self, account: &str, local: bool) -> Result<Result<Revoked, Failure>, KeeperGone> {
        self.told(|done| Command::LogOut(account.to_owned(), local, done)).await
    }

    /// Whether a login of this account may be kept, on disk or here. Not so only where it is known that there
    /// is none.
    pub async fn may_hold_login(&self, account: &Arc<Account>) -> Result<bool, KeeperGone> {
        self.told(|done| Command::MayHoldLogin(Arc::clone(account), done)).await
    }

    /// Accounts that need a person's login, each once per need. There is one receiver.
    #[must_use]
    pub fn take_login_needs(&self) -> Option<mpsc::UnboundedReceiver<LoginNeed>> {
        self.needs.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Forgets the tokens of every account that `tok lock` covers. When it ends, what was under way for them has
    /// ended, too.
    ///
    /// The keeper is told before this returns; what comes back waits for its answer.
    pub fn lock(&self) -> impl Future<Output = Result<(), KeeperGone>> + Send + 'static {
        self.told(Command::Lock)
    }

    /// Lets every account go on, after the store was opened.
    ///
    /// The keeper is told before this returns; what comes back waits for its answer.
    pub fn unlock(&self) -> impl Future<Output = Result<(), KeeperGone>> + Send + 'static {
        self.told(Command::Unlock)
    }

    fn told<T: Send + 'static, C: FnOnce(oneshot::Sender<T>) -> Command>(
        &self,
        command: C,
    ) -> impl Future<Output = Result<T, KeeperGone>> + Send + use<T, C> {
        let (done, answer) = oneshot::channel();
        let sent = self.send(command(done));
        async move {
            sent?;
            answer.await.map_err(|_| KeeperGone)
        }
    }

    async fn question(
        &self,
        account: &str,
        variant: Variant,
        wait: Duration,
        command: impl FnOnce(Question) -> Command,
    ) -> Result<Reply, KeeperGone> {
        let now = self.clock.now().steady;
        self.touch(now);
        let (answer, reply) = oneshot::channel();
        let deadline = now.after(wait);
        self.send(command(Question { account: account.to_owned(), variant, deadline, answer }))?;
        reply.await.map_err(|_| KeeperGone)
    }

    fn send(&self, command: Command) -> Result<(), KeeperGone> {
        self.commands.send(command).map_err(|_| KeeperGone)
    }
}
