//! Logging in and out, as it is asked for.

use std::time::Duration;

use tokend_proto::limits::DEFAULT_TIMEOUT;
use tokend_proto::message::{Answer, LoggedIn, LoggedOut, Login, LoginRedirect, LoginStep, Logout, Request};
use tokend_proto::secret::Secret;

use super::{GRACE, Question, done, milliseconds, unexpected};
use crate::error::Error;

/// How a person wants to log in.
///
/// ```
/// use std::time::Duration;
/// use tokend_client::LoginOptions;
///
/// let options = LoginOptions::default().browser(true).term(Duration::from_secs(8 * 3600));
/// # drop(options);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoginOptions {
    has_browser: bool,
    way: LoginWay,
    term: Option<Duration>,
}

/// By which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LoginWay {
    /// A browser where there is one, else the device flow where the service has it, else as `Redirect`.
    #[default]
    AsFits,
    /// The device flow (RFC 8628): a code is typed anywhere.
    Device,
    /// A browser elsewhere: the address that it is sent to in the end is pasted.
    Redirect,
}

impl LoginOptions {
    /// Whether the caller can open a browser, on the daemon's own machine; no if nothing is said.
    #[must_use]
    pub fn browser(mut self, has_browser: bool) -> Self {
        self.has_browser = has_browser;
        self
    }

    /// By which way; as fits if nothing is said.
    #[must_use]
    pub fn way(mut self, way: LoginWay) -> Self {
        self.way = way;
        self
    }

    /// The login is forgotten after so long; when the service ends it if nothing is said.
    #[must_use]
    pub fn term(mut self, term: Duration) -> Self {
        self.term = Some(term);
        self
    }
}

/// What a login has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginEvent {
    /// What it waits for now.
    Step(LoginStep),
    /// It is done; nothing comes after this.
    Done(LoggedIn),
}

pub(crate) fn log_in(account: &str, options: &LoginOptions) -> Request {
    let way = match options.way {
        LoginWay::AsFits => Login::AS_FITS,
        LoginWay::Device => Login::DEVICE,
        LoginWay::Redirect => Login::REDIRECT,
    };
    Request::Login(Login {
        account: account.to_owned(),
        has_browser: options.has_browser,
        way: way.to_owned(),
        term_ms: options.term.map(milliseconds),
    })
}

/// What a login's answer means.
pub(crate) fn login_event(answer: Answer) -> Result<LoginEvent, Error> {
    match answer {
        Answer::LoginStep(step) => Ok(LoginEvent::Step(step)),
        Answer::LoggedIn(logged_in) => Ok(LoginEvent::Done(logged_in)),
        other => Err(unexpected(other)),
    }
}

/// The daemon may take the address to the service before it answers, so this may take as long as a `get`.
pub(crate) fn paste_redirect(account: &str, login: u64, url: Secret) -> Question<()> {
    Question {
        request: Request::LoginRedirect(LoginRedirect { account: account.to_owned(), login, url }),
        patience: DEFAULT_TIMEOUT.saturating_add(GRACE),
        read: done,
    }
}

/// The service is told, so this may take as long as a `get`.
pub(crate) fn log_out(account: &str, local: bool) -> Question<LoggedOut> {
    Question {
        request: Request::Logout(Logout { account: account.to_owned(), local }),
        patience: DEFAULT_TIMEOUT.saturating_add(GRACE),
        read: |answer| match answer {
            Answer::LoggedOut(logged_out) => Ok(logged_out),
            other => Err(unexpected(other)),
        },
    }
}
