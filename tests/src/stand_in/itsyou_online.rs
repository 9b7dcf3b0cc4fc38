//! ItsYou.online, which trades an API key for a JWT.
//!
//! Read from its source: `oauthservice/access_token.go` and `oauthservice/jwt.go` of itsyouonline/identityserver.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::StandIn;
use super::clock;
use super::ledger::Entry;
use super::service::{Answer, Home, Service};
use super::tokens::{Standing, unique};

const ACCESS_TOKEN: &str = "/v1/oauth/access_token";
const CHILD: &str = "/v1/oauth/jwt";
const REFRESH: &str = "/v1/oauth/jwt/refresh";

/// A running ItsYou.online.
pub type ItsYouOnline = StandIn<ItsYou>;

/// ItsYou.online: a JWT for a key, a fresh one for an old one, a child for a parent.
#[derive(Clone, Debug)]
pub struct ItsYou {
    /// The key's application id.
    pub client_id: String,
    /// The key.
    pub client_secret: String,
    /// Whose key it is, as the claim `username`.
    pub username: String,
    /// What the key may do. A scope is allowed if it begins with one of these; `user:admin` allows every `user:…`.
    pub key_scopes: Vec<String>,
    /// Refresh tokens that are good, with the scopes that they keep. Cleared, every login ends.
    pub refresh_tokens: HashMap<String, Vec<String>>,
}

impl Default for ItsYou {
    fn default() -> Self {
        Self {
            client_id: "app+key/1".into(),
            client_secret: "iyo secret&=%+".into(),
            username: "alice".into(),
            key_scopes: vec!["user:admin".into()],
            refresh_tokens: HashMap::new(),
        }
    }
}

impl Service for ItsYou {
    const CLIENT_FIELD: &'static str = "client_id";

    fn is_token_request(&self, request: &Entry) -> bool {
        [ACCESS_TOKEN, CHILD, REFRESH].contains(&request.path.as_str())
    }

    fn answer(&mut self, request: &Entry, home: &Home) -> Answer {
        let answer = match (request.method.as_str(), request.path.as_str()) {
            ("POST", ACCESS_TOKEN) => self.access_token(request, home),
            ("GET" | "POST", CHILD) => self.child(request, home),
            ("GET" | "POST", REFRESH) => self.refresh(request, home),
            _ => Err(404),
        };
        answer.unwrap_or_else(Answer::plain)
    }
}

impl ItsYou {
    fn access_token(&mut self, request: &Entry, home: &Home) -> Result<Answer, u16> {
        // The real one reads the query as well; queries end in logs, so here that is a mistake.
        if request.query("client_secret").or(request.query("client_id")).is_some() {
            return Err(400);
        }
        let basic = request.basic();
        let given = match (request.field("client_id"), request.field("client_secret"), &basic) {
            (Some(id), Some(secret), _) => (id, secret),
            (_, None, Some((id, secret))) => (id.as_str(), secret.as_str()),
            _ => return Err(400),
        };
        // A wrong key and a malformed request look the same.
        if request.field("grant_type") != Some("client_credentials")
            || given != (&self.client_id, &self.client_secret)
        {
            return Err(400);
        }
        let full_life = clock::now() + home.tokens.lifetime();
        if request.field("response_type") != Some("id_token") {
            return Ok(self.bare_access_token(home));
        }

        let (mut scopes, offline) = split_scope(request.field("scope"));
        if scopes.is_empty() {
            // No scope asked for is every scope given.
            scopes.clone_from(&self.key_scopes);
        }
        if !allowed(&self.key_scopes, &scopes) {
            return Err(401);
        }
        let mut claims = json!({"azp": self.client_id, "username": self.username, "scope": scopes});
        set_audience(&mut claims, request);
        if offline {
            claims["refresh_token"] = self.new_refresh_token(scopes).into();
        }
        let jwt = issue(home, claims, full_life, request);
        Ok(if request.accepts_json() {
            Answer::json(200, &json!({"access_token": jwt}))
        } else {
            as_jwt(jwt)
        })
    }

    /// Without `response_type=id_token` it gives a token of its own, which OpenvCloud does not take.
    fn bare_access_token(&self, home: &Home) -> Answer {
        let body = json!({
            "access_token": home.tokens.issue_opaque(json!({"azp": self.client_id, "scope": self.key_scopes})),
            "token_type": "bearer",
            "scope": self.key_scopes.join(","),
            "expires_in": home.tokens.lifetime().as_secs().saturating_sub(600),
            "info": {"username": self.username},
        });
        Answer::json(200, &body)
    }

