//! Which proxy a request goes through: the configured one, else `HTTPS_PROXY` and `NO_PROXY` as curl reads them.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use url::{Host, Url};
use zeroize::Zeroizing;

use super::address;
use crate::provider::Failure;

/// What an account says about its proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// Nothing: the environment counts.
    Environment(ProxyEnvironment),
    /// This one, whatever the environment says.
    Through(Url),
    /// `proxy = ""`: none, whatever the environment says (curl's `--proxy ""`).
    Direct,
}

impl Route {
    /// The proxy for a request to `url`. None on the loopback, ever.
    pub(super) fn to(&self, url: &Url) -> Result<Option<Proxy>, Failure> {
        if address::is_loopback(url) {
            return Ok(None);
        }
        match self {
            Self::Direct => Ok(None),
            Self::Through(proxy) => Ok(Some(Proxy::configured(proxy))),
            Self::Environment(environment) => environment.proxy_for(url),
        }
    }
}

/// What the environment says about proxies. Proxies there may have a password, so `Debug` shows none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxyEnvironment(Arc<Variables>);

#[derive(Default, PartialEq, Eq)]
struct Variables {
    https_proxy: Option<Zeroizing<String>>,
    no_proxy: String,
}

impl fmt::Debug for ProxyEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyEnvironment")
            .field("https_proxy", &self.0.https_proxy.as_ref().map(|_| "…"))
            .field("no_proxy", &self.0.no_proxy)
            .finish()
    }
}

impl ProxyEnvironment {
    /// What this process's environment says.
    #[must_use]
    pub fn of_process() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// What the variables that `lookup` knows say. The lower case one comes first, and an empty one is none (curl(1),
    /// ENVIRONMENT). `http_proxy` and `ALL_PROXY` are not read.
    #[must_use]
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&str; 2]| names.into_iter().filter_map(&lookup).find(|value| !value.is_empty());
        Self(Arc::new(Variables {
            https_proxy: first(["https_proxy", "HTTPS_PROXY"]).map(Zeroizing::new),
            no_proxy: first(["no_proxy", "NO_PROXY"]).unwrap_or_default(),
        }))
    }

    fn proxy_for(&self, url: &Url) -> Result<Option<Proxy>, Failure> {
        let (Some(text), Some(host)) = (&self.0.https_proxy, url.host()) else {
            return Ok(None);
        };
        if is_exempt(&self.0.no_proxy, &host) {
            return Ok(None);
        }
        let proxy = Proxy::from_variable(text).ok_or_else(|| {
            Failure::source(
                "proxy",
                "the variable HTTPS_PROXY names no http or https proxy",
                "set `proxy` in the configuration, or start tokend with another HTTPS_PROXY",
            )
        })?;
        Ok(Some(proxy))
    }
}

/// A proxy. It may have a password, so there is no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    /// Its URL, with user and password.
    pub(super) url: Zeroizing<String>,
    /// Its host and port, for messages.
    pub(super) name: String,
}

impl Proxy {
    fn configured(url: &Url) -> Self {
        Self { url: Zeroizing::new(url.as_str().to_owned()), name: address::host(url) }
    }

    /// curl: without a scheme it is http; without a port it is 1080, or 443 for https.
    fn from_variable(text: &str) -> Option<Self> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let port = match scheme.to_ascii_lowercase().as_str() {
            "http" => 1080,
            "https" => 443,
            _ => return None,
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let after_user = authority.rsplit('@').next().unwrap_or_default();
        let after_brackets = after_user.rsplit(']').next().unwrap_or_default();
        let with_port = Zeroizing::new(if after_brackets.contains(':') {
            format!("{scheme}://{authority}")
        } else {
            format!("{scheme}://{authority}:{port}")
        });
        let mut url = Url::parse(&with_port).ok()?;
        let full = Zeroizing::new(url.as_str().to_owned());
        let _ = url.set_password(None);
        let _ = url.set_username("");
        Some(Self { url: full, name: address::host(&url) })
    }
}

/// Whether `NO_PROXY` names the host, by the rules of curl's `noproxy.c`: a lone `*` is everything; words are
/// separated by commas or blanks; a name stands for itself and what is below it, with or without a dot before it; an
/// address stands for itself, and one with `/BITS` for its network.
fn is_exempt(no_proxy: &str, host: &Host<&str>) -> bool {
    if no_proxy.trim() == "*" {
        return true;
    }
    let mut words =
        no_proxy.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|word| !word.is_empty());
    match host {
        Host::Domain(name) => words.any(|word| covers_name(word, name)),
        Host::Ipv4(address) => words.any(|word| covers_address(word, IpAddr::V4(*address))),
        Host::Ipv6(address) => words.any(|word| covers_address(word, IpAddr::V6(*address))),
    }
}

fn covers_name(word: &str, name: &str) -> bool {
    let word = word.strip_prefix('.').unwrap_or(word);
    let word = word.strip_suffix('.').unwrap_or(word);
    let name = name.strip_suffix('.').unwrap_or(name);
    let Some(start) = name.len().checked_sub(word.len()) else {
        return false;
    };
    let (above, tail) = name.as_bytes().split_at(start);
    !word.is_empty()
        && tail.eq_ignore_ascii_case(word.as_bytes())
        && (above.is_empty() || above.ends_with(b"."))
}

