//! The kinds of services that tokend knows: one line each.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::http::ProxyEnvironment;
use super::{Provider, command, http_exchange, itsyouonline, lyve_cloud, oauth2, openvcloud, static_token};
use crate::document::Table;
use crate::secret::Reach;

/// A kind of service: what `type` says in the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// The word after `type =`.
    pub name: &'static str,
    /// Reads the keys of this kind from an account's table. What is wrong is reported there, and `None` comes back.
    /// The keys of every account, such as `refresh`, and [`Table::finish`] are the caller's.
    pub read: fn(&mut Table<'_>, &Defaults) -> Option<Box<dyn Provider>>,
}

/// All kinds, in the order in which the documentation names them.
#[must_use]
pub fn kinds() -> &'static [Kind] {
    const {
        &[
            Kind { name: "lyve-cloud", read: lyve_cloud::read },
            Kind { name: "itsyouonline", read: itsyouonline::read },
            Kind { name: "openvcloud", read: openvcloud::read },
            Kind { name: "oauth2", read: oauth2::read },
            Kind { name: "http", read: http_exchange::read },
            Kind { name: "command", read: command::read },
            Kind { name: "static", read: static_token::read },
        ]
    }
}

/// What `[daemon]` says for accounts that say nothing themselves.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// The longest that a request to a service may take, with everything that it needs.
    pub http_timeout: Duration,
    /// The longest that a program may take.
    pub command_timeout: Duration,
    /// Certificates beside those of the platform.
    pub ca_file: Option<PathBuf>,
    /// The proxy for https; `environment` counts where there is none.
    pub proxy: Option<Url>,
    /// What `HTTPS_PROXY` and `NO_PROXY` said when the daemon started.
    pub environment: ProxyEnvironment,
    /// What sources of secrets reach.
    pub reach: Reach,
}

/// What INTERFACE promises where `[daemon]` is silent, and no proxy.
impl Default for Defaults {
    fn default() -> Self {
        Self {
            http_timeout: Duration::from_secs(20),
            command_timeout: Duration::from_secs(30),
            ca_file: None,
            proxy: None,
            environment: ProxyEnvironment::default(),
            reach: Reach::default(),
        }
    }
}
