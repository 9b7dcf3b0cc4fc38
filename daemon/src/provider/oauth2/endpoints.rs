//! Where the requests of an account go: as it is written, else as the issuer's metadata say.

use std::sync::Arc;

use url::{Host, Url};

use super::metadata::{Issuer, Metadata};
use crate::clock::Moment;
use crate::document::Table;
use crate::provider::Failure;
use crate::provider::http::Http;
use crate::provider::http::address::{self, Query};

/// An endpoint that an account may need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Where tokens come from (RFC 6749 3.2).
    Token,
    /// Where a browser is sent to (RFC 6749 3.1).
    Authorization,
    /// Where the device flow begins (RFC 8628 3.1).
    DeviceAuthorization,
    /// Where a login ends (RFC 7009 2).
    Revocation,
    /// Where tokens are asked about (RFC 7662 2).
    Introspection,
    /// Where the keys for id tokens are (RFC 8414 2).
    Jwks,
}

impl Endpoint {
    /// All of them.
    pub(super) const ALL: [Self; 6] = [
        Self::Token,
        Self::Authorization,
        Self::DeviceAuthorization,
        Self::Revocation,
        Self::Introspection,
        Self::Jwks,
    ];

    /// Its key, in the configuration and in metadata.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Token => "token_endpoint",
            Self::Authorization => "authorization_endpoint",
            Self::DeviceAuthorization => "device_authorization_endpoint",
            Self::Revocation => "revocation_endpoint",
            Self::Introspection => "introspection_endpoint",
            Self::Jwks => "jwks_uri",
        }
    }
}

/// The endpoints of an account.
#[derive(Debug)]
pub(super) struct Endpoints {
    written: Vec<(Endpoint, Url)>,
    issuer: Option<Issuer>,
}

impl Endpoints {
    /// Reads `issuer` and the endpoints that `has_effect`. Where there is no issuer, those of `needed` must
    /// be there.
    pub(super) fn read(
        table: &mut Table<'_>,
        has_effect: impl Fn(&str) -> bool,
        needed: &[Endpoint],
    ) -> Option<Self> {
        let faulty = |table: &Table<'_>, key: &str, found: bool| table.has(key) && !found;
        let issuer = table.string("issuer").and_then(|text| {
            // RFC 8414 2: no query, no fragment.
            let url = address::checked(table, "issuer", &text, Query::Refused)?;
            Some(Issuer::new(url, text.value))
        });
        let mut spoilt = faulty(table, "issuer", issuer.is_some());
        let mut written = Vec::new();
        for which in Endpoint::ALL.into_iter().filter(|which| has_effect(which.key())) {
            let url = read_one(table, which);
            spoilt |= faulty(table, which.key(), url.is_some());
            written.extend(url.map(|url| (which, url)));
        }
        if !table.has("issuer") {
            for which in needed {
                if table.has(which.key()) {
                    continue;
                }
                spoilt = true;
                if *which == Endpoint::Token {
                    let hint = "such as issuer = \"https://login.example.com\"";
                    table.report(&table.span(), "`issuer` or `token_endpoint` is missing", hint);
                } else {
                    table.require(which.key());
                }
            }
        }
        if let (false, Some(span)) = (table.has("issuer"), table.key_span(Endpoint::Jwks.key())) {
            // OpenID Connect Core 1.0, 3.1.3.7 (2).
            let hint = "write `issuer`, which every id token must name";
            table.report(&span, "`jwks_uri` has no effect without `issuer`", hint);
        }
        (!spoilt).then_some(Self { written, issuer })
    }

    /// The URL in the configuration that says which service it is.
    pub(super) fn named(&self) -> Option<&Url> {
        self.written(Endpoint::Token).or_else(|| self.issuer.as_ref().map(|issuer| &issuer.url))
    }

