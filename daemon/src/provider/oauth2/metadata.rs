//! What an issuer says of itself: where its endpoints are, and what it supports.
//!
//! `{issuer}/.well-known/openid-configuration` (OpenID Connect Discovery 1.0, 4), then
//! `/.well-known/oauth-authorization-server` between host and path (RFC 8414 3.1).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use super::client::Method;
use super::endpoints::{Endpoint, is_safe_to_open};
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

/// An issuer, and what its metadata said.
#[derive(Debug)]
pub(super) struct Issuer {
    pub(super) url: Url,
    /// As it is written: the metadata must repeat it letter by letter.
    pub(super) text: String,
    known: Mutex<Option<(Steady, Arc<Metadata>)>>,
}

/// What an issuer says of itself (RFC 8414 2). Its lists are hints: what the configuration names is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    /// Where each is that is told of. A faulty one fails only who needs it.
    endpoints: Vec<(Endpoint, Result<Url, Failure>)>,
    /// `token_endpoint_auth_methods_supported`
    authentication: Option<Vec<String>>,
    /// `code_challenge_methods_supported`
    pub(super) code_challenge_methods: Option<Vec<String>>,
    /// `id_token_signing_alg_values_supported`
    pub(super) id_token_algorithms: Option<Vec<String>>,
    /// `authorization_response_iss_parameter_supported` (RFC 9207 3)
    pub(super) response_names_issuer: bool,
}

impl Metadata {
    /// Where an endpoint is, if it is told of.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn endpoint(&self, which: Endpoint) -> Result<Option<&Url>, Failure> {
        match self.endpoints.iter().find(|(found, _)| *found == which) {
            Some((_, Ok(url))) => Ok(Some(url)),
            Some((_, Err(failure))) => Err(failure.clone()),
            None => Ok(None),
        }
    }

    /// How a client with a secret says it if the configuration does not tell: Basic, unless only another is
    /// supported (RFC 8414 2: Basic, if nothing is said).
    pub(super) fn method(&self) -> Method {
        let supports = |method: Method| {
            let names = self.authentication.as_ref();
            names.is_some_and(|names| names.iter().any(|name| name == method.name()))
        };
        let known = [Method::Basic, Method::Post, Method::SecretJwt];
        known.into_iter().find(|method| supports(*method)).unwrap_or(Method::Basic)
    }

    /// Takes what is faulty from `old`, where that was good. Whether there was any.
    fn mend(&mut self, old: &Self) -> bool {
        let mut mended = false;
        for (which, found) in self.endpoints.iter_mut().filter(|(_, found)| found.is_err()) {
            if let Ok(Some(url)) = old.endpoint(*which) {
                *found = Ok(url.clone());
                mended = true;
            }
        }
        mended
    }
}

impl Issuer {
    pub(super) fn new(url: Url, text: String) -> Self {
        Self { url, text, known: Mutex::default() }
    }

    /// The metadata now, in which `needed` is no faulty one.
    ///
    /// # Errors
    /// Why there are none, or what is wrong with the endpoint that is needed.
    pub(super) async fn metadata(
        &self,
        needed: Option<Endpoint>,
        http: &Http,
        now: Moment,
    ) -> Result<Arc<Metadata>, Failure> {
        let check = |metadata: &Metadata| match needed {
            Some(needed) => metadata.endpoint(needed).map(drop),
            None => Ok(()),
        };
        // Held while asking, so that variants of the account ask once.
        let mut known = self.known.lock().await;
        if let Some((at, metadata)) = &*known {
            let age = at.until(now.steady);
            let found = check(metadata);
            // Without id tokens there are tokens all the same: no reason to ask again for each.
            let is_bearable = found.is_ok() || (needed == Some(Endpoint::Jwks) && age < AGAIN);
            if age < FRESH && is_bearable {
                return found.map(|()| Arc::clone(metadata));
            }
        }
        // Not at each request, least of all right before a refresh token is spent.
        let soon = Steady(now.steady.0.saturating_sub(milliseconds(FRESH.saturating_sub(AGAIN))));
        let (at, metadata) = match (self.fetch(http, now).await, known.take()) {
            (Ok(mut found), old) => {
                let mended = old.is_some_and(|(_, old)| found.mend(&old));
                (if mended { soon } else { now.steady }, Arc::new(found))
            }
            (Err(failure), Some((_, stale))) => {
                tracing::debug!(
                    kind = failure.kind,
                    "the issuer's metadata cannot be fetched; the old ones do"
                );
                (soon, stale)
            }
            (Err(failure), None) => return Err(failure),
        };
        *known = Some((at, Arc::clone(&metadata)));
        check(&metadata)?;
        Ok(metadata)
    }

