//! OpenvCloud, which takes its own session key as a parameter, or a JWT of ItsYou.online as a header.

use serde_json::{Value, json};

use super::StandIn;
use super::ledger::Entry;
use super::service::{Answer, Home, Service};
use super::tokens::Tokens;

const AUTHENTICATE: &str = "/restmachine/cloudapi/users/authenticate";
const API: &str = "/restmachine/cloudapi/";

/// A running OpenvCloud.
pub type OpenvCloud = StandIn<Openv>;

/// OpenvCloud: `users/authenticate`, and an API at every other path below `/restmachine/cloudapi/`.
#[derive(Clone, Debug)]
pub struct Openv {
    /// The user's name.
    pub username: String,
    /// The user's password.
    pub password: String,
    /// The book of an [`ItsYouOnline`](super::ItsYouOnline): its live JWTs are taken.
    pub jwts: Option<Tokens>,
}

impl Default for Openv {
    fn default() -> Self {
        Self { username: "alice".into(), password: "pass word&=%+".into(), jwts: None }
    }
}

impl Service for Openv {
    const CLIENT_FIELD: &'static str = "username";

    fn is_token_request(&self, request: &Entry) -> bool {
        request.path == AUTHENTICATE
    }

    fn answer(&mut self, request: &Entry, home: &Home) -> Answer {
        match request.path.as_str() {
            AUTHENTICATE if request.method == "POST" => self.authenticate(request, home),
            path if path.starts_with(API) => self.api(request, home),
            _ => Answer::plain(404),
        }
    }
}

impl Openv {
    /// The key is a JSON string for those who accept JSON, else bare; nothing says how long it lives.
    fn authenticate(&self, request: &Entry, home: &Home) -> Answer {
        let (Some(username), Some(password)) = (request.field("username"), request.field("password")) else {
            return Answer::plain(400);
        };
        if (username, password) != (&self.username, &self.password) {
            return unauthorized();
        }
        let key = home.tokens.issue_opaque(json!({"username": username}));
        if request.accepts_json() {
            Answer::json(200, &Value::from(key))
        } else {
            Answer::new(200, "text/html", key)
        }
    }

    fn api(&self, request: &Entry, home: &Home) -> Answer {
        if let Some(jwt) = request.bearer(&["bearer", "Bearer"]) {
            let live = self.jwts.as_ref().is_some_and(|jwts| jwts.is_live(jwt));
            return if live { cloudspaces() } else { unauthorized() };
        }
        let key = request.field("authkey").or_else(|| request.query("authkey"));
        match key.filter(|key| !key.is_empty()) {
            Some(key) if home.tokens.is_live(key) => {
                // A session lives on from its last use.
                home.tokens.extend(key);
                cloudspaces()
            }
            Some(_) => Answer::new(419, "text/html", "Authentication Timeout"),
            None => unauthorized(),
        }
    }
}

fn cloudspaces() -> Answer {
    Answer::json(200, &json!([{"id": 1, "name": "default", "status": "DEPLOYED"}]))
}

fn unauthorized() -> Answer {
    Answer::new(401, "text/html", "Unauthorized")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{ItsYouOnline, Reply, call};
    use super::*;

    const RIGHT: &str = "username=alice&password=pass+word%26%3D%25%2B&authkey=";
    const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

    fn log_in(ovc: &OpenvCloud, accept: &str, body: &str) -> Reply {
        call("POST", &format!("{}{AUTHENTICATE}", ovc.url()), &[FORM, ("Accept", accept)], body)
            .expect("an answer")
    }

    fn list(ovc: &OpenvCloud, query: &str, header: (&str, &str), body: &str) -> u16 {
        let url = format!("{}{API}cloudspaces/list{query}", ovc.url());
        call("POST", &url, &[FORM, header], body).expect("an answer").status
    }

    #[test]
    fn the_key_is_a_json_string_or_bare_and_goes_into_form_or_query() {
        let ovc = OpenvCloud::start();
        let quoted = log_in(&ovc, "application/json", RIGHT).json();
        let quoted = quoted.as_str().expect("a JSON string");
        let bare = log_in(&ovc, "*/*", RIGHT).text();
        assert!(ovc.is_live(&bare));
        let none = ("Accept", "*/*");
        assert_eq!(list(&ovc, "", none, &format!("authkey={quoted}")), 200);
        assert_eq!(list(&ovc, &format!("?authkey={bare}"), none, ""), 200);
        assert_eq!(list(&ovc, "", ("Authorization", &format!("bearer {bare}")), ""), 401);
        assert_eq!(log_in(&ovc, "*/*", &RIGHT.replace("alice", "bob")).status, 401);
    }

    #[test]
    fn a_dead_key_is_419_and_a_used_one_lives_longer() {
        let ovc = OpenvCloud::builder().lifetime(Duration::ZERO).start();
        let dead = log_in(&ovc, "*/*", RIGHT).text();
        let none = ("Accept", "*/*");
        assert_eq!(list(&ovc, "", none, &format!("authkey={dead}")), 419);

        ovc.set_lifetime(Duration::from_secs(60));
        let key = log_in(&ovc, "*/*", RIGHT).text();
        let before = ovc.tokens().all()[1].expires_at;
        assert_eq!(list(&ovc, "", none, &format!("authkey={key}")), 200);
        assert!(ovc.tokens().all()[1].expires_at > before);
    }

    #[test]
    fn it_takes_the_jwts_of_the_issuer_that_it_trusts() {
        let iyo = ItsYouOnline::start();
        let ovc = OpenvCloud::builder().with(|ovc| ovc.jwts = Some(iyo.tokens())).start();
        let jwt = iyo.tokens().issue(super::super::TokenForm::Jwt, json!({}));
        let authorization = format!("bearer {jwt}");
        assert_eq!(list(&ovc, "", ("Authorization", &authorization), ""), 200);
        iyo.revoke_all();
        assert_eq!(list(&ovc, "", ("Authorization", &authorization), ""), 401);
    }
}
