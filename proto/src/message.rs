//! The messages themselves. A struct here never changes once it is released: a new need is a new [`Kind`], or an
//! [`Extra`](crate::Extra) beside the body.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use crate::code::Code;
use crate::codec::{self, DecodeError, EncodeError};
use crate::envelope::{self, Envelope, Kind};
pub use crate::finding::Finding;
pub use crate::health::{Health, Variable};
use crate::limits::{MAX_ANSWER, MAX_PAGE, MAX_WORDS};
use crate::list::List;
pub use crate::login::{LoggedIn, LoggedOut, Login, LoginRedirect, LoginStep, Logout};
use crate::secret::Secret;
pub use crate::store::{StoreState, Unlock};

/// A few short texts: scopes, audiences, warnings.
pub type Words = List<String, MAX_WORDS>;

/// What a client asks.
#[derive(Debug)]
#[non_exhaustive]
pub enum Request {
    /// A token.
    Get(Get),
    /// A new token now.
    Refresh(Refresh),
    /// The service refused this token.
    Reject(Reject),
    /// How the accounts are.
    Status(Status),
    /// Which accounts there are.
    List(ListAccounts),
    /// A credential at each new token, until the connection ends.
    Watch(Watch),
    /// Read the configuration again.
    Reload,
    /// Who are you?
    About,
    /// Forget what is secret, until somebody unlocks.
    Lock,
    /// Open the store again, and serve its accounts.
    Unlock(Unlock),
    /// How the store is.
    Store,
    /// A person logs in.
    Login(Login),
    /// Where the browser was sent to in the end.
    LoginRedirect(LoginRedirect),
    /// A person logs out.
    Logout(Logout),
    /// The id token that came with a token: the credential's `token` is it, and its life is its own.
    GetIdToken(Get),
    /// How are you?
    Health,
}

/// What the daemon answers.
#[derive(Debug)]
#[non_exhaustive]
pub enum Answer {
    /// A token with what belongs to it.
    Credential(Credential),
    /// Done.
    Done,
    /// States of accounts.
    StatusPage(StatusPage),
    /// Names of accounts.
    ListPage(ListPage),
    /// The configuration was taken over.
    Reloaded(Reloaded),
    /// Who the daemon is.
    About(About),
    /// How the store is.
    StoreState(StoreState),
    /// What a login waits for.
    LoginStep(LoginStep),
    /// The login is done.
    LoggedIn(LoggedIn),
    /// The login is forgotten.
    LoggedOut(LoggedOut),
    /// How the daemon is.
    Health(Health),
    /// The daemon does not know this kind of request: it is older than its client.
    Unsupported,
    /// It did not work.
    Failure(Failure),
}

/// A token of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Get {
    /// The account's name.
    pub account: String,
    /// A demand: at least this much life left, in milliseconds. Without it the account's own wish counts.
    pub min_valid_ms: Option<u64>,
    /// A token for these scopes instead of the account's own.
    pub scope: Words,
    /// A token for these audiences instead of the account's own.
    pub audience: Words,
    /// How long to wait for the service, in milliseconds; at most [`MAX_TIMEOUT`](crate::limits::MAX_TIMEOUT).
    pub timeout_ms: u64,
}

/// A new token now, even if the old one has life left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// The account's name.
    pub account: String,
    /// How long to wait for the service, in milliseconds.
    pub timeout_ms: u64,
}

/// The service refused this token; it is not to be served again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The account's name.
    pub account: String,
    /// SHA-256 of the token's bytes.
    pub sha256: [u8; 32],
}

/// How the accounts are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Only this one.
    pub account: Option<String>,
    /// Only those after this name, for the next page.
    pub after: Option<String>,
}

/// Which accounts there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListAccounts {
    /// Only those after this name, for the next page.
    pub after: Option<String>,
}

/// A credential now, where there is one, and at each new token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The account's name.
    pub account: String,
}

/// A token and what belongs to it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Credential {
    /// The account's name.
    pub account: String,
    /// The word before the token in an `Authorization` header; empty where the token is no header's.
    pub scheme: String,
    /// The name of the form or query parameter that takes the token; empty where it is a header's.
    pub parameter: String,
    /// The secret fields. Most services have one, `token`; it is always the first.
    pub fields: List<Field, MAX_WORDS>,
    /// When it dies, in milliseconds since 1970 by the wall clock, where that is known.
    pub expires_at_ms: Option<i64>,
    /// How much life it has left, in milliseconds, where that is known.
    pub expires_in_ms: Option<u64>,
    /// What it is good for, where that is known.
    pub scope: Words,
    /// What the caller should know.
    pub warnings: Words,
    /// Grows with each new token of this account.
    pub generation: u64,
}

