//! Where no answer comes at all: each type says the same, and that nothing was carried out.

use super::*;
use crate::provider::http::{install_crypto, testing};

/// What an account of this type says of a service that it cannot talk to.
async fn lose(kind: Type, url: &str, more: &str, defaults: &Defaults) -> Expected {
    match seen(kind.account(url, more, defaults).mint(&asking()).await) {
        Err(expected) => expected,
        Ok(token) => panic!("{kind:?}: {token}"),
    }
}

fn trusting() -> (NamedTempFile, String) {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(testing::AUTHORITY.as_bytes()).expect("room");
    let more = format!("ca_file = '{}'\nproxy = ''\n", file.path().display());
    (file, more)
}

#[tokio::test]
async fn a_service_that_is_not_there() {
    if !crate::platform::testing::takes_authorities() {
        return;
    }
    let gone = StandIn::start([]).url();
    let (_file, more) = trusting();
    for kind in TYPES {
        let expected = (Class::NotNow, "unreachable", CarriedOut::No);
        assert_eq!(lose(kind, &gone, "", &Defaults::default()).await, expected, "{kind:?}");
    }
    // A machine without a resolver may take its time to say so.
    for kind in [LyveCloud, RefreshToken] {
        let (class, word, carried_out) = lose(kind, "https://a.invalid", &more, &Defaults::default()).await;
        assert_eq!((class, carried_out), (Class::NotNow, CarriedOut::No), "{kind:?}");
        assert!(matches!(word, "dns" | "timeout" | "unreachable"), "{kind:?} {word}");
    }
}

#[tokio::test]
async fn tls_to_a_stranger_and_to_a_portal() {
    if !crate::platform::testing::takes_authorities() {
        return;
    }
    install_crypto();
    let (_file, more) = trusting();
    for kind in TYPES {
        let good = || [answer(200, &kind.good().0)];
        // For another name, as a portal has it, though of a good authority.
        let portal = StandIn::start_tls(good(), testing::tls(testing::STRANGER));
        // Of an authority that nobody knows, where `ca_file` does not name it.
        let unknown = StandIn::start_tls(good(), testing::tls(testing::LOOPBACK));
        let plain = StandIn::start(good());
        let as_https = plain.url().replace("http:", "https:");
        for (url, more) in [(portal.url(), &*more), (as_https, &*more), (unknown.url(), "proxy = ''\n")] {
            let (class, word, carried_out) = lose(kind, &url, more, &Defaults::default()).await;
            assert_eq!((class, carried_out), (Class::NotNow, CarriedOut::No), "{kind:?} {url}");
            assert!(matches!(word, "tls" | "no-certificates"), "{kind:?} {url} {word}");
        }
        assert!(portal.seen().is_empty() && unknown.seen().is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_refuses() {
    if !crate::platform::testing::takes_authorities() {
        return;
    }
    let (_file, more) = trusting();
    for kind in TYPES {
        for status in [403, 407, 502] {
            let proxy = StandIn::start([answer(status, "<html>")]);
            let more = more.replace("proxy = ''", &format!("proxy = '{}'", proxy.url()));
            let found = lose(kind, "https://a.invalid", &more, &Defaults::default()).await;
            assert_eq!(found, (Class::NotNow, "proxy", CarriedOut::No), "{kind:?}");
            assert!(proxy.lines().iter().all(|line| line == "CONNECT a.invalid:443"), "{kind:?}");
        }
    }
}
