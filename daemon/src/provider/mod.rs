//! How one kind of service turns secrets into a token: one file a kind, one small trait, and the classes of
//! failure.

#![cfg_attr(test, expect(clippy::expect_used, reason = "a test that cannot go on has failed"))]

mod command;
mod door;
pub mod http;
mod http_exchange;
mod itsyouonline;
mod jose;
pub(crate) mod jwt;
mod kinds;
mod lifetime;
mod lists;
pub mod login;
mod lyve_cloud;
mod oauth2;
mod openvcloud;
#[cfg(test)]
pub(crate) mod stand_in;
mod static_token;
#[cfg(test)]
mod tables_tests;
mod token;
mod unfold;
mod verdict;
pub(crate) mod words;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokend_proto::Secret;

use crate::clock::{Moment, Wall};
use crate::secret::{Errand, Program, Source};

use self::login::{Asking, LogIn};

pub use door::Door;
pub use http::Answered;
pub use kinds::{Defaults, Kind, kinds};

/// The name of the field of [`Minted::fields`] that is an id token.
pub const ID_TOKEN: &str = "id_token";

/// A kind of service, configured for one account.
///
/// A provider does one request for one token and says what came of it. It does not retry, cache or schedule:
/// that is `account`'s. Dropping the future cancels the request.
pub trait Provider: fmt::Debug + Send + Sync {
    /// Reads the account's secrets, asks the service, reads the answer.
    fn mint<'a>(&'a self, request: &'a MintRequest) -> Pending<'a, Minted>;

    /// How a request carries the token, if the account's `scheme` does not say otherwise.
    fn presentation(&self) -> Presentation {
        Presentation::Header { scheme: "Bearer".to_owned() }
    }

    /// What to assume of a token whose lifetime the service does not tell, if the account's `assume_lifetime`
    /// does not say otherwise.
    fn assumed_lifetime(&self) -> Option<Duration> {
        None
    }

    /// The scopes that the account's own token is for; `None` where a service of this kind knows no scopes.
    fn scopes(&self) -> Option<&[String]> {
        None
    }

    /// Whether a caller may name audiences.
    fn takes_audience(&self) -> bool {
        false
    }

    /// Whom the account's state belongs to: never sent to another.
    fn identity(&self) -> Identity;

    /// What `tokend check` shows: names and values, none of them secret.
    fn describe(&self) -> Vec<(&'static str, String)>;

    /// Where its service is, where it has one that is asked over HTTP.
    fn door(&self) -> Option<Door<'_>> {
        None
    }

    /// The program that prints its tokens, where one does.
    fn program(&self) -> Option<&Program> {
        None
    }

    /// Where its secrets come from.
    fn sources(&self) -> Vec<&Source> {
        Vec::new()
    }

    /// Where the first refresh token comes from, of an account whose requests each spend one (RFC 6749 6):
    /// then [`MintRequest::refresh_token`] is the one to spend. It is not one of [`Provider::sources`].
    fn first_refresh_token(&self) -> Option<&Source> {
        None
    }

    /// Whether its requests each spend a refresh token: of its first one, or of a person's login.
    fn spends_refresh_token(&self) -> bool {
        self.first_refresh_token().is_some() || self.login().is_some()
    }

    /// How a person logs in for it, where its refresh token comes from that.
    fn login(&self) -> Option<&dyn LogIn> {
        None
    }

    /// The accounts whose tokens its requests trade (RFC 8693), in the order of [`MintRequest::borrowed`].
    fn borrows(&self) -> Vec<Borrowed> {
        Vec::new()
    }

    /// Tells the service that a login is over (RFC 7009).
    fn revoke<'a>(&'a self, revocation: &'a Revocation, asking: &'a Asking) -> Pending<'a, Revoked> {
        let _ = (revocation, asking);
        Box::pin(std::future::ready(Ok(Revoked::NotOffered)))
    }

    /// Finds out where its requests go, where that is not known yet: before a refresh token is in play.
    fn prepare(&self, now: Moment) -> Pending<'_, ()> {
        let _ = now;
        Box::pin(std::future::ready(Ok(())))
    }

    /// How long the source of the first refresh token may take (`command_timeout`).
    fn source_timeout(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Forgets whatever secret it keeps between two requests.
    fn forget(&self) {
        for source in self.sources().into_iter().chain(self.first_refresh_token()) {
            source.forget();
        }
    }

    /// Whether asking again can bring another token.
    fn renews(&self) -> bool {
        true
    }

    /// Whether the service can be asked if a token still lives.
    fn can_probe(&self) -> bool {
        false
    }

    /// Asks the service whether `token` still lives.
    fn probe<'a>(&'a self, token: &'a Secret, asking: &'a Asking) -> Pending<'a, Probe> {
        let _ = (token, asking);
        Box::pin(std::future::ready(Ok(Probe::Unknown)))
    }
}

/// How a request carries a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presentation {
    /// `Authorization: SCHEME TOKEN`.
    Header {
        /// The word before the token.
        scheme: String,
    },
    /// A form or query parameter.
    Parameter {
        /// Its name.
        name: String,
    },
}

/// Whom the kept state of an account belongs to, beside its name and type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The service's origin (`https://host`), a program, or nothing.
    pub origin: String,
    /// The client or access key.
    pub client: String,
    /// The user.
    pub user: String,
}

/// What a provider is working on.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// A token of another account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Borrowed {
    /// The account's name.
    pub account: String,
    /// Its id token, not its access token.
    pub id_token: bool,
}

/// The tokens of a login that is over.
#[derive(Debug, Clone, Default)]
pub struct Revocation {
    /// The newest refresh token.
    pub refresh_token: Option<Arc<Secret>>,
    /// The access token in hand.
    pub access_token: Option<Arc<Secret>>,
}

