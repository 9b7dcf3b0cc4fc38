//! What can be asked, and how each answer is read: without I/O, for both clients.

mod login;

use std::time::Duration;

use tokend_proto::limits::{DEFAULT_TIMEOUT, MAX_TIMEOUT};
use tokend_proto::message::{
    self, About, AccountName, AccountStatus, Answer, Health, ListAccounts, Refresh, Reject, Reloaded,
    Request, Status, StoreState, Unlock, Words,
};
use tokend_proto::secret::Secret;

use crate::error::Error;
use crate::token::Token;

pub use self::login::{LoginEvent, LoginOptions, LoginWay};
pub(crate) use self::login::{log_in, log_out, login_event, paste_redirect};

/// How long the daemon is given beyond the time that the request itself may take.
const GRACE: Duration = Duration::from_secs(5);

/// For requests that the daemon answers out of its head.
const AT_ONCE: Duration = Duration::from_secs(10);

/// For an unlocking: a key that is touched, a keyring whose owner is asked, and a passphrase that is slow on purpose.
const A_PERSON: Duration = Duration::from_secs(120);

/// Which token, and how long to wait for it.
///
/// ```
/// use std::time::Duration;
/// use tokend_client::Get;
///
/// let get = Get::account("graph").min_valid(Duration::from_secs(300)).scope("Mail.Read");
/// # drop(get);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Get {
    account: String,
    min_valid: Option<Duration>,
    scope: Vec<String>,
    audience: Vec<String>,
    timeout: Duration,
}

impl Get {
    /// The account's own token, with as much life left as its configuration wishes for.
    #[must_use]
    pub fn account(name: impl Into<String>) -> Self {
        Self {
            account: name.into(),
            min_valid: None,
            scope: Vec::new(),
            audience: Vec::new(),
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// A demand: at least this much life left, or an error.
    #[must_use]
    pub fn min_valid(mut self, life: Duration) -> Self {
        self.min_valid = Some(life);
        self
    }

    /// One more scope; the first takes the place of the account's own.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope.push(scope.into());
        self
    }

    /// One more audience; the first takes the place of the account's own.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience.push(audience.into());
        self
    }

    /// How long to wait for the service, at most ten minutes; 30 s if nothing is said.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(MAX_TIMEOUT);
        self
    }
}

impl From<&str> for Get {
    fn from(name: &str) -> Self {
        Self::account(name)
    }
}

impl From<String> for Get {
    fn from(name: String) -> Self {
        Self::account(name)
    }
}

/// A request with the time that it may take and the way to read its answer.
#[derive(Debug)]
pub(crate) struct Question<T> {
    /// What is sent.
    pub(crate) request: Request,
    /// How long the whole exchange may take.
    pub(crate) patience: Duration,
    /// What the answer means.
    pub(crate) read: fn(Answer) -> Result<T, Error>,
}

pub(crate) fn get(get: Get) -> Result<Question<Token>, Error> {
    wanted(get, Request::Get)
}

pub(crate) fn id_token(get: Get) -> Result<Question<Token>, Error> {
    wanted(get, Request::GetIdToken)
}

fn wanted(get: Get, request: fn(message::Get) -> Request) -> Result<Question<Token>, Error> {
    let words = |words| {
        Words::new(words).map_err(|_| Error::Request("a request names at most 64 scopes and 64 audiences"))
    };
    Ok(Question {
        patience: get.timeout.saturating_add(GRACE),
        request: request(message::Get {
            account: get.account,
            min_valid_ms: get.min_valid.map(milliseconds),
            scope: words(get.scope)?,
            audience: words(get.audience)?,
            timeout_ms: milliseconds(get.timeout),
        }),
        read: credential,
    })
}

pub(crate) fn refresh(account: &str, timeout: Duration) -> Question<Token> {
    let timeout = timeout.min(MAX_TIMEOUT);
    Question {
        request: Request::Refresh(Refresh { account: account.to_owned(), timeout_ms: milliseconds(timeout) }),
        patience: timeout.saturating_add(GRACE),
        read: credential,
    }
}

/// The daemon may ask the service whether the token is dead, so this may take as long as a `get`.
pub(crate) fn reject(account: &str, sha256: [u8; 32]) -> Question<()> {
    Question {
        request: Request::Reject(Reject { account: account.to_owned(), sha256 }),
        patience: DEFAULT_TIMEOUT.saturating_add(GRACE),
        read: done,
    }
}

pub(crate) fn watch(account: &str) -> Request {
    Request::Watch(message::Watch { account: account.to_owned() })
}

/// What a watch's answer means.
pub(crate) fn credential(answer: Answer) -> Result<Token, Error> {
    match answer {
        Answer::Credential(credential) => Token::checked(credential),
        other => Err(unexpected(other)),
    }
}

pub(crate) fn reload() -> Question<Reloaded> {
    Question {
        request: Request::Reload,
        patience: DEFAULT_TIMEOUT.saturating_add(GRACE),
        read: |answer| match answer {
            Answer::Reloaded(reloaded) => Ok(reloaded),
            other => Err(unexpected(other)),
        },
    }
}

pub(crate) fn about() -> Question<About> {
    Question {
        request: Request::About,
        patience: AT_ONCE,
        read: |answer| match answer {
            Answer::About(about) => Ok(about),
            other => Err(unexpected(other)),
        },
    }
}

pub(crate) fn health() -> Question<Health> {
    Question {
        request: Request::Health,
        patience: AT_ONCE,
        read: |answer| match answer {
            Answer::Health(health) => Ok(health),
            other => Err(unexpected(other)),
        },
    }
}

