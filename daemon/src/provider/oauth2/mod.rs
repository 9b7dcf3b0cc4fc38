//! Any OAuth 2.0 or OpenID Connect service: client credentials (RFC 6749 4.4) or a refresh token (RFC 6749 6)
//! become an access token.
//!
//! Other grants have their names and keys reserved here, and say so until they are built.

mod answer;
mod client;
mod discovery;

use std::time::Duration;

use url::Url;

use self::answer::Spent;
use self::client::{Client, Method, Secrecy};
use self::discovery::{Endpoint, Issuer};
use super::http::address::{self, Query};
use super::http::{Buffer, Http, Request, refuse_key};
use super::lists::Words as Lists;
use super::words::Held;
use super::{CarriedOut, Defaults, Failure, Identity, MintRequest, Minted, Pending, Provider};
use crate::clock::Moment;
use crate::document::Table;
use crate::secret::{Reach, Source};

/// What `grant` may be. Only the first two are built.
const GRANTS: &[&str] = &[
    "client_credentials",
    "refresh_token",
    "device_code",
    "authorization_code",
    "password",
    "jwt_bearer",
    "token_exchange",
];

/// Keys of the grants and of the ways to log in that are not built.
const LATER: [(&str, &str); 19] = [
    ("username", "the grant password"),
    ("password", "the grant password"),
    ("private_key", "private_key_jwt and the grant jwt_bearer"),
    ("assertion", "the grant jwt_bearer"),
    ("subject", "the grant jwt_bearer"),
    ("subject_token", "the grant token_exchange"),
    ("subject_token_type", "the grant token_exchange"),
    ("actor_token", "the grant token_exchange"),
    ("actor_token_type", "the grant token_exchange"),
    ("requested_token_type", "the grant token_exchange"),
    ("redirect_uris", "the grant authorization_code"),
    ("redirect_port", "the grant authorization_code"),
    ("authorization_endpoint", "the grant authorization_code"),
    ("device_authorization_endpoint", "the grant device_code"),
    ("pushed_authorization_request_endpoint", "the grant authorization_code"),
    ("revocation_endpoint", "revoking at the service"),
    ("introspection_endpoint", "asking the service about a token"),
    ("userinfo_endpoint", "asking the service about a user"),
    ("registration_endpoint", "registering a client"),
];

/// What `extra` cannot say, since tokend does.
const OURS: [&str; 9] = [
    "grant_type",
    "refresh_token",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "scope",
    "audience",
    "resource",
];

#[derive(Debug)]
struct OAuth2 {
    http: Http,
    endpoint: Endpoint,
    grant: Grant,
    client: Client,
    scope: Vec<String>,
    audience: Vec<String>,
    resource: Vec<String>,
    extra: Vec<(String, String)>,
}

/// What is traded for an access token.
#[derive(Debug)]
enum Grant {
    /// The client's own credentials.
    ClientCredentials,
    /// A refresh token. The first comes from here; which one to spend, the request says.
    RefreshToken(Source),
}

impl Grant {
    fn name(&self) -> &'static str {
        match self {
            Self::ClientCredentials => GRANTS[0],
            Self::RefreshToken(_) => GRANTS[1],
        }
    }

    /// Reads `grant` and `refresh_token`. What is wrong has been reported where there is none.
    fn read(table: &mut Table<'_>, reach: &Reach) -> (Option<Self>, Secrecy) {
        const KEY: &str = "refresh_token";
        let named = table.one_of("grant", GRANTS);
        match named.as_ref().map(|grant| grant.value) {
            // One that nobody knows has been reported.
            None if table.has("grant") => {
                table.allow(KEY);
                (None, Secrecy::Unknown)
            }
            Some("refresh_token") => {
                let source = Source::required(table, KEY, reach);
                (source.map(Self::RefreshToken), Secrecy::Any)
            }
            None | Some("client_credentials") => {
                refuse_key(table, KEY, "set grant = \"refresh_token\", or remove it");
                (Some(Self::ClientCredentials), Secrecy::Confidential)
            }
            Some(other) => {
                table.allow(KEY);
                if let Some(grant) = &named {
                    let message = format!("the grant {other} is not built yet");
                    let hint = "so far there are client_credentials and refresh_token";
                    table.report_shown(&grant.span, message, hint);
                }
                (None, Secrecy::Unknown)
            }
        }
    }
}

