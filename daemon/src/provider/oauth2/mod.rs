//! Any OAuth 2.0 or OpenID Connect service: what is traded for an access token is the grant, a client says
//! who asks, and the endpoints say where.

mod answer;
mod assertion;
mod client;
mod endpoints;
mod extra;
mod form;
mod grant;
mod id_tokens;
mod introspection;
mod login;
mod metadata;
mod revocation;
mod signer;
mod token_exchange;

use std::time::Duration;

use tokend_proto::Secret;

use self::answer::{Origin, Purpose, Spent};
use self::assertion::Assertion;
use self::client::{Client, Method, Wants};
use self::endpoints::{Endpoint, Endpoints};
use self::extra::{Extra, Kind};
use self::form::Form;
use self::grant::{Grant, Ingredients};
use self::id_tokens::ServiceKeys;
use super::http::{Http, Reply, Request, address, refuse_key};
use super::lists::Words as Lists;
use super::login::{Asking, LogIn};
use super::words::Held;
use super::{
    Borrowed, CarriedOut, Defaults, Door, Failure, Identity, MintRequest, Minted, Pending, Probe, Provider,
    Revocation, Revoked,
};
use crate::clock::Moment;
use crate::document::Table;
use crate::secret::Source;

/// Keys of what is not built.
const LATER: [(&str, &str); 3] = [
    ("pushed_authorization_request_endpoint", "pushing the authorization request"),
    ("userinfo_endpoint", "asking the service about a user"),
    ("registration_endpoint", "registering a client"),
];

#[derive(Debug)]
struct OAuth2 {
    http: Http,
    endpoints: Endpoints,
    grant: Grant,
    client: Client,
    scope: Vec<String>,
    audience: Vec<String>,
    resource: Vec<String>,
    extra: Extra,
    keys: ServiceKeys,
}

/// An answer of the service, and the secrets that it may repeat.
#[derive(Debug)]
struct Answered {
    reply: Reply,
    held: Held,
}

/// Reads `issuer`, the endpoints, `grant` and its keys, the client's keys, `scope`, `audience`, `resource`,
/// `extra`.
pub(super) fn read(table: &mut Table<'_>, defaults: &Defaults) -> Option<Box<dyn Provider>> {
    read_account(table, defaults).map(|account| Box::new(account) as Box<dyn Provider>)
}

fn read_account(table: &mut Table<'_>, defaults: &Defaults) -> Option<OAuth2> {
    let name = grant::read_name(table);
    grant::refuse_keys_of_others(table, name);
    for (key, what) in LATER {
        table.not_built(key, what);
    }
    refuse_key(table, "url", "write `issuer` or `token_endpoint`");
    let http = Http::read(table, defaults);
    let needed: &[Endpoint] = match name {
        Some("device_code") => &[Endpoint::Token, Endpoint::DeviceAuthorization],
        Some("authorization_code") => &[Endpoint::Token, Endpoint::Authorization],
        _ => &[Endpoint::Token],
    };
    let has_effect = |key: &str| name.is_none_or(|name| grant::has_effect(key, name));
    let endpoints = Endpoints::read(table, has_effect, needed);
    let grant = name.and_then(|name| Grant::read(table, name, &defaults.reach));
    let wants = name.zip(grant.as_ref()).map(|(name, grant)| Wants {
        proof: name == "client_credentials",
        name: !matches!(name, "password" | "jwt_bearer" | "token_exchange"),
        key: matches!(grant, Grant::JwtBearer(Assertion::Signed { .. })),
    });
    let audience = endpoints.as_ref().map(Endpoints::audience).unwrap_or_default();
    let client = Client::read(table, wants, audience, defaults.command_timeout, &defaults.reach);
    let scope = Lists::OAuthScope.read(table, "scope");
    let audience = Lists::Apart.read_one_or_many(table, "audience");
    let resource = Lists::Apart.read_one_or_many(table, "resource");
    let extra = Extra::read(table, |kind| name.is_none_or(|name| grant::sends(kind, name)));
    Some(OAuth2 {
        http,
        endpoints: endpoints?,
        grant: grant?,
        client: client?,
        scope: scope.unwrap_or_default(),
        audience: audience.unwrap_or_default(),
        resource: resource.unwrap_or_default(),
        extra,
        keys: ServiceKeys::default(),
    })
}

