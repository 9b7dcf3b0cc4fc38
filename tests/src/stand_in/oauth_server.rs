//! A generic OAuth 2.0 and OpenID Connect server with the oddities of many.

mod grants;

use std::time::Duration;

use serde_json::{Value, json};

pub use grants::{Committed, Grants, Outcome, Rotation, Sending};

use super::StandIn;
use super::ledger::{BodyKind, Entry};
use super::service::{Answer, Home, Service};
use super::tokens::{Standing, TokenForm};

/// A running OAuth 2.0 server.
pub type OAuthServer = StandIn<OAuth>;

/// An OAuth 2.0 server: metadata, `POST /token` for client credentials and refresh tokens, and `GET
/// /api/whoami` as its API.
#[derive(Clone, Debug)]
pub struct OAuth {
    /// The client's id; by default one that Basic must encode (RFC 6749 2.3.1).
    pub client_id: String,
    /// The client's secret; by default one that Basic must encode.
    pub client_secret: String,
    /// The ids of clients without a secret (RFC 6749 2.1), which say their id in the form.
    pub public_clients: Vec<String>,
    /// Which ways of a client to say its secret are taken, and named in the metadata.
    pub client_auth: ClientAuth,
    /// How a wrong client is refused.
    pub refusal: ClientRefusal,
    /// Which metadata documents there are.
    pub discovery: Discovery,
    /// The issuer's path, such as `/tenant/v2.0`; empty for none.
    pub issuer_path: String,
    /// The issuer that the metadata names instead of the true one.
    pub claimed_issuer: Option<String>,
    /// The token endpoint that the metadata names instead of the true one.
    pub claimed_token_endpoint: Option<String>,
    /// How `expires_in` is written.
    pub expires_in: ExpiresIn,
    /// `token_type` as it is spelled; `None` for none.
    pub token_type: Option<String>,
    /// How the scope is repeated in the answer.
    pub scope_answer: ScopeAnswer,
    /// The scopes that the client may ask for; empty for all.
    pub allowed_scopes: Vec<String>,
    /// What the tokens look like.
    pub token_form: TokenForm,
    /// What a use of a refresh token does to it.
    pub rotation: Rotation,
    grants: Grants,
}

/// Ways to say a client's secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// Both, but not both at once.
    #[default]
    Either,
    /// `client_secret_basic`
    Basic,
    /// `client_secret_post`
    Post,
}

/// How a wrong client is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientRefusal {
    /// 401 and `invalid_client`, as RFC 6749 5.2 has it.
    #[default]
    Unauthorized,
    /// 400 and `invalid_client`.
    BadRequest,
    /// 200 and `{"error": …}`, as GitHub does.
    Ok,
    /// 403 with a page, as Google's rate limit does: no refusal at all.
    ForbiddenPage,
}

/// The metadata documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Discovery {
    /// Both.
    #[default]
    Both,
    /// OpenID Connect Discovery: the well-known path comes after the issuer's.
    OpenId,
    /// RFC 8414: the well-known path comes before the issuer's.
    OAuth,
    /// Neither.
    Neither,
}

/// How `expires_in` is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ExpiresIn {
    /// The lifetime in seconds.
    #[default]
    True,
    /// Not at all.
    Missing,
    /// As this JSON: `"3600"` with its quotes, `3600.0`, `0`, `-1`, `1e300`.
    Raw(String),
}

/// How the scope is repeated in the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScopeAnswer {
    /// Separated by spaces.
    #[default]
    Text,
    /// As a list.
    List,
    /// Not at all.
    Absent,
}

impl Default for OAuth {
    fn default() -> Self {
        Self {
            client_id: "svc:app@example.com".into(),
            client_secret: "s+cret %&=:ü".into(),
            public_clients: Vec::new(),
            client_auth: ClientAuth::default(),
            refusal: ClientRefusal::default(),
            discovery: Discovery::default(),
            issuer_path: String::new(),
            claimed_issuer: None,
            claimed_token_endpoint: None,
            expires_in: ExpiresIn::default(),
            token_type: Some("Bearer".into()),
            scope_answer: ScopeAnswer::default(),
            allowed_scopes: Vec::new(),
            token_form: TokenForm::default(),
            rotation: Rotation::default(),
            grants: Grants::default(),
        }
    }
}

impl Service for OAuth {
    const CLIENT_FIELD: &'static str = "client_id";

    fn is_token_request(&self, request: &Entry) -> bool {
        request.path == "/token"
    }

    fn answer(&mut self, request: &Entry, home: &Home) -> Answer {
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/token") => self.token(request, home).unwrap_or_else(|refused| refused),
            ("GET", "/api/whoami") => whoami(request, home),
            ("GET", path) if self.is_metadata(path) => self.metadata(home),
            _ => Answer::plain(404),
        }
    }

    fn answered(&mut self, request: &Entry, _answer: &Answer) {
        if request.token_request {
            self.grants.answered(request.number);
        }
    }
}

