//! Where the browser comes back to: an address on the loopback, as it is registered at the service (RFC 8252
//! 7.3).

use crate::document::{Located, Table};
use crate::provider::http::address::{self, Query};
use crate::provider::login::Redirect;
use crate::provider::oauth2::endpoints::is_safe_to_open;

const FORM: &str = "such as [\"http://127.0.0.1/callback\"]: http, a loopback address, and a path";

/// Where it comes back to if nothing else is said.
pub(super) fn default() -> Redirect {
    Redirect { host: "127.0.0.1".to_owned(), port: None, path: "/".to_owned() }
}

/// Reads `redirect_uris` and `redirect_port`. What is wrong has been reported where there is none.
pub(super) fn read(table: &mut Table<'_>) -> Option<Redirect> {
    let redirect = match (table.has("redirect_uris"), table.strings("redirect_uris")) {
        (false, _) => Some(default()),
        (true, None) => None,
        (true, Some(uris)) => read_one(table, &uris),
    };
    let port = match (table.has("redirect_port"), table.integer("redirect_port")) {
        (false, _) => Some(None),
        (true, None) => None,
        (true, Some(number)) => {
            if let Ok(port @ 1..) = u16::try_from(number.value) {
                Some(Some((port, number.span)))
            } else {
                table.report(&number.span, "`redirect_port` is no port", "1 to 65535");
                None
            }
        }
    };
    let (redirect, port) = (redirect?, port?);
    match (redirect.port, port) {
        (Some(one), Some((other, span))) if one != other => {
            table.report(&span, "`redirect_uris` has another port", "remove one of the two");
            None
        }
        (_, Some((port, _))) => Some(Redirect { port: Some(port), ..redirect }),
        (_, None) => Some(redirect),
    }
}

fn read_one(table: &Table<'_>, uris: &Located<Vec<Located<String>>>) -> Option<Redirect> {
    let [uri] = &uris.value[..] else {
        table.report(&uris.span, "`redirect_uris` names more or less than one", FORM);
        return None;
    };
    let redirect = parse(&uri.value);
    if redirect.is_none() {
        table.report(&uri.span, "`redirect_uris` is no address on the loopback", FORM);
    }
    redirect
}

fn parse(text: &str) -> Option<Redirect> {
    let url = address::parse(text, Query::Refused).ok()?;
    if url.scheme() != "http" || !address::is_loopback(&url) || !is_safe_to_open(text) {
        return None;
    }
    // Services compare letters: one without a path stays without.
    let has_path = text.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    let path = if has_path { url.path() } else { "" };
    Some(Redirect { host: url.host_str()?.to_owned(), port: url.port(), path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::stand_in::{complaints, with_table};

    fn read_from(text: &str) -> (String, Option<u16>, String) {
        let mut found = None;
        with_table(text, |table| found = read(table));
        let Redirect { host, port, path } = found.expect("a redirect");
        (host, port, path)
    }

    #[test]
    fn it_is_on_the_loopback_at_a_port_that_is_free_or_registered() {
        for (text, host, port, path) in [
            ("", "127.0.0.1", None, "/"),
            ("redirect_port = 8400", "127.0.0.1", Some(8400), "/"),
            ("redirect_uris = ['http://localhost']", "localhost", None, ""),
            ("redirect_uris = ['http://[::1]/']", "[::1]", None, "/"),
            ("redirect_uris = ['http://127.0.0.1/cb']\nredirect_port = 8400", "127.0.0.1", Some(8400), "/cb"),
            ("redirect_uris = ['http://localhost:9/a/b']\nredirect_port = 9", "localhost", Some(9), "/a/b"),
        ] {
            assert_eq!(read_from(text), (host.to_owned(), port, path.to_owned()), "{text}");
        }
    }

    #[test]
    fn anything_else_is_a_mistake() {
        for text in [
            "redirect_uris = []",
            "redirect_uris = ['http://127.0.0.1/', 'http://localhost/']",
            "redirect_uris = ['https://127.0.0.1/']",
            "redirect_uris = ['http://a.example/']",
            "redirect_uris = ['http://0.0.0.0/']",
            "redirect_uris = ['http://127.0.0.1/?x=y']",
            "redirect_uris = ['http://127.0.0.1/#x']",
            "redirect_uris = ['http://127.0.0.1/$(x)']",
            "redirect_uris = ['urn:ietf:wg:oauth:2.0:oob']",
            "redirect_port = 0",
            "redirect_port = 65536",
            "redirect_port = '8400'",
            "redirect_uris = ['http://localhost:9/']\nredirect_port = 10",
        ] {
            let found = complaints(text, |table| assert_eq!(read(table), None, "{text}"));
            assert_eq!(found.len(), 1, "{text}: {found:#?}");
        }
    }
}