    /// A JWT with some of its parent's scopes. The parent must live.
    fn child(&mut self, request: &Entry, home: &Home) -> Result<Answer, u16> {
        let Standing::Live(parent) = home.tokens.standing(bearer(request)?) else {
            return Err(401);
        };
        let (scopes, offline) = split_scope(parameter(request, "scope"));
        let mut latest = clock::now() + home.tokens.lifetime();
        let acquired = match parent.about["refresh_token"].as_str() {
            Some(refresh_token) => self.refresh_tokens.get(refresh_token).cloned().ok_or(401_u16)?,
            None if offline => return Err(401),
            None => {
                latest = parent.expires_at;
                texts(&parent.about["scope"])
            }
        };
        if !allowed(&acquired, &scopes) {
            return Err(401);
        }
        let mut claims =
            json!({"azp": parent.about["azp"], "username": parent.about["username"], "scope": scopes});
        set_audience(&mut claims, request);
        if offline {
            claims["refresh_token"] = self.new_refresh_token(scopes).into();
        }
        Ok(as_jwt(issue(home, claims, latest, request)))
    }

    /// The same JWT with another end, for one that has a refresh token in it, expired or not.
    fn refresh(&self, request: &Entry, home: &Home) -> Result<Answer, u16> {
        let (Standing::Live(old) | Standing::Expired(old)) = home.tokens.standing(bearer(request)?) else {
            return Err(401);
        };
        let refresh_token = old.about["refresh_token"].as_str().ok_or(401_u16)?;
        let scopes = self.refresh_tokens.get(refresh_token).ok_or(401_u16)?;
        let mut claims = old.about.clone();
        claims["scope"] = json!(scopes);
        Ok(as_jwt(issue(home, claims, clock::now() + home.tokens.lifetime(), request)))
    }

    fn new_refresh_token(&mut self, scopes: Vec<String>) -> String {
        let token = super::tokens::fingerprint(&format!("{:?}", unique()));
        self.refresh_tokens.insert(token.clone(), scopes);
        token
    }
}

/// There is no `iat`, and `validity` can only shorten.
fn issue(home: &Home, mut claims: Value, latest: SystemTime, request: &Entry) -> String {
    let mut exp = clock::unix_seconds(latest);
    let validity = parameter(request, "validity").and_then(|text| text.parse::<i64>().ok());
    if let Some(seconds) =
        validity.and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0)
    {
        exp = exp.min(clock::unix_seconds(clock::now()) + seconds);
    }
    claims["exp"] = exp.into();
    claims["iss"] = "itsyouonline".into();
    home.tokens.issue_jwt("ES384", claims, UNIX_EPOCH + Duration::from_secs(exp))
}

fn as_jwt(jwt: String) -> Answer {
    Answer::new(200, "application/jwt", jwt)
}

fn bearer(request: &Entry) -> Result<&str, u16> {
    request.bearer(&["bearer", "Bearer"]).ok_or(401)
}

fn parameter<'a>(request: &'a Entry, name: &str) -> Option<&'a str> {
    request.field(name).or_else(|| request.query(name))
}