/// Reads `issuer` or `token_endpoint`, `grant`, `refresh_token`, `client_id`, `client_secret`,
/// `token_endpoint_auth_method`, `scope`, `audience`, `resource`, `extra`.
pub(super) fn read(table: &mut Table<'_>, defaults: &Defaults) -> Option<Box<dyn Provider>> {
    let (grant, secrecy) = Grant::read(table, &defaults.reach);
    for (key, what) in LATER {
        // One report is enough where the grant itself is not built.
        if secrecy == Secrecy::Unknown {
            table.allow(key);
        } else {
            table.not_built(key, what);
        }
    }
    refuse_key(table, "url", "write `issuer` or `token_endpoint`");
    let http = Http::read(table, defaults);
    let endpoint = read_endpoint(table);
    let client = Client::read(table, defaults.command_timeout, secrecy, &defaults.reach);
    let scope = Lists::OAuthScope.read(table, "scope");
    let audience = Lists::Apart.read_one_or_many(table, "audience");
    let resource = Lists::Apart.read_one_or_many(table, "resource");
    let extra = read_extra(table);
    Some(Box::new(OAuth2 {
        http,
        endpoint: endpoint?,
        grant: grant?,
        client: client?,
        scope: scope.unwrap_or_default(),
        audience: audience.unwrap_or_default(),
        resource: resource.unwrap_or_default(),
        extra,
    }))
}

fn read_endpoint(table: &mut Table<'_>) -> Option<Endpoint> {
    let issuer = table.string("issuer");
    let at = address::read(table, "token_endpoint", Query::Allowed);
    let issuer = match issuer {
        // RFC 8414 2: no query, no fragment.
        Some(text) => {
            Some(Issuer::new(address::checked(table, "issuer", &text, Query::Refused)?, text.value))
        }
        None => None,
    };
    match (at, issuer) {
        (Some(url), _) => Some(Endpoint::At(url)),
        (None, Some(issuer)) => Some(Endpoint::Discovered(issuer)),
        (None, None) => {
            if !table.has("token_endpoint") && !table.has("issuer") {
                let hint = "such as issuer = \"https://login.example.com\"";
                table.report(&table.span(), "`issuer` or `token_endpoint` is missing", hint);
            }
            None
        }
    }
}

fn read_extra(table: &mut Table<'_>) -> Vec<(String, String)> {
    let mut extra = Vec::new();
    let Some(mut entries) = table.table("extra") else {
        return extra;
    };
    for key in entries.remaining_keys() {
        let Some(value) = entries.string(&key.value) else {
            continue;
        };
        if OURS.contains(&key.value.as_str()) {
            entries.report(&key.span, "`extra` cannot say this", "tokend says it itself");
        }
        extra.push((key.value, value.value));
    }
    extra
}

impl OAuth2 {
    async fn exchange(&self, asked: &MintRequest) -> Result<Minted, Failure> {
        let spent = self.spent(asked)?;
        // What fails before is not yet the request that counts.
        let early = |failure: Failure| failure.perhaps(CarriedOut::No);
        let (request, held) = self.request(spent.as_ref(), asked).await.map_err(early)?;
        let reply = self.http.send(request, asked.now).await?;
        answer::read(&reply, asked, spent.as_ref(), &held)
    }

    /// The refresh token to spend, where this grant spends one.
    fn spent<'a>(&'a self, asked: &'a MintRequest) -> Result<Option<Spent<'a>>, Failure> {
        match (&self.grant, &asked.refresh_token) {
            (Grant::ClientCredentials, _) => Ok(None),
            (Grant::RefreshToken(first), Some(token)) => Ok(Some(Spent { token, first })),
            (Grant::RefreshToken(_), None) => Err(Failure::not_now(
                "internal",
                "a fault in tokend itself: it had no refresh token at hand to spend",
                "see the log of tokend, and please report it",
            )),
        }
    }