impl OAuthServer {
    /// A first refresh token for this client with this scope, as after a login.
    #[must_use]
    pub fn grant(&self, client: &str, scope: &[&str]) -> String {
        self.grants().begin(client, scope.iter().map(ToString::to_string).collect())
    }

    /// The book of refresh tokens; a clone is the same book.
    #[must_use]
    pub fn grants(&self) -> Grants {
        self.change(|server| server.grants.clone())
    }
}

impl OAuth {
    fn is_metadata(&self, path: &str) -> bool {
        let issuer_path = &self.issuer_path;
        let openid = matches!(self.discovery, Discovery::Both | Discovery::OpenId)
            && path == format!("{issuer_path}/.well-known/openid-configuration");
        let oauth = matches!(self.discovery, Discovery::Both | Discovery::OAuth)
            && path == format!("/.well-known/oauth-authorization-server{issuer_path}");
        openid || oauth
    }

    fn metadata(&self, home: &Home) -> Answer {
        let issuer = format!("{}{}", home.url, self.issuer_path);
        let mut methods = match self.client_auth {
            ClientAuth::Either => vec!["client_secret_basic", "client_secret_post"],
            ClientAuth::Basic => vec!["client_secret_basic"],
            ClientAuth::Post => vec!["client_secret_post"],
        };
        if !self.public_clients.is_empty() {
            methods.push("none");
        }
        let body = json!({
            "issuer": self.claimed_issuer.as_ref().unwrap_or(&issuer),
            "token_endpoint": self.claimed_token_endpoint.clone().unwrap_or(format!("{}/token", home.url)),
            "token_endpoint_auth_methods_supported": methods,
            "grant_types_supported": ["client_credentials", "refresh_token"],
            "response_types_supported": [],
        });
        Answer::json(200, &body)
    }

    fn token(&self, request: &Entry, home: &Home) -> Result<Answer, Answer> {
        if request.body_kind != BodyKind::Form || request.query("client_secret").is_some() {
            return Err(error(400, "invalid_request", "credentials belong into a form in the body"));
        }
        let client = self.authenticate(request)?;
        match request.field("grant_type") {
            Some("client_credentials") if self.public_clients.contains(&client) => {
                Err(error(400, "unauthorized_client", "a client without a secret has no credentials"))
            }
            Some("client_credentials") => self.client_credentials(request, home),
            Some("refresh_token") => self.refresh_token(request, &client, home),
            Some(_) => Err(error(400, "unsupported_grant_type", "client_credentials and refresh_token only")),
            None => Err(error(400, "invalid_request", "grant_type is missing")),
        }
    }

    fn client_credentials(&self, request: &Entry, home: &Home) -> Result<Answer, Answer> {
        let scope = asked_scope(request);
        let allowed = |scope: &&str| self.allowed_scopes.iter().any(|allowed| allowed == scope);
        if !self.allowed_scopes.is_empty() && !scope.iter().all(allowed) {
            return Err(error(400, "invalid_scope", "not for this client"));
        }
        let token = home.tokens.issue(self.token_form, about(request, &self.client_id, &scope));
        Ok(self.granted(&token, home.tokens.lifetime(), None, &scope))
    }

    /// RFC 6749 6. Nothing is spent by a request that asks for too much.
    fn refresh_token(&self, request: &Entry, client: &str, home: &Home) -> Result<Answer, Answer> {
        let Some(token) = request.field("refresh_token").filter(|token| !token.is_empty()) else {
            return Err(error(400, "invalid_request", "refresh_token is missing"));
        };
        let asked = asked_scope(request);
        if let Some(granted) = self.grants.scope(token, client)
            && !asked.iter().all(|scope| granted.iter().any(|granted| granted == scope))
        {
            return Err(error(400, "invalid_scope", "more than was granted"));
        }
        let given = self.grants.spend(token, client, self.rotation, request.number).map_err(|no| {
            no.revoked.iter().for_each(|sha256| home.tokens.revoke_fingerprint(sha256));
            error(400, "invalid_grant", "the refresh token is unknown, used or revoked")
        })?;
        let scope: Vec<&str> =
            if asked.is_empty() { given.scope.iter().map(String::as_str).collect() } else { asked };
        // A retry that comes late finds the access token of the first time dead.
        let again = given.access.and_then(|access| match home.tokens.standing(&access) {
            Standing::Live(issued) => Some((access, issued.left())),
            Standing::Expired(_) | Standing::Unknown => None,
        });
        let (access, life) = again.unwrap_or_else(|| {
            let access = home.tokens.issue(self.token_form, about(request, client, &scope));
            self.grants.gave(given.family, given.generation, &access);
            (access, home.tokens.lifetime())
        });
        Ok(self.granted(&access, life, given.refresh_token.as_deref(), &scope))
    }

