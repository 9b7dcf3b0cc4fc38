//! The client for programs that run on tokio.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokend_proto::message::{
    About, AccountName, AccountStatus, Answer, Health, LoggedOut, Reloaded, Request, StoreState,
};
use tokend_proto::secret::Secret;

use crate::ask::{self, Get, LoginEvent, LoginOptions, Question};
use crate::error::Error;
use crate::exchange::Conversation;
use crate::platform::AsyncStream;
use crate::token::Token;
use crate::{clock, reach};

/// A connection to the daemon, kept for as many requests as come and made anew when the daemon was restarted.
///
/// The same as [`Client`](crate::Client), for tokio (with I/O and time enabled). A call whose future is dropped
/// gives its connection up; the next call makes another.
#[derive(Debug)]
pub struct AsyncClient {
    socket: PathBuf,
    connection: Option<Connection>,
}

impl AsyncClient {
    /// Connects to this user's daemon, where the environment says that it is.
    pub async fn connect() -> Result<Self, Error> {
        Self::connect_to(reach::socket()?).await
    }

    /// Connects to the daemon on this socket.
    pub async fn connect_to(socket: impl Into<PathBuf>) -> Result<Self, Error> {
        let mut client = Self::lazy_at(socket);
        client.connection = Some(Connection::open(&client.socket, clock::deadline(reach::CONNECT)).await?);
        Ok(client)
    }

    /// Knows where this user's daemon is, and connects at the first request.
    pub fn lazy() -> Result<Self, Error> {
        Ok(Self::lazy_at(reach::socket()?))
    }

    /// Connects to the daemon on this socket at the first request.
    #[must_use]
    pub fn lazy_at(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into(), connection: None }
    }

    /// The socket that this talks to.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// A token: of an account by its name, or as a [`Get`] says.
    pub async fn get(&mut self, get: impl Into<Get>) -> Result<Token, Error> {
        let question = ask::get(get.into())?;
        self.call(&question).await
    }

    /// The id token that came with such a token, where the service gives one; its signature and claims have been
    /// checked.
    pub async fn id_token(&mut self, get: impl Into<Get>) -> Result<Token, Error> {
        let question = ask::id_token(get.into())?;
        self.call(&question).await
    }

    /// A new token now, even if the old one has life left. Waits at most `timeout` for the service.
    pub async fn refresh(&mut self, account: &str, timeout: Duration) -> Result<Token, Error> {
        self.call(&ask::refresh(account, timeout)).await
    }

    /// "The service refused this token": it is not served again. Only its SHA-256 travels.
    pub async fn reject(&mut self, account: &str, token: &[u8]) -> Result<(), Error> {
        self.reject_hash(account, Sha256::digest(token).into()).await
    }

    /// The same, for who has only the SHA-256 of the refused token.
    pub async fn reject_hash(&mut self, account: &str, sha256: [u8; 32]) -> Result<(), Error> {
        self.call(&ask::reject(account, sha256)).await
    }

    /// How all accounts are, in the order of their names.
    pub async fn status(&mut self) -> Result<Vec<AccountStatus>, Error> {
        let mut pages = ask::status();
        while let Some(question) = pages.question() {
            pages.take(self.call(&question).await?)?;
        }
        Ok(pages.into_items())
    }

    /// How one account is.
    pub async fn status_of(&mut self, account: &str) -> Result<AccountStatus, Error> {
        self.call(&ask::status_of(account)).await.and_then(ask::only)
    }

    /// All accounts' names and types, in the order of their names.
    pub async fn list(&mut self) -> Result<Vec<AccountName>, Error> {
        let mut pages = ask::list();
        while let Some(question) = pages.question() {
            pages.take(self.call(&question).await?)?;
        }
        Ok(pages.into_items())
    }

    /// The token that there is now and each new one, on a connection of its own.
    pub async fn watch(&self, account: &str) -> Result<AsyncWatch, Error> {
        let deadline = clock::deadline(reach::CONNECT);
        let mut connection = Connection::open(&self.socket, deadline).await?;
        within(deadline, reach::CONNECT, connection.send(&ask::watch(account))).await?;
        Ok(AsyncWatch { connection: Some(connection) })
    }

    /// A person logs in, on a connection of its own. The login ends with what this gives, where nobody else waits for
    /// it; there is one at a time for an account.
    pub async fn log_in(&self, account: &str, options: &LoginOptions) -> Result<AsyncLogin, Error> {
        let deadline = clock::deadline(reach::CONNECT);
        let mut connection = Connection::open(&self.socket, deadline).await?;
        within(deadline, reach::CONNECT, connection.send(&ask::log_in(account, options))).await?;
        Ok(AsyncLogin { connection: Some(connection) })
    }

    /// Where the browser was sent to in the end, for a login whose step takes that
    /// ([`LoginStep::takes_redirect`](crate::LoginStep)). An address that does not belong to it is an error, and the
    /// login goes on.
    pub async fn paste_redirect(&mut self, account: &str, login: u64, url: Secret) -> Result<(), Error> {
        self.call(&ask::paste_redirect(account, login, url)).await
    }

    /// A person logs out: the login is forgotten, and unless `local` the service is told to end it.
    pub async fn log_out(&mut self, account: &str, local: bool) -> Result<LoggedOut, Error> {
        self.call(&ask::log_out(account, local)).await
    }

    /// The daemon reads its configuration again.
    pub async fn reload(&mut self) -> Result<Reloaded, Error> {
        self.call(&ask::reload()).await
    }

    /// Who the daemon is.
    pub async fn about(&mut self) -> Result<About, Error> {
        self.call(&ask::about()).await
    }

    /// How the daemon is: what only it knows of itself.
    pub async fn health(&mut self) -> Result<Health, Error> {
        self.call(&ask::health()).await
    }

    /// The daemon forgets what is secret, and serves no account until somebody unlocks.
    pub async fn lock(&mut self) -> Result<(), Error> {
        self.call(&ask::lock()).await
    }

    /// The daemon opens the store again. [`store_state`](Self::store_state) says whether a passphrase is needed.
    /// May take as long as a person takes to touch a key.
    pub async fn unlock(&mut self, passphrase: Option<Secret>) -> Result<(), Error> {
        self.call(&ask::unlock(passphrase)).await
    }

    /// How the store is: locked or not, and what opens it.
    pub async fn store_state(&mut self) -> Result<StoreState, Error> {
        self.call(&ask::store_state()).await
    }

    /// One exchange. A connection that ends before the answer is made anew, within the same time: the daemon is being
    /// restarted, or it closed a connection that had been idle for long.
    async fn call<T>(&mut self, question: &Question<T>) -> Result<T, Error> {
        let deadline = clock::deadline(question.patience);
        let mut repeats = reach::Repeats::of(&question.request);
        loop {
            let was_open = self.connection.is_some();
            let error = match self.attempt(question, deadline).await {
                Err(error) => error,
                done => return done,
            };
            let (Some(pause), Some(left)) = (repeats.after(&error, was_open), clock::left(deadline)) else {
                return Err(error);
            };
            self.connection = None;
            tokio::time::sleep(pause.min(left)).await;
        }
    }

    async fn attempt<T>(&mut self, question: &Question<T>, deadline: Instant) -> Result<T, Error> {
        // Kept only after a whole answer: half of one must not be read as the beginning of the next.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.socket, deadline).await?,
        };
        let exchange = async {
            connection.send(&question.request).await?;
            connection.receive().await
        };
        let answer = within(deadline, question.patience, exchange).await?;
        self.connection = Some(connection);
        (question.read)(answer)
    }
}