/// A [`Credential`] that is sent from where it lies: the same bytes, without a copy of the secrets.
#[derive(Debug, Serialize)]
pub struct CredentialRef<'a> {
    /// As in [`Credential`].
    pub account: &'a str,
    /// As in [`Credential`].
    pub scheme: &'a str,
    /// As in [`Credential`].
    pub parameter: &'a str,
    /// Names and values, at most [`MAX_WORDS`].
    pub fields: &'a [(String, Secret)],
    /// As in [`Credential`].
    pub expires_at_ms: Option<i64>,
    /// As in [`Credential`].
    pub expires_in_ms: Option<u64>,
    /// As in [`Credential`], at most [`MAX_WORDS`].
    pub scope: &'a [String],
    /// As in [`Credential`], at most [`MAX_WORDS`].
    pub warnings: &'a [&'a str],
    /// As in [`Credential`].
    pub generation: u64,
}

/// A named secret.
#[derive(Debug, Serialize, Deserialize)]
pub struct Field {
    /// Its name, `token` for the first.
    pub name: String,
    /// Its value.
    pub value: Secret,
}

/// Some accounts' states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusPage {
    /// In the order of their names.
    pub accounts: List<AccountStatus, MAX_PAGE>,
    /// Whether there are more after the last.
    pub more: bool,
}

/// How one account is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountStatus {
    /// Its name.
    pub account: String,
    /// Its type, as in the configuration.
    pub account_type: String,
    /// `fresh`, `refreshing`, `waiting`, `parked`, `login-needed`, `locked` or `idle`.
    pub state: String,
    /// When its token dies, in milliseconds since 1970.
    pub expires_at_ms: Option<i64>,
    /// The life that its token has left, in milliseconds.
    pub expires_in_ms: Option<u64>,
    /// The whole life that its token was given, in milliseconds.
    pub lifetime_ms: Option<u64>,
    /// When the next request to the service is due, in milliseconds since 1970.
    pub next_refresh_at_ms: Option<i64>,
    /// When the token was received, in milliseconds since 1970.
    pub refreshed_at_ms: Option<i64>,
    /// How many times a token was served.
    pub served: u64,
    /// What went wrong last, if the last try went wrong.
    pub last_error: Option<LastError>,
    /// What a person should know.
    pub warnings: Words,
    /// How far the daemon's wall clock is from the service's, where the service told its own over TLS.
    pub clock_skew: Option<ClockSkew>,
    /// When the term of its login is over, in milliseconds since 1970, where a person gave it one.
    pub login_ends_at_ms: Option<i64>,
}

/// How far two clocks are apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockSkew {
    /// The service's host.
    pub host: String,
    /// By how many milliseconds the daemon's clock is ahead of it; less than zero where it is behind. Right within a
    /// second and the time that the answer took.
    pub ahead_ms: i64,
}

/// What went wrong last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// A word for programs.
    pub kind: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The exit code that a caller without a token gets for it.
    pub code: Code,
}

/// Some accounts' names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPage {
    /// In the order of their names.
    pub accounts: List<AccountName, MAX_PAGE>,
    /// Whether there are more after the last.
    pub more: bool,
}

/// An account's name and type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountName {
    /// Its name.
    pub account: String,
    /// Its type, as in the configuration.
    pub account_type: String,
}

/// The configuration was taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// How many accounts there are now.
    pub accounts: u32,
    /// How many of them are new.
    pub added: u32,
    /// How many changed.
    pub changed: u32,
    /// How many went away.
    pub removed: u32,
    /// What a person should know.
    pub warnings: Words,
}

/// Who the daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Its machine.
    pub host: String,
    /// Its configuration's folder.
    pub configuration: String,
    /// When it started, in milliseconds since 1970.
    pub started_at_ms: i64,
}

