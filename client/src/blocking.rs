//! The client that blocks: what `tok` and programs without a runtime use.

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
use crate::platform::Stream;
use crate::token::Token;
use crate::{clock, reach};

/// A connection to the daemon, kept for as many requests as come and made anew when the daemon was restarted.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
    connection: Option<Connection>,
}

impl Client {
    /// Connects to this user's daemon, where the environment says that it is.
    pub fn connect() -> Result<Self, Error> {
        Self::connect_to(reach::socket()?)
    }

    /// Connects to the daemon on this socket.
    pub fn connect_to(socket: impl Into<PathBuf>) -> Result<Self, Error> {
        let mut client = Self::lazy_at(socket);
        client.connection = Some(Connection::open(&client.socket, clock::deadline(reach::CONNECT))?);
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
    pub fn get(&mut self, get: impl Into<Get>) -> Result<Token, Error> {
        self.call(&ask::get(get.into())?)
    }

    /// The id token that came with such a token, where the service gives one; its signature and claims have been
    /// checked.
    pub fn id_token(&mut self, get: impl Into<Get>) -> Result<Token, Error> {
        self.call(&ask::id_token(get.into())?)
    }

    /// A new token now, even if the old one has life left. Waits at most `timeout` for the service.
    pub fn refresh(&mut self, account: &str, timeout: Duration) -> Result<Token, Error> {
        self.call(&ask::refresh(account, timeout))
    }

    /// "The service refused this token": it is not served again. Only its SHA-256 travels.
    pub fn reject(&mut self, account: &str, token: &[u8]) -> Result<(), Error> {
        self.reject_hash(account, Sha256::digest(token).into())
    }

    /// The same, for who has only the SHA-256 of the refused token.
    pub fn reject_hash(&mut self, account: &str, sha256: [u8; 32]) -> Result<(), Error> {
        self.call(&ask::reject(account, sha256))
    }

    /// How all accounts are, in the order of their names.
    pub fn status(&mut self) -> Result<Vec<AccountStatus>, Error> {
        let mut pages = ask::status();
        while let Some(question) = pages.question() {
            pages.take(self.call(&question)?)?;
        }
        Ok(pages.into_items())
    }

    /// How one account is.
    pub fn status_of(&mut self, account: &str) -> Result<AccountStatus, Error> {
        self.call(&ask::status_of(account)).and_then(ask::only)
    }

    /// All accounts' names and types, in the order of their names.
    pub fn list(&mut self) -> Result<Vec<AccountName>, Error> {
        let mut pages = ask::list();
        while let Some(question) = pages.question() {
            pages.take(self.call(&question)?)?;
        }
        Ok(pages.into_items())
    }

    /// The token that there is now and each new one, on a connection of its own.
    pub fn watch(&self, account: &str) -> Result<Watch, Error> {
        let deadline = clock::deadline(reach::CONNECT);
        let mut connection = Connection::open(&self.socket, deadline)?;
        connection.send(&ask::watch(account), reach::CONNECT)?;
        Ok(Watch { connection: Some(connection) })
    }

    /// A person logs in, on a connection of its own. The login ends with what this gives, where nobody else waits for
    /// it; there is one at a time for an account.
    pub fn log_in(&self, account: &str, options: &LoginOptions) -> Result<Login, Error> {
        let deadline = clock::deadline(reach::CONNECT);
        let mut connection = Connection::open(&self.socket, deadline)?;
        connection.send(&ask::log_in(account, options), reach::CONNECT)?;
        Ok(Login { connection: Some(connection) })
    }

    /// Where the browser was sent to in the end, for a login whose step takes that
    /// ([`LoginStep::takes_redirect`](crate::LoginStep)). An address that does not belong to it is an error, and the
    /// login goes on.
    pub fn paste_redirect(&mut self, account: &str, login: u64, url: Secret) -> Result<(), Error> {
        self.call(&ask::paste_redirect(account, login, url))
    }

    /// A person logs out: the login is forgotten, and unless `local` the service is told to end it.
    pub fn log_out(&mut self, account: &str, local: bool) -> Result<LoggedOut, Error> {
        self.call(&ask::log_out(account, local))
    }

    /// The daemon reads its configuration again.
    pub fn reload(&mut self) -> Result<Reloaded, Error> {
        self.call(&ask::reload())
    }

    /// Who the daemon is.
    pub fn about(&mut self) -> Result<About, Error> {
        self.call(&ask::about())
    }

    /// How the daemon is: what only it knows of itself.
    pub fn health(&mut self) -> Result<Health, Error> {
        self.call(&ask::health())
    }

    /// The daemon forgets what is secret, and serves no account until somebody unlocks.
    pub fn lock(&mut self) -> Result<(), Error> {
        self.call(&ask::lock())
    }

    /// The daemon opens the store again. [`store_state`](Self::store_state) says whether a passphrase is needed.
    /// May take as long as a person takes to touch a key.
    pub fn unlock(&mut self, passphrase: Option<Secret>) -> Result<(), Error> {
        self.call(&ask::unlock(passphrase))
    }

    /// How the store is: locked or not, and what opens it.
    pub fn store_state(&mut self) -> Result<StoreState, Error> {
        self.call(&ask::store_state())
    }

    /// One exchange. A connection that ends before the answer is made anew, within the same time: the daemon is being
    /// restarted, or it closed a connection that had been idle for long.
    fn call<T>(&mut self, question: &Question<T>) -> Result<T, Error> {
        let deadline = clock::deadline(question.patience);
        let mut repeats = reach::Repeats::of(&question.request);
        loop {
            let was_open = self.connection.is_some();
            let error = match self.attempt(question, deadline) {
                Err(error) => error,
                done => return done,
            };
            let (Some(pause), Some(left)) = (repeats.after(&error, was_open), clock::left(deadline)) else {
                return Err(error);
            };
            self.connection = None;
            std::thread::sleep(pause.min(left));
        }
    }

    fn attempt<T>(&mut self, question: &Question<T>, deadline: Instant) -> Result<T, Error> {
        // Kept only after a whole answer: half of one must not be read as the beginning of the next.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.socket, deadline)?,
        };
        connection.send(&question.request, question.patience)?;
        let answer = connection.receive(Some((deadline, question.patience)))?;
        self.connection = Some(connection);
        (question.read)(answer)
    }
}