/// Tokens of one account, as they come. Ends after an error; [`AsyncClient::watch`] begins another.
#[derive(Debug)]
pub struct AsyncWatch {
    connection: Option<Connection>,
}

impl AsyncWatch {
    /// Waits for the next token, however long that takes; nothing after an error. May be dropped and called again
    /// without losing a token.
    pub async fn next(&mut self) -> Option<Result<Token, Error>> {
        let token = self.connection.as_mut()?.receive().await.and_then(ask::credential);
        if token.is_err() {
            self.connection = None;
        }
        Some(token)
    }
}

/// What a login waits for, as it goes on, and its end. Ends after that, or after an error.
#[derive(Debug)]
pub struct AsyncLogin {
    connection: Option<Connection>,
}

impl AsyncLogin {
    /// Waits for the next event, however long a person takes; nothing after the end. May be dropped and called again
    /// without losing one.
    pub async fn next(&mut self) -> Option<Result<LoginEvent, Error>> {
        let event = self.connection.as_mut()?.receive().await.and_then(ask::login_event);
        if !matches!(event, Ok(LoginEvent::Step(_))) {
            self.connection = None;
        }
        Some(event)
    }
}

#[derive(Debug)]
struct Connection {
    stream: AsyncStream,
    conversation: Conversation,
}

impl Connection {
    /// Tries until the deadline, and looks who listens before a byte is sent.
    async fn open(socket: &Path, deadline: Instant) -> Result<Self, Error> {
        for pause in reach::Pauses::for_backlog() {
            let Some(left) = clock::left(deadline) else { break };
            let stream = AsyncStream::connect(socket, left)
                .await
                .map_err(|source| reach::not_connected(socket, source))?;
            if reach::may_send(socket, stream.peer())? {
                return Ok(Self { stream, conversation: Conversation::new() });
            }
            tokio::time::sleep(pause.min(left)).await;
        }
        Err(Error::TimedOut { waited: reach::CONNECT })
    }

    async fn send(&mut self, request: &Request) -> Result<(), Error> {
        let bytes = self.conversation.ask(request)?;
        self.stream.write_all(&bytes).await.map_err(Error::Lost)
    }

    async fn receive(&mut self) -> Result<Answer, Error> {
        loop {
            if let Some(answer) = self.conversation.answer()? {
                return Ok(answer);
            }
            match self.stream.read(self.conversation.room()).await.map_err(Error::Lost)? {
                0 => return Err(Error::Lost(io::ErrorKind::UnexpectedEof.into())),
                count => self.conversation.arrived(count),
            }
        }
    }
}

async fn within<T>(
    deadline: Instant,
    patience: Duration,
    exchange: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout_at(deadline.into(), exchange).await {
        Ok(result) => result,
        Err(_) => Err(Error::TimedOut { waited: patience }),
    }
}
