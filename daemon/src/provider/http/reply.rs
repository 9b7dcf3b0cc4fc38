//! What came back: status, the few headers that count, and a body of bounded size.

use std::fmt;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use serde_json::Value;
use zeroize::Zeroizing;

use super::Buffer;
use crate::clock::Wall;

/// A body has at most this many bytes.
pub(crate) const MOST_BODY: usize = 1024 * 1024;

/// `Retry-After` is believed up to this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// An answer. `Debug` does not show the body.
pub(crate) struct Reply {
    /// The host that answered, for messages.
    pub(crate) host: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// Not sooner than this, said the service; at most a day.
    pub(crate) retry_after: Option<Duration>,
    /// The service's clock, if it said so over TLS.
    pub(crate) date: Option<Wall>,
    /// The body.
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("host", &self.host)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Why a body was not read.
pub(super) enum Broken {
    /// More than [`MOST_BODY`].
    TooLong,
    /// The network.
    Network(reqwest::Error),
}

impl Reply {
    /// Reads the rest of `response`; `wall` is when it was asked for.
    pub(super) async fn read(mut response: Response, host: String, wall: Wall) -> Result<Self, Broken> {
        let status = response.status().as_u16();
        let date = date(response.headers(), &DATE);
        let retry_after = retry_after(response.headers(), date.unwrap_or(wall));
        let secure = response.url().scheme() == "https";
        let told = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        if told > MOST_BODY {
            return Err(Broken::TooLong);
        }
        let mut body = Buffer::with_capacity(told);
        while let Some(chunk) = response.chunk().await.map_err(Broken::Network)? {
            if body.len().saturating_add(chunk.len()) > MOST_BODY {
                return Err(Broken::TooLong);
            }
            body.push(&chunk);
        }
        Ok(Self { host, status, retry_after, date: date.filter(|_| secure), body: body.into_bytes() })
    }

    /// Whether the status says that it worked.
    pub(crate) fn is_success(&self) -> bool {
        (200..=299).contains(&self.status)
    }

    /// Whether the body is HTML or XML, whatever its content type says.
    pub(crate) fn is_page(&self) -> bool {
        self.text_bytes().first() == Some(&b'<')
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(self.text_bytes()).ok()
    }

    /// The body as text, without white space around it.
    pub(crate) fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.text_bytes()).ok()
    }

    /// Without the byte order mark and white space around it.
    fn text_bytes(&self) -> &[u8] {
        let body = self.body.trim_ascii();
        body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii()
    }
}

/// RFC 9110 10.2.3: seconds, or a date, which counts from the service's own where it is told.
fn retry_after(headers: &HeaderMap, now: Wall) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() => Duration::MAX,
        Err(_) => now.until(date(headers, &RETRY_AFTER)?),
    };
    (!wait.is_zero()).then_some(wait.min(LONGEST_RETRY_AFTER))
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<Wall> {
    let text = headers.get(name)?.to_str().ok()?;
    httpdate::parse_http_date(text.trim()).ok().map(Wall::from_system)
}

#[cfg(test)]
impl Reply {
    /// An answer that nobody sent.
    pub(crate) fn pretend(status: u16, body: &str) -> Self {
        let body = Zeroizing::new(body.as_bytes().to_vec());
        Self { host: "a.example".to_owned(), status, retry_after: None, date: None, body }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT
    const NOW: Wall = Wall(784_111_777_000);

    fn wait(value: &'static str) -> Option<u64> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
        retry_after(&headers, NOW).map(|wait| wait.as_secs())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for (value, seconds) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
            ("Sun Nov  6 08:50:37 1994", Some(60)),
            ("86401", Some(86400)),
            ("99999999999999999999999999", Some(86400)),
            ("Sun, 06 Nov 2044 08:49:37 GMT", Some(86400)),
            ("0", None),
            ("-1", None),
            ("1.5", None),
            ("", None),
            ("soon", None),
            ("Sun, 06 Nov 1994 08:49:36 GMT", None),
        ] {
            assert_eq!(wait(value), seconds, "{value}");
        }
    }

    #[test]
    fn a_page_is_known_by_its_first_sign() {
        for body in
            ["<!DOCTYPE html>", "\n\t <html>", "\u{feff}<?xml version=\"1.0\"?>", "<", " \u{feff} <p>"]
        {
            assert!(Reply::pretend(200, body).is_page(), "{body:?}");
        }
        for body in ["", "{}", "\"<\"", "Bad Request", "eyJ.e.x"] {
            assert!(!Reply::pretend(200, body).is_page(), "{body:?}");
        }
    }

    #[test]
    fn debug_shows_no_body() {
        assert!(!format!("{:?}", Reply::pretend(200, "hunter2")).contains("hunter2"));
    }
}
