//! What it means that no answer came: which of the network's failures it was, in words for a person.

use std::error::Error;
use std::io::ErrorKind;

use rustls::{AlertDescription, CertificateError};

use crate::provider::Failure;

/// What reqwest knows of a failed request beside the chain of causes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    timeout: bool,
    dns: bool,
    connect: bool,
}

impl Known {
    pub(super) fn of(error: &reqwest::Error) -> Self {
        Self { timeout: error.is_timeout(), dns: error.is_dns(), connect: error.is_connect() }
    }
}

/// The failure that `error` is, on the way to `host` and perhaps through `proxy`. All of them are *not now*.
/// The error's own words are not used: they may hold the URL.
pub(super) fn classify(
    error: &(dyn Error + 'static),
    known: Known,
    host: &str,
    proxy: Option<&str>,
) -> Failure {
    if let (Some(proxy), Some(why)) = (proxy, tunnel(error)) {
        let message = format!("the proxy {proxy} did not connect to {host}: {why}");
        return Failure::not_now(
            "proxy",
            message,
            "look at `proxy` and HTTPS_PROXY, or set NO_PROXY for this host",
        );
    }
    let through = through(proxy);
    if let Some(tls) = causes(error).find_map(tls_error) {
        return of_tls(tls, host);
    }
    if known.timeout {
        return timed_out(host, proxy);
    }
    if known.dns {
        let message = format!("the name {host} cannot be resolved");
        return Failure::not_now("dns", message, "look at the network, and at the name in the account's url");
    }
    match causes(error).find_map(io_kind) {
        Some(ErrorKind::ConnectionRefused) => unreachable(host, &through, "it refused the connection"),
        Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown) => {
            unreachable(host, &through, "there is no way to it")
        }
        // In the midst of the handshake it is a connection that broke, too.
        Some(ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::UnexpectedEof) => {
            broken(host, &through)
        }
        _ if known.connect => unreachable(host, &through, "no connection could be made"),
        // Cut off, or not HTTP.
        _ => broken(host, &through),
    }
}

/// Whether the other side ended a TLS session over how it began. With TLS 1.3 it says that it wants a
/// certificate of ours only after we have begun to send.
pub(super) fn is_of_the_handshake(error: &(dyn Error + 'static)) -> bool {
    use AlertDescription as A;
    let told = causes(error).find_map(tls_error);
    matches!(
        told,
        Some(rustls::Error::AlertReceived(
            A::CertificateRequired
                | A::BadCertificate
                | A::UnknownCA
                | A::AccessDenied
                | A::HandshakeFailure
                | A::NoApplicationProtocol
                | A::UnrecognisedName
        ))
    )
}

/// The failure that it is when no answer came in time.
pub(super) fn timed_out(host: &str, proxy: Option<&str>) -> Failure {
    let through = through(proxy);
    let message = format!("{host} did not answer in time{through}");
    Failure::not_now("timeout", message, "look at the network, or raise http_timeout")
}

fn through(proxy: Option<&str>) -> String {
    proxy.map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"))
}

fn broken(host: &str, through: &str) -> Failure {
    Failure::not_now(
        "reset",
        format!("the connection to {host} broke before the answer was complete{through}"),
        "look at the network, and whether the url is that of an HTTP service",
    )
}

fn unreachable(host: &str, through: &str, why: &str) -> Failure {
    let message = format!("{host} cannot be reached{through}: {why}");
    Failure::not_now("unreachable", message, "look at the network, and at the account's url")
}

fn of_tls(error: &rustls::Error, host: &str) -> Failure {
    const STRANGER: &str = "on a public network, log in to its portal first; \
                            for an authority of your own, set `ca_file`";
    let (why, hint) = match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                ("its certificate is for another name", STRANGER)
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
                "its certificate has expired",
                "look at this machine's clock, and tell those who run the service",
            ),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                ("its certificate is not valid yet", "look at this machine's clock")
            }
            CertificateError::Revoked => {
                ("its certificate has been revoked", "tell those who run the service")
            }
            _ => ("its certificate is from no authority that this machine trusts", STRANGER),
        },
        rustls::Error::InvalidMessage(_) => (
            "it does not speak TLS",
            "look at the account's url, and whether this port is the service's https",
        ),
        _ => ("the handshake failed", STRANGER),
    };
    Failure::not_now("tls", format!("TLS to a stranger: {host}: {why}"), hint)
}