/// Tokens of one account, as they come. Ends after an error; [`Client::watch`] begins another.
#[derive(Debug)]
pub struct Watch {
    connection: Option<Connection>,
}

impl Iterator for Watch {
    type Item = Result<Token, Error>;

    /// Waits for the next token, however long that takes.
    fn next(&mut self) -> Option<Self::Item> {
        let mut connection = self.connection.take()?;
        let token = connection.receive(None).and_then(ask::credential);
        if token.is_ok() {
            self.connection = Some(connection);
        }
        Some(token)
    }
}

/// What a login waits for, as it goes on, and its end. Ends after that, or after an error.
#[derive(Debug)]
pub struct Login {
    connection: Option<Connection>,
}

impl Iterator for Login {
    type Item = Result<LoginEvent, Error>;

    /// Waits for the next event, however long a person takes.
    fn next(&mut self) -> Option<Self::Item> {
        let mut connection = self.connection.take()?;
        let event = connection.receive(None).and_then(ask::login_event);
        if matches!(event, Ok(LoginEvent::Step(_))) {
            self.connection = Some(connection);
        }
        Some(event)
    }
}

#[derive(Debug)]
struct Connection {
    stream: Stream,
    conversation: Conversation,
}

impl Connection {
    /// Tries until the deadline, and looks who listens before a byte is sent.
    fn open(socket: &Path, deadline: Instant) -> Result<Self, Error> {
        for pause in reach::Pauses::for_backlog() {
            let Some(left) = clock::left(deadline) else { break };
            let stream =
                Stream::connect(socket, left).map_err(|source| reach::not_connected(socket, source))?;
            if reach::may_send(socket, stream.peer())? {
                return Ok(Self { stream, conversation: Conversation::new() });
            }
            std::thread::sleep(pause.min(left));
        }
        Err(Error::TimedOut { waited: reach::CONNECT })
    }

    fn send(&mut self, request: &Request, patience: Duration) -> Result<(), Error> {
        let bytes = self.conversation.ask(request)?;
        self.stream.write_all(&bytes, patience).map_err(|error| reach::broken(error, patience))
    }

    /// The answer to what was sent last; with a limit, by then at the latest, however slowly bytes drip in.
    fn receive(&mut self, limit: Option<(Instant, Duration)>) -> Result<Answer, Error> {
        loop {
            if let Some(answer) = self.conversation.answer()? {
                return Ok(answer);
            }
            let waited = limit.map_or(Duration::ZERO, |(_, patience)| patience);
            let left = match limit {
                Some((deadline, _)) => Some(clock::left(deadline).ok_or(Error::TimedOut { waited })?),
                None => None,
            };
            match self.stream.read(self.conversation.room(), left) {
                Ok(0) => return Err(Error::Lost(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => self.conversation.arrived(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(reach::broken(error, waited)),
            }
        }
    }
}