    /// The request for a token, and the secrets in it.
    async fn request(
        &self,
        spent: Option<&Spent<'_>>,
        asked: &MintRequest,
    ) -> Result<(Request, Held), Failure> {
        let scope = Lists::OAuthScope.choose("bad-scope", asked.scope.as_deref(), &self.scope)?;
        let audience = Lists::Apart.choose("bad-audience", asked.audience.as_deref(), &self.audience)?;
        let endpoint = self.endpoint.find(&self.http, asked.now).await?;
        let secret = self.client.secret(&asked.errand).await?;

        let mut held = Held::default();
        let mut form = Buffer::with_capacity(512);
        form.push_pair(b"grant_type", self.grant.name().as_bytes());
        if let Some(spent) = spent {
            let spent = spent.token.expose();
            held.add(&spent);
            form.push_pair(b"refresh_token", &spent);
        }
        if !scope.is_empty() {
            form.push_pair(b"scope", scope.join(" ").as_bytes());
        }
        for (name, values) in [("audience", audience), ("resource", &self.resource[..])] {
            for value in values {
                form.push_pair(name.as_bytes(), value.as_bytes());
            }
        }
        for (name, value) in &self.extra {
            form.push_pair(name.as_bytes(), value.as_bytes());
        }
        let mut request = Request::post(endpoint.url);
        if let Some(secret) = &secret {
            held.add(&secret.expose());
        }
        match (self.client.method(endpoint.method), &secret) {
            (Method::Basic, Some(secret)) => {
                request = request.authorization(self.client.basic(secret, &mut held)?);
            }
            (method, secret) => {
                form.push_pair(b"client_id", self.client.id.as_bytes());
                if let (Method::Post, Some(secret)) = (method, secret) {
                    form.push_pair(b"client_secret", &secret.expose());
                }
            }
        }
        Ok((request.form(form), held))
    }
}

impl Provider for OAuth2 {
    fn mint<'a>(&'a self, request: &'a MintRequest) -> Pending<'a, Minted> {
        Box::pin(self.exchange(request))
    }

    fn scopes(&self) -> Option<&[String]> {
        Some(&self.scope)
    }

    fn takes_audience(&self) -> bool {
        true
    }

    fn sources(&self) -> Vec<&Source> {
        self.client.source().into_iter().collect()
    }

    fn prepare(&self, now: Moment) -> Pending<'_, ()> {
        Box::pin(async move { self.endpoint.find(&self.http, now).await.map(drop) })
    }

    fn source_timeout(&self) -> Duration {
        self.client.timeout
    }

    fn first_refresh_token(&self) -> Option<&Source> {
        match &self.grant {
            Grant::RefreshToken(source) => Some(source),
            Grant::ClientCredentials => None,
        }
    }

    fn identity(&self) -> Identity {
        Identity {
            origin: address::origin(self.endpoint.named()),
            client: self.client.id.clone(),
            user: String::new(),
        }
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        let (key, url): (_, &Url) = match &self.endpoint {
            Endpoint::At(url) => ("token_endpoint", url),
            Endpoint::Discovered(_) => ("issuer", self.endpoint.named()),
        };
        let mut lines = vec![
            (key, url.to_string()),
            ("grant", self.grant.name().to_owned()),
            ("client_id", self.client.id.clone()),
        ];
        for (name, source) in
            [("client_secret", self.client.source()), ("refresh_token", self.first_refresh_token())]
        {
            lines.extend(source.map(|source| (name, source.describe())));
        }
        for (name, list) in
            [("scope", &self.scope), ("audience", &self.audience), ("resource", &self.resource)]
        {
            if !list.is_empty() {
                lines.push((name, list.join(" ")));
            }
        }
        self.http.describe(&mut lines);
        lines
    }
}

#[cfg(test)]
mod refresh_tests;
#[cfg(test)]
mod tests;