    /// The client's id. Who says id and secret in two ways at once breaks RFC 6749 2.3.
    fn authenticate(&self, request: &Entry) -> Result<String, Answer> {
        let basic = request.basic().map(|(id, secret)| (decoded(&id), decoded(&secret)));
        let post = request
            .field("client_secret")
            .map(|secret| (request.field("client_id").unwrap_or_default().to_owned(), secret.to_owned()));
        if basic.is_some() && post.is_some() {
            return Err(error(400, "invalid_request", "more than one way to authenticate"));
        }
        if let (None, None, Some(id)) = (&basic, &post, request.field("client_id"))
            && self.public_clients.iter().any(|public| public == id)
        {
            return Ok(id.to_owned());
        }
        let given = match self.client_auth {
            ClientAuth::Either => basic.or(post),
            ClientAuth::Basic => basic,
            ClientAuth::Post => post,
        };
        let right = given.is_some_and(|given| given == (self.client_id.clone(), self.client_secret.clone()));
        if right { Ok(self.client_id.clone()) } else { Err(self.wrong_client()) }
    }

    fn wrong_client(&self) -> Answer {
        let because = "client authentication failed";
        match self.refusal {
            ClientRefusal::Unauthorized => {
                error(401, "invalid_client", because).header("www-authenticate", r#"Basic realm="stand-in""#)
            }
            ClientRefusal::BadRequest => error(400, "invalid_client", because),
            ClientRefusal::Ok => error(200, "incorrect_client_credentials", because),
            ClientRefusal::ForbiddenPage => {
                Answer::new(403, "text/html; charset=utf-8", "<!doctype html><h1>403. That's an error.</h1>")
            }
        }
    }

    /// Written by hand, since `1e300` and `3600.0` must arrive as they are.
    fn granted(&self, token: &str, life: Duration, refresh_token: Option<&str>, scope: &[&str]) -> Answer {
        let mut fields = vec![("access_token", Value::from(token).to_string())];
        if let Some(refresh_token) = refresh_token {
            fields.push(("refresh_token", Value::from(refresh_token).to_string()));
        }
        if let Some(token_type) = &self.token_type {
            fields.push(("token_type", Value::from(token_type.as_str()).to_string()));
        }
        match &self.expires_in {
            ExpiresIn::True => fields.push(("expires_in", life.as_secs().to_string())),
            ExpiresIn::Missing => {}
            ExpiresIn::Raw(json) => fields.push(("expires_in", json.clone())),
        }
        match self.scope_answer {
            ScopeAnswer::Text => fields.push(("scope", Value::from(scope.join(" ")).to_string())),
            ScopeAnswer::List => fields.push(("scope", json!(scope).to_string())),
            ScopeAnswer::Absent => {}
        }
        let fields: Vec<_> = fields.into_iter().map(|(name, json)| format!("\"{name}\":{json}")).collect();
        Answer::new(200, "application/json;charset=UTF-8", format!("{{{}}}", fields.join(",")))
            .header("cache-control", "no-store")
    }
}

fn asked_scope(request: &Entry) -> Vec<&str> {
    request.field("scope").unwrap_or_default().split(' ').filter(|s| !s.is_empty()).collect()
}

/// What the server knows of a token.
fn about(request: &Entry, client: &str, scope: &[&str]) -> Value {
    json!({
        "client_id": client,
        "scope": scope,
        "audience": request.fields_named("audience"),
        "resource": request.fields_named("resource"),
    })
}

fn whoami(request: &Entry, home: &Home) -> Answer {
    match home.tokens.standing(request.bearer(&["Bearer", "bearer"]).unwrap_or_default()) {
        Standing::Live(issued) => Answer::json(200, &issued.about),
        Standing::Expired(_) | Standing::Unknown => error(401, "invalid_token", "expired or unknown")
            .header("www-authenticate", r#"Bearer error="invalid_token""#),
    }
}

fn error(status: u16, code: &str, description: &str) -> Answer {
    Answer::json(status, &json!({"error": code, "error_description": description}))
}

/// One part of Basic credentials: RFC 6749 2.3.1 has each form-encoded first.
fn decoded(part: &str) -> String {
    // A lone value: what looks like a separator in there was not encoded.
    let value = part.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(format!("v={value}").as_bytes()).map(|(_, value)| value.into_owned()).collect()
}

#[cfg(test)]
mod grants_tests;
#[cfg(test)]
mod tests;
