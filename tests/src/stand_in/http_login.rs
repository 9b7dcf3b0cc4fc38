//! A service of nobody's standard: credentials in, a token somewhere in the answer.

use serde_json::{Value, json};

use super::StandIn;
use super::ledger::Entry;
use super::service::{Answer, Home, Service};
use super::tokens::{Standing, TokenForm};

/// A running login service.
pub type HttpLogin = StandIn<Login>;

/// A login at one path, and an API at every other `GET`, which takes the token as `Bearer`.
#[derive(Clone, Debug)]
pub struct Login {
    /// The login's method.
    pub method: String,
    /// The login's path.
    pub path: String,
    /// The fields that a login must have, in a form or in JSON.
    pub fields: Vec<(String, String)>,
    /// The headers that a login must have, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The answer's body: `$TOKEN` is replaced by the token, `$TTL` by its lifetime in seconds.
    pub template: String,
    /// The answer's content type; empty for none.
    pub content_type: String,
    /// The status of a refused login.
    pub refusal: u16,
    /// What the tokens look like.
    pub token_form: TokenForm,
}

impl Default for Login {
    fn default() -> Self {
        Self {
            method: "POST".into(),
            path: "/login".into(),
            fields: vec![("user".into(), "svc".into()), ("key".into(), "internal \"key\"&%+".into())],
            headers: Vec::new(),
            template: r#"{"data":{"token":"$TOKEN","ttl":$TTL}}"#.into(),
            content_type: "application/json".into(),
            refusal: 401,
            token_form: TokenForm::default(),
        }
    }
}

impl Service for Login {
    const CLIENT_FIELD: &'static str = "user";

    fn is_token_request(&self, request: &Entry) -> bool {
        request.path == self.path && request.method == self.method
    }

    fn answer(&mut self, request: &Entry, home: &Home) -> Answer {
        if self.is_token_request(request) {
            return self.log_in(request, home);
        }
        match home.tokens.standing(request.bearer(&["Bearer"]).unwrap_or_default()) {
            Standing::Live(_) => Answer::json(200, &json!({"ok": true})),
            Standing::Expired(_) | Standing::Unknown => Answer::plain(401),
        }
    }
}

impl Login {
    fn log_in(&self, request: &Entry, home: &Home) -> Answer {
        let fields = self.fields.iter().all(|(name, value)| request.field(name) == Some(value));
        let headers = self.headers.iter().all(|(name, value)| request.header(name) == Some(value));
        if !(fields && headers) {
            return Answer::json(self.refusal, &json!({"message": "wrong user or key"}));
        }
        let user: Value = request.client.clone().into();
        let token = home.tokens.issue(self.token_form, json!({"user": user}));
        let ttl = home.tokens.lifetime().as_secs().to_string();
        let body = self.template.replace("$TTL", &ttl).replace("$TOKEN", &token);
        Answer::new(200, &self.content_type, body)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Reply, call};
    use super::*;

    const JSON: &str = r#"{"user":"svc","key":"internal \"key\"&%+"}"#;

    fn log_in(login: &HttpLogin, content_type: &str, body: &str) -> Reply {
        let headers = [("Content-Type", content_type), ("X-Key", "k")];
        call("POST", &format!("{}/login", login.url()), &headers, body).expect("an answer")
    }

    #[test]
    fn json_and_form_open_it_and_the_token_opens_the_api() {
        let login = HttpLogin::start();
        let data = log_in(&login, "application/json", JSON).json()["data"].clone();
        assert_eq!(data["ttl"], 3600);
        let form = "user=svc&key=internal+%22key%22%26%25%2B";
        assert_eq!(log_in(&login, "application/x-www-form-urlencoded", form).status, 200);
        let authorization = format!("Bearer {}", data["token"].as_str().expect("a token"));
        let api = || {
            call("GET", &format!("{}/api", login.url()), &[("Authorization", &authorization)], "")
                .expect("an answer")
                .status
        };
        assert_eq!(api(), 200);
        login.revoke_all();
        assert_eq!(api(), 401);
        assert_eq!((login.requests(), login.token_requests()), (4, 2));
    }

    #[test]
    fn the_answer_can_be_bare_text_and_the_refusal_another() {
        let login = HttpLogin::builder()
            .with(|login| {
                login.template = "$TOKEN\n".into();
                login.token_form = TokenForm::Jwt;
                login.headers = vec![("x-key".into(), "k".into())];
                login.refusal = 403;
            })
            .start();
        let text = log_in(&login, "", JSON).text();
        assert_eq!(text.split('.').count(), 3);
        assert!(login.is_live(text.trim_end()));
        login.change(|login| login.headers[0].1 = "other".into());
        assert_eq!(log_in(&login, "", JSON).status, 403);
    }
}
