//! Grants that begin with a person's login: the device flow (RFC 8628) and the authorization code (RFC 6749
//! 4.1). What a login brings is spent as any refresh token is.

mod code;
mod device;
mod redirect;
mod shown;

use tokend_proto::Secret;

use super::OAuth2;
use super::endpoints::Endpoint;
use super::grant::Grant;
use crate::clock::Moment;
use crate::document::Table;
use crate::provider::login::{Asking, Authorization, DeviceAuthorization, LogIn, Polled, Redirect, Ways};
use crate::provider::{Class, Failure, Minted, Pending};

/// How a person logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    /// The name of the grant in the configuration.
    pub(super) grant: &'static str,
    redirect: Redirect,
}

impl Login {
    /// Reads the keys of the grant of this name but for the endpoints. What is wrong has been reported where
    /// there is none.
    pub(super) fn read(table: &mut Table<'_>, grant: &'static str) -> Option<Self> {
        let redirect =
            if grant == "authorization_code" { redirect::read(table)? } else { redirect::default() };
        Some(Self { grant, redirect })
    }

    /// What `tokend check` shows of it.
    pub(super) fn describe(&self, into: &mut Vec<(&'static str, String)>) {
        if self.grant == "authorization_code" {
            let Redirect { host, port, path } = &self.redirect;
            let port = port.map_or_else(|| "any free port".to_owned(), |port| port.to_string());
            into.push(("redirect_uris", format!("http://{host}{path} ({port})")));
        }
    }

    fn has_browser(&self) -> bool {
        self.grant == "authorization_code"
    }
}

impl LogIn for OAuth2 {
    fn prepare_login(&self, now: Moment) -> Pending<'_, ()> {
        Box::pin(self.require_keys(now))
    }

    fn ways(&self, now: Moment) -> Pending<'_, Ways> {
        Box::pin(async move {
            let Some(login) = self.login_grant().filter(|login| login.has_browser()) else {
                return Ok(Ways { browser: false, device: true });
            };
            let device = match self.endpoints.find(Endpoint::DeviceAuthorization, &self.http, now).await {
                Ok(found) => found.is_some(),
                Err(failure) if failure.class == Class::NotNow => {
                    if self.endpoints.written(Endpoint::Authorization).is_none() {
                        return Err(failure);
                    }
                    false
                }
                // Whoever begins it is told what is wrong with it.
                Err(_) => true,
            };
            tracing::trace!(grant = login.grant, device, "the ways to log in");
            Ok(Ways { browser: true, device })
        })
    }

    fn redirect(&self) -> Redirect {
        self.login_grant().map_or_else(redirect::default, |login| login.redirect.clone())
    }

    fn authorize<'a>(&'a self, redirect_uri: &'a str, now: Moment) -> Pending<'a, Authorization> {
        Box::pin(self.begin_by_code(redirect_uri, now))
    }

    fn redeem<'a>(
        &'a self,
        authorization: &'a Authorization,
        code: &'a Secret,
        asking: &'a Asking,
    ) -> Pending<'a, Minted> {
        Box::pin(self.redeem_code(authorization, code, asking))
    }

    fn device<'a>(&'a self, asking: &'a Asking) -> Pending<'a, DeviceAuthorization> {
        Box::pin(self.begin_by_device(asking))
    }

    fn poll<'a>(&'a self, device: &'a DeviceAuthorization, asking: &'a Asking) -> Pending<'a, Polled> {
        Box::pin(self.poll_device(device, asking))
    }
}

impl OAuth2 {
    fn login_grant(&self) -> Option<&Login> {
        match &self.grant {
            Grant::Login(login) => Some(login),
            _ => None,
        }
    }
}

/// Something that the service tells cannot be used.
fn unfit(message: String) -> Failure {
    Failure::no("bad-metadata", message, "tell those who run the service, or write the endpoint yourself")
}

#[cfg(test)]
mod tests;
