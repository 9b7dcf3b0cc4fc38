//! ItsYou.online: a client id and a secret become a JWT, which OpenvCloud takes.
//!
//! Source: the service's own code (`oauthservice/access_token.go`, `jwt.go`) and "How to use the OpenvCloud APIs".

mod offline;

use std::time::Duration;

use tokend_proto::Secret;
use url::Url;
use zeroize::Zeroizing;

use self::offline::Parent;
use super::http::address::{self, Query};
use super::http::{Buffer, Http, Reply, Request};
use super::jwt::{self, Claims};
use super::lifetime::{self, Dead, dead};
use super::lists::Words as Lists;
use super::verdict::{Row, judge, unusable};
use super::words::Words;
use super::{
    Class, Defaults, Door, Failure, Identity, MintRequest, Minted, Pending, Presentation, Provider, token,
};
use crate::document::Table;
use crate::secret::Source;

/// Wrong credentials are 400, as is a malformed request; 401 is "scope not allowed".
const MINT: &[Row] = &[Row::status(400, Class::No), Row::status(401, Class::No)];

const CREDENTIALS: &str = "client_id, client_secret and scope";

/// In the scope it asks for a refresh token; it is no scope of the JWT.
const OFFLINE: &str = "offline_access";

/// The service gives no JWT a longer life; `validity` can only shorten it.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug)]
struct ItsYouOnline {
    http: Http,
    base: Url,
    client_id: String,
    client_secret: Source,
    /// Without `offline_access`.
    scope: Vec<String>,
    /// Whether `offline_access` is configured.
    is_offline: bool,
    audience: Vec<String>,
    validity: Option<Duration>,
    secret_timeout: Duration,
    /// The JWT with the refresh token, where there is one. Requests that spend it go one after another.
    parent: tokio::sync::Mutex<Option<Parent>>,
}

/// Reads `url`, `client_id`, `client_secret`, `scope`, `audience`, `validity`.
pub(super) fn read(table: &mut Table<'_>, defaults: &Defaults) -> Option<Box<dyn Provider>> {
    let http = Http::read(table, defaults);
    let base = address::read_or(table, "url", "https://itsyou.online", Query::Refused);
    let client_id = table.required_string("client_id");
    let client_secret = Source::required(table, "client_secret", &defaults.reach);
    let scope = Lists::CommaSeparated.read(table, "scope");
    let audience = Lists::CommaSeparated.read_one_or_many(table, "audience");
    let validity = table.duration_within("validity", &(Duration::from_secs(1)..=LONGEST));
    let scope = scope.unwrap_or_default();
    if scope.is_empty() && !table.has("scope") {
        let hint = "name what the account is for, such as scope = [\"user:memberof:ORGANIZATION\"]";
        table.warn(&table.span(), "without `scope` the token can do everything that the key can", hint);
    }
    Some(Box::new(ItsYouOnline {
        http,
        base: base?,
        client_id: client_id?.value,
        client_secret: client_secret?,
        is_offline: scope.iter().any(|scope| scope == OFFLINE),
        scope: without_offline(&scope),
        audience: audience.unwrap_or_default(),
        validity: validity.map(|validity| validity.value),
        secret_timeout: defaults.command_timeout,
        parent: tokio::sync::Mutex::default(),
    }))
}

impl ItsYouOnline {
    async fn exchange(&self, asked: &MintRequest) -> Result<Minted, Failure> {
        let scope = Lists::CommaSeparated.choose("bad-scope", asked.scope.as_deref(), &self.scope)?;
        let audience =
            Lists::CommaSeparated.choose("bad-audience", asked.audience.as_deref(), &self.audience)?;
        // A caller's own scopes need not be among the parent's, so they are asked for with the key.
        if asked.scope.is_none() && self.is_offline {
            return self.through_parent(audience, asked).await;
        }
        let scope = without_offline(scope);
        let (jwt, reply) =
            self.by_key(&Wish { scope: &scope, audience, validity: self.validity }, asked).await?;
        self.serve(jwt, &reply, asked, &scope)
    }

    /// A JWT for the client id and secret. All of it in the body: queries end in logs.
    async fn by_key(&self, wish: &Wish<'_>, asked: &MintRequest) -> Result<(Jwt, Reply), Failure> {
        let secret = self.client_secret.fetch(&asked.errand, self.secret_timeout).await?;
        let mut form = Buffer::with_capacity(512);
        form.push_pair(b"grant_type", b"client_credentials");
        form.push_pair(b"client_id", self.client_id.as_bytes());
        form.push_pair(b"client_secret", &secret.expose());
        form.push_pair(b"response_type", b"id_token");
        wish.push_to(&mut form);
        let request = Request::post(self.url("/v1/oauth/access_token")).form(form);
        let reply = self.http.send(request, asked.now).await?;
        Ok((Jwt::read(&reply)?, reply))
    }

