//! A person's browser, as far as the server's pages need one: cookies, forms, redirects.

use super::*;

/// One person at one browser.
pub(super) struct Browser<'a> {
    toolkit: &'a Toolkit,
    cookies: BTreeMap<String, String>,
}

/// A page, or where the browser is sent to elsewhere.
pub(super) enum Seen {
    Page { path: String, text: String },
    Elsewhere(String),
}

impl<'a> Browser<'a> {
    pub(super) fn new(toolkit: &'a Toolkit) -> Self {
        Self { toolkit, cookies: BTreeMap::new() }
    }

    /// Opens an address; the person logs in where that is asked for.
    pub(super) fn open(&mut self, address: &str) -> Seen {
        let path = address.strip_prefix(&self.toolkit.url).expect("a page of the server");
        let seen = self.go("GET", path.to_owned(), String::new());
        match seen {
            Seen::Page { path, text } if path.starts_with("/login/") => {
                let (username, password) = PERSON;
                self.submit(&path, &text, &[("username", username), ("password", password)])
            }
            seen => seen,
        }
    }

    /// Types a device's code, and says yes or no.
    pub(super) fn decide(&mut self, address: &str, user_code: &str, action: &str) {
        let Seen::Page { path, text } = self.open(address) else { panic!("a page for the code") };
        let Seen::Page { path, text } = self.submit(&path, &text, &[("user_code", user_code)]) else {
            panic!("a page that asks")
        };
        assert!(path.contains(user_code), "{path}");
        let Seen::Page { path, .. } = self.submit(&path, &text, &[("action", action)]) else {
            panic!("a page that tells")
        };
        assert!(path.starts_with("/o/device-grant-status/"), "{path}");
    }

    /// Allows a client what it asks for, or does not. Where the browser is sent to in the end.
    pub(super) fn authorize(&mut self, address: &str, allow: bool) -> String {
        let Seen::Page { path, text } = self.open(address) else { panic!("a page that asks") };
        let more: &[_] = if allow { &[("allow", "Authorize")] } else { &[] };
        match self.submit(&path, &text, more) {
            Seen::Elsewhere(address) => address,
            Seen::Page { path, text } => panic!("{path}: {text}"),
        }
    }

    /// Sends the only form of a page, with what it has hidden.
    fn submit(&mut self, path: &str, page: &str, fields: &[(&str, &str)]) -> Seen {
        let hidden: Vec<(String, String)> = page.split('<').filter_map(hidden).collect();
        let all = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let form: Vec<_> = all.chain(fields.iter().copied()).collect();
        self.go("POST", path.to_owned(), encoded(&form))
    }

    /// Follows redirects as long as they stay at the server.
    fn go(&mut self, method: &str, mut path: String, body: String) -> Seen {
        let (mut method, mut body) = (method.to_owned(), body);
        for _ in 0..10 {
            let cookies: Vec<_> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let cookies = cookies.join("; ");
            let headers =
                [("Cookie", cookies.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
            let reply =
                call(&method, &format!("{}{path}", self.toolkit.url), &headers, &body).expect("an answer");
            for (_, cookie) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
                let pair = cookie.split(';').next().and_then(|pair| pair.split_once('='));
                let (name, value) = pair.expect("a cookie");
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            let Some(location) = reply.header("location").filter(|_| (300..400).contains(&reply.status))
            else {
                assert_eq!(reply.status, 200, "{path}: {}", reply.text());
                return Seen::Page { path, text: reply.text() };
            };
            let here = location.strip_prefix(&self.toolkit.url).unwrap_or(location);
            if !here.starts_with('/') {
                return Seen::Elsewhere(location.to_owned());
            }
            (method, path, body) = ("GET".to_owned(), here.to_owned(), String::new());
        }
        panic!("too many redirects: {path}");
    }
}

/// Name and value of a hidden input, or of one that has its value already.
fn hidden(tag: &str) -> Option<(String, String)> {
    let attribute = |name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        Some(plain(rest.split('"').next()?))
    };
    let is_hidden = tag.starts_with("input") && attribute("type").as_deref() == Some("hidden");
    is_hidden.then(|| Some((attribute("name")?, attribute("value").unwrap_or_default())))?
}

fn plain(html: &str) -> String {
    html.replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}