fn comma_separated(text: Option<&str>) -> Vec<String> {
    text.unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// `offline_access` is no scope of the JWT but a wish.
fn split_scope(scope: Option<&str>) -> (Vec<String>, bool) {
    let (offline, scopes): (Vec<_>, Vec<_>) =
        comma_separated(scope).into_iter().partition(|scope| scope == "offline_access");
    (scopes, !offline.is_empty())
}

fn allowed(acquired: &[String], requested: &[String]) -> bool {
    let covers = |have: &String, wanted: &String| {
        wanted.starts_with(have) || (have == "user:admin" && wanted.starts_with("user:"))
    };
    requested.iter().all(|wanted| acquired.iter().any(|have| covers(have, wanted)))
}

fn set_audience(claims: &mut Value, request: &Entry) {
    let audience = comma_separated(parameter(request, "aud"));
    if !audience.is_empty() {
        claims["aud"] = json!(audience);
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::super::{Reply, call};
    use super::*;

    const KEY: [(&str, &str); 4] = [
        ("grant_type", "client_credentials"),
        ("response_type", "id_token"),
        ("client_id", "app+key/1"),
        ("client_secret", "iyo secret&=%+"),
    ];

    fn form(more: &[(&str, &str)]) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(KEY).extend_pairs(more).finish()
    }

    fn post(iyo: &ItsYouOnline, query: &str, accept: &str, body: &str) -> Reply {
        let url = format!("{}{ACCESS_TOKEN}{query}", iyo.url());
        let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", accept)];
        call("POST", &url, &headers, body).expect("an answer")
    }

    fn get(iyo: &ItsYouOnline, path: &str, jwt: &str) -> Reply {
        let authorization = format!("bearer {jwt}");
        call("GET", &format!("{}{path}", iyo.url()), &[("Authorization", &authorization)], "")
            .expect("an answer")
    }

    fn claims(jwt: &str) -> Value {
        let part = jwt.split('.').nth(1).expect("three parts");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("claims")
    }

    #[test]
    fn the_answer_is_the_bare_jwt_or_json_and_validity_only_shortens() {
        let iyo = ItsYouOnline::builder().lifetime(Duration::from_secs(100)).start();
        let more = [("scope", "user:memberof:greenitglobe, user:name"), ("aud", "a,b"), ("validity", "10")];
        let bare = post(&iyo, "", "*/*", &form(&more));
        assert_eq!((bare.status, bare.header("content-type")), (200, Some("application/jwt")));
        let said = claims(&bare.text());
        assert_eq!(said["scope"], json!(["user:memberof:greenitglobe", "user:name"]));
        assert_eq!(said["aud"], json!(["a", "b"]));
        assert_eq!((&said["azp"], &said["iss"]), (&json!("app+key/1"), &json!("itsyouonline")));
        assert!(said.get("iat").is_none());
        assert!(iyo.is_live(&bare.text()));

        let long = post(&iyo, "", "application/json", &form(&[("validity", "99999")])).json();
        let long = claims(long["access_token"].as_str().expect("a JWT"));
        let longer = long["exp"].as_u64().zip(said["exp"].as_u64()).map(|(long, short)| long - short);
        assert!(longer.is_some_and(|seconds| (88..=92).contains(&seconds)), "{longer:?}");
        assert_eq!(long["scope"], json!(["user:admin"]), "no scope asked for is every scope");
    }

    #[test]
    fn refusals_are_plain_text_and_a_secret_in_the_query_is_one_of_them() {
        let iyo = ItsYouOnline::builder().with(|iyo| iyo.key_scopes = vec!["user:name".into()]).start();
        let wrong = post(&iyo, "", "application/json", &form(&[]).replace("iyo", "xxx"));
        assert_eq!((wrong.status, wrong.text().as_str()), (400, "Bad Request\n"));
        assert_eq!(post(&iyo, "", "", &form(&[("scope", "user:email")])).status, 401);
        assert_eq!(post(&iyo, &format!("?{}", form(&[])), "", &form(&[])).status, 400);
        assert_eq!(iyo.ledger()[2].query("client_secret"), Some("iyo secret&=%+"));
        assert_eq!((iyo.token_requests(), iyo.issued()), (3, 0));
    }

    #[test]
    fn an_offline_jwt_is_refreshed_even_when_expired_and_has_children_while_it_lives() {
        let iyo = ItsYouOnline::builder().lifetime(Duration::ZERO).start();
        let scope = ("scope", "user:memberof:a,offline_access");
        let parent = post(&iyo, "", "", &form(&[scope])).text();
        assert!(!iyo.is_live(&parent));
        assert_eq!(get(&iyo, &format!("{CHILD}?scope=user:memberof:a"), &parent).status, 401);

        iyo.set_lifetime(Duration::from_secs(60));
        let fresh = get(&iyo, REFRESH, &parent).text();
        assert!(iyo.is_live(&fresh));
        assert_eq!(claims(&fresh)["refresh_token"], claims(&parent)["refresh_token"]);

        let child = get(&iyo, &format!("{CHILD}?scope=user:memberof:a&validity=5&aud=ovc"), &fresh).text();
        assert!(claims(&child).get("refresh_token").is_none());
        assert_eq!(claims(&child)["aud"], json!(["ovc"]));
        assert_eq!(get(&iyo, REFRESH, &child).status, 401);
        assert_eq!(get(&iyo, &format!("{CHILD}?scope=user:admin"), &fresh).status, 401);

        iyo.change(|iyo| iyo.refresh_tokens.clear());
        assert_eq!(get(&iyo, REFRESH, &fresh).status, 401);
    }

    #[test]
    fn without_a_response_type_it_gives_a_token_that_is_no_jwt() {
        let iyo = ItsYouOnline::start();
        let reply = post(&iyo, "", "", &form(&[]).replace("response_type=id_token", "x=y")).json();
        assert_eq!((&reply["token_type"], &reply["expires_in"]), (&json!("bearer"), &json!(3000)));
        assert!(!reply["access_token"].as_str().expect("a token").contains('.'));
    }
}
