//! The service of these tests: it says and notes what a test wants.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use tokend_proto::Secret;
use url::Url;

use super::{code, secret};
use crate::clock::{Moment, Steady};
use crate::provider::login::{Asking, Authorization, DeviceAuthorization, LogIn, Polled, Redirect, Ways};
use crate::provider::{Failure, Identity, MintRequest, Minted, Pending, Provider, Revocation, Revoked};

/// A service that answers what the test wrote down.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) ways: Ways,
    /// Why no login can begin.
    pub(super) unready: Option<Failure>,
    pub(super) port: Option<u16>,
    /// What it calls itself in each answer, if it does.
    pub(super) issuer: Option<&'static str>,
    pub(super) begun: Mutex<VecDeque<Result<DeviceAuthorization, Failure>>>,
    pub(super) polls: Mutex<VecDeque<Result<Polled, Failure>>>,
    /// When it was asked whether the code was typed.
    pub(super) polled: Mutex<Vec<Steady>>,
    pub(super) redeemed: Mutex<Vec<String>>,
    pub(super) redemption: Mutex<Option<Failure>>,
    /// The refresh tokens and the tokens that were revoked.
    pub(super) revoked: Mutex<Vec<String>>,
    /// As many codes may be traded; no question is answered before one may.
    pub(super) open: tokio::sync::Semaphore,
    pub(super) gives_refresh_token: bool,
}

impl Service {
    pub(super) fn new(browser: bool, device: bool) -> Self {
        Self {
            ways: Ways { browser, device },
            unready: None,
            port: None,
            issuer: None,
            begun: Mutex::default(),
            polls: Mutex::default(),
            polled: Mutex::default(),
            redeemed: Mutex::default(),
            redemption: Mutex::default(),
            revoked: Mutex::default(),
            open: tokio::sync::Semaphore::new(9),
            gives_refresh_token: true,
        }
    }

    pub(super) fn minted(&self) -> Minted {
        Minted {
            lifetime: Some(Duration::from_secs(3600)),
            scope: Some(vec!["a".to_owned()]),
            refresh_token: self.gives_refresh_token.then(|| secret("r")),
            ..Minted::of(secret("t"))
        }
    }
}

fn ready<'a, T: Send + 'a>(result: Result<T, Failure>) -> Pending<'a, T> {
    Box::pin(std::future::ready(result))
}

impl LogIn for Service {
    fn prepare_login(&self, _now: Moment) -> Pending<'_, ()> {
        ready(self.unready.clone().map_or(Ok(()), Err))
    }

    fn ways(&self, _now: Moment) -> Pending<'_, Ways> {
        ready(Ok(self.ways))
    }

    fn redirect(&self) -> Redirect {
        Redirect { host: "127.0.0.1".to_owned(), port: self.port, path: "/cb".to_owned() }
    }

    fn authorize<'a>(&'a self, redirect_uri: &'a str, _now: Moment) -> Pending<'a, Authorization> {
        ready(Ok(Authorization {
            url: Url::parse(&format!("https://a.example/authorize?state=st&redirect_uri={redirect_uri}"))
                .unwrap(),
            redirect_uri: redirect_uri.to_owned(),
            state: "st".to_owned(),
            nonce: None,
            code_verifier: secret("v"),
            issuer: self.issuer.map(str::to_owned),
            names_issuer: self.issuer.is_some(),
        }))
    }

    fn redeem<'a>(
        &'a self,
        _authorization: &'a Authorization,
        code: &'a Secret,
        _asking: &'a Asking,
    ) -> Pending<'a, Minted> {
        self.redeemed.lock().unwrap().push(code.expose().as_str().unwrap().to_owned());
        Box::pin(async move {
            self.open.acquire().await.unwrap().forget();
            match self.redemption.lock().unwrap().take() {
                Some(failure) => Err(failure),
                None => Ok(self.minted()),
            }
        })
    }

    fn device<'a>(&'a self, _asking: &'a Asking) -> Pending<'a, DeviceAuthorization> {
        ready(self.begun.lock().unwrap().pop_front().unwrap_or_else(|| Ok(code(5, 600))))
    }

    fn poll<'a>(&'a self, _device: &'a DeviceAuthorization, asking: &'a Asking) -> Pending<'a, Polled> {
        self.polled.lock().unwrap().push(asking.now.steady);
        Box::pin(async move {
            drop(self.open.acquire().await.unwrap());
            self.polls.lock().unwrap().pop_front().unwrap_or(Ok(Polled::Pending))
        })
    }
}

impl Provider for Service {
    fn mint<'a>(&'a self, _request: &'a MintRequest) -> Pending<'a, Minted> {
        Box::pin(std::future::pending())
    }

    fn revoke<'a>(&'a self, revocation: &'a Revocation, _asking: &'a Asking) -> Pending<'a, Revoked> {
        let tokens = revocation.refresh_token.iter().chain(&revocation.access_token);
        let tokens = tokens.map(|token| token.expose().as_str().unwrap().to_owned());
        self.revoked.lock().unwrap().extend(tokens);
        ready(Ok(Revoked::Done))
    }

    fn identity(&self) -> Identity {
        Identity { origin: "https://a.example".to_owned(), ..Identity::default() }
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn login(&self) -> Option<&dyn LogIn> {
        (self.ways.browser || self.ways.device).then_some(self)
    }
}
