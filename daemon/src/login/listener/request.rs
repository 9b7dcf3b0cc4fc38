//! Which requests are those of a browser that comes back: GET of the one path, at the address that we sent it
//! to.

use hyper::header::HOST;
use hyper::http::uri::Authority;
use hyper::{Method, Request, StatusCode};

use super::Page;
use crate::provider::login::Redirect;

/// Where the browser was told to come back to.
#[derive(Debug)]
pub(super) struct Site {
    host: String,
    port: u16,
    path: String,
}

impl Site {
    pub(super) fn new(redirect: &Redirect, port: u16) -> Self {
        let path = if redirect.path.is_empty() { "/" } else { &redirect.path };
        Self { host: redirect.host.clone(), port, path: path.to_owned() }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// What stands behind the `?` of a browser that comes back; else the page for whoever asks something
    /// else.
    pub(super) fn query<'r, B>(&self, request: &'r Request<B>) -> Result<&'r str, Page> {
        self.check_host(request)?;
        let uri = request.uri();
        if uri.path() != self.path {
            return Err(Page::short(StatusCode::NOT_FOUND, "There is no such page here."));
        }
        if request.method() != Method::GET {
            return Err(Page::short(StatusCode::METHOD_NOT_ALLOWED, "Only GET is answered here."));
        }
        uri.query().filter(|query| !query.is_empty()).ok_or_else(Page::nothing_here)
    }

    /// A page elsewhere whose name was made to lead to this machine (DNS rebinding) asks for its own name.
    fn check_host<B>(&self, request: &Request<B>) -> Result<(), Page> {
        let mut hosts = request.headers().get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(Page::short(StatusCode::BAD_REQUEST, "The request must name one host."));
        };
        let in_header = host.to_str().is_ok_and(|host| self.is_named(host));
        let in_line = request.uri().authority().map(Authority::as_str).is_none_or(|host| self.is_named(host));
        if in_header && in_line {
            Ok(())
        } else {
            Err(Page::short(StatusCode::MISDIRECTED_REQUEST, "Nothing of this name is here."))
        }
    }

    fn is_named(&self, host: &str) -> bool {
        let whole = format!("{}:{}", self.host, self.port);
        // The port of http goes without saying.
        host.eq_ignore_ascii_case(&whole) || (self.port == 80 && host.eq_ignore_ascii_case(&self.host))
    }
}
