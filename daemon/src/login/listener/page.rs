//! What the browser shows in the end: a small page of its own, in which nothing runs and nothing is fetched.

use std::fmt::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};
use sha2::{Digest as _, Sha256};

const STYLE: &str = "\
:root{color-scheme:light dark;font-family:system-ui,sans-serif}\
body{max-width:34rem;margin:18vh auto 0;padding:0 1.5rem;line-height:1.5}\
h1{font-size:1.5rem;font-weight:600}";

/// Nothing but the page's own style: no script, no picture, no form, no frame around it.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
});

/// A page: its status, a headline, and a few lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::login) struct Page {
    status: StatusCode,
    headline: String,
    lines: Vec<String>,
}

impl Page {
    fn new<const N: usize>(status: StatusCode, headline: &str, lines: [String; N]) -> Self {
        Self { status, headline: headline.to_owned(), lines: lines.into() }
    }

    /// The login is done.
    pub(in crate::login) fn done(account: &str) -> Self {
        let line = format!("tokend is logged in to {account}. You can close this page.");
        Self::new(StatusCode::OK, "Logged in", [line])
    }

    /// The login has failed: what happened, and what to do.
    pub(in crate::login) fn failed(account: &str, what: &str, hint: &str) -> Self {
        let lines = [format!("{account}: {what}."), format!("What to do: {hint}.")];
        Self::new(StatusCode::BAD_REQUEST, "The login did not work", lines)
    }

    /// Somebody else's answer. Who the login is for is none of their business.
    pub(in crate::login) fn foreign() -> Self {
        let lines = [
            "Its state does not match: it belongs to another login, or an older one. The login that tokend \
             waits for goes on."
                .to_owned(),
            "What to do: close this page, and log in on the one that `tok login` opened last.".to_owned(),
        ];
        Self::new(StatusCode::BAD_REQUEST, "This is not the answer that tokend waits for", lines)
    }

    /// An answer without a code.
    pub(in crate::login) fn unfinished() -> Self {
        let lines = [
            "There is no code in it. The login that tokend waits for goes on.".to_owned(),
            "What to do: finish the login on the page that `tok login` opened.".to_owned(),
        ];
        Self::new(StatusCode::BAD_REQUEST, "This is not the answer that tokend waits for", lines)
    }

    /// The answer was there already.
    pub(in crate::login) fn over() -> Self {
        let line = "Its answer has come already; a second one is not looked at. You can close this page.";
        Self::new(StatusCode::GONE, "This login is over", [line.to_owned()])
    }

    /// Somebody looks what is here.
    pub(super) fn nothing_here() -> Self {
        let line = "A login of tokend comes back to this address. There is nothing to see before that.";
        Self::new(StatusCode::BAD_REQUEST, "Nothing here yet", [line.to_owned()])
    }

    /// Some other request.
    pub(super) fn short(status: StatusCode, line: &str) -> Self {
        Self::new(status, "tokend", [line.to_owned()])
    }

    pub(super) fn response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.html())));
        *response.status_mut() = self.status;
        let fixed = HeaderValue::from_static;
        response.headers_mut().extend([
            (CONTENT_TYPE, fixed("text/html; charset=utf-8")),
            (CONTENT_SECURITY_POLICY, POLICY.clone()),
            // The address holds the code.
            (REFERRER_POLICY, fixed("no-referrer")),
            (CACHE_CONTROL, fixed("no-store")),
            (X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
            (X_FRAME_OPTIONS, fixed("DENY")),
            (HeaderName::from_static("cross-origin-opener-policy"), fixed("same-origin")),
            (HeaderName::from_static("cross-origin-resource-policy"), fixed("same-origin")),
        ]);
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(ALLOW, fixed("GET"));
        }
        response
    }

    fn html(&self) -> String {
        let headline = escaped(&self.headline);
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{headline}</title>\
             <style>{STYLE}</style></head>\n<body><h1>{headline}</h1>\n"
        );
        for line in &self.lines {
            let _ = writeln!(html, "<p>{}</p>", escaped(line));
        }
        html.push_str("</body></html>\n");
        html
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '`' => out.push_str("&#96;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let evil = "<script>alert(1)</script>\"'&\u{1b}";
        let html = Page::failed(evil, evil, evil).html();
        assert_eq!(html.matches('<').count(), Page::failed("a", "b", "c").html().matches('<').count());
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp; "), "{html}");
    }

    #[test]
    fn nothing_in_a_page_runs_or_is_fetched() {
        let response = Page::done("lyve").response();
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        let html = Page::done("lyve").html();
        assert!(html.contains(&format!("<style>{STYLE}</style>")));
        for word in ["<script", "href", "src=", "url(", "@import", "style=", "onload"] {
            assert!(!html.contains(word), "{word}");
        }
    }
}
