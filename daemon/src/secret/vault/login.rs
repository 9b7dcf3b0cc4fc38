//! Logging in: by a token that is there already, AppRole, JWT, or user name and password.
//!
//! Sources: the API documents of OpenBao and HashiCorp Vault, "AppRole", "JWT/OIDC", "Userpass" and "Token".

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::HeaderName;
use serde::Deserialize;
use serde_json::Value;
use tokend_proto::Secret;
use zeroize::Zeroizing;

use super::answers::{self, words};
use super::session::Session;
use super::settings::Settings;
use crate::clock::{Moment, Steady};
use crate::document::printable;
use crate::provider::http::{Buffer, Reply, Request, address, headers};
use crate::provider::words::Held;
use crate::provider::{Failure, Pending};
use crate::secret::{Errand, Source};

/// A method, and the credentials that it takes.
#[derive(Debug)]
pub(super) enum Login {
    Token(Source),
    AppRole { role_id: RoleId, secret_id: Option<Source> },
    Jwt { role: Option<String>, jwt: Source },
    UserPass { username: String, password: Source },
}

/// A role's id is no secret, but may be kept as one.
#[derive(Debug)]
pub(super) enum RoleId {
    Text(String),
    Source(Source),
}

/// A session that has begun.
pub(super) struct Begun {
    pub(super) session: Session,
    /// When the lease began: before the request.
    pub(super) at: Steady,
    /// How long it lives; `None` for good.
    pub(super) lease: Option<Duration>,
    pub(super) is_renewable: bool,
}

impl Login {
    pub(super) fn method(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::AppRole { .. } => "approle",
            Self::Jwt { .. } => "jwt",
            Self::UserPass { .. } => "userpass",
        }
    }

    /// Where its secret comes from.
    pub(super) fn source(&self) -> Option<&Source> {
        match self {
            Self::Token(source) | Self::Jwt { jwt: source, .. } | Self::UserPass { password: source, .. } => {
                Some(source)
            }
            Self::AppRole { secret_id, .. } => secret_id.as_ref(),
        }
    }

    /// What to check after a refusal.
    fn credentials(&self) -> &'static str {
        match self {
            Self::Token(_) => "`token` in [vault]",
            Self::AppRole { secret_id: Some(_), .. } => "`role_id` and `secret_id` in [vault]",
            Self::AppRole { secret_id: None, .. } => {
                "`role_id` in [vault], and whether the role wants a `secret_id`"
            }
            Self::Jwt { .. } => "`role` and `jwt` in [vault]",
            Self::UserPass { .. } => "`username` and `password` in [vault]",
        }
    }

    pub(super) fn describe(&self, lines: &mut Vec<(&'static str, String)>) {
        match self {
            Self::Token(token) => lines.push(("token", token.describe())),
            Self::AppRole { role_id, secret_id } => {
                let role_id = match role_id {
                    RoleId::Text(text) => text.clone(),
                    RoleId::Source(source) => source.describe(),
                };
                lines.push(("role_id", role_id));
                lines.extend(secret_id.iter().map(|source| ("secret_id", source.describe())));
            }
            Self::Jwt { role, jwt } => {
                lines.extend(role.iter().map(|role| ("role", role.clone())));
                lines.push(("jwt", jwt.describe()));
            }
            Self::UserPass { username, password } => {
                lines.push(("username", username.clone()));
                lines.push(("password", password.describe()));
            }
        }
    }
}

/// The credentials, as they were just read.
pub(super) struct Credentials {
    /// In the order of the fields of the request.
    fields: Vec<(&'static str, Secret)>,
    held: Held,
    /// What they are, by their hashes.
    pub(super) hashes: Vec<[u8; 32]>,
}

impl Settings {
    /// Reads the credentials anew. A secret of the store may be bound to the vault: `--for vault`. A source
    /// may be a vault, so the compiler wants the type of this future said.
    pub(super) fn credentials(&self) -> Pending<'_, Credentials> {
        Box::pin(self.read_credentials())
    }

    async fn read_credentials(&self) -> Result<Credentials, Failure> {
        let errand = Errand::new("vault", &address::origin(&self.base));
        let read = async |source: &Source| source.fetch(&errand, self.secret_timeout).await;
        let text = |text: &str| {
            Secret::new(text.as_bytes().to_vec())
                .map_err(|_| Failure::source("secret-vault", "`role_id` is too long", "mend it in [vault]"))
        };
        let mut fields = Vec::new();
        match &self.login {
            Login::Token(source) => fields.push(("token", read(source).await?)),
            Login::AppRole { role_id, secret_id } => {
                fields.push((
                    "role_id",
                    match role_id {
                        RoleId::Text(id) => text(id)?,
                        RoleId::Source(source) => read(source).await?,
                    },
                ));
                if let Some(source) = secret_id {
                    fields.push(("secret_id", read(source).await?));
                }
            }
            Login::Jwt { role: _, jwt } => fields.push(("jwt", read(jwt).await?)),
            Login::UserPass { username: _, password } => fields.push(("password", read(password).await?)),
        }
        let mut held = Held::default();
        for (_, secret) in &fields {
            held.add(&exposed(secret));
        }
        Ok(Credentials { fields, held, hashes: errand.fetched() })
    }

    /// Logs in with them. `now` is the moment before.
    pub(super) async fn log_in(&self, credentials: Credentials, now: Moment) -> Result<Begun, Failure> {
        let request = self.login_request(&credentials)?;
        let reply = self.send(request, now).await?;
        if !reply.is_success() || reply.is_page() {
            return Err(self.refused(&reply, &credentials.held));
        }
        let begun = match &self.login {
            Login::Token(_) => {
                let token = credentials.fields.into_iter().next().map(|(_, token)| token);
                token.and_then(|token| looked_up(&reply, token, now))
            }
            login => logged_in(&reply, login, now)?,
        };
        begun.ok_or_else(|| answers::unusable(&reply, "something else than a login"))
    }

