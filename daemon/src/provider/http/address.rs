//! Where a service is: `https`, or `http` on the loopback, and nothing hidden in the URL.

use std::fmt;

use url::{Host, Url};

use crate::document::{Located, Table};

/// Reads a URL from the configuration; what is wrong with it is reported, and `None` comes back.
pub(crate) fn read(table: &mut Table<'_>, key: &str, query: Query) -> Option<Url> {
    let text = table.string(key)?;
    checked(table, key, &text, query)
}

/// The same, with a URL for an account that says none.
pub(crate) fn read_or(table: &mut Table<'_>, key: &str, default: &str, query: Query) -> Option<Url> {
    if table.has(key) {
        return read(table, key, query);
    }
    table.allow(key);
    parse(default, query).ok()
}

/// The same, for an account that must say one.
pub(crate) fn required(table: &mut Table<'_>, key: &str, query: Query) -> Option<Url> {
    table.require(key);
    read(table, key, query)
}

/// The URL that `text` is; what is wrong with it is reported.
pub(crate) fn checked(table: &Table<'_>, key: &str, text: &Located<String>, query: Query) -> Option<Url> {
    parse(&text.value, query)
        .map_err(|fault| table.report(&text.span, format!("`{key}` {fault}"), fault.hint()))
        .ok()
}

/// Whether a URL may have a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Query {
    /// RFC 6749 3.1 and 3.2 let an endpoint have one.
    Allowed,
    /// A path is put behind it.
    Refused,
}

/// What is wrong with a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    NoUrl,
    Scheme,
    Clear,
    User,
    Fragment,
    Query,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoUrl => "is no URL",
            Self::Scheme => "is neither https nor http",
            Self::Clear => "is http to another machine: everybody on the way could read the secrets",
            Self::User => "has a user name or password in it",
            Self::Fragment => "has a fragment (`#…`)",
            Self::Query => "has a query (`?…`)",
        })
    }
}

impl Fault {
    fn hint(self) -> &'static str {
        match self {
            Self::NoUrl => "such as \"https://service.example.com\"",
            Self::Scheme => "write https://",
            Self::Clear => "write https://; http:// is for 127.0.0.1, [::1] and localhost only",
            Self::User => "a secret is never written in the configuration",
            Self::Fragment | Self::Query => "remove it",
        }
    }
}

/// The URL that `text` is, if secrets may be sent there.
pub(crate) fn parse(text: &str, query: Query) -> Result<Url, Fault> {
    // The URL standard mends what a browser's user types (spaces, backslashes, missing slashes); here that is a slip.
    let lax = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    if text.contains(lax) {
        return Err(Fault::NoUrl);
    }
    let Some((scheme, _)) = text.split_once("://") else {
        return Err(Fault::NoUrl);
    };
    let url = Url::parse(text).map_err(|_| Fault::NoUrl)?;
    match url.scheme() {
        "https" if scheme.eq_ignore_ascii_case("https") => {}
        "http" if scheme.eq_ignore_ascii_case("http") => {
            if !is_loopback(&url) {
                return Err(Fault::Clear);
            }
        }
        _ => return Err(Fault::Scheme),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fault::User);
    }
    if url.fragment().is_some() {
        return Err(Fault::Fragment);
    }
    if query == Query::Refused && url.query().is_some() {
        return Err(Fault::Query);
    }
    Ok(url)
}

/// Whether the URL's host is this machine: 127.0.0.0/8, `[::1]` or `localhost`, which is never looked up.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// `path` below `base`, whether `base` ends in a slash or not, and whether it ends in one of `tails` or not.
pub(crate) fn under(base: &Url, tails: &[&str], path: &str) -> Url {
    let mut url = base.clone();
    let prefix = base.path().trim_end_matches('/');
    let prefix = tails.iter().find_map(|tail| prefix.strip_suffix(tail)).unwrap_or(prefix);
    url.set_path(&format!("{prefix}{path}"));
    url
}

/// The URL's host as messages name it, with the port where it is not the usual one.
pub(crate) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The URL's origin, such as `https://service.example.com`.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_http_on_the_loopback_are_taken() {
        for text in [
            "https://api.lyvecloud.seagate.com",
            "HTTPS://a.example/x/",
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:1",
            "http://localhost:80/x",
        ] {
            assert!(parse(text, Query::Refused).is_ok(), "{text}");
        }
        assert!(parse("https://a.example/token?p=x", Query::Allowed).is_ok());
    }

    #[test]
    fn everything_else_is_refused_and_said_why() {
        for (text, fault) in [
            ("", Fault::NoUrl),
            ("a.example", Fault::NoUrl),
            ("https:a.example", Fault::NoUrl),
            ("https://", Fault::NoUrl),
            (" https://a.example", Fault::NoUrl),
            ("https://a.example\\@b.example", Fault::NoUrl),
            ("ftp://a.example", Fault::Scheme),
            ("file:///etc/passwd", Fault::Scheme),
            ("http://a.example", Fault::Clear),
            ("http://localhost.a.example", Fault::Clear),
            ("http://localhost.", Fault::Clear),
            ("http://0.0.0.0", Fault::Clear),
            ("http://[::ffff:127.0.0.1]", Fault::Clear),
            ("http://127.0.0.1.nip.io", Fault::Clear),
            ("http://localhost@a.example", Fault::Clear),
            ("https://user@a.example", Fault::User),
            ("https://user:pass@a.example", Fault::User),
            ("https://a.example/#x", Fault::Fragment),
            ("https://a.example/?x", Fault::Query),
        ] {
            assert_eq!(parse(text, Query::Refused), Err(fault), "{text}");
        }
    }

    #[test]
    fn a_path_is_put_behind_a_prefix() {
        for (base, url) in [
            ("https://a.example", "https://a.example/v2/auth/token"),
            ("https://a.example/", "https://a.example/v2/auth/token"),
            ("https://a.example:444/pre%20fix/", "https://a.example:444/pre%20fix/v2/auth/token"),
            ("https://a.example/v2", "https://a.example/v2/auth/token"),
            ("https://a.example/v2/", "https://a.example/v2/auth/token"),
        ] {
            let base = parse(base, Query::Refused).expect(base);
            assert_eq!(under(&base, &["/v2"], "/v2/auth/token").as_str(), url);
        }
    }

    #[test]
    fn messages_name_the_host_alone() {
        let url = parse("https://a.example:444/x?y=z", Query::Allowed).expect("a URL");
        assert_eq!((host(&url).as_str(), origin(&url).as_str()), ("a.example:444", "https://a.example:444"));
    }
}