fn covers_address(word: &str, address: IpAddr) -> bool {
    let (network, bits) = match word.split_once('/') {
        Some((network, bits)) => match bits.parse::<u32>() {
            Ok(bits) => (network, Some(bits)),
            Err(_) => return false,
        },
        None => (word, None),
    };
    let network = network.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(network);
    match (network.parse::<IpAddr>(), address) {
        (Ok(IpAddr::V4(network)), IpAddr::V4(address)) => {
            let bits = bits.unwrap_or(32);
            bits <= 32 && (network.to_bits() ^ address.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (Ok(IpAddr::V6(network)), IpAddr::V6(address)) => {
            let bits = bits.unwrap_or(128);
            bits <= 128 && (network.to_bits() ^ address.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> ProxyEnvironment {
        ProxyEnvironment::from_lookup(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn way(pairs: &[(&str, &str)], url: &str) -> Option<String> {
        let url = Url::parse(url).expect("a URL");
        let proxy = Route::Environment(environment(pairs)).to(&url).expect("a usable variable");
        proxy.map(|proxy| proxy.url.to_string())
    }

    #[test]
    fn the_variable_is_read_as_curl_reads_it() {
        let url = "https://a.example/";
        for (pairs, proxy) in [
            (&[("HTTPS_PROXY", "http://p:3128")][..], Some("http://p:3128/")),
            (&[("https_proxy", "p:3128"), ("HTTPS_PROXY", "http://q:1")], Some("http://p:3128/")),
            (&[("https_proxy", ""), ("HTTPS_PROXY", "http://q:1/")], Some("http://q:1/")),
            (&[("HTTPS_PROXY", "p")], Some("http://p:1080/")),
            (&[("HTTPS_PROXY", "http://u:x%40y@p")], Some("http://u:x%40y@p:1080/")),
            (&[("HTTPS_PROXY", "https://p")], Some("https://p/")),
            (&[("HTTPS_PROXY", "http://p:80")], Some("http://p/")),
            (&[("HTTPS_PROXY", "http://[fd00::1]")], Some("http://[fd00::1]:1080/")),
            (
                &[("HTTP_PROXY", "p:1"), ("http_proxy", "p:1"), ("ALL_PROXY", "p:1"), ("all_proxy", "p:1")],
                None,
            ),
            (&[], None),
        ] {
            assert_eq!(way(pairs, url).as_deref(), proxy, "{pairs:?}");
        }
    }

    #[test]
    fn a_proxy_of_another_sort_is_not_passed_over_in_silence() {
        let route = Route::Environment(environment(&[("HTTPS_PROXY", "socks5://u:hunter2@p:1")]));
        let failure = route.to(&Url::parse("https://a.example").expect("a URL")).err().expect("a failure");
        assert_eq!(failure.kind, "proxy");
        assert!(!format!("{failure:?} {route:?}").contains("hunter2"));
    }

    #[test]
    fn no_proxy_is_read_as_curl_reads_it() {
        for (no_proxy, host, exempt) in [
            ("*", "a.example", true),
            ("*,b", "a.example", false),
            ("example", "a.example", true),
            (".example", "a.example", true),
            (".example.", "a.EXAMPLE.", true),
            ("a.example", "a.example", true),
            ("a.example", "aa.example", false),
            ("x, A.Example y", "b.a.example", true),
            ("a.example", "example", false),
            (".", "a.example", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.0/8", "10.200.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "11.0.0.1", true),
            ("10.0.0.1/33", "10.0.0.1", false),
            ("10.0.0.1/x", "10.0.0.1", false),
            ("0.0.1", "10.0.0.1", false),
            ("fd00::/16", "[fd00:1::1]", true),
            ("fd00::1", "[fd00::1]", true),
            ("[fd00::1]", "[fd00::1]", true),
            ("fd00::/16", "[fd01::1]", false),
            ("::/0", "[fd01::1]", true),
            ("", "a.example", false),
        ] {
            let pairs = [("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", no_proxy)];
            assert_eq!(way(&pairs, &format!("https://{host}/")).is_none(), exempt, "{no_proxy} {host}");
        }
    }

    #[test]
    fn the_loopback_is_never_reached_through_a_proxy() {
        let proxy = Url::parse("http://p:3128").expect("a URL");
        for url in ["http://127.0.0.1:1", "https://localhost", "http://[::1]"] {
            assert_eq!(way(&[("HTTPS_PROXY", "http://p:1")], url), None);
            let url = Url::parse(url).expect("a URL");
            assert!(Route::Through(proxy.clone()).to(&url).expect("no failure").is_none());
        }
    }

    #[test]
    fn a_configured_proxy_or_none_wins_over_the_environment() {
        let url = Url::parse("https://a.example").expect("a URL");
        let proxy = Route::Through(Url::parse("http://p:3128").expect("a URL")).to(&url).expect("no failure");
        assert_eq!(proxy.map(|proxy| proxy.name).as_deref(), Some("p:3128"));
        assert!(Route::Direct.to(&url).expect("no failure").is_none());
    }

    proptest! {
        #[test]
        fn no_variable_is_too_odd(proxy in "\\PC{0,40}", no_proxy in "\\PC{0,40}", host in "[a-z.0-9]{1,20}") {
            if let Ok(url) = Url::parse(&format!("https://{host}/")) {
                let _ = Route::Environment(environment(&[("https_proxy", &proxy), ("no_proxy", &no_proxy)])).to(&url);
            }
        }
    }
}
