//! One reqwest client per distinct setting, built at its first use and shared by all accounts that have that setting.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Certificate, Client};
use tokio::sync::OnceCell;
use url::Url;

use super::address;
use super::proxy::Proxy;
use crate::provider::{Class, Failure};

/// A client takes 5 to 17 ms to build and keeps every root certificate in memory, so they are shared, and the
/// least recently used goes when there are more than this many.
const MOST_CLIENTS: usize = 16;

/// TCP, proxy and TLS together; the request as a whole has `http_timeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A file of certificates is never as large as this many bytes.
const MOST_CERTIFICATES: u64 = 8 * 1024 * 1024;

/// Everything in which two clients can differ.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Setting {
    /// `http` on the loopback: no certificates, no proxy.
    Plain,
    /// `https`.
    Tls {
        /// Beside the platform's certificates.
        authorities: Option<Authorities>,
        /// Through this proxy, or straight.
        proxy: Option<Proxy>,
    },
}

/// A `ca_file` and what was in it. A changed file makes another client.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Authorities {
    path: PathBuf,
    pem: Arc<[u8]>,
}

/// A place for a client: whoever comes first builds it, the others wait for that.
type Slot = Arc<OnceCell<Client>>;

/// The most recently used one is the last.
static CLIENTS: Mutex<Vec<(Setting, Slot)>> = Mutex::new(Vec::new());

impl Setting {
    /// What a request to `url` needs.
    pub(super) async fn of(url: &Url, ca_file: Option<&Path>, proxy: Option<Proxy>) -> Result<Self, Failure> {
        if url.scheme() == "http" && address::is_loopback(url) {
            return Ok(Self::Plain);
        }
        let authorities = match ca_file {
            Some(path) => Some(Authorities::read(path).await?),
            None => None,
        };
        Ok(Self::Tls { authorities, proxy })
    }

    /// The client with this setting.
    pub(super) async fn client(&self) -> Result<Client, Failure> {
        let slot = self.slot();
        slot.get_or_try_init(|| {
            off_the_runtime({
                let setting = self.clone();
                move || setting.build()
            })
        })
        .await
        .cloned()
    }

    fn slot(&self) -> Slot {
        let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = match clients.iter().position(|(setting, _)| setting == self) {
            Some(index) => clients.remove(index),
            None => (self.clone(), Slot::default()),
        };
        let slot = Arc::clone(&entry.1);
        clients.push(entry);
        if clients.len() > MOST_CLIENTS {
            clients.remove(0);
        }
        slot
    }

    /// The next request builds the client anew, with the certificates that there are then.
    pub(super) fn forget(&self) {
        CLIENTS.lock().unwrap_or_else(PoisonError::into_inner).retain(|(setting, _)| setting != self);
    }

    fn build(&self) -> Result<Client, Failure> {
        install_crypto();
        let builder = Client::builder()
            // Credentials are for the configured service alone; some versions kept `Authorization` over redirects.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // One mint is one request, for a grant may be spent by it.
            .retry(reqwest::retry::never())
            // Requests are minutes apart: a kept connection is mostly one that the service has closed meanwhile.
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_TIMEOUT)
            // Neither hosts files nor name servers decide where the loopback is.
            .resolve_to_addrs("localhost", &LOOPBACK)
            .no_proxy();
        match self {
            // Works on a machine without any certificates.
            Self::Plain => builder.tls_certs_only([]).build().map_err(|_| no_client()),
            Self::Tls { authorities, proxy } => {
                let builder = match proxy {
                    Some(proxy) => builder.proxy(proxy.to_reqwest()?),
                    None => builder,
                };
                match authorities {
                    Some(authorities) => builder
                        .tls_certs_merge(authorities.certificates()?)
                        .build()
                        .map_err(|_| authorities.invalid()),
                    None => builder.build().map_err(|_| no_certificates()),
                }
            }
        }
    }
}

const LOOPBACK: [SocketAddr; 2] = [
    // Port 0 means the URL's.
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
    SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
];

impl Proxy {
    fn to_reqwest(&self) -> Result<reqwest::Proxy, Failure> {
        reqwest::Proxy::all(self.url.as_str()).map_err(|_| {
            Failure::source(
                "proxy",
                format!("the proxy {} cannot be used", self.name),
                "set `proxy`, such as \"http://proxy:3128\"",
            )
        })
    }
}