    async fn fetch(&self, http: &Http, now: Moment) -> Result<Metadata, Failure> {
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
            Failure::not_now("bad-metadata", "the issuer has no metadata", "write the endpoints instead")
        });
        if failure.kind == "bad-metadata" {
            return Err(failure);
        }
        let message = format!("no metadata of the issuer: {}", failure.message);
        let hint = "check `issuer`, or write `token_endpoint` and the other endpoints instead".to_owned();
        Err(Failure { message, hint, ..failure })
    }

    fn places(&self) -> [Url; 2] {
        let openid = address::under(&self.url, &[], "/.well-known/openid-configuration");
        let mut oauth = self.url.clone();
        let path = self.url.path().trim_end_matches('/');
        oauth.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
        [openid, oauth]
    }

    fn read(&self, reply: &Reply) -> Result<Metadata, Failure> {
        if !reply.is_success() || reply.is_page() {
            return Err(judge(reply, &[], &Words::default(), "`issuer`"));
        }
        let body =
            reply.json().ok_or_else(|| unusable(reply, "something else than the issuer's metadata"))?;
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        // RFC 8414 3.3: identical, or the metadata must not be used.
        let issuer = text("issuer").ok_or_else(|| unusable(reply, "metadata without an issuer"))?;
        if issuer != self.text {
            return Err(unfit(format!("{} calls itself {}", reply.host, Held::default().clean(issuer, 200))));
        }
        let mut endpoints = Vec::new();
        for which in Endpoint::ALL {
            match text(which.key()) {
                Some(url) => endpoints.push((which, self.checked(which, url, reply))),
                // RFC 8414 2: required, and yet no fault for whoever has one of their own.
                None if which == Endpoint::Token => {
                    endpoints.push((which, Err(unusable(reply, "metadata without a token_endpoint"))));
                }
                None => {}
            }
        }
        let list = |name: &str| {
            let list = body.get(name)?.as_array()?;
            Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        };
        Ok(Metadata {
            endpoints,
            authentication: list("token_endpoint_auth_methods_supported"),
            code_challenge_methods: list("code_challenge_methods_supported"),
            id_token_algorithms: list("id_token_signing_alg_values_supported"),
            response_names_issuer: body.get("authorization_response_iss_parameter_supported")
                == Some(&Value::Bool(true)),
        })
    }

    /// The URL of an endpoint, if secrets may be sent there, or a browser.
    fn checked(&self, which: Endpoint, text: &str, reply: &Reply) -> Result<Url, Failure> {
        let (key, host) = (which.key(), &reply.host);
        if which == Endpoint::Authorization && !is_safe_to_open(text) {
            return Err(unfit(format!("the {key} of {host} has characters that mean something to a shell")));
        }
        let url = address::parse(text, Query::Allowed)
            .map_err(|fault| unfit(format!("the {key} of {host} {fault}")))?;
        if address::is_loopback(&url) && !address::is_loopback(&self.url) {
            return Err(unfit(format!("{host} says that its {key} is on this machine")));
        }
        Ok(url)
    }
}

