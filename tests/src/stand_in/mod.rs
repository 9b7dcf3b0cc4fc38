//! Stand-in services on loopback, as odd as the services that tokend talks to.
//!
//! Each is a real HTTP server on a port of its own, started and stopped from blocking tests. A service decides
//! only what it answers ([`Service`]); the rest is the same for all and lives in [`StandIn`]: the ledger of what
//! was heard, faults, outages, and the tokens that were issued.
//!
//! ```
//! use std::time::Duration;
//! use tokend_tests::stand_in::{Fault, LyveCloud};
//!
//! let lyve = LyveCloud::builder().lifetime(Duration::from_secs(8)).with(|lyve| lyve.secret = "s3cret".into()).start();
//! lyve.fault(Fault::status(503).retry_after("2").times(2));
//! assert_eq!(lyve.token_requests(), 0);
//! assert!(lyve.url().starts_with("http://127.0.0.1:"));
//! ```

mod call;
mod clock;
mod door;
mod fault;
mod front;
mod hole;
mod http_login;
mod itsyou_online;
mod ledger;
mod liar;
mod line;
mod lyve_cloud;
mod oauth_server;
mod openvcloud;
mod service;
mod tokens;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use call::{Reply, call};
pub use clock::clock_of_the_services;
pub use fault::{Fault, Planned};
pub use hole::Hole;
pub use http_login::{HttpLogin, Login};
pub use itsyou_online::{ItsYou, ItsYouOnline};
pub use ledger::{BodyKind, Entry};
pub use liar::{Asked, CLIENT, Liar, Lies, LyingServer, Signature};
pub use lyve_cloud::{Expiration, Lyve, LyveCloud, Refusal};
pub use oauth_server::{
    ClientAuth, ClientRefusal, Committed, Discovery, ExpiresIn, Grants, OAuth, OAuthServer, Outcome,
    Rotation, ScopeAnswer, Sending,
};
pub use openvcloud::{Openv, OpenvCloud};
pub use service::{Answer, Home, Service};
pub use tokens::{Issued, Standing, TokenForm, Tokens, fingerprint};

use door::Door;
use front::Front;

/// A service that runs until it is dropped. What all services can do; what is special to one is in `S`.
pub struct StandIn<S: Service> {
    front: Arc<Front<S>>,
    door: Door,
}

impl<S: Service> StandIn<S> {
    /// Starts the service as it is by default.
    ///
    /// # Panics
    ///
    /// If loopback has no free port.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// The service before its start, to be arranged.
    pub fn builder() -> Builder<S> {
        Builder { service: S::default(), lifetime: Duration::from_secs(3600), padding: 0 }
    }

    /// `http://127.0.0.1:PORT`, the same for the whole life, outages included.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.front.home.url
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Changes the service while it runs: other credentials, another way to answer. Also reads it.
    pub fn change<R>(&self, change: impl FnOnce(&mut S) -> R) -> R {
        change(&mut self.front.service())
    }

    /// The lifetime of the tokens issued from now on.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.front.home.tokens.set_lifetime(lifetime);
    }

    /// The tokens that were issued; a clone is the same book, for a service that trusts this one.
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        self.front.home.tokens.clone()
    }

    /// Whether the service's API takes this token now.
    #[must_use]
    pub fn is_live(&self, token: &str) -> bool {
        self.front.home.tokens.is_live(token)
    }

    /// How many tokens were issued.
    #[must_use]
    pub fn issued(&self) -> usize {
        self.front.home.tokens.issued()
    }

    /// From now on the service's API takes none of the tokens that it issued.
    pub fn revoke_all(&self) {
        self.front.home.tokens.revoke_all();
    }

    /// Every request that was heard, in order, answered or not.
    #[must_use]
    pub fn ledger(&self) -> Vec<Entry> {
        self.front.ledger.entries()
    }

    /// How many requests were heard.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.front.ledger.count(|_| true)
    }

    /// How many requests asked for a token, refused and failed ones included.
    #[must_use]
    pub fn token_requests(&self) -> usize {
        self.front.ledger.count(|entry| entry.token_request)
    }

    /// Waits until so many requests asked for a token; false when that did not happen in time.
    #[must_use]
    pub fn wait_for_token_requests(&self, count: usize, timeout: Duration) -> bool {
        self.wait_until(timeout, |ledger| ledger.iter().filter(|entry| entry.token_request).count() >= count)
    }

    /// Waits until the ledger is as wanted, looking at each change; false when that did not happen in time.
    #[must_use]
    pub fn wait_until(&self, timeout: Duration, wanted: impl Fn(&[Entry]) -> bool) -> bool {
        self.front.ledger.wait_until(timeout, wanted)
    }

    /// Plans a fault. A bare [`Fault`] strikes every token request until it is cleared; [`Fault::times`] and
    /// [`Fault::everywhere`] change that. Several are spent in the order in which they were planned.
    pub fn fault(&self, fault: impl Into<Planned>) {
        self.front.switchboard.plan(fault.into());
    }

    /// Takes every planned fault back. A request that hangs goes on hanging until its caller gives up.
    pub fn clear_faults(&self) {
        self.front.switchboard.clear();
    }

    /// `true` closes the port and every connection: whoever connects is refused. `false` opens the same port again.
    ///
    /// # Panics
    ///
    /// If the port cannot be bound again.
    pub fn outage(&self, outage: bool) {
        if outage {
            self.door.close();
        } else {
            self.door.open();
        }
    }
}

