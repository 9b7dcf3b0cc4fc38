//! Where the token endpoint is: configured, or found in the issuer's metadata.
//!
//! `{issuer}/.well-known/openid-configuration` (OpenID Connect Discovery 1.0, 4), then
//! `/.well-known/oauth-authorization-server` between host and path (RFC 8414 3.1).

use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::client::Method;
use crate::clock::{Moment, Steady, milliseconds};
use crate::provider::http::address::{self, Query};
use crate::provider::http::{Http, Reply, Request};
use crate::provider::verdict::{judge, unusable};
use crate::provider::words::{Held, Words};
use crate::provider::{Class, Failure};

/// Metadata are believed this long; after that they are fetched again, and the old ones do if that fails.
const FRESH: Duration = Duration::from_secs(60 * 60);

/// After a failure the old ones do this long.
const AGAIN: Duration = Duration::from_secs(60);

/// Where tokens come from.
#[derive(Debug)]
pub(super) enum Endpoint {
    /// `token_endpoint`
    At(Url),
    /// `issuer`
    Discovered(Issuer),
}

/// An issuer, and what its metadata said.
#[derive(Debug)]
pub(super) struct Issuer {
    url: Url,
    /// As it is written: the metadata must repeat it letter by letter.
    text: String,
    known: Mutex<Option<(Steady, Found)>>,
}

/// A token endpoint and how it wants to hear the client's secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) url: Url,
    pub(super) method: Method,
}

impl Endpoint {
    /// The URL in the configuration.
    pub(super) fn named(&self) -> &Url {
        match self {
            Self::At(url) => url,
            Self::Discovered(issuer) => &issuer.url,
        }
    }

    /// The token endpoint now.
    pub(super) async fn find(&self, http: &Http, now: Moment) -> Result<Found, Failure> {
        match self {
            Self::At(url) => Ok(Found { url: url.clone(), method: Method::default() }),
            Self::Discovered(issuer) => issuer.find(http, now).await,
        }
    }
}

impl Issuer {
    pub(super) fn new(url: Url, text: String) -> Self {
        Self { url, text, known: Mutex::default() }
    }

    async fn find(&self, http: &Http, now: Moment) -> Result<Found, Failure> {
        // Held while asking, so that variants of the account ask once.
        let mut known = self.known.lock().await;
        if let Some((_, found)) = known.as_ref().filter(|(at, _)| at.until(now.steady) < FRESH) {
            return Ok(found.clone());
        }
        match (self.fetch(http, now).await, known.as_ref()) {
            (Ok(found), _) => {
                *known = Some((now.steady, found.clone()));
                Ok(found)
            }
            (Err(failure), Some((_, stale))) => {
                tracing::debug!(
                    kind = failure.kind,
                    "the issuer's metadata cannot be fetched; the old ones do"
                );
                let stale = stale.clone();
                // Not at each request, least of all right before a refresh token is spent.
                let renewed = now.steady.0.saturating_sub(milliseconds(FRESH.saturating_sub(AGAIN)));
                *known = Some((Steady(renewed), stale.clone()));
                Ok(stale)
            }
            (Err(failure), None) => Err(failure),
        }
    }

    async fn fetch(&self, http: &Http, now: Moment) -> Result<Found, Failure> {
        let mut failures = Vec::new();
        for url in self.places() {
            let reply = http.send(Request::get(url), now).await?;
            match self.read(&reply) {
                // Not there: a 404, or the page that some services show for everything.
                Err(failure) if failure.class == Class::Doubtful || failure.kind == "page" => {
                    failures.push(failure);
                }
                result => return result,
            }
        }
        // A page may be a portal's, and then there is hope.
        let hopeful = failures.iter().position(|failure| failure.class == Class::NotNow).unwrap_or(0);
        let failure = failures.into_iter().nth(hopeful).unwrap_or_else(|| {
            Failure::not_now("bad-metadata", "the issuer has no metadata", "set `token_endpoint`")
        });
        if failure.kind == "bad-metadata" {
            return Err(failure);
        }
        let message = format!("no metadata of the issuer: {}", failure.message);
        Err(Failure {
            message,
            hint: "check `issuer`, or set `token_endpoint` instead".to_owned(),
            ..failure
        })
    }

    fn places(&self) -> [Url; 2] {
        let openid = address::under(&self.url, &[], "/.well-known/openid-configuration");
        let mut oauth = self.url.clone();
        let path = self.url.path().trim_end_matches('/');
        oauth.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
        [openid, oauth]
    }

