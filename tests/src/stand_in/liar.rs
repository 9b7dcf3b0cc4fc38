//! A service at which a person logs in, and which does as it should but where it is told to lie.

mod id_token;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

pub use id_token::Signature;

use self::id_token::{Key, sign};
use super::StandIn;
use super::clock;
use super::ledger::Entry;
use super::service::{Answer, Home, Service};
use super::tokens::{Standing, TokenForm, opaque};

/// A running liar.
pub type LyingServer = StandIn<Liar>;

/// The only client; it has no secret.
pub const CLIENT: &str = "cli";

/// Fields that are otherwise than they should be; null takes one away.
pub type Lies = Map<String, Value>;

/// Metadata, `GET /jwks`, `POST /device`, `/token` (codes, device codes, refresh tokens that rotate, client
/// credentials) and `/revoke`, and `GET /api/whoami` as its API. Its issuer is its address.
#[derive(Clone, Debug, Default)]
pub struct Liar {
    /// Of the metadata.
    pub metadata: Lies,
    /// Of the answer to a device.
    pub device: Lies,
    /// Of the token answer.
    pub token: Lies,
    /// Of the id token's header.
    pub header: Lies,
    /// Of the id token's claims.
    pub claims: Lies,
    /// How the id token is signed.
    pub signature: Signature,
    /// What a poll of a device is told, as RFC 8628 3.5 has it; nothing: the person has said yes.
    pub poll: Option<String>,
    /// What these paths are answered instead.
    pub instead: BTreeMap<String, Answer>,
    key: Arc<Key>,
    codes: Vec<(String, Asked)>,
    devices: Vec<String>,
    refresh_tokens: Vec<String>,
}

/// What a browser is sent to the service with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The query's pairs, decoded.
    pub query: Vec<(String, String)>,
}

impl Asked {
    /// Reads the address that the browser is sent to.
    #[must_use]
    pub fn read(address: &str) -> Self {
        let query = address.split_once('?').map_or("", |(_, query)| query);
        Self { query: form_urlencoded::parse(query.as_bytes()).into_owned().collect() }
    }

    /// The first of this name; empty where there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Where the browser is sent to in the end, with these pairs.
    #[must_use]
    pub fn redirect(&self, pairs: &[(&str, &str)]) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("{}?{query}", self.get("redirect_uri"))
    }
}

impl LyingServer {
    /// The person has said yes to this: a code.
    #[must_use]
    pub fn code(&self, asked: &Asked) -> String {
        let code = opaque();
        self.change(|liar| liar.codes.push((code.clone(), asked.clone())));
        code
    }

    /// The refresh token that it gave last, if that is still good.
    #[must_use]
    pub fn newest_refresh_token(&self) -> Option<String> {
        self.change(|liar| liar.refresh_tokens.last().cloned())
    }

    /// How often a path was asked for.
    #[must_use]
    pub fn asked_for(&self, path: &str) -> usize {
        self.ledger().iter().filter(|entry| entry.path == path).count()
    }
}

impl Service for Liar {
    const CLIENT_FIELD: &'static str = "client_id";

    fn is_token_request(&self, request: &Entry) -> bool {
        request.path == "/token"
    }

    fn answer(&mut self, request: &Entry, home: &Home) -> Answer {
        if let Some(answer) = self.instead.get(&request.path) {
            return answer.clone();
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/.well-known/openid-configuration") => self.metadata(home),
            ("GET", "/jwks") => Answer::json(200, &json!({"keys": [self.key.public()]})),
            ("POST", "/device") => self.device(home),
            ("POST", "/token") => self.token(request, home).unwrap_or_else(|refused| refused),
            ("POST", "/revoke") => Answer::new(200, "", ""),
            ("GET", "/api/whoami") => whoami(request, home),
            _ => Answer::plain(404),
        }
    }
}

impl Liar {
    fn metadata(&self, home: &Home) -> Answer {
        let at = |path: &str| format!("{}{path}", home.url);
        let truth = json!({
            "issuer": home.url,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "device_authorization_endpoint": at("/device"),
            "revocation_endpoint": at("/revoke"),
            "jwks_uri": at("/jwks"),
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "authorization_response_iss_parameter_supported": true,
        });
        Answer::json(200, &with(truth, &self.metadata))
    }

    fn device(&mut self, home: &Home) -> Answer {
        let device_code = opaque();
        self.devices.push(device_code.clone());
        let truth = json!({
            "device_code": device_code,
            "user_code": "WDJB-MJHT",
            "verification_uri": format!("{}/activate", home.url),
            "expires_in": 300,
            "interval": 1,
        });
        Answer::json(200, &with(truth, &self.device))
    }

    fn token(&mut self, request: &Entry, home: &Home) -> Result<Answer, Answer> {
        if request.client.as_deref() != Some(CLIENT) {
            return Err(error("invalid_client"));
        }
        let nonce = match request.grant_type.as_deref() {
            Some("client_credentials") => return Ok(self.given(home, None, false)),
            Some("authorization_code") => Some(self.redeem(request)?),
            Some("urn:ietf:params:oauth:grant-type:device_code") => {
                let code = request.field("device_code").unwrap_or_default();
                if !self.devices.iter().any(|known| known == code) {
                    return Err(error("invalid_grant"));
                }
                if let Some(not_yet) = &self.poll {
                    return Err(error(not_yet));
                }
                None
            }
            Some("refresh_token") => {
                let token = request.field("refresh_token").unwrap_or_default();
                let known = self.refresh_tokens.iter().position(|known| known == token);
                self.refresh_tokens.remove(known.ok_or_else(|| error("invalid_grant"))?);
                None
            }
            _ => return Err(error("unsupported_grant_type")),
        };
        Ok(self.given(home, nonce.filter(|nonce| !nonce.is_empty()), true))
    }