/// Metadata that must not be used. It may be a moment's fault, so three tries.
fn unfit(message: String) -> Failure {
    let hint = "write `issuer` letter by letter as the service names itself, or the endpoints instead";
    Failure::doubtful("bad-metadata", message, hint)
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

    fn read(body: &Value) -> Result<Metadata, (Class, &'static str)> {
        let reply = Reply::pretend(200, &body.to_string());
        issuer("https://a.example/t").read(&reply).map_err(|failure| (failure.class, failure.kind))
    }

    fn url_of(body: &Value, which: Endpoint) -> Result<Option<String>, (Class, &'static str)> {
        let metadata = read(body)?;
        let url = metadata.endpoint(which).map_err(|failure| (failure.class, failure.kind))?;
        Ok(url.map(Url::to_string))
    }

    #[test]
    fn metadata_name_the_endpoints_and_the_method() {
        let metadata = |methods: Value| {
            json!({
                "issuer": "https://a.example/t",
                "token_endpoint": "https://b.example/token?x=y",
                "jwks_uri": "https://b.example/keys",
                "token_endpoint_auth_methods_supported": methods,
            })
        };
        for (methods, method) in [
            (json!(null), Method::Basic),
            (json!(["client_secret_basic", "client_secret_post"]), Method::Basic),
            (json!(["client_secret_post", "private_key_jwt"]), Method::Post),
            (json!(["private_key_jwt", "client_secret_jwt"]), Method::SecretJwt),
            (json!(["private_key_jwt"]), Method::Basic),
            (json!("client_secret_post"), Method::Basic),
        ] {
            let body = metadata(methods);
            assert_eq!(read(&body).map(|metadata| metadata.method()), Ok(method), "{body}");
            let token = "https://b.example/token?x=y".to_owned();
            assert_eq!(url_of(&body, Endpoint::Token), Ok(Some(token)));
            assert_eq!(url_of(&body, Endpoint::Jwks), Ok(Some("https://b.example/keys".to_owned())));
            assert_eq!(url_of(&body, Endpoint::Revocation), Ok(None));
        }
    }

    const UNFIT: (Class, &str) = (Class::Doubtful, "bad-metadata");

    #[test]
    fn metadata_that_would_send_the_secret_elsewhere_are_not_used() {
        let of = |issuer: &str, url: &str| json!({"issuer": issuer, "token_endpoint": url});
        for (issuer, url) in [
            ("https://b.example", "https://a.example/token"),
            ("https://a.example/t/", "https://a.example/token"),
            ("https://a.example/t", "http://a.example/token"),
            ("https://a.example/t", "http://localhost/token"),
            ("https://a.example/t", "https://127.0.0.1/token"),
            ("https://a.example/t", "https://u:p@a.example/token"),
            ("https://a.example/t", "https://a.example/token#x"),
            ("https://a.example/t", "file:///etc/passwd"),
            ("https://a.example/t", "/token"),
        ] {
            assert_eq!(url_of(&of(issuer, url), Endpoint::Token), Err(UNFIT), "{issuer} {url}");
        }
        let unusable = Err((Class::NotNow, "bad-answer"));
        assert_eq!(url_of(&json!({"issuer": "https://a.example/t"}), Endpoint::Token), unusable);
        assert_eq!(url_of(&json!({"token_endpoint": "https://a.example/t"}), Endpoint::Token), unusable);
        assert_eq!(url_of(&json!([]), Endpoint::Token), unusable);
    }

    #[test]
    fn a_faulty_endpoint_fails_only_who_needs_it() {
        for which in Endpoint::ALL.into_iter().skip(1) {
            let mut body = json!({"issuer": "https://a.example/t", "token_endpoint": "https://a.example/t"});
            body[which.key()] = "http://a.example/x".into();
            assert_eq!(url_of(&body, which), Err(UNFIT));
            assert!(url_of(&body, Endpoint::Token).is_ok_and(|url| url.is_some()));
        }
    }

    #[test]
    fn no_browser_is_sent_to_what_a_shell_would_read() {
        let of = |url: &str| {
            let token = "https://a.example/token";
            json!({"issuer": "https://a.example/t", "token_endpoint": token, "authorization_endpoint": url})
        };
        let good = "https://a.example/authorize?x=%20y&z";
        assert_eq!(url_of(&of(good), Endpoint::Authorization), Ok(Some(good.to_owned())));
        for c in " \"'`$;|<>(){}[]\\^!*\n\u{1b}".chars() {
            let url = format!("https://a.example/authorize{c}x");
            assert_eq!(url_of(&of(&url), Endpoint::Authorization), Err(UNFIT), "{c:?}");
        }
    }

    #[test]
    fn metadata_tell_what_is_supported() {
        let body = json!({
            "issuer": "https://a.example/t",
            "token_endpoint": "https://a.example/token",
            "code_challenge_methods_supported": ["S256", 7],
            "id_token_signing_alg_values_supported": ["ES256"],
            "authorization_response_iss_parameter_supported": true,
        });
        let metadata = read(&body).expect("metadata");
        assert_eq!(metadata.code_challenge_methods, Some(vec!["S256".to_owned()]));
        assert_eq!(metadata.id_token_algorithms, Some(vec!["ES256".to_owned()]));
        assert!(metadata.response_names_issuer);
    }
}
