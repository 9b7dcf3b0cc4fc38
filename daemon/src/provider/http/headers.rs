//! Headers that the user may add to every request, and those that are not the user's to set.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokend_proto::Secret;

use crate::document::{Located, Table};
use crate::provider::Failure;

/// Why the user may not set a header.
pub(crate) fn refusal(name: &HeaderName) -> Option<&'static str> {
    Some(match name.as_str() {
        "authorization" | "proxy-authorization" | "cookie" | "cookie2" => {
            "a secret is never written in the configuration"
        }
        "user-agent" => "write `user_agent = \"…\"`",
        "host" | "content-type" | "accept-encoding" => "tokend sets it, to fit the url and the body",
        "content-length" | "transfer-encoding" | "connection" | "keep-alive" | "upgrade" | "te"
        | "trailer" | "expect" | "proxy-connection" | "http2-settings" => "the connection is tokend's",
        _ => return None,
    })
}

/// Reads `headers = { NAME = "value", … }`.
pub(super) fn read(table: &mut Table<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(mut entries) = table.table("headers") else {
        return headers;
    };
    for key in entries.remaining_keys() {
        let name = parse_name(&entries, &key);
        let Some(text) = entries.string(&key.value) else {
            continue;
        };
        let Some(name) = name else { continue };
        if let Some(why) = refusal(&name) {
            entries.report(&key.span, format!("the header `{name}` cannot be set here"), why);
        }
        match HeaderValue::from_str(&text.value) {
            Ok(value) => {
                headers.insert(name, value);
            }
            Err(_) => entries.report(&text.span, format!("the value of `{name}` cannot be sent"), ONE_LINE),
        }
    }
    headers
}

/// The name of a header that the user wrote as a key; what is wrong with it is reported.
pub(crate) fn parse_name(table: &Table<'_>, key: &Located<String>) -> Option<HeaderName> {
    let name = HeaderName::from_bytes(key.value.as_bytes()).ok();
    if name.is_none() {
        table.report(&key.span, "this is no name of a header", "letters, digits and `-`");
    }
    name
}

/// Reads `user_agent`.
pub(super) fn read_user_agent(table: &mut Table<'_>) -> HeaderValue {
    let default = HeaderValue::from_static(concat!("tokend/", env!("CARGO_PKG_VERSION")));
    let Some(text) = table.string("user_agent") else {
        return default;
    };
    HeaderValue::from_str(&text.value).unwrap_or_else(|_| {
        table.report(&text.span, "`user_agent` cannot be sent", ONE_LINE);
        default
    })
}

const ONE_LINE: &str = "one line of visible ASCII";

/// `SCHEME SECRET` as the value of a header, which is not shown by `Debug` and not indexed by HTTP/2.
pub(crate) fn credentials(scheme: &str, secret: &Secret, what: &str) -> Result<HeaderValue, Failure> {
    let mut text = super::Buffer::with_capacity(scheme.len() + 1 + secret.len());
    text.push(scheme.as_bytes());
    text.push(b" ");
    text.push(&secret.expose());
    sensitive(text.as_bytes(), what)
}

/// A header value that holds a secret. `what` names the secret.
pub(crate) fn sensitive(bytes: &[u8], what: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_bytes(bytes).map_err(|_| {
        Failure::source(
            "bad-secret",
            format!("{what} has characters that no header can carry"),
            "look for a line break or another control character in it",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::stand_in::{complaints, with_table};

    #[test]
    fn headers_and_user_agent_are_read() {
        let text = "headers = { X-Tenant = \"blue\", Accept = \"text/plain\" }\nuser_agent = \"curl/8\"";
        with_table(text, |table| {
            let headers = read(table);
            assert_eq!(headers.get("x-tenant"), Some(&HeaderValue::from_static("blue")));
            assert_eq!(headers.len(), 2);
            assert_eq!(read_user_agent(table), "curl/8");
        });
        with_table("", |table| {
            assert!(read_user_agent(table).to_str().is_ok_and(|ua| ua.starts_with("tokend/")));
        });
    }

    #[test]
    fn a_header_that_is_a_secret_or_the_connections_is_refused() {
        for name in ["Authorization", "cookie", "HOST", "Content-Length", "Content-Type", "Transfer-Encoding"]
        {
            let text = format!("headers = {{ {name} = \"hunter2\" }}");
            let complaints = complaints(&text, |table| drop(read(table)));
            assert_eq!(complaints.len(), 1, "{name}: {complaints:?}");
            assert!(!complaints[0].contains("hunter2"));
        }
    }

    #[test]
    fn a_header_that_would_break_the_request_is_refused() {
        for text in [
            "headers = { \"X Y\" = \"a\" }",
            "headers = { X = \"a\\r\\nHost: b\" }",
            "headers = { X = 1 }",
            "headers = [\"X: a\"]",
        ] {
            assert_eq!(complaints(text, |table| drop(read(table))).len(), 1, "{text}");
        }
        assert_eq!(complaints("user_agent = \"a\\nb\"", |table| drop(read_user_agent(table))).len(), 1);
    }

    #[test]
    fn a_secret_in_a_header_is_marked_and_one_with_a_line_break_is_refused() {
        let secret = |bytes: &[u8]| Secret::new(bytes.to_vec()).expect("short");
        let value = credentials("Bearer", &secret(b"hunter2"), "the token").expect("a value");
        assert_eq!(value.as_bytes(), b"Bearer hunter2");
        assert!(value.is_sensitive());
        let failure = credentials("Bearer", &secret(b"hunter2\r\nX: y"), "the token").expect_err("a failure");
        assert_eq!(failure.kind, "bad-secret");
        assert!(!format!("{failure:?}").contains("hunter2"));
    }
}