impl Authorities {
    async fn read(path: &Path) -> Result<Self, Failure> {
        let path = path.to_owned();
        off_the_runtime(move || {
            let size = std::fs::metadata(&path).map_err(|error| unreadable(&path, &error))?.len();
            if size > MOST_CERTIFICATES {
                return Err(invalid(&path, "is too large"));
            }
            let pem = std::fs::read(&path).map_err(|error| unreadable(&path, &error))?;
            Ok(Self { path, pem: pem.into() })
        })
        .await
    }

    fn certificates(&self) -> Result<Vec<Certificate>, Failure> {
        match Certificate::from_pem_bundle(&self.pem) {
            Ok(certificates) if !certificates.is_empty() => Ok(certificates),
            _ => Err(self.invalid()),
        }
    }

    fn invalid(&self) -> Failure {
        invalid(&self.path, "holds no usable certificate")
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    use std::io::ErrorKind as E;
    let failure = invalid(path, &format!("cannot be read: {}", error.kind()));
    match error.kind() {
        E::NotFound | E::PermissionDenied | E::NotADirectory | E::IsADirectory | E::InvalidInput => failure,
        // Too many open files, a disk that fails: these pass.
        _ => Failure { class: Class::NotNow, ..failure },
    }
}

fn invalid(path: &Path, what: &str) -> Failure {
    Failure::source(
        "ca-file",
        format!("the certificate file {} {what}", path.display()),
        "`ca_file` names a PEM file with the certificates of your authorities (-----BEGIN CERTIFICATE-----)",
    )
}

fn no_certificates() -> Failure {
    Failure::not_now(
        "no-certificates",
        "this machine has no certificates of authorities, so no https service can be trusted",
        "install the package ca-certificates, or set `ca_file`",
    )
}

fn no_client() -> Failure {
    Failure::not_now("http-client", "no HTTP client could be made", "look at the daemon's log")
}

/// Runs what reads files and computes, without holding up the daemon's one thread.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(no_client()))
}

/// Forgets all clients, so that certificates are read anew; for a reload.
pub fn forget_clients() {
    CLIENTS.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Makes ring the process's cryptography, unless something is already.
pub fn install_crypto() {
    // An error means that another one is installed, which does as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(pem: &[u8]) -> Setting {
        let authorities = Authorities { path: "/nowhere/ca.pem".into(), pem: pem.into() };
        Setting::Tls { authorities: Some(authorities), proxy: None }
    }

    #[tokio::test]
    async fn a_missing_certificate_file_is_named() {
        let url = Url::parse("https://a.example").expect("a URL");
        let failure =
            Setting::of(&url, Some(Path::new("/nowhere/ca.pem")), None).await.err().expect("a failure");
        assert_eq!((failure.class, failure.kind), (Class::Source, "ca-file"));
        assert!(failure.message.contains("/nowhere/ca.pem"), "{}", failure.message);
    }

    #[tokio::test]
    async fn a_certificate_file_without_a_certificate_is_named() {
        for pem in [
            &b""[..],
            b"not PEM",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            b"-----BEGIN CERTIFICATE-----\n!",
        ] {
            let failure = tls(pem).client().await.expect_err("a failure");
            assert_eq!(failure.kind, "ca-file");
            assert!(failure.message.contains("/nowhere/ca.pem"), "{}", failure.message);
        }
    }

    #[tokio::test]
    async fn the_loopback_needs_neither_certificates_nor_their_file() {
        let url = Url::parse("http://127.0.0.1:1").expect("a URL");
        let setting = Setting::of(&url, Some(Path::new("/nowhere/ca.pem")), None).await.expect("no failure");
        assert!(setting == Setting::Plain);
        assert!(setting.client().await.is_ok());
    }

    #[test]
    fn equal_settings_share_a_slot_and_there_are_not_too_many() {
        let first = tls(b"first").slot();
        assert!(Arc::ptr_eq(&first, &tls(b"first").slot()));
        tls(b"first").forget();
        assert!(!Arc::ptr_eq(&first, &tls(b"first").slot()));
        for number in 0..2 * MOST_CLIENTS {
            tls(number.to_string().as_bytes()).slot();
        }
        assert!(CLIENTS.lock().expect("the lock").len() <= MOST_CLIENTS);
    }
}
