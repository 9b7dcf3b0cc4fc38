//! Knocking at a service: a request that asks for nothing, to learn whether it can be reached.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{DATE, USER_AGENT};
use url::Url;

use super::clients::Setting;
use super::{Http, Route, address, in_time, network};
use crate::clock::{Clock as _, SystemClock, Wall};
use crate::provider::Failure;

/// A service that answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// The HTTP status; any will do.
    pub status: u16,
    /// How long it took.
    pub took: Duration,
    /// By how many milliseconds this machine's clock is ahead of the service's, if that told its own over
    /// TLS. Right within a second and the time that the answer took.
    pub ahead_ms: Option<i64>,
}

impl Http {
    /// Asks for the head of `url`'s origin, without credentials, configured headers, path or query.
    pub(crate) async fn knock(&self, url: &Url, limit: Duration) -> Result<Answered, Failure> {
        let mut url = url.clone();
        url.set_path("/");
        url.set_query(None);
        url.set_fragment(None);
        let host = address::host(&url);
        let is_secure = url.scheme() == "https";
        let proxy = self.route.to(&url)?;
        let name = proxy.as_ref().map(|proxy| proxy.name.clone());
        let setting = Setting::of(&url, self.ca_file.as_deref(), proxy).await?;
        let client = setting.client().await?;
        let mut request = reqwest::Request::new(Method::HEAD, url);
        request.headers_mut().insert(USER_AGENT, self.user_agent.clone());
        let began = SystemClock.now();
        match in_time(limit.min(self.timeout), client.execute(request)).await {
            None => Err(network::timed_out(&host, name.as_deref())),
            Some(Err(error)) => {
                Err(network::classify(&error, network::Known::of(&error), &host, name.as_deref()))
            }
            Some(Ok(response)) => {
                let now = SystemClock.now();
                let date = response.headers().get(DATE).filter(|_| is_secure);
                let date = date.and_then(|date| httpdate::parse_http_date(date.to_str().ok()?.trim()).ok());
                // RFC 9110 6.6.1: the second that had begun.
                let shown = date.map(|date| Wall::from_system(date).after(Duration::from_millis(500)));
                let ahead_ms = shown.map(|shown| now.wall.0.saturating_sub(shown.0));
                let took = began.steady.until(now.steady);
                Ok(Answered { status: response.status().as_u16(), took, ahead_ms })
            }
        }
    }

    /// Whether the environment says which proxy there is.
    pub(crate) fn follows_the_environment(&self) -> bool {
        matches!(self.route, Route::Environment(_))
    }

    /// The host and port of the proxy on the way to `url`, if there is one.
    pub(crate) fn proxy_to(&self, url: &Url) -> Option<String> {
        self.route.to(url).ok().flatten().map(|proxy| proxy.name.clone())
    }
}