    /// The issuer, as it is written.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.issuer.as_ref().map(|issuer| &*issuer.text)
    }

    /// Whom a client's assertions are for, if the configuration does not tell (RFC 7523 3): the issuer, else
    /// the token endpoint.
    pub(super) fn audience(&self) -> String {
        let token = || self.written(Endpoint::Token).map(Url::to_string);
        self.issuer().map(str::to_owned).or_else(token).unwrap_or_default()
    }

    /// An endpoint as it is written.
    pub(super) fn written(&self, which: Endpoint) -> Option<&Url> {
        self.written.iter().find(|(written, _)| *written == which).map(|(_, url)| url)
    }

    /// What the issuer says of itself; nothing where none is written.
    ///
    /// # Errors
    /// Why its metadata cannot be had.
    pub(super) async fn metadata(&self, http: &Http, now: Moment) -> Result<Option<Arc<Metadata>>, Failure> {
        match &self.issuer {
            Some(issuer) => issuer.metadata(None, http, now).await.map(Some),
            None => Ok(None),
        }
    }

    /// Where an endpoint is now; nothing where neither the configuration nor the service tells. Metadata are
    /// not asked for what is written.
    ///
    /// # Errors
    /// Why the metadata cannot be had, or what is wrong with the endpoint in them.
    pub(super) async fn find(
        &self,
        which: Endpoint,
        http: &Http,
        now: Moment,
    ) -> Result<Option<Url>, Failure> {
        match (self.written(which), &self.issuer) {
            (Some(url), _) => Ok(Some(url.clone())),
            (None, Some(issuer)) => {
                issuer.metadata(Some(which), http, now).await?.endpoint(which).map(Option::<&Url>::cloned)
            }
            (None, None) => Ok(None),
        }
    }

    /// The same, of one without which nothing can be done.
    ///
    /// # Errors
    /// Those of [`Endpoints::find`], and a no where there is none.
    pub(super) async fn require(&self, which: Endpoint, http: &Http, now: Moment) -> Result<Url, Failure> {
        self.find(which, http, now).await?.ok_or_else(|| {
            let key = which.key();
            let message = format!("the service does not tell its {key}");
            Failure::no("no-endpoint", message, format!("write `{key}` if it has one"))
        })
    }

    /// What `tokend check` shows of them.
    pub(super) fn describe(&self, into: &mut Vec<(&'static str, String)>) {
        into.extend(self.issuer().map(|issuer| ("issuer", issuer.to_owned())));
        into.extend(self.written.iter().map(|(which, url)| (which.key(), url.to_string())));
    }
}

fn read_one(table: &mut Table<'_>, which: Endpoint) -> Option<Url> {
    let key = which.key();
    let text = table.string(key)?;
    let url = address::checked(table, key, &text, Query::Allowed)?;
    if which == Endpoint::Authorization && !is_safe_to_open(&text.value) {
        let hint = "no quotes, no blanks, none of ` $ ; | < > ( ) { } [ ] \\ ^ ! *: write them as %XX";
        table.report(&text.span, format!("`{key}` has characters that mean something to a shell"), hint);
        return None;
    }
    Some(url)
}

/// Whether nothing in a URL means something to a shell or a terminal, whoever hands it on to a browser. `?`,
/// `&` and `%` are what URLs are made of; the brackets are those of an IPv6 address.
pub(super) fn is_safe_to_open(url: &str) -> bool {
    const MEANING: &str = "\"'`$;|<>(){}[]\\^!*";
    let is_safe = |text: &str| !text.contains(|c: char| !c.is_ascii_graphic() || MEANING.contains(c));
    match Url::parse(url).ok().as_ref().and_then(Url::host) {
        Some(Host::Ipv6(_)) => is_safe(&url.replacen('[', "", 1).replacen(']', "", 1)),
        _ => is_safe(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_read_is_not_opened() {
        for url in [
            "https://a.example/authorize?tenant=t&x=%20y",
            "https://a.example:8443/o/oauth2/v2.0/~auth_-,@+=#x",
            "http://[::1]:8080/authorize",
        ] {
            assert!(is_safe_to_open(url), "{url}");
        }
        for c in " \"'`$;|<>(){}[]\\^!*\n\u{1b}\u{7f}\u{e4}".chars() {
            assert!(!is_safe_to_open(&format!("https://a.example/x{c}y")), "{c:?}");
            assert!(!is_safe_to_open(&format!("http://[::1]/x{c}y")), "{c:?}");
        }
    }
}
