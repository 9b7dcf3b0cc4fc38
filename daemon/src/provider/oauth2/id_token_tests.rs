//! Id tokens: which are served, and what becomes of those that are not.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::*;
use crate::document::Document;
use crate::provider::jose::{Header, SigningKey, sign};
use crate::provider::stand_in::{
    Account, Answer, NOW, StandIn, answer, moment, request, secret, token, with_secrets,
};
use crate::provider::{Class, ID_TOKEN};
use crate::secret::Errand;

/// A service that signs, with a key of this name.
struct Signing {
    key: SigningKey,
    set: Value,
}

impl Signing {
    fn by(name: &str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("a key");
        let body = STANDARD.encode(pkcs8.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        let key = SigningKey::private(&secret(&pem), None).expect("a key");
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        Self { key, set: json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": name, "x": x}]}) }
    }

    fn keys(&self) -> Answer {
        answer(200, &self.set.to_string())
    }

    /// An id token, with these claims beyond the usual ones, or in their place.
    fn id_token(&self, issuer: &str, more: &Value) -> String {
        let mut claims = json!({"iss": issuer, "sub": "u", "aud": "app", "iat": NOW, "exp": NOW + 600});
        for (name, value) in more.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        let kid = self.set["keys"][0]["kid"].as_str();
        let jwt = sign(&self.key, Header { key_id: kid, ..Header::default() }, &claims).expect("signed");
        jwt.expose().as_str().expect("text").to_owned()
    }

    /// A token with such an id token.
    fn answer(&self, issuer: &str, more: &Value) -> Answer {
        let id_token = self.id_token(issuer, more);
        let body = json!({"access_token": "abc", "refresh_token": "new", "id_token": id_token});
        answer(200, &body.to_string())
    }
}

const ISSUER: &str = "https://a.example";

/// An account that spends refresh tokens, and asks for id tokens.
fn account(service: &StandIn, more: &str) -> Account {
    let url = service.url();
    let keys = format!(
        "token_endpoint = '{url}/token'\ngrant = 'refresh_token'\nrefresh_token = $r$\nclient_id = 'app'\n\
         scope = ['openid']\nissuer = '{ISSUER}'\njwks_uri = '{url}/keys'\n{more}"
    );
    Account::read("oauth2", &keys)
}

fn spending(seconds: i64) -> MintRequest {
    MintRequest { now: moment(seconds), refresh_token: Some(Arc::new(secret("old"))), ..request() }
}

fn id_token(minted: &Minted) -> Option<String> {
    let (_, secret) = minted.fields.iter().find(|(name, _)| name == ID_TOKEN)?;
    Some(secret.expose().as_str().expect("text").to_owned())
}

#[tokio::test]
async fn one_that_is_verified_is_served_beside_the_token() {
    let signing = Signing::by("k");
    let (service, none) = (StandIn::start([]), json!({}));
    service.then([signing.keys(), signing.answer(ISSUER, &none), signing.answer(ISSUER, &none)]);
    let account = account(&service, "");
    for _ in 0..2 {
        account.prepare(moment(0)).await.expect("ready");
        let minted = account.mint(&spending(0)).await.expect("a token");
        assert_eq!((token(&minted), minted.fields.len()), ("abc", 2));
        assert!(id_token(&minted).is_some_and(|it| it.split('.').count() == 3));
        assert!(minted.warnings.is_empty() && minted.refresh_token.is_some());
    }
    // The keys were fetched ahead, and once.
    assert_eq!(service.lines(), ["GET /keys", "POST /token", "POST /token"]);
}

#[tokio::test]
async fn one_that_is_not_verified_is_left_out_and_nothing_else_is_lost() {
    let (signing, stranger) = (Signing::by("k"), Signing::by("k"));
    let none = json!({});
    for (what, answered) in [
        ("another issuer", signing.answer("https://b.example", &none)),
        ("another client", signing.answer(ISSUER, &json!({"aud": "other"}))),
        ("expired", signing.answer(ISSUER, &json!({"exp": NOW - 3600, "iat": NOW - 7200}))),
        ("of another access token", signing.answer(ISSUER, &json!({"at_hash": "AAAA"}))),
        ("another's signature", stranger.answer(ISSUER, &none)),
        ("no JWT", answer(200, r#"{"access_token": "abc", "refresh_token": "new", "id_token": "x"}"#)),
    ] {
        let service = StandIn::start([signing.keys(), answered]);
        let account = account(&service, "");
        account.prepare(moment(0)).await.expect("ready");
        let minted = account.mint(&spending(0)).await.expect(what);
        assert_eq!((id_token(&minted), minted.refresh_token.is_some()), (None, true), "{what}");
        assert_eq!(minted.warnings.len(), 1, "{what}");
        assert!(minted.warnings[0].starts_with("the id token was left out: "), "{:?}", minted.warnings);
    }
}

#[tokio::test]
async fn keys_that_cannot_be_had_do_not_lose_the_refresh_token() {
    let signing = Signing::by("k");
    for keys in [answer(503, ""), answer(404, ""), answer(200, "<html>"), answer(200, "{}"), Answer::Closed] {
        let service = StandIn::start([keys.clone(), signing.answer(ISSUER, &json!({})), keys]);
        let account = account(&service, "");
        account.prepare(moment(0)).await.expect("ready");
        let minted = account.mint(&spending(0)).await.expect("a token");
        assert_eq!((id_token(&minted), minted.refresh_token.is_some()), (None, true));
        assert_eq!(minted.warnings.len(), 1);
        assert_eq!(service.connections(), 3);
    }
}

#[tokio::test]
async fn a_new_key_is_fetched_at_once_and_not_for_every_token() {
    let (old, new, newer) = (Signing::by("old"), Signing::by("new"), Signing::by("newer"));
    let none = json!({});
    let service = StandIn::start([
        old.keys(),
        new.answer(ISSUER, &none),
        new.keys(),
        new.answer(ISSUER, &none),
        newer.answer(ISSUER, &none),
        newer.answer(ISSUER, &none),
        newer.keys(),
        newer.answer(ISSUER, &none),
        old.keys(),
    ]);
    let account = account(&service, "");
    account.prepare(moment(0)).await.expect("ready");
    for (seconds, is_there) in [(1, true), (30, true), (60, false), (61, true), (3700, true)] {
        let minted = account.mint(&spending(seconds)).await.expect("a token");
        // The last one is of a time when it has ended.
        let is_there = is_there && seconds < 3600;
        assert_eq!(id_token(&minted).is_some(), is_there, "{seconds}");
    }
    let (keys, post) = ("GET /keys", "POST /token");
    assert_eq!(service.lines(), [keys, post, keys, post, post, post, keys, post, keys]);
}

#[tokio::test]
async fn nobody_is_asked_about_one_that_was_not_asked_for() {
    let signing = Signing::by("k");
    let none = json!({});
    let service = StandIn::start([signing.answer(ISSUER, &none), signing.answer(ISSUER, &none)]);
    let url = service.url();
    let plain = format!("token_endpoint = '{url}/token'\nclient_id = 'app'\nclient_secret = $s$\n");
    let account = Account::read("oauth2", &format!("{plain}issuer = '{ISSUER}'"));
    let minted = account.get().await.expect("a token");
    assert_eq!((minted.fields.len(), minted.warnings.len()), (1, 0));
    // Asked for, but nobody knows whose keys sign it.
    let account = Account::read("oauth2", &format!("{plain}scope = ['openid']"));
    let minted = account.get().await.expect("a token");
    assert_eq!((minted.fields.len(), minted.warnings.len()), (1, 1));
    assert_eq!(service.connections(), 2);
}

#[tokio::test]
async fn one_that_a_caller_asked_for_is_served() {
    let signing = Signing::by("k");
    for scope in [None, Some(vec!["openid".to_owned(), "email".to_owned()])] {
        // Neither the account's scope nor that of the answer has it.
        let service = StandIn::start([signing.answer(ISSUER, &json!({})), signing.keys()]);
        let url = service.url();
        let keys = format!(
            "token_endpoint = '{url}/token'\ngrant = 'refresh_token'\nrefresh_token = $r$\n\
             client_id = 'app'\nscope = ['email']\nissuer = '{ISSUER}'\njwks_uri = '{url}/keys'\n"
        );
        let asked = MintRequest { scope: scope.clone(), ..spending(0) };
        let minted = Account::read("oauth2", &keys).mint(&asked).await.expect("a token");
        assert_eq!(id_token(&minted).is_some(), scope.is_some(), "{:?}", minted.warnings);
        assert!(minted.warnings.is_empty() && minted.refresh_token.is_some());
    }
}

#[tokio::test]
async fn a_mac_counts_only_where_the_metadata_list_it() {
    let mac = SigningKey::client_secret(&secret("s"), None).expect("a key");
    for (listed, is_served) in
        [(json!(["RS256", "HS256"]), true), (json!(["RS256"]), false), (json!(null), false)]
    {
        let service = StandIn::start([]);
        let url = service.url();
        let claims = json!({"iss": url, "sub": "u", "aud": "app", "iat": NOW, "exp": NOW + 600});
        let jwt = sign(&mac, Header::default(), &claims).expect("signed");
        let jwt = jwt.expose().as_str().expect("text").to_owned();
        let metadata = json!({
            "issuer": url,
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/keys"),
            "id_token_signing_alg_values_supported": listed,
        });
        service.then([
            answer(200, &metadata.to_string()),
            answer(200, &json!({"access_token": "abc", "id_token": jwt}).to_string()),
            Signing::by("k").keys(),
            Signing::by("k").keys(),
        ]);
        let keys = format!("issuer = '{url}'\nclient_id = 'app'\nclient_secret = $s$\nscope = ['openid']");
        let minted = Account::read("oauth2", &keys).get().await.expect("a token");
        assert_eq!(id_token(&minted).is_some(), is_served, "{listed} {:?}", minted.warnings);
    }
}

#[tokio::test]
async fn a_bad_place_for_keys_costs_no_request_for_every_token() {
    let signing = Signing::by("k");
    let service = StandIn::start([]);
    let url = service.url();
    let metadata = |keys: &str| {
        let body = json!({"issuer": url, "token_endpoint": format!("{url}/token"), "jwks_uri": keys});
        answer(200, &body.to_string())
    };
    let good = || signing.answer(&url, &json!({}));
    let there = format!("{url}/keys");
    service.then([metadata("http://a.example/keys"), good(), good()]);
    service.then([good(), metadata(&there), signing.keys()]);
    let keys = format!("issuer = '{url}'\nclient_id = 'app'\nclient_secret = $s$\nscope = ['openid']");
    let account = Account::read("oauth2", &keys);
    for (seconds, is_served) in [(0, false), (59, false), (60, true)] {
        let asked = MintRequest { now: moment(seconds), ..request() };
        let minted = account.mint(&asked).await.expect("a token");
        assert_eq!(id_token(&minted).is_some(), is_served, "{seconds}: {:?}", minted.warnings);
    }
    let (openid, post) = ("GET /.well-known/openid-configuration", "POST /token");
    assert_eq!(service.lines(), [openid, post, post, post, openid, "GET /keys"]);
}

/// What a login makes of an answer.
async fn log_in(service: &StandIn, nonce: Option<&str>, body: &Value) -> Result<Minted, Failure> {
    let url = service.url();
    let keys = format!(
        "token_endpoint = '{url}/token'\nclient_id = 'app'\nclient_secret = $s$\nscope = ['openid']\n\
         issuer = '{ISSUER}'\njwks_uri = '{url}/keys'\n"
    );
    let (keys, _files) = with_secrets(&keys);
    let document = Document::parse(Path::new("config.toml"), &keys).expect("TOML");
    let account = read_account(&mut document.root(), &Defaults::default()).expect("an account");
    let asking = Asking { now: moment(0), errand: Errand::default() };
    let answered = Answered { reply: Reply::pretend(200, &body.to_string()), held: Held::default() };
    account.accept(&answered, Purpose::Login { nonce }, &account.scope, &asking).await
}

#[tokio::test]
async fn at_a_login_one_that_is_not_verified_fails_it() {
    let signing = Signing::by("k");
    let body = |more: Value| {
        let id_token = signing.id_token(ISSUER, &more);
        json!({"access_token": "abc", "refresh_token": "first", "id_token": id_token})
    };
    let good = || StandIn::start([signing.keys()]);
    let minted = log_in(&good(), Some("n"), &body(json!({"nonce": "n"}))).await.expect("a login");
    assert!(id_token(&minted).is_some() && minted.refresh_token.is_some());
    for (nonce, more) in [
        (Some("n"), json!({"nonce": "other"})),
        (Some("n"), json!({})),
        (None, json!({"aud": "other"})),
        (None, json!({"iss": "https://b.example"})),
    ] {
        let failure = log_in(&good(), nonce, &body(more)).await.expect_err("no login");
        assert_eq!((failure.class, failure.kind), (Class::Doubtful, "id-token"), "{failure}");
    }
    let failure = log_in(&StandIn::start([answer(503, "")]), None, &body(json!({}))).await;
    assert_eq!(failure.expect_err("no keys").kind, "service-error");
    let none = json!({"access_token": "abc", "refresh_token": "first"});
    let minted = log_in(&StandIn::start([]), None, &none).await.expect("without an id token");
    assert_eq!(minted.fields.len(), 1);
}
