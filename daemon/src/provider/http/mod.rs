//! HTTP as tokend speaks it: to one configured service, no redirects, cookies or retries, and bounds on
//! everything.

pub(crate) mod address;
mod buffer;
mod clients;
pub(crate) mod headers;
mod knock;
mod network;
mod proxy;
mod reply;
mod sent;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use serde::Serialize;
use tokend_proto::Secret;
use url::Url;
use zeroize::Zeroizing;

use self::clients::Setting;
use self::proxy::Route;
use self::reply::Broken;
use self::sent::Sent;
use super::verdict::carried_out_by_status;
use super::{CarriedOut, Defaults, Failure};
use crate::clock::Moment;
use crate::document::Table;

pub(crate) use self::buffer::Buffer;
pub use self::clients::{forget_clients, install_crypto};
pub use self::knock::Answered;
pub use self::proxy::ProxyEnvironment;
pub(crate) use self::reply::{MOST_BODY, Reply};
#[cfg(test)]
pub(crate) use self::tests::testing;

/// The way of one account to its service.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    timeout: Duration,
    ca_file: Option<PathBuf>,
    route: Route,
    user_agent: HeaderValue,
    headers: HeaderMap,
}

/// The keys that any account with an HTTP service may have.
const KEYS: [&str; 4] = ["headers", "user_agent", "ca_file", "proxy"];

impl Http {
    /// Reads `headers`, `user_agent`, `ca_file` and `proxy` of an account.
    pub(crate) fn read(table: &mut Table<'_>, defaults: &Defaults) -> Self {
        Self {
            timeout: defaults.http_timeout,
            ca_file: table
                .path_of_file("ca_file")
                .map(|path| path.value)
                .or_else(|| defaults.ca_file.clone()),
            route: read_route(table, defaults),
            user_agent: headers::read_user_agent(table),
            headers: headers::read(table),
        }
    }

    /// Sends one request and reads the whole answer, whatever its status. `now` is the moment before. A
    /// failure says whether the request may have been carried out.
    pub(crate) async fn send(&self, request: Request, now: Moment) -> Result<Reply, Failure> {
        let host = address::host(&request.url);
        let proxy = self.route.to(&request.url)?;
        let proxy_name = proxy.as_ref().map(|proxy| proxy.name.clone());
        let setting = Setting::of(&request.url, self.ca_file.as_deref(), proxy).await?;
        let client = setting.client().await?;

        let (sent, has_body) = (Sent::default(), request.has_body());
        let status = AtomicU16::new(0);
        let exchange = async {
            match client.execute(self.complete(request, &sent)).await {
                Ok(response) => {
                    status.store(response.status().as_u16(), Ordering::Relaxed);
                    let lost = carried_out_by_status(response.status().as_u16());
                    (Reply::read(response, host.clone(), now.wall).await, lost)
                }
                Err(error) => {
                    let may_have_left = if has_body { sent.is_set() } else { !error.is_connect() };
                    let lost = if may_have_left && !network::is_of_the_handshake(&error) {
                        CarriedOut::AnswerLost
                    } else {
                        CarriedOut::No
                    };
                    (Err(Broken::Network(error)), lost)
                }
            }
        };
        let Some((answer, lost)) = in_time(self.timeout, exchange).await else {
            let lost = match status.load(Ordering::Relaxed) {
                0 if has_body && !sent.is_set() => CarriedOut::No,
                0 => CarriedOut::AnswerLost,
                status => carried_out_by_status(status),
            };
            tracing::debug!(host, ?lost, "the service did not answer in time");
            return Err(network::timed_out(&host, proxy_name.as_deref()).perhaps(lost));
        };
        match answer {
            Ok(reply) => {
                tracing::debug!(host, status = reply.status, "the service answered");
                Ok(reply)
            }
            Err(Broken::TooLong) => {
                let message = format!("{host} answered with more than {MOST_BODY} bytes");
                let hint = "look whether the url is that of the service";
                Err(Failure::not_now("too-long", message, hint).perhaps(lost))
            }
            Err(Broken::Network(error)) => {
                let known = network::Known::of(&error);
                let failure = network::classify(&error, known, &host, proxy_name.as_deref());
                tracing::debug!(host, kind = failure.kind, ?lost, "the service did not answer");
                if failure.kind == "tls" {
                    // The authority may be installed meanwhile.
                    setting.forget();
                }
                Err(failure.perhaps(lost))
            }
        }
    }

    /// `sent` says of a request with a body whether it may have left.
    fn complete(&self, request: Request, sent: &Sent) -> reqwest::Request {
        let mut whole = reqwest::Request::new(request.method, request.url);
        let headers = whole.headers_mut();
        *headers = request.headers;
        headers.insert(USER_AGENT, self.user_agent.clone());
        // The user's come last: whoever writes one means it.
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        if let Some(mut body) = request.body {
            // reqwest's copy is out of our hands; the allocator wipes it.
            *whole.body_mut() = Some(sent.watch(std::mem::take(&mut *body).into()));
        }
        whole
    }