/// What became of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// The service took it.
    Done,
    /// The service has no place for it.
    NotOffered,
}

/// What to ask the service for.
#[derive(Debug, Clone)]
pub struct MintRequest {
    /// The moment before anything is sent: lifetimes count from here.
    pub now: Moment,
    /// These scopes instead of the account's own.
    pub scope: Option<Vec<String>>,
    /// These audiences instead of the account's own.
    pub audience: Option<Vec<String>>,
    /// For whom secrets are fetched.
    pub errand: Errand,
    /// The refresh token to spend, where the account's requests spend one.
    pub refresh_token: Option<Arc<Secret>>,
    /// The tokens of other accounts that [`Provider::borrows`] names.
    pub borrowed: Vec<Arc<Secret>>,
}

/// A token, fresh from the service.
#[derive(Debug)]
pub struct Minted {
    /// Its named secret fields; the first is `token`. An id token that was verified is [`ID_TOKEN`].
    pub fields: Vec<(String, Secret)>,
    /// How long it lives, counted from before the request was sent, if the service said so.
    pub lifetime: Option<Duration>,
    /// What it is good for, if the service said so.
    pub scope: Option<Vec<String>>,
    /// What whoever gets it should know.
    pub warnings: Vec<String>,
    /// The refresh token that came with it (RFC 6749 6: then the one that was spent is void).
    pub refresh_token: Option<Secret>,
    /// What the service's clock said, if it said so over TLS.
    pub date: Option<Wall>,
}

impl Minted {
    /// One token of which nothing else is known.
    #[must_use]
    pub fn of(token: Secret) -> Self {
        Self {
            fields: vec![("token".to_owned(), token)],
            lifetime: None,
            scope: None,
            warnings: Vec::new(),
            refresh_token: None,
            date: None,
        }
    }
}

/// What the service says of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// It lives, this long if the service said so.
    Alive(Option<Duration>),
    /// It is dead.
    Dead,
    /// The service cannot say.
    Unknown,
}

/// What a failure means for the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The network or the service is not ready: try again later, for as long as it takes.
    NotNow,
    /// The service refused the credentials: do not ask again until something changes.
    No,
    /// A 4xx that is no clear no: three tries, then it counts as one.
    Doubtful,
    /// A secret cannot be had (a missing or too open file, an unset variable): only a person can mend it.
    Source,
    /// A secret cannot be had while the store is locked.
    Locked,
    /// The grant has ended: a person must log in.
    LoginNeeded,
}

/// Whether a request that failed may have been carried out: what spends a refresh token must know (promise
/// 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CarriedOut {
    /// It did not reach the service, the service itself said that it did nothing, or its answer is whole and
    /// tells what became of the refresh token: [`Failure::rotated`] is the new one, else the old one is as
    /// good as before.
    #[default]
    No,
    /// Something between may have answered in the service's place: a gateway, a portal; or the service broke
    /// over it.
    Unclear,
    /// The answer was lost.
    AnswerLost,
}

/// A refresh token that came with an answer which is of no other use. Shared, since failures are cloned;
/// silent in `Debug`.
#[derive(Debug, Clone)]
pub struct Rotated(pub Arc<Secret>);

impl PartialEq for Rotated {
    fn eq(&self, other: &Self) -> bool {
        self.0.matches(&other.0)
    }
}

impl Eq for Rotated {}

/// Why there is no token. `message` and `hint` go to people and logs: no secret, no token and no body is in
/// them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it means.
    pub class: Class,
    /// A word for programs, such as `refused`, `unreachable`, `tls`, `secret-file`.
    pub kind: &'static str,
    /// What happened; one line.
    pub message: String,
    /// What to do; one line.
    pub hint: String,
    /// Not sooner than this, said the service.
    pub retry_after: Option<Duration>,
    /// Whether the request may have been carried out all the same.
    pub carried_out: CarriedOut,
    /// The refresh token that came with an access token which cannot be used: then the one that was spent is
    /// void. Whoever spent it takes this out before the failure goes on its way.
    pub rotated: Option<Rotated>,
}

impl Failure {
    /// Try again later.
    pub fn not_now(kind: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Class::NotNow, kind, message, hint)
    }

    /// The service refused.
    pub fn no(kind: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Class::No, kind, message, hint)
    }

    /// Perhaps a refusal.
    pub fn doubtful(kind: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Class::Doubtful, kind, message, hint)
    }

    /// Something on this machine that only a person can mend.
    pub fn source(kind: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Class::Source, kind, message, hint)
    }

    /// The store is locked.
    #[must_use]
    pub fn locked() -> Self {
        Self::new(Class::Locked, "locked", "the store is locked", "`tok unlock`")
    }

    /// The grant has ended.
    pub fn login_needed(kind: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Class::LoginNeeded, kind, message, hint)
    }

    fn new(class: Class, kind: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            class,
            kind,
            message: message.into(),
            hint: hint.into(),
            retry_after: None,
            carried_out: CarriedOut::No,
            rotated: None,
        }
    }

    /// Whether it came about on this machine, without a request to anybody.
    #[must_use]
    pub fn was_local(&self) -> bool {
        matches!(self.class, Class::Source | Class::Locked) && self.kind != crate::secret::vault::KIND
    }

    /// The same, of a request that may have been carried out.
    #[must_use]
    pub fn perhaps(self, carried_out: CarriedOut) -> Self {
        Self { carried_out, ..self }
    }

    /// The same, of an answer that brought a new refresh token all the same.
    #[must_use]
    pub fn with_rotated(self, rotated: Option<Secret>) -> Self {
        Self { rotated: rotated.map(|token| Rotated(Arc::new(token))), ..self }
    }

    /// The same, and not sooner than this.
    #[must_use]
    pub fn after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