/// What is being sent to a service may be waited for, so this may take as long as a `get`.
pub(crate) fn lock() -> Question<()> {
    Question { request: Request::Lock, patience: DEFAULT_TIMEOUT.saturating_add(GRACE), read: done }
}

pub(crate) fn unlock(passphrase: Option<Secret>) -> Question<()> {
    let patience = A_PERSON.saturating_add(GRACE);
    Question { request: Request::Unlock(Unlock { passphrase }), patience, read: done }
}

pub(crate) fn store_state() -> Question<StoreState> {
    Question {
        request: Request::Store,
        patience: AT_ONCE,
        read: |answer| match answer {
            Answer::StoreState(state) => Ok(state),
            other => Err(unexpected(other)),
        },
    }
}

/// A list that comes page by page, each asked for by the last name of the one before.
#[derive(Debug)]
pub(crate) struct Pages<T> {
    items: Vec<T>,
    complete: bool,
    ask: fn(Option<String>) -> Request,
    read: fn(Answer) -> Result<Page<T>, Error>,
    name: fn(&T) -> &str,
}

/// Some items, and whether there are more after the last.
pub(crate) type Page<T> = (Vec<T>, bool);

impl<T> Pages<T> {
    /// What to ask next; nothing when all pages are here.
    pub(crate) fn question(&self) -> Option<Question<Page<T>>> {
        let after = self.items.last().map(|item| (self.name)(item).to_owned());
        (!self.complete).then(|| Question { request: (self.ask)(after), patience: AT_ONCE, read: self.read })
    }

    /// Takes a page. Names that do not grow would go round in circles.
    pub(crate) fn take(&mut self, (items, more): Page<T>) -> Result<(), Error> {
        let grows = match (self.items.last(), items.first()) {
            (Some(last), Some(first)) => (self.name)(last) < (self.name)(first),
            (_, None) => !more,
            (None, Some(_)) => true,
        };
        if !grows {
            return Err(Error::Malformed("a page of accounts out of order"));
        }
        self.items.extend(items);
        self.complete = !more;
        Ok(())
    }

    /// All items.
    pub(crate) fn into_items(self) -> Vec<T> {
        self.items
    }
}

pub(crate) fn status() -> Pages<AccountStatus> {
    Pages {
        items: Vec::new(),
        complete: false,
        ask: |after| Request::Status(Status { account: None, after }),
        read: status_page,
        name: |status| &status.account,
    }
}

pub(crate) fn status_of(account: &str) -> Question<Page<AccountStatus>> {
    Question {
        request: Request::Status(Status { account: Some(account.to_owned()), after: None }),
        patience: AT_ONCE,
        read: status_page,
    }
}

/// The one account out of a page that was asked for it.
pub(crate) fn only(page: Page<AccountStatus>) -> Result<AccountStatus, Error> {
    page.0.into_iter().next().ok_or(Error::Malformed("an empty page for a known account"))
}

pub(crate) fn list() -> Pages<AccountName> {
    Pages {
        items: Vec::new(),
        complete: false,
        ask: |after| Request::List(ListAccounts { after }),
        read: |answer| match answer {
            Answer::ListPage(page) => Ok((page.accounts.into_vec(), page.more)),
            other => Err(unexpected(other)),
        },
        name: |name| &name.account,
    }
}

/// The request's name, for errors.
pub(crate) fn name(request: &Request) -> &'static str {
    match request {
        Request::Get(_) => "get",
        Request::Refresh(_) => "refresh",
        Request::Reject(_) => "reject",
        Request::Status(_) => "status",
        Request::List(_) => "list",
        Request::Watch(_) => "watch",
        Request::Reload => "reload",
        Request::About => "about",
        Request::Lock => "lock",
        Request::Unlock(_) => "unlock",
        Request::Store => "store",
        Request::Login(_) => "login",
        Request::LoginRedirect(_) => "login-redirect",
        Request::Logout(_) => "logout",
        Request::GetIdToken(_) => "get --id-token",
        Request::Health => "health",
        _ => "?",
    }
}

fn status_page(answer: Answer) -> Result<Page<AccountStatus>, Error> {
    match answer {
        Answer::StatusPage(page) => Ok((page.accounts.into_vec(), page.more)),
        other => Err(unexpected(other)),
    }
}

fn done(answer: Answer) -> Result<(), Error> {
    match answer {
        Answer::Done => Ok(()),
        other => Err(unexpected(other)),
    }
}

fn unexpected(answer: Answer) -> Error {
    match answer {
        Answer::Failure(failure) => Error::Failed(failure),
        _ => Error::Malformed("something else than what was asked for"),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> AccountName {
        AccountName { account: name.to_owned(), account_type: "static".to_owned() }
    }

    #[test]
    fn pages_follow_each_other_by_the_last_name() -> Result<(), Error> {
        let mut pages = list();
        pages.take((vec![named("a"), named("b")], true))?;
        let next = pages.question().map(|question| question.request);
        assert!(matches!(next, Some(Request::List(ListAccounts { after: Some(after) })) if after == "b"));
        pages.take((vec![named("c")], false))?;
        assert!(pages.question().is_none());
        assert_eq!(pages.into_items().len(), 3);
        Ok(())
    }

    #[test]
    fn a_daemon_that_goes_round_in_circles_is_left() -> Result<(), Error> {
        let mut pages = list();
        pages.take((vec![named("a")], true))?;
        assert!(pages.take((vec![named("a")], true)).is_err());
        assert!(pages.take((vec![], true)).is_err());
        Ok(())
    }

    #[test]
    fn a_timeout_is_at_most_what_the_protocol_allows() -> Result<(), Error> {
        let question = get(Get::account("a").timeout(Duration::MAX))?;
        assert_eq!(question.patience, MAX_TIMEOUT + GRACE);
        Ok(())
    }
}