/// It did not work: what a person reads and what a program decides by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What `tok` exits with.
    pub code: Code,
    /// A word for programs: `unknown-account`, `refused`, `unreachable`, …
    pub kind: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// When tokend tries again by itself, in milliseconds from now.
    pub next_try_in_ms: Option<u64>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl Request {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Get(_) => Kind::GET,
            Self::Refresh(_) => Kind::REFRESH,
            Self::Reject(_) => Kind::REJECT,
            Self::Status(_) => Kind::STATUS,
            Self::List(_) => Kind::LIST,
            Self::Watch(_) => Kind::WATCH,
            Self::Reload => Kind::RELOAD,
            Self::About => Kind::ABOUT,
            Self::Lock => Kind::LOCK,
            Self::Unlock(_) => Kind::UNLOCK,
            Self::Store => Kind::STORE,
            Self::Login(_) => Kind::LOGIN,
            Self::LoginRedirect(_) => Kind::LOGIN_REDIRECT,
            Self::Logout(_) => Kind::LOGOUT,
            Self::GetIdToken(_) => Kind::GET_ID_TOKEN,
            Self::Health => Kind::HEALTH,
        }
    }

    /// The request in its envelope.
    ///
    /// # Errors
    /// [`EncodeError`] when it is larger than what may travel.
    pub fn seal(&self, id: u32) -> Result<Envelope, EncodeError> {
        let body = match self {
            Self::Get(body) | Self::GetIdToken(body) => codec::encode(body),
            Self::Refresh(body) => codec::encode(body),
            Self::Reject(body) => codec::encode(body),
            Self::Status(body) => codec::encode(body),
            Self::List(body) => codec::encode(body),
            Self::Watch(body) => codec::encode(body),
            Self::Unlock(body) => codec::encode(body),
            Self::Login(body) => codec::encode(body),
            Self::LoginRedirect(body) => codec::encode(body),
            Self::Logout(body) => codec::encode(body),
            Self::Reload | Self::About | Self::Lock | Self::Store | Self::Health => {
                Ok(zeroize::Zeroizing::default())
            }
        }?;
        Ok(Envelope::new(id, self.kind(), body))
    }

    /// The request out of its envelope; nothing for a kind that this version does not know.
    ///
    /// # Errors
    /// [`DecodeError`] when the body is not what its kind says.
    pub fn open(envelope: &Envelope) -> Result<Option<Self>, DecodeError> {
        Self::read(envelope.kind, envelope.body.bytes())
    }

    /// The request of this kind in these bytes; nothing for a kind that this version does not know.
    ///
    /// # Errors
    /// [`DecodeError`] when the body is not what its kind says.
    pub fn read(kind: Kind, body: &[u8]) -> Result<Option<Self>, DecodeError> {
        Ok(Some(match kind {
            Kind::GET => Self::Get(codec::decode_request(body)?),
            Kind::REFRESH => Self::Refresh(codec::decode_request(body)?),
            Kind::REJECT => Self::Reject(codec::decode_request(body)?),
            Kind::STATUS => Self::Status(codec::decode_request(body)?),
            Kind::LIST => Self::List(codec::decode_request(body)?),
            Kind::WATCH => Self::Watch(codec::decode_request(body)?),
            Kind::RELOAD => {
                empty(body)?;
                Self::Reload
            }
            Kind::ABOUT => {
                empty(body)?;
                Self::About
            }
            Kind::LOCK => {
                empty(body)?;
                Self::Lock
            }
            Kind::UNLOCK => Self::Unlock(codec::decode_request(body)?),
            Kind::STORE => {
                empty(body)?;
                Self::Store
            }
            Kind::LOGIN => Self::Login(codec::decode_request(body)?),
            Kind::LOGIN_REDIRECT => Self::LoginRedirect(codec::decode_request(body)?),
            Kind::LOGOUT => Self::Logout(codec::decode_request(body)?),
            Kind::GET_ID_TOKEN => Self::GetIdToken(codec::decode_request(body)?),
            Kind::HEALTH => {
                empty(body)?;
                Self::Health
            }
            _ => return Ok(None),
        }))
    }
}

