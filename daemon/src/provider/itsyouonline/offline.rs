//! `offline_access`: a parent JWT with a refresh token in it stays here, and its children are served.
//!
//! A parent can be renewed for thirty days, even when it has expired, so it is a secret of its own and never leaves the
//! provider. It is kept in memory only: the client secret brings another.

use std::time::Duration;

use tokend_proto::Secret;
use url::Url;

use super::{ItsYouOnline, Jwt, OFFLINE, Wish};
use crate::clock::{Moment, Steady};
use crate::provider::http::{Buffer, Reply, Request};
use crate::provider::{Class, Failure, MintRequest, Minted};

/// A parent with less life than this, or than half of what it had, is renewed before it is asked for a child.
const NEAR: Duration = Duration::from_secs(5 * 60);

/// A JWT that holds a refresh token.
#[derive(Debug)]
pub(super) struct Parent {
    jwt: Secret,
    /// The scopes of its claims.
    scope: Vec<String>,
    ends: Option<Steady>,
    /// From then on it is renewed first.
    is_near: Option<Steady>,
}

impl Parent {
    fn of(jwt: Jwt, reply: &Reply, asked: &MintRequest) -> Result<Self, Failure> {
        let life = jwt.life(reply, asked)?;
        Ok(Self {
            ends: life.map(|life| asked.now.steady.after(life)),
            is_near: life.map(|life| asked.now.steady.after(life.saturating_sub(NEAR.min(life / 2)))),
            scope: jwt.claims.scope.unwrap_or_default(),
            jwt: jwt.text,
        })
    }

    fn is_dead(&self, now: Moment) -> bool {
        self.ends.is_some_and(|ends| now.steady >= ends)
    }

    fn is_good(&self, now: Moment) -> bool {
        self.is_near.is_none_or(|near| now.steady < near)
    }
}

impl ItsYouOnline {
    /// A child of the parent: of the one that is kept, of that one renewed, or of a new one.
    pub(super) async fn through_parent(
        &self,
        audience: &[String],
        asked: &MintRequest,
    ) -> Result<Minted, Failure> {
        let mut kept = self.parent.lock().await;
        if let Some(parent) = kept.as_ref().filter(|parent| parent.is_good(asked.now)) {
            match self.child(parent, audience, asked).await {
                // It was ended early, or the scope is not allowed: a renewal tells which.
                Err(failure) if failure.class != Class::NotNow => {}
                result => return result,
            }
        }
        if let Some(parent) = kept.as_ref() {
            match self.renew(parent, asked).await {
                Ok(renewed) => return self.child(kept.insert(renewed), audience, asked).await,
                Err(failure) if failure.class == Class::NotNow => {
                    let untried = !parent.is_good(asked.now) && !parent.is_dead(asked.now);
                    return if untried { self.child(parent, audience, asked).await } else { Err(failure) };
                }
                // Thirty days have passed, or somebody logged out everywhere: the key brings another.
                Err(_) => *kept = None,
            }
        }
        let scope = [&self.scope[..], &[OFFLINE.to_owned()]].concat();
        let (jwt, reply) = self.by_key(&Wish { scope: &scope, audience, validity: None }, asked).await?;
        if jwt.claims.has_refresh_token {
            return self.child(kept.insert(Parent::of(jwt, &reply, asked)?), audience, asked).await;
        }
        let mut minted = self.serve(jwt, &reply, asked, &self.scope)?;
        minted
            .warnings
            .push(format!("the service gave no refresh token; `{OFFLINE}` in the scope has no effect"));
        Ok(minted)
    }

    /// `GET /v1/oauth/jwt`: a JWT with some of the parent's scopes and no refresh token.
    async fn child(
        &self,
        parent: &Parent,
        audience: &[String],
        asked: &MintRequest,
    ) -> Result<Minted, Failure> {
        // An empty scope is everything when the key asks for it, and nothing when a parent does.
        let scope = if self.scope.is_empty() { &parent.scope } else { &self.scope };
        let mut query = Buffer::default();
        // `validity` is not inherited.
        Wish { scope, audience, validity: self.validity }.push_to(&mut query);
        let mut url = self.url("/v1/oauth/jwt");
        url.set_query(std::str::from_utf8(query.as_bytes()).ok());
        let (jwt, reply) = self.by_jwt(url, &parent.jwt, asked).await?;
        self.serve(jwt, &reply, asked, &self.scope)
    }

    /// `GET /v1/oauth/jwt/refresh`: the same JWT with another end. The refresh token in it stays as it is.
    async fn renew(&self, parent: &Parent, asked: &MintRequest) -> Result<Parent, Failure> {
        let (jwt, reply) = self.by_jwt(self.url("/v1/oauth/jwt/refresh"), &parent.jwt, asked).await?;
        Parent::of(jwt, &reply, asked)
    }

    async fn by_jwt(&self, url: Url, parent: &Secret, asked: &MintRequest) -> Result<(Jwt, Reply), Failure> {
        let reply = self.http.send(Request::get(url).bearer("bearer", parent)?, asked.now).await?;
        Ok((Jwt::read(&reply)?, reply))
    }
}