impl OAuth2 {
    async fn exchange(&self, asked: &MintRequest) -> Result<Minted, Failure> {
        let asking = Asking { now: asked.now, errand: asked.errand.clone() };
        let spent = self.spent(asked);
        let (kind, purpose) = match spent {
            Some(spent) => (Kind::Refresh, Purpose::Refresh(spent)),
            None => (Kind::Token, self.grant.purpose()),
        };
        let form = self.form(spent, asked, &asking).await.map_err(early)?;
        let scope = asked.scope.as_deref().unwrap_or(&self.scope);
        self.trade(form, kind, purpose, scope, &asking).await
    }

    /// The refresh token to spend, where this grant spends one.
    fn spent<'a>(&'a self, asked: &'a MintRequest) -> Option<Spent<'a>> {
        let origin = match &self.grant {
            Grant::RefreshToken(first) => Origin::Source(first),
            Grant::Login(_) => Origin::Login(&asked.errand.account),
            _ => return None,
        };
        Some(Spent { token: asked.refresh_token.as_deref()?, origin })
    }

    /// What the account's own grant says, and for what.
    async fn form(
        &self,
        spent: Option<Spent<'_>>,
        asked: &MintRequest,
        asking: &Asking,
    ) -> Result<Form, Failure> {
        // RFC 6749 6: as granted, where nothing is said. What was configured then is not asked for again: it
        // may have been a part only that was granted.
        let own = if matches!(self.grant, Grant::Login(_)) { &[][..] } else { &self.scope };
        let scope = Lists::OAuthScope.choose("bad-scope", asked.scope.as_deref(), own)?;
        let audience = Lists::Apart.choose("bad-audience", asked.audience.as_deref(), &self.audience)?;
        let (signer, timeout) = (&self.client.signer, self.client.timeout);
        let spent = spent.map(|spent| spent.token);
        let mut form = self.grant.form(Ingredients { spent, asked, asking, signer, timeout }).await?;
        self.say_for_what(&mut form, scope, audience);
        Ok(form)
    }

    /// Adds `scope`, `audience` and `resource` (RFC 8707 2).
    fn say_for_what(&self, form: &mut Form, scope: &[String], audience: &[String]) {
        if !scope.is_empty() {
            form.say("scope", &scope.join(" "));
        }
        form.say_each("audience", audience);
        form.say_each("resource", &self.resource);
    }

    /// Sends `form` to the token endpoint, and reads the token in its answer. `scope` was asked for.
    ///
    /// # Errors
    /// Why there is none. What fails before the request is sent was not carried out.
    async fn trade(
        &self,
        form: Form,
        kind: Kind,
        purpose: Purpose<'_>,
        scope: &[String],
        asking: &Asking,
    ) -> Result<Minted, Failure> {
        let answered = self.post(Endpoint::Token, form, kind, asking).await?;
        self.accept(&answered, purpose, scope, asking).await
    }

    /// The token in the answer of a token endpoint, and an id token that is verified.
    ///
    /// # Errors
    /// Why there is none.
    async fn accept(
        &self,
        answered: &Answered,
        purpose: Purpose<'_>,
        scope: &[String],
        asking: &Asking,
    ) -> Result<Minted, Failure> {
        let minted = answer::read(&answered.reply, asking.now, purpose, &answered.held)?;
        self.with_id_token(minted, answered, purpose, scope, asking).await
    }

    /// Sends `form` to an endpoint with what `extra` has for requests of this kind, and who asks.
    ///
    /// # Errors
    /// Why nothing was sent, or no answer came.
    async fn post(
        &self,
        endpoint: Endpoint,
        form: Form,
        kind: Kind,
        asking: &Asking,
    ) -> Result<Answered, Failure> {
        // What fails before is not yet the request that counts.
        let (request, held) = self.request(endpoint, form, kind, asking).await.map_err(early)?;
        let reply = self.http.send(request, asking.now).await?;
        Ok(Answered { reply, held })
    }