    fn read(&self, reply: &Reply) -> Result<Found, Failure> {
        if !reply.is_success() || reply.is_page() {
            return Err(judge(reply, &[], &Words::default(), "`issuer`"));
        }
        let body =
            reply.json().ok_or_else(|| unusable(reply, "something else than the issuer's metadata"))?;
        let member = |name| body.get(name).and_then(Value::as_str);
        // RFC 8414 3.3: identical, or the metadata must not be used.
        let issuer = member("issuer").ok_or_else(|| unusable(reply, "metadata without an issuer"))?;
        if issuer != self.text {
            return Err(unfit(format!("{} calls itself {}", reply.host, Held::default().clean(issuer, 200))));
        }
        let endpoint =
            member("token_endpoint").ok_or_else(|| unusable(reply, "metadata without a token_endpoint"))?;
        let url = address::parse(endpoint, Query::Allowed)
            .map_err(|fault| unfit(format!("the token_endpoint of {} {fault}", reply.host)))?;
        if address::is_loopback(&url) && !address::is_loopback(&self.url) {
            return Err(unfit(format!("{} says that its token_endpoint is on this machine", reply.host)));
        }
        Ok(Found { url, method: method(body.get("token_endpoint_auth_methods_supported")) })
    }
}

/// Metadata that must not be used. It may be a moment's fault, so three tries.
fn unfit(message: String) -> Failure {
    let hint = "write `issuer` letter by letter as the service names itself, or set `token_endpoint` instead";
    Failure::doubtful("bad-metadata", message, hint)
}

/// The method to use if the configuration names none: Basic, unless only Post is supported (RFC 8414 2: Basic, if
/// nothing is said).
fn method(supported: Option<&Value>) -> Method {
    let Some(Value::Array(supported)) = supported else {
        return Method::default();
    };
    let known: Vec<_> = supported.iter().filter_map(Value::as_str).filter_map(Method::named).collect();
    if known.contains(&Method::Post) && !known.contains(&Method::Basic) {
        Method::Post
    } else {
        Method::Basic
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn issuer(text: &str) -> Issuer {
        Issuer::new(address::parse(text, Query::Refused).expect("a URL"), text.to_owned())
    }

    #[test]
    fn metadata_are_where_both_specifications_say() {
        for (text, openid, oauth) in [
            (
                "https://a.example",
                "https://a.example/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server",
            ),
            (
                "https://a.example/tenant/v2.0/",
                "https://a.example/tenant/v2.0/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server/tenant/v2.0",
            ),
        ] {
            assert_eq!(issuer(text).places().map(String::from), [openid, oauth]);
        }
    }

    fn read(body: &Value) -> Result<Found, (Class, &'static str)> {
        issuer("https://a.example/t")
            .read(&Reply::pretend(200, &body.to_string()))
            .map_err(|failure| (failure.class, failure.kind))
    }

    #[test]
    fn metadata_name_the_endpoint_and_the_method() {
        let metadata = |methods: Value| {
            json!({
                "issuer": "https://a.example/t",
                "token_endpoint": "https://b.example/token?x=y",
                "token_endpoint_auth_methods_supported": methods,
            })
        };
        let found =
            |method| Ok(Found { url: Url::parse("https://b.example/token?x=y").expect("a URL"), method });
        for (methods, method) in [
            (json!(null), Method::Basic),
            (json!(["client_secret_basic", "client_secret_post"]), Method::Basic),
            (json!(["client_secret_post", "private_key_jwt"]), Method::Post),
            (json!(["private_key_jwt"]), Method::Basic),
            (json!("client_secret_post"), Method::Basic),
        ] {
            assert_eq!(read(&metadata(methods.clone())), found(method), "{methods}");
        }
    }

    #[test]
    fn metadata_that_would_send_the_secret_elsewhere_are_not_used() {
        let metadata =
            |issuer: &str, endpoint: &str| read(&json!({"issuer": issuer, "token_endpoint": endpoint}));
        let unfit = Err((Class::Doubtful, "bad-metadata"));
        assert_eq!(metadata("https://b.example", "https://a.example/token"), unfit);
        assert_eq!(metadata("https://a.example/t/", "https://a.example/token"), unfit);
        assert_eq!(metadata("https://a.example/t", "http://a.example/token"), unfit);
        assert_eq!(metadata("https://a.example/t", "http://localhost/token"), unfit);
        assert_eq!(metadata("https://a.example/t", "https://127.0.0.1/token"), unfit);
        assert_eq!(metadata("https://a.example/t", "https://u:p@a.example/token"), unfit);
        assert_eq!(metadata("https://a.example/t", "file:///etc/passwd"), unfit);
        assert_eq!(metadata("https://a.example/t", "/token"), unfit);
        let unusable = Err((Class::NotNow, "bad-answer"));
        assert_eq!(read(&json!({"issuer": "https://a.example/t"})), unusable);
        assert_eq!(read(&json!({"token_endpoint": "https://a.example/token"})), unusable);
        assert_eq!(read(&json!([])), unusable);
    }
}