impl Answer {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Credential(_) => Kind::CREDENTIAL,
            Self::Done => Kind::DONE,
            Self::StatusPage(_) => Kind::STATUS_PAGE,
            Self::ListPage(_) => Kind::LIST_PAGE,
            Self::Reloaded(_) => Kind::RELOADED,
            Self::About(_) => Kind::ABOUT_ANSWER,
            Self::StoreState(_) => Kind::STORE_STATE,
            Self::LoginStep(_) => Kind::LOGIN_STEP,
            Self::LoggedIn(_) => Kind::LOGGED_IN,
            Self::LoggedOut(_) => Kind::LOGGED_OUT,
            Self::Health(_) => Kind::HEALTH_ANSWER,
            Self::Unsupported => Kind::UNSUPPORTED,
            Self::Failure(_) => Kind::FAILURE,
        }
    }

    /// The answer as a whole frame.
    ///
    /// # Errors
    /// [`EncodeError`] when it is larger than what may travel.
    pub fn frame(&self, id: u32, first: bool) -> Result<zeroize::Zeroizing<Vec<u8>>, EncodeError> {
        let kind = self.kind();
        match self {
            Self::Credential(body) => envelope::frame(id, kind, body, first, MAX_ANSWER),
            Self::StatusPage(body) => envelope::frame(id, kind, body, first, MAX_ANSWER),
            Self::ListPage(body) => envelope::frame(id, kind, body, first, MAX_ANSWER),
            Self::Reloaded(body) => envelope::frame(id, kind, body, first, MAX_ANSWER),
            Self::About(body) => envelope::frame(id, kind, body, first, MAX_ANSWER),
            Self::StoreState(body) => envelope::frame(id, kind, body, first, MAX_ANSWER),
            Self::LoginStep(body) => envelope::frame(id, kind, body, first, MAX_ANSWER),
            Self::LoggedIn(body) => envelope::frame(id, kind, body, first, MAX_ANSWER),
            Self::LoggedOut(body) => envelope::frame(id, kind, body, first, MAX_ANSWER),
            Self::Health(body) => envelope::frame(id, kind, body, first, MAX_ANSWER),
            Self::Failure(body) => envelope::frame(id, kind, body, first, MAX_ANSWER),
            Self::Done | Self::Unsupported => envelope::frame(id, kind, &(), first, MAX_ANSWER),
        }
    }

    /// The answer in its envelope, with the request's id.
    ///
    /// # Errors
    /// [`EncodeError`] when it is larger than what may travel.
    pub fn seal(&self, id: u32) -> Result<Envelope, EncodeError> {
        let body = match self {
            Self::Credential(body) => codec::encode(body),
            Self::StatusPage(body) => codec::encode(body),
            Self::ListPage(body) => codec::encode(body),
            Self::Reloaded(body) => codec::encode(body),
            Self::About(body) => codec::encode(body),
            Self::StoreState(body) => codec::encode(body),
            Self::LoginStep(body) => codec::encode(body),
            Self::LoggedIn(body) => codec::encode(body),
            Self::LoggedOut(body) => codec::encode(body),
            Self::Health(body) => codec::encode(body),
            Self::Failure(body) => codec::encode(body),
            Self::Done | Self::Unsupported => Ok(zeroize::Zeroizing::default()),
        }?;
        Ok(Envelope::new(id, self.kind(), body))
    }

    /// The answer out of its envelope; nothing for a kind that this version does not know.
    ///
    /// # Errors
    /// [`DecodeError`] when the body is not what its kind says.
    pub fn open(envelope: &Envelope) -> Result<Option<Self>, DecodeError> {
        let body = envelope.body.bytes();
        Ok(Some(match envelope.kind {
            Kind::CREDENTIAL => Self::Credential(codec::decode_answer(body)?),
            Kind::STATUS_PAGE => Self::StatusPage(codec::decode_answer(body)?),
            Kind::LIST_PAGE => Self::ListPage(codec::decode_answer(body)?),
            Kind::RELOADED => Self::Reloaded(codec::decode_answer(body)?),
            Kind::ABOUT_ANSWER => Self::About(codec::decode_answer(body)?),
            Kind::STORE_STATE => Self::StoreState(codec::decode_answer(body)?),
            Kind::LOGIN_STEP => Self::LoginStep(codec::decode_answer(body)?),
            Kind::LOGGED_IN => Self::LoggedIn(codec::decode_answer(body)?),
            Kind::LOGGED_OUT => Self::LoggedOut(codec::decode_answer(body)?),
            Kind::HEALTH_ANSWER => Self::Health(codec::decode_answer(body)?),
            Kind::FAILURE => Self::Failure(codec::decode_answer(body)?),
            Kind::DONE => {
                empty(body)?;
                Self::Done
            }
            Kind::UNSUPPORTED => {
                empty(body)?;
                Self::Unsupported
            }
            _ => return Ok(None),
        }))
    }
}

fn empty(body: &[u8]) -> Result<(), DecodeError> {
    if body.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame;

    fn secret() -> Secret {
        Secret::new(b"s3cret".to_vec()).unwrap_or_else(|_| unreachable!("it is short"))
    }

    #[test]
    fn a_credential_sent_from_where_it_lies_has_the_same_bytes() -> Result<(), EncodeError> {
        let owned = Answer::Credential(Credential {
            account: "a".to_owned(),
            scheme: "Bearer".to_owned(),
            parameter: String::new(),
            fields: List::truncating(vec![Field { name: "token".to_owned(), value: secret() }]),
            expires_at_ms: Some(-7),
            expires_in_ms: Some(70_000),
            scope: Words::truncating(vec!["x".to_owned()]),
            warnings: Words::truncating(vec!["w".to_owned()]),
            generation: 3,
        });
        let lying = CredentialRef {
            account: "a",
            scheme: "Bearer",
            parameter: "",
            fields: &[("token".to_owned(), secret())],
            expires_at_ms: Some(-7),
            expires_in_ms: Some(70_000),
            scope: &["x".to_owned()],
            warnings: &["w"],
            generation: 3,
        };
        for first in [true, false] {
            let whole = frame::encode(&owned.seal(300)?.encode()?, first, MAX_ANSWER)?;
            assert_eq!(whole, owned.frame(300, first)?);
            assert_eq!(whole, envelope::frame(300, Kind::CREDENTIAL, &lying, first, MAX_ANSWER)?);
        }
        Ok(())
    }
}