impl<S: Service> fmt::Debug for StandIn<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandIn").field("front", &self.front).field("door", &self.door).finish()
    }
}

/// A service before its start.
#[derive(Debug)]
#[must_use = "call start()"]
pub struct Builder<S> {
    service: S,
    lifetime: Duration,
    padding: usize,
}

impl<S: Service> Builder<S> {
    /// How long its tokens live (default: an hour).
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Makes each token longer by about so many bytes.
    pub fn padding(mut self, bytes: usize) -> Self {
        self.padding = bytes;
        self
    }

    /// Arranges what is special to this service; may be called more than once.
    pub fn with(mut self, arrange: impl FnOnce(&mut S)) -> Self {
        arrange(&mut self.service);
        self
    }

    /// Starts it; it listens when this returns.
    ///
    /// # Panics
    ///
    /// If loopback has no free port.
    #[must_use]
    pub fn start(self) -> StandIn<S> {
        let reserved = door::reserve();
        let home = Home {
            url: format!("http://{}", reserved.address()),
            tokens: Tokens::new(self.lifetime, self.padding),
        };
        let front = Arc::new(Front::new(self.service, home));
        let answering = Arc::clone(&front);
        let door = Door::new(reserved, move |listener| {
            let front = Arc::clone(&answering);
            async move { front.serve(listener).await }
        });
        StandIn { front, door }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(lyve: &LyveCloud) -> std::io::Result<Reply> {
        let body = r#"{"accountId":"acme","accessKey":"AKLYVE","secret":"lyve-secret"}"#;
        call("POST", &format!("{}/v2/auth/token", lyve.url()), &[("Content-Type", "application/json")], body)
    }

    #[test]
    fn an_outage_refuses_connections_and_ends_on_the_same_port() {
        let lyve = LyveCloud::start();
        let address = lyve.address();
        assert_eq!(ask(&lyve).expect("up").status, 200);
        for _ in 0..3 {
            lyve.outage(true);
            lyve.outage(true);
            let refused = ask(&lyve).expect_err("down");
            assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
            lyve.outage(false);
            lyve.outage(false);
            assert_eq!(ask(&lyve).expect("up again").status, 200);
        }
        assert_eq!(lyve.address(), address);
        assert_eq!((lyve.token_requests(), lyve.issued()), (4, 4));
    }

    #[test]
    fn a_dropped_service_is_gone() {
        let lyve = LyveCloud::start();
        let address = lyve.address();
        drop(lyve);
        assert!(std::net::TcpStream::connect(address).is_err());
    }

    #[test]
    fn waiting_ends_when_the_request_comes_and_not_without_it() {
        let lyve = LyveCloud::start();
        assert!(!lyve.wait_for_token_requests(1, Duration::from_millis(20)));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| lyve.wait_for_token_requests(2, Duration::from_secs(10)));
            for _ in 0..2 {
                assert_eq!(ask(&lyve).expect("an answer").status, 200);
            }
            assert!(waiting.join().expect("no panic"));
        });
    }

    #[test]
    fn padding_makes_tokens_of_any_size_and_credentials_can_change_meanwhile() {
        let lyve = LyveCloud::builder().padding(64 * 1024).start();
        let token = ask(&lyve).expect("an answer").json()["token"].as_str().map(str::len);
        assert!(token.is_some_and(|length| length > 64 * 1024));
        lyve.change(|lyve| lyve.secret = "another".into());
        assert_eq!(ask(&lyve).expect("an answer").status, 403);
    }
}
