//! Whether an address that a service wrote may be shown and opened. The daemon has looked; this is the second look.

/// Longer than any address of a login, and shorter than what a system lets a program take as an argument.
const LONGEST: usize = 16 * 1024;

/// What means something to a shell or in a document, whoever hands the address on. Without what URLs are made of.
const MEANING: &str = "\"'`$;|<>(){}[]\\^!";

/// An address that is safe to show and to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address(String);

impl Address {
    /// Nothing unless it is `https`, or `http` on the loopback, of visible ASCII without a shell's characters.
    pub(super) fn checked(text: &str) -> Option<Self> {
        let (rest, is_plain) = match text.split_once("://")? {
            (scheme, rest) if scheme.eq_ignore_ascii_case("https") => (rest, false),
            (scheme, rest) if scheme.eq_ignore_ascii_case("http") => (rest, true),
            _ => return None,
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let host = host(authority)?;
        let is_harmless = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_graphic() && !MEANING.contains(char::from(byte)))
        };
        let fits = text.len() <= LONGEST && is_harmless(host) && is_harmless(path);
        (fits && (!is_plain || is_loopback(host))).then(|| Self(text.to_owned()))
    }

    /// It, as it was written.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// The host, without the brackets of IPv6 and without the port; nothing where a user's name or something odd is there.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            let is_ipv6 = host.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte));
            (Some(host).filter(|_| is_ipv6)?, port)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = match port.strip_prefix(':') {
        Some(digits) => digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    };
    (is_port && !host.is_empty() && !host.contains(['@', '%', '\\'])).then_some(host)
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_login_needs_is_opened() {
        for url in [
            "https://login.example.com/authorize?client_id=a&state=b%20c&scope=x+y*#~z",
            "HTTPS://login.example.com",
            "https://login.example.com:8443?x",
            "https://[2001:db8::1]:8443/x",
            "http://127.0.0.1:8400/x",
            "http://127.8.9.1/x",
            "http://[::1]/x",
            "http://localhost:1",
        ] {
            assert_eq!(Address::checked(url).as_ref().map(Address::text), Some(url));
        }
    }

    #[test]
    fn what_could_run_or_mislead_is_not() {
        for url in [
            "",
            "login.example.com",
            "https://",
            "https:///x",
            "https:x",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "-https://a.example",
            "http://a.example/x",
            "http://127.0.0.1.a.example/x",
            "http://localhost.a.example/x",
            "https://a.example@b.example/x",
            "https://a.example:x/",
            "https://a.example:/\u{7f}",
            "https://[::1/x",
            "https://[a.example]/x",
            "https://a.example:443:443/x",
            "https://ä.example/x",
        ] {
            assert_eq!(Address::checked(url), None, "{url}");
        }
        for c in " \"'`$;|<>(){}[]\\^!\n\r\t\u{1b}\u{7f}\u{9b}ä".chars() {
            assert_eq!(Address::checked(&format!("https://a.example/x{c}y")), None, "{c:?}");
            assert_eq!(Address::checked(&format!("https://a{c}b.example/")), None, "{c:?}");
        }
        assert_eq!(Address::checked(&format!("https://a.example/{}", "x".repeat(LONGEST))), None);
    }
}