    /// What is served. A JWT with a refresh token in it never is: it is a long-lived secret.
    fn serve(
        &self,
        jwt: Jwt,
        reply: &Reply,
        asked: &MintRequest,
        scope: &[String],
    ) -> Result<Minted, Failure> {
        if jwt.claims.has_refresh_token {
            return Err(unusable(reply, "a JWT that holds a refresh token, which is not served"));
        }
        let lifetime = lifetime::shorter(jwt.life(reply, asked)?, self.validity);
        let warnings = Self::warnings(&jwt, scope);
        let (scope, date) = (jwt.claims.scope, reply.date);
        Ok(Minted { lifetime, scope, warnings, date, ..Minted::of(jwt.text) })
    }

    fn warnings(jwt: &Jwt, scope: &[String]) -> Vec<String> {
        if !scope.is_empty() {
            return Vec::new();
        }
        let admin = jwt.claims.scope.iter().flatten().any(|scope| scope == "user:admin");
        let power = if admin { "everything its user can (user:admin)" } else { "all that its key allows" };
        vec![format!("no scope is configured, so this token can do {power}; name the scope that you need")]
    }

    fn url(&self, path: &str) -> Url {
        address::under(&self.base, &[], path)
    }
}

fn without_offline(scope: &[String]) -> Vec<String> {
    scope.iter().filter(|scope| *scope != OFFLINE).cloned().collect()
}

/// What a JWT is to be good for.
struct Wish<'a> {
    scope: &'a [String],
    audience: &'a [String],
    validity: Option<Duration>,
}

impl Wish<'_> {
    fn push_to(&self, pairs: &mut Buffer) {
        for (name, words) in [("scope", self.scope), ("aud", self.audience)] {
            if !words.is_empty() {
                pairs.push_pair(name.as_bytes(), words.join(",").as_bytes());
            }
        }
        if let Some(validity) = self.validity {
            pairs.push_pair(b"validity", validity.as_secs().to_string().as_bytes());
        }
    }
}

/// A JWT that came from the service.
struct Jwt {
    text: Secret,
    claims: Claims,
}

impl Jwt {
    /// The bare JWT (`application/jwt`), or `{"access_token": JWT}`. Refusals are plain text without a form, so
    /// there are no words of the service's to show.
    fn read(reply: &Reply) -> Result<Self, Failure> {
        if !reply.is_success() || reply.is_page() {
            return Err(judge(reply, MINT, &Words::default(), CREDENTIALS));
        }
        let wrapped = reply.json().and_then(|body| match body.get("access_token").unwrap_or(&body) {
            serde_json::Value::String(text) => Some(Zeroizing::new(text.clone())),
            _ => None,
        });
        let bytes =
            wrapped.as_ref().map_or(reply.text().unwrap_or_default().as_bytes(), |text| text.as_bytes());
        if bytes.starts_with(b"{") {
            return Err(unusable(reply, "JSON without a token"));
        }
        let text = token::accept_from(bytes, reply)?;
        let claims = jwt::claims(&text).ok_or_else(|| unusable(reply, "something else than a JWT"))?;
        Ok(Self { text, claims })
    }

    fn life(&self, reply: &Reply, asked: &MintRequest) -> Result<Option<Duration>, Failure> {
        self.claims.life(asked.now.wall, reply.date).map_err(|Dead| dead(&reply.host))
    }
}

impl Provider for ItsYouOnline {
    fn mint<'a>(&'a self, request: &'a MintRequest) -> Pending<'a, Minted> {
        Box::pin(self.exchange(request))
    }

    /// Lower case, as in OpenvCloud's documents.
    fn presentation(&self) -> Presentation {
        Presentation::Header { scheme: "bearer".to_owned() }
    }

    /// For a JWT without `exp`, which none has been seen to be.
    fn assumed_lifetime(&self) -> Option<Duration> {
        Some(self.validity.unwrap_or(LONGEST))
    }

    fn scopes(&self) -> Option<&[String]> {
        Some(&self.scope)
    }

    fn takes_audience(&self) -> bool {
        true
    }

    fn sources(&self) -> Vec<&Source> {
        vec![&self.client_secret]
    }

    fn forget(&self) {
        self.client_secret.forget();
        // Where it is in use, whoever uses it is told first to end.
        if let Ok(mut parent) = self.parent.try_lock() {
            *parent = None;
        }
    }

    fn door(&self) -> Option<Door<'_>> {
        Some(Door::new(&self.http, &self.base))
    }

    fn identity(&self) -> Identity {
        Identity { origin: address::origin(&self.base), client: self.client_id.clone(), user: String::new() }
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![
            ("url", self.base.to_string()),
            ("client_id", self.client_id.clone()),
            ("client_secret", self.client_secret.describe()),
            ("scope", if self.scope.is_empty() { "everything".to_owned() } else { self.scope.join(", ") }),
        ];
        if self.is_offline {
            lines.push((
                "offline_access",
                "the parent JWT stays in tokend; its children are served".to_owned(),
            ));
        }
        if !self.audience.is_empty() {
            lines.push(("audience", self.audience.join(", ")));
        }
        if let Some(validity) = self.validity {
            lines.push(("validity", humantime::format_duration(validity).to_string()));
        }
        self.http.describe(&mut lines);
        lines
    }
}

#[cfg(test)]
mod tests;
