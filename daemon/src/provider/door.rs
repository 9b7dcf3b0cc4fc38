//! Where a service is: knocking there says whether it can be reached, and spends nothing.

use std::time::Duration;

use url::Url;

use super::Failure;
use super::http::{Answered, Http, address};

/// The origin of a service, and the account's way to it.
#[derive(Debug, Clone, Copy)]
pub struct Door<'a> {
    http: &'a Http,
    url: &'a Url,
}

impl<'a> Door<'a> {
    pub(crate) fn new(http: &'a Http, url: &'a Url) -> Self {
        Self { http, url }
    }

    /// The service's host, with the port where it is not the usual one.
    #[must_use]
    pub fn host(&self) -> String {
        address::host(self.url)
    }

    /// Whether the service speaks TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether its host is a name that has to be looked up here.
    #[must_use]
    pub fn needs_a_name_server(&self) -> bool {
        matches!(self.url.host(), Some(url::Host::Domain(_)))
            && !address::is_loopback(self.url)
            && self.http.proxy_to(self.url).is_none()
    }

    /// Whether the daemon's environment says which proxy the way leads through.
    #[must_use]
    pub fn follows_the_environment(&self) -> bool {
        self.is_secure() && !address::is_loopback(self.url) && self.http.follows_the_environment()
    }

    /// What two doors have in common if one answer is that of both: origin, proxy, certificates.
    #[must_use]
    pub fn way(&self) -> String {
        let mut lines = Vec::new();
        self.http.describe(&mut lines);
        lines.retain(|(name, _)| *name != "headers");
        let lines: Vec<_> = lines.into_iter().map(|(name, value)| format!("{name} {value}")).collect();
        format!("{} {}", address::origin(self.url), lines.join(" "))
    }

    /// Asks the origin for its head, with none of the account's credentials or headers. Any answer will do.
    ///
    /// # Errors
    /// Why there is no answer within `limit` and the account's own time-out.
    pub async fn knock(&self, limit: Duration) -> Result<Answered, Failure> {
        self.http.knock(self.url, limit).await
    }
}