/// The chain of causes, with those that std's `io::Error` hides in itself.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

fn cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(hidden) => Some(hidden),
        None => error.source(),
    }
}

fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    error.downcast_ref()
}

fn io_kind(error: &(dyn Error + 'static)) -> Option<ErrorKind> {
    let kind = error.downcast_ref::<std::io::Error>()?.kind();
    (kind != ErrorKind::Other).then_some(kind)
}

/// What hyper-util's CONNECT said. Its type is private; its words are not.
fn tunnel(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let words = causes(error).map(ToString::to_string).find(|words| words.starts_with("tunnel error"))?;
    Some(if words.contains("authorization") {
        "it wants a user name and a password"
    } else if words.contains("underlying connection") {
        "it cannot be reached itself"
    } else {
        "it would not"
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::provider::Class;

    fn kind_of(error: &(dyn Error + 'static), known: Known) -> &'static str {
        let failure = classify(error, known, "a.example", None);
        assert_eq!(failure.class, Class::NotNow);
        assert!(failure.message.contains("a.example"), "{}", failure.message);
        failure.kind
    }

    fn of_io(kind: ErrorKind, connect: bool) -> &'static str {
        // Nested, as reqwest nests it.
        let error = io::Error::other(io::Error::new(kind, "at https://a.example/?secret=hunter2"));
        kind_of(&error, Known { connect, ..Known::default() })
    }

    #[test]
    fn each_failure_of_the_network_has_its_word() {
        let known = |timeout, dns, connect| Known { timeout, dns, connect };
        let plain = io::Error::other("?");
        assert_eq!(kind_of(&plain, known(true, false, true)), "timeout");
        assert_eq!(kind_of(&plain, known(false, true, true)), "dns");
        assert_eq!(kind_of(&plain, known(false, false, true)), "unreachable");
        assert_eq!(kind_of(&plain, known(false, false, false)), "reset");
        assert_eq!(of_io(ErrorKind::ConnectionRefused, true), "unreachable");
        assert_eq!(of_io(ErrorKind::HostUnreachable, true), "unreachable");
        assert_eq!(of_io(ErrorKind::NetworkUnreachable, true), "unreachable");
        assert_eq!(of_io(ErrorKind::ConnectionReset, false), "reset");
        assert_eq!(of_io(ErrorKind::ConnectionReset, true), "reset");
        assert_eq!(of_io(ErrorKind::BrokenPipe, false), "reset");
        assert_eq!(of_io(ErrorKind::UnexpectedEof, false), "reset");
    }

    #[test]
    fn tls_to_a_stranger_is_said_in_words_that_help() {
        let say = |error: rustls::Error| {
            let failure = classify(&io::Error::other(error), Known::default(), "a.example", None);
            assert_eq!((failure.class, failure.kind), (Class::NotNow, "tls"));
            assert!(failure.message.starts_with("TLS to a stranger"));
            format!("{} {}", failure.message, failure.hint)
        };
        let certificate = |why| say(rustls::Error::InvalidCertificate(why));
        assert!(certificate(CertificateError::UnknownIssuer).contains("ca_file"));
        assert!(certificate(CertificateError::NotValidForName).contains("another name"));
        assert!(certificate(CertificateError::Expired).contains("clock"));
        assert!(certificate(CertificateError::NotValidYet).contains("clock"));
        assert!(certificate(CertificateError::Revoked).contains("revoked"));
        assert!(say(rustls::Error::DecryptError).contains("handshake"));
    }

    #[test]
    fn the_causes_own_words_are_not_shown() {
        let error = io::Error::new(ErrorKind::ConnectionReset, "at https://a.example/?secret=hunter2");
        let failure = classify(&error, Known::default(), "a.example", Some("p:3128"));
        assert!(!format!("{failure:?}").contains("hunter2"));
        assert!(failure.message.contains("p:3128"));
    }
}