    fn login_request(&self, credentials: &Credentials) -> Result<Request, Failure> {
        if let (Login::Token(_), [(_, token)]) = (&self.login, &credentials.fields[..]) {
            return with_token(Request::get(self.url(["auth", "token", "lookup-self"])), token);
        }
        let mut body = BTreeMap::new();
        for (name, secret) in &credentials.fields {
            let bytes = exposed(secret);
            let text = std::str::from_utf8(&bytes).map_err(|_| {
                Failure::source("bad-secret", format!("`{name}` of [vault] is no text"), "it must be UTF-8")
            })?;
            body.insert(*name, Zeroizing::new(text.to_owned()));
        }
        let mut tail = vec!["login"];
        match &self.login {
            Login::Jwt { role: Some(role), .. } => {
                body.insert("role", Zeroizing::new(role.clone()));
            }
            Login::UserPass { username, .. } => tail.push(username),
            _ => {}
        }
        let mut text = Buffer::with_capacity(512);
        let body: BTreeMap<_, &str> = body.iter().map(|(name, text)| (*name, text.as_str())).collect();
        // Neither a Buffer nor strings can fail.
        let _ = serde_json::to_writer(&mut text, &body);
        let mount = self.auth_mount.iter().map(String::as_str);
        Ok(Request::post(self.url(std::iter::once("auth").chain(mount).chain(tail))).json_text(text))
    }

    /// A login that failed. Wrong credentials are 400 at AppRole and userpass, 400 or 403 at JWT, 403 for a
    /// token; a method or namespace that is not there is 403 or 404.
    fn refused(&self, reply: &Reply, held: &Held) -> Failure {
        if reply.is_page() || !matches!(reply.status, 400 | 401 | 403 | 404) {
            return answers::not_ready(reply, held);
        }
        let hint = match reply.status {
            404 => "check `namespace`, `auth` and `auth_mount` in [vault]".to_owned(),
            _ => format!("check {}", self.login.credentials()),
        };
        Failure::no(
            "vault-login",
            format!(
                "the vault at {} refused the login by {} ({}{})",
                reply.host,
                self.login.method(),
                reply.status,
                words(reply, held)
            ),
            hint,
        )
    }
}

/// The request with the token of a session.
pub(super) fn with_token(request: Request, token: &Secret) -> Result<Request, Failure> {
    let value = headers::sensitive(&exposed(token), "the vault's token")?;
    Ok(request.header(HeaderName::from_static("x-vault-token"), value))
}

/// A copy, for the moment in which a request is made of it.
fn exposed(secret: &Secret) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(secret.expose().to_vec())
}

#[derive(Deserialize)]
struct LoginAnswer<'a> {
    #[serde(borrow)]
    auth: Option<Auth<'a>>,
}

#[derive(Deserialize)]
struct Auth<'a> {
    #[serde(borrow, default)]
    client_token: Cow<'a, str>,
    #[serde(default)]
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
    metadata: Option<BTreeMap<String, Value>>,
    mfa_requirement: Option<Value>,
}

/// The session that an answer to a login begins; `None` where it is none.
fn logged_in(reply: &Reply, login: &Login, now: Moment) -> Result<Option<Begun>, Failure> {
    let Ok(LoginAnswer { auth: Some(auth) }) = serde_json::from_slice(&reply.body) else {
        return Ok(None);
    };
    if auth.mfa_requirement.is_some() {
        return Err(Failure::no(
            "vault-login",
            format!("the vault at {} wants a second factor for this login", reply.host),
            "a daemon has none: use a role or user without one",
        ));
    }
    let token = Zeroizing::new(auth.client_token.into_owned().into_bytes());
    let Some(token) = (!token.is_empty()).then(|| Secret::new(token.to_vec()).ok()).flatten() else {
        return Ok(None);
    };
    let role = ["role_name", "role"].iter().find_map(|key| auth.metadata.as_ref()?.get(*key)?.as_str());
    let who = match (login, role) {
        (Login::UserPass { username, .. }, _) => format!("user {}", printable(username, 64)),
        (_, Some(role)) => format!("role {}", printable(role, 64)),
        (Login::Jwt { role: Some(role), .. }, None) => format!("role {}", printable(role, 64)),
        _ => "this role".to_owned(),
    };
    Ok(Some(Begun::of(token, who, auth.lease_duration, auth.renewable, now)))
}

#[derive(Deserialize)]
struct LookupAnswer {
    data: Option<Lookup>,
}

#[derive(Deserialize)]
struct Lookup {
    ttl: u64,
    #[serde(default)]
    renewable: bool,
}

/// The session of a token that is there already.
fn looked_up(reply: &Reply, token: Secret, now: Moment) -> Option<Begun> {
    let answer: LookupAnswer = serde_json::from_slice(&reply.body).ok()?;
    let Lookup { ttl, renewable } = answer.data?;
    Some(Begun::of(token, "this token".to_owned(), ttl, renewable, now))
}

impl Begun {
    /// A lease of nothing is for good: a root token's.
    fn of(token: Secret, who: String, lease: u64, renewable: bool, now: Moment) -> Self {
        let lease = (lease > 0).then(|| Duration::from_secs(lease));
        let session = Session::new(token, who, lease.map(|lease| now.steady.after(lease)));
        Self { session, at: now.steady, lease, is_renewable: renewable && lease.is_some() }
    }
}
