//! How a person logs in for an account: what the service has to offer, step by step. No listener and no timer
//! is here: `login` has those.

mod response;

use std::fmt;
use std::time::Duration;

use tokend_proto::Secret;
use url::Url;

use super::{Failure, Minted, Pending};
use crate::clock::Moment;
use crate::secret::Errand;

pub use self::response::Response;

/// The kind of a [`Failure`] that is a person's no, at the service.
pub const DECLINED: &str = "declined";

/// The kind of one that says that the device flow's code is no longer good.
pub const CODE_EXPIRED: &str = "code-expired";

/// The kind of one that says that there is no device flow, at the service or for this client.
pub const NO_DEVICE_FLOW: &str = "no-device-flow";

/// A kind of service at which a person logs in. Dropping a future cancels its request.
pub trait LogIn: fmt::Debug + Send + Sync {
    /// Gets what will be needed when a person has logged in, before one is asked to: what cannot be had then
    /// fails the login when it is too late.
    fn prepare_login(&self, now: Moment) -> Pending<'_, ()> {
        let _ = now;
        Box::pin(std::future::ready(Ok(())))
    }

    /// The ways to log in that there are, as configured and as the service tells. The device flow alone, or
    /// the browser and perhaps the device flow.
    fn ways(&self, now: Moment) -> Pending<'_, Ways>;

    /// Where the browser is sent to in the end (RFC 8252 7.3).
    fn redirect(&self) -> Redirect;

    /// Begins a login by browser: where to send it. `redirect_uri` is where it comes back to.
    fn authorize<'a>(&'a self, redirect_uri: &'a str, now: Moment) -> Pending<'a, Authorization>;

    /// Ends it: trades the code in the answer (see [`Authorization::read`]) for tokens.
    fn redeem<'a>(
        &'a self,
        authorization: &'a Authorization,
        code: &'a Secret,
        asking: &'a Asking,
    ) -> Pending<'a, Minted>;

    /// Begins a login by the device flow (RFC 8628 3.1). Where there is none, or not for this client, that is a
    /// failure of the kind [`NO_DEVICE_FLOW`].
    fn device<'a>(&'a self, asking: &'a Asking) -> Pending<'a, DeviceAuthorization>;

    /// Asks once whether it is done (RFC 8628 3.4). A person's no is a failure of the kind [`DECLINED`], a
    /// code that is too old one of the kind [`CODE_EXPIRED`].
    fn poll<'a>(&'a self, device: &'a DeviceAuthorization, asking: &'a Asking) -> Pending<'a, Polled>;
}

/// When is asked, and for whom secrets are fetched.
#[derive(Debug, Clone)]
pub struct Asking {
    /// The moment before anything is sent: lifetimes count from here.
    pub now: Moment,
    /// For whom.
    pub errand: Errand,
}

/// The ways to log in that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    /// By a browser, or a pasted redirect.
    pub browser: bool,
    /// By the device flow.
    pub device: bool,
}

/// Where the browser is sent to in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The loopback's name or address, as it is registered: `127.0.0.1`, `[::1]` or `localhost`.
    pub host: String,
    /// The port, where it must be a certain one.
    pub port: Option<u16>,
    /// Its path as it is registered: beginning with `/`, or empty, which a browser takes for `/`.
    pub path: String,
}

/// A login by browser that has begun.
pub struct Authorization {
    /// Where to send the browser: fit to be opened, https or on the loopback, whatever was configured or
    /// told.
    pub url: Url,
    /// `redirect_uri` as it was sent.
    pub redirect_uri: String,
    /// Repeated by the service in its answer: whoever does not know it did not get it from us (RFC 6749
    /// 10.12).
    pub state: String,
    /// Repeated in the id token, where one is asked for (OpenID Connect Core 3.1.2.1).
    pub nonce: Option<String>,
    /// What proves that whoever began it ends it (RFC 7636 4.1).
    pub code_verifier: Secret,
    /// The issuer, where it is known: an answer that names another is not for us (RFC 9207 2.4).
    pub issuer: Option<String>,
    /// Whether the service says that it always names itself in its answers (RFC 9207 3).
    pub names_issuer: bool,
}

impl Redirect {
    /// Whether both addresses of the loopback are meant.
    #[must_use]
    pub fn is_by_name(&self) -> bool {
        self.host == "localhost"
    }

    /// The address with this port, as it is sent to the service.
    #[must_use]
    pub fn uri(&self, port: u16) -> String {
        format!("http://{}:{port}{}", self.host, self.path)
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

/// A login by the device flow that has begun (RFC 8628 3.2).
#[derive(Debug)]
pub struct DeviceAuthorization {
    /// What is asked with.
    pub device_code: Secret,
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub verification_uri: Url,
    /// The same with the code in it.
    pub verification_uri_complete: Option<Url>,
    /// How long both codes are good for.
    pub expires_in: Duration,
    /// The least time between two questions.
    pub interval: Duration,
}

/// What the service says of a login by the device flow.
#[derive(Debug)]
pub enum Polled {
    /// It is done.
    Done(Box<Minted>),
    /// It is done, and the code is spent, but what came for it cannot be used.
    Spoilt(Failure),
    /// Not yet.
    Pending,
    /// Not yet, and from now on 5 s more between two questions (RFC 8628 3.5).
    SlowDown,
}