    /// The request of [`OAuth2::post`], and the secrets in it.
    async fn request(
        &self,
        endpoint: Endpoint,
        mut form: Form,
        kind: Kind,
        asking: &Asking,
    ) -> Result<(Request, Held), Failure> {
        let url = self.endpoints.require(endpoint, &self.http, asking.now).await?;
        let supported = match self.endpoints.written(Endpoint::Token) {
            Some(_) => None,
            None => self.endpoints.metadata(&self.http, asking.now).await?,
        };
        for (name, value) in self.extra.of(kind) {
            form.say(name, value);
        }
        let supported = supported.map_or(Method::Basic, |metadata| metadata.method());
        let header = self.client.authenticate(supported, &mut form, asking).await?;
        if let (Endpoint::DeviceAuthorization, Some(_), Some(id)) = (endpoint, &header, &self.client.id) {
            // Services that let a client in by the header want its id in the body all the same: RFC 8628 3.1
            // has it there.
            form.say("client_id", id);
        }
        let mut request = Request::post(url).form(form.pairs);
        if let Some(header) = header {
            request = request.authorization(header);
        }
        Ok((request, form.held))
    }

    /// Where the secrets of every request come from, each by its key.
    fn all_sources(&self) -> Vec<(&'static str, &Source)> {
        self.client.sources().into_iter().chain(self.grant.sources()).collect()
    }
}

/// The failure of what comes before the request that counts.
fn early(failure: Failure) -> Failure {
    failure.perhaps(CarriedOut::No)
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

    fn borrows(&self) -> Vec<Borrowed> {
        match &self.grant {
            Grant::TokenExchange(exchange) => exchange.borrows(),
            _ => Vec::new(),
        }
    }

    fn sources(&self) -> Vec<&Source> {
        self.all_sources().into_iter().map(|(_, source)| source).collect()
    }

    fn prepare(&self, now: Moment) -> Pending<'_, ()> {
        Box::pin(async move {
            self.endpoints.require(Endpoint::Token, &self.http, now).await?;
            self.prepare_keys(now).await;
            Ok(())
        })
    }

    fn revoke<'a>(&'a self, revocation: &'a Revocation, asking: &'a Asking) -> Pending<'a, Revoked> {
        Box::pin(self.end_login(revocation, asking))
    }

    fn can_probe(&self) -> bool {
        self.endpoints.written(Endpoint::Introspection).is_some()
    }

    fn probe<'a>(&'a self, token: &'a Secret, asking: &'a Asking) -> Pending<'a, Probe> {
        Box::pin(self.introspect(token, asking))
    }

    fn source_timeout(&self) -> Duration {
        self.client.timeout
    }

    fn first_refresh_token(&self) -> Option<&Source> {
        match &self.grant {
            Grant::RefreshToken(source) => Some(source),
            _ => None,
        }
    }

    fn login(&self) -> Option<&dyn LogIn> {
        matches!(self.grant, Grant::Login(_)).then_some(self)
    }

    fn door(&self) -> Option<Door<'_>> {
        self.endpoints.named().map(|url| Door::new(&self.http, url))
    }

    fn identity(&self) -> Identity {
        Identity {
            origin: self.endpoints.named().map(address::origin).unwrap_or_default(),
            client: self.client.id.as_deref().or(self.grant.issuer()).unwrap_or_default().to_owned(),
            user: self.grant.user().to_owned(),
        }
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        self.endpoints.describe(&mut lines);
        lines.push(("grant", self.grant.name().to_owned()));
        self.client.describe(&mut lines);
        self.grant.describe(&mut lines);
        let first = self.first_refresh_token().map(|source| ("refresh_token", source));
        for (name, source) in self.all_sources().into_iter().chain(first) {
            lines.push((name, source.describe()));
        }
        for (name, list) in
            [("scope", &self.scope), ("audience", &self.audience), ("resource", &self.resource)]
        {
            if !list.is_empty() {
                lines.push((name, list.join(" ")));
            }
        }
        if let Grant::Login(login) = &self.grant {
            login.describe(&mut lines);
        }
        self.http.describe(&mut lines);
        lines
    }
}

#[cfg(test)]
mod assertion_tests;
#[cfg(test)]
mod exchange_tests;
#[cfg(test)]
mod id_token_tests;
#[cfg(test)]
mod logout_tests;
#[cfg(test)]
mod refresh_tests;
#[cfg(test)]
mod tests;