    /// What `tokend check` shows of it, where it is not the default.
    pub(crate) fn describe(&self, into: &mut Vec<(&'static str, String)>) {
        match &self.route {
            Route::Through(proxy) => into.push(("proxy", proxy.to_string())),
            Route::Direct => into.push(("proxy", "none".to_owned())),
            Route::Environment(_) => {}
        }
        if let Some(path) = &self.ca_file {
            into.push(("ca_file", path.display().to_string()));
        }
        if !self.headers.is_empty() {
            let names: Vec<_> = self.headers.keys().map(HeaderName::as_str).collect();
            into.push(("headers", names.join(", ")));
        }
    }
}

/// A process that was stopped for longer than the time-out finds the answer in its socket: so long it may still read.
const LATE_READING: Duration = Duration::from_millis(250);

/// What comes of `exchange` within its time.
async fn in_time<T>(limit: Duration, exchange: impl Future<Output = T>) -> Option<T> {
    let mut exchange = pin!(exchange);
    if let Ok(answer) = tokio::time::timeout(limit, &mut exchange).await {
        return Some(answer);
    }
    tokio::time::timeout(LATE_READING, exchange).await.ok()
}

/// Reports the keys of [`Http::read`] for a kind that sends no request: `who`, such as "a static account".
pub(crate) fn refuse(table: &mut Table<'_>, who: &str) {
    for key in KEYS.into_iter().chain(["url"]) {
        refuse_key(table, key, &format!("{who} sends no request: remove it"));
    }
}

/// Reports `key`, if it is there, as one that has no effect in an account of this kind.
pub(crate) fn refuse_key(table: &mut Table<'_>, key: &str, hint: &str) {
    if let Some(span) = table.key_span(key) {
        table.allow(key);
        table.report(&span, format!("`{key}` has no effect here"), hint);
    }
}

fn read_route(table: &mut Table<'_>, defaults: &Defaults) -> Route {
    let inherited = match &defaults.proxy {
        Some(proxy) => Route::Through(proxy.clone()),
        None => Route::Environment(defaults.environment.clone()),
    };
    let Some(text) = table.string("proxy") else {
        return inherited;
    };
    if text.value.is_empty() {
        return Route::Direct;
    }
    match parse_proxy(&text.value) {
        Ok(proxy) => Route::Through(proxy),
        Err(hint) => {
            table.report(&text.span, "`proxy` is no proxy's URL", hint);
            inherited
        }
    }
}

/// The proxy that a `proxy = "…"` in the configuration names: `http://` or `https://`, host and port alone.
///
/// # Errors
/// What to write instead.
pub fn parse_proxy(text: &str) -> Result<Url, &'static str> {
    const FORM: &str = "such as \"http://proxy:3128\"";
    let url = Url::parse(text).map_err(|_| FORM)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a secret is never written in the configuration: \
                    leave the user and password to HTTPS_PROXY in the daemon's environment");
    }
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let whole = matches!(url.scheme(), "http" | "https") && url.host().is_some() && text.contains("://");
    if bare && whole { Ok(url) } else { Err(FORM) }
}

/// One request to a service.
pub(crate) struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Zeroizing<Vec<u8>>>,
}

impl Request {
    /// A request without a body that would take JSON.
    pub(crate) fn new(method: Method, url: Url) -> Self {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        Self { method, url, headers, body: None }
    }

    /// A GET.
    pub(crate) fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A POST.
    pub(crate) fn post(url: Url) -> Self {
        Self::new(Method::POST, url)
    }

    /// With these pairs, encoded by [`Buffer::push_pair`], as the body.
    pub(crate) fn form(self, pairs: Buffer) -> Self {
        self.body(pairs, "application/x-www-form-urlencoded")
    }

    /// With `value` as JSON in the body.
    pub(crate) fn json<T: Serialize>(self, value: &T) -> Self {
        let mut text = Buffer::with_capacity(512);
        // Neither a Buffer nor the strings in our values can fail.
        let _ = serde_json::to_writer(&mut text, value);
        self.json_text(text)
    }

    /// With JSON that is written already as the body.
    pub(crate) fn json_text(self, text: Buffer) -> Self {
        self.body(text, "application/json")
    }

    fn body(mut self, bytes: Buffer, content_type: &'static str) -> Self {
        self.body = Some(bytes.into_bytes());
        self.header(CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    fn has_body(&self) -> bool {
        self.body.as_ref().is_some_and(|body| !body.is_empty())
    }

    /// With this header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With this `Authorization`.
    pub(crate) fn authorization(self, value: HeaderValue) -> Self {
        self.header(AUTHORIZATION, value)
    }

    /// With `Authorization: SCHEME TOKEN`.
    pub(crate) fn bearer(self, scheme: &str, token: &Secret) -> Result<Self, Failure> {
        Ok(self.authorization(headers::credentials(scheme, token, "the token")?))
    }
}

#[cfg(test)]
mod tests;
