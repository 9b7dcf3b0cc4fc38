//! Any OAuth 2.0 or OpenID Connect service: client credentials (RFC 6749 4.4) become an access token.
//!
//! Other grants have their names and keys reserved here, and say so until they are built.

mod answer;
mod client;
mod discovery;

use url::Url;

use self::client::{Client, Method};
use self::discovery::{Endpoint, Issuer};
use super::http::address::{self, Query};
use super::http::{Buffer, Http, Request, refuse_key};
use super::lists::Words as Lists;
use super::words::Held;
use super::{Defaults, Failure, Identity, MintRequest, Minted, Pending, Provider};
use crate::document::Table;
use crate::secret::Source;

/// Where a `grant` may come from. Only the first is built.
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
const LATER: [(&str, &str); 20] = [
    ("refresh_token", "the grant refresh_token"),
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
const OURS: [&str; 8] = [
    "grant_type",
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
    client: Client,
    scope: Vec<String>,
    audience: Vec<String>,
    resource: Vec<String>,
    extra: Vec<(String, String)>,
}

/// Reads `issuer` or `token_endpoint`, `grant`, `client_id`, `client_secret`, `token_endpoint_auth_method`, `scope`,
/// `audience`, `resource`, `extra`.
pub(super) fn read(table: &mut Table<'_>, defaults: &Defaults) -> Option<Box<dyn Provider>> {
    let grant = table.one_of("grant", GRANTS);
    let grant_is_built = grant.as_ref().is_none_or(|grant| grant.value == GRANTS[0]);
    if let Some(grant) = grant.filter(|grant| grant.value != GRANTS[0]) {
        let message = format!("the grant {} is not built yet", grant.value);
        table.report_shown(&grant.span, message, "so far there is client_credentials");
    }
    for (key, what) in LATER {
        // One report is enough where the grant itself is not built.
        if grant_is_built {
            table.not_built(key, what);
        } else {
            table.allow(key);
        }
    }
    refuse_key(table, "url", "write `issuer` or `token_endpoint`");
    let http = Http::read(table, defaults);
    let endpoint = read_endpoint(table);
    let client = Client::read(table, defaults.command_timeout, grant_is_built, &defaults.reach);
    let scope = Lists::OAuthScope.read(table, "scope");
    let audience = Lists::Apart.read_one_or_many(table, "audience");
    let resource = Lists::Apart.read_one_or_many(table, "resource");
    let extra = read_extra(table);
    Some(Box::new(OAuth2 {
        http,
        endpoint: endpoint?,
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
        let scope = Lists::OAuthScope.choose("bad-scope", asked.scope.as_deref(), &self.scope)?;
        let audience = Lists::Apart.choose("bad-audience", asked.audience.as_deref(), &self.audience)?;
        let endpoint = self.endpoint.find(&self.http, asked.now).await?;
        let secret = self.client.secret(&asked.errand).await?;

        let mut form = Buffer::with_capacity(512);
        form.push_pair(b"grant_type", b"client_credentials");
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
        let mut held = Held::one(&secret);
        let request = Request::post(endpoint.url);
        let request = match self.client.method.unwrap_or(endpoint.method) {
            Method::Basic => request.authorization(self.client.basic(&secret, &mut held)?),
            Method::Post => {
                form.push_pair(b"client_id", self.client.id.as_bytes());
                form.push_pair(b"client_secret", &secret.expose());
                request
            }
        };
        let reply = self.http.send(request.form(form), asked.now).await?;
        answer::read(&reply, asked, &held)
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
        vec![self.client.source()]
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
            ("grant", GRANTS[0].to_owned()),
            ("client_id", self.client.id.clone()),
            ("client_secret", self.client.describe_secret()),
        ];
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
mod tests;