    /// A code is good once, for whoever began it (RFC 6749 4.1.3, RFC 7636 4.6). The nonce that it was asked
    /// for with.
    fn redeem(&mut self, request: &Entry) -> Result<String, Answer> {
        let code = request.field("code").unwrap_or_default();
        let known = self.codes.iter().position(|(known, _)| known == code);
        let (_, asked) = self.codes.swap_remove(known.ok_or_else(|| error("invalid_grant"))?);
        let verifier = request.field("code_verifier").unwrap_or_default();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        let is_right = asked.get("code_challenge_method") == "S256"
            && asked.get("code_challenge") == challenge
            && request.field("redirect_uri") == Some(asked.get("redirect_uri"));
        if is_right { Ok(asked.get("nonce").to_owned()) } else { Err(error("invalid_grant")) }
    }

    fn given(&mut self, home: &Home, nonce: Option<String>, is_login: bool) -> Answer {
        let access_token = home.tokens.issue(TokenForm::default(), json!({"client_id": CLIENT}));
        let mut truth = json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": home.tokens.lifetime().as_secs(),
            "scope": "openid",
        });
        if is_login {
            let refresh_token = opaque();
            truth["refresh_token"] = refresh_token.clone().into();
            self.refresh_tokens.push(refresh_token);
            truth["id_token"] = self.id_token(home, nonce).into();
        }
        Answer::json(200, &with(truth, &self.token))
    }

    /// OpenID Connect Core 1.0, 2.
    fn id_token(&self, home: &Home, nonce: Option<String>) -> String {
        let now = clock::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut claims =
            json!({"iss": home.url, "sub": "alice", "aud": CLIENT, "iat": now, "exp": now + 300});
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        let header = with(json!({"alg": "ES256", "kid": "k", "typ": "JWT"}), &self.header);
        sign(&self.key, self.signature, header, &with(claims, &self.claims))
    }
}

fn with(mut truth: Value, lies: &Lies) -> Value {
    if let Value::Object(fields) = &mut truth {
        for (name, lie) in lies {
            match lie {
                Value::Null => drop(fields.remove(name)),
                lie => drop(fields.insert(name.clone(), lie.clone())),
            }
        }
    }
    truth
}

fn whoami(request: &Entry, home: &Home) -> Answer {
    match home.tokens.standing(request.bearer(&["Bearer"]).unwrap_or_default()) {
        Standing::Live(issued) => Answer::json(200, &issued.about),
        Standing::Expired(_) | Standing::Unknown => Answer::plain(401),
    }
}

fn error(code: &str) -> Answer {
    Answer::json(400, &json!({"error": code}))
}

#[cfg(test)]
mod tests {
    use super::super::{Reply, call};
    use super::*;

    const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

    fn post(server: &LyingServer, path: &str, body: &str) -> Reply {
        call("POST", &format!("{}{path}", server.url()), &[FORM], body).expect("an answer")
    }

    #[test]
    fn a_code_is_good_once_and_for_whoever_began_it() {
        let server = LyingServer::start();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest("v"));
        let redirect_uri = "http://127.0.0.1:1/";
        let asked = Asked::read(&format!(
            "{}/authorize?redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2F&code_challenge={challenge}\
             &code_challenge_method=S256&nonce=n",
            server.url()
        ));
        assert_eq!(asked.redirect(&[("state", "a b")]), format!("{redirect_uri}?state=a+b"));
        let redeem = |code: &str, verifier: &str| {
            let body = format!(
                "grant_type=authorization_code&client_id=cli&code={code}&code_verifier={verifier}\
                 &redirect_uri={redirect_uri}"
            );
            post(&server, "/token", &body)
        };
        assert_eq!(redeem(&server.code(&asked), "w").status, 400);
        let code = server.code(&asked);
        let given = redeem(&code, "v").json();
        assert_eq!(redeem(&code, "v").status, 400);
        let id_token = given["id_token"].as_str().expect("an id token");
        let claims = URL_SAFE_NO_PAD.decode(id_token.split('.').nth(1).expect("claims")).expect("base64");
        let claims: Value = serde_json::from_slice(&claims).expect("JSON");
        assert_eq!((&claims["nonce"], &claims["iss"]), (&"n".into(), &server.url().into()));
        let body = format!(
            "grant_type=refresh_token&client_id=cli&refresh_token={}",
            given["refresh_token"].as_str().expect("one")
        );
        assert_eq!(
            (post(&server, "/token", &body).status, post(&server, "/token", &body).status),
            (200, 400)
        );
    }

    #[test]
    fn it_lies_where_it_is_told_to_and_nowhere_else() {
        let server = LyingServer::start();
        server.change(|liar| {
            liar.metadata.insert("issuer".into(), "https://other.example".into());
            liar.metadata.insert("jwks_uri".into(), Value::Null);
            liar.instead.insert("/device".into(), Answer::json(200, &json!({})).filled(3_000_000));
        });
        let url = format!("{}/.well-known/openid-configuration", server.url());
        let metadata = call("GET", &url, &[], "").expect("an answer").json();
        assert_eq!(
            (&metadata["issuer"], &metadata["jwks_uri"]),
            (&"https://other.example".into(), &Value::Null)
        );
        assert!(metadata["token_endpoint"].is_string());
        let endless = post(&server, "/device", "");
        assert_eq!((endless.body.len(), endless.header("content-length")), (3_000_002, None));
    }
}
