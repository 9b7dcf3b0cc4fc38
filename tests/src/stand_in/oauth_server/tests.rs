//! The OAuth server is as odd as it was told to be, and no odder.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::{Reply, call};
use super::*;

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn ask(server: &OAuthServer, credentials: Option<&str>, body: &str) -> Reply {
    let authorization = credentials.map(|pair| format!("Basic {}", STANDARD.encode(pair)));
    let mut headers = vec![FORM];
    headers.extend(authorization.iter().map(|value| ("Authorization", value.as_str())));
    call("POST", &format!("{}/token", server.url()), &headers, body).expect("an answer")
}

fn ask_basic(server: &OAuthServer, more: &str) -> Reply {
    let (id, secret) = server.change(|server| (encoded(&server.client_id), encoded(&server.client_secret)));
    ask(server, Some(&format!("{id}:{secret}")), &format!("grant_type=client_credentials{more}"))
}

#[test]
fn basic_credentials_count_only_when_they_were_form_encoded() {
    let server = OAuthServer::start();
    assert_eq!(ask_basic(&server, "").status, 200);
    let raw = server.change(|server| format!("{}:{}", server.client_id, server.client_secret));
    let refused = ask(&server, Some(&raw), "grant_type=client_credentials");
    assert_eq!((refused.status, refused.json()["error"].as_str()), (401, Some("invalid_client")));
    assert!(refused.header("www-authenticate").is_some());
}

#[test]
fn a_secret_in_the_form_counts_unless_there_is_another_in_the_header() {
    let server = OAuthServer::start();
    let (id, secret) = server.change(|server| (encoded(&server.client_id), encoded(&server.client_secret)));
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    assert_eq!(ask(&server, None, &form).status, 200);
    assert_eq!(ask(&server, Some(&format!("{id}:{secret}")), &form).json()["error"], "invalid_request");
    server.change(|server| server.client_auth = ClientAuth::Basic);
    assert_eq!(ask(&server, None, &form).status, 401);
    assert_eq!(server.ledger()[0].client.as_deref(), Some("svc:app@example.com"));
}

#[test]
fn the_answer_is_as_odd_as_wanted() {
    let server = OAuthServer::start();
    for raw in ["\"3600\"", "3600.0", "0", "-5", "1e300"] {
        server.change(|server| server.expires_in = ExpiresIn::Raw(raw.into()));
        assert!(ask_basic(&server, "").text().contains(&format!("\"expires_in\":{raw},")), "{raw}");
    }
    server.change(|server| {
        server.expires_in = ExpiresIn::Missing;
        server.token_type = Some("BEARER".into());
        server.scope_answer = ScopeAnswer::List;
    });
    let reply = ask_basic(&server, "&scope=a+b&audience=x&resource=one&resource=two").json();
    assert_eq!((&reply["token_type"], &reply["scope"]), (&json!("BEARER"), &json!(["a", "b"])));
    assert!(reply.get("expires_in").is_none());

    let authorization = format!("Bearer {}", reply["access_token"].as_str().expect("a token"));
    let url = format!("{}/api/whoami", server.url());
    let me = call("GET", &url, &[("Authorization", &authorization)], "").expect("an answer");
    assert_eq!(me.json()["resource"], json!(["one", "two"]));
    server.revoke_all();
    let gone = call("GET", &url, &[("Authorization", &authorization)], "").expect("an answer");
    assert_eq!(gone.status, 401);
}

#[test]
fn a_wrong_client_is_refused_in_each_way() {
    let server = OAuthServer::start();
    for (refusal, status, error) in [
        (ClientRefusal::BadRequest, 400, Some("invalid_client")),
        (ClientRefusal::Ok, 200, Some("incorrect_client_credentials")),
        (ClientRefusal::ForbiddenPage, 403, None),
    ] {
        server.change(|server| server.refusal = refusal);
        let reply = ask(&server, Some("who:what"), "grant_type=client_credentials");
        assert_eq!((reply.status, reply.json()["error"].as_str()), (status, error));
    }
}

#[test]
fn metadata_is_where_each_specification_has_it_and_can_name_another_issuer() {
    let server = OAuthServer::builder().with(|server| server.issuer_path = "/tenant".into()).start();
    let get = |path: &str| call("GET", &format!("{}{path}", server.url()), &[], "").expect("an answer");
    for path in ["/tenant/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/tenant"]
    {
        assert_eq!(get(path).json()["issuer"], format!("{}/tenant", server.url()));
    }
    assert_eq!(get("/.well-known/openid-configuration").status, 404);
    server.change(|server| {
        server.claimed_issuer = Some("https://evil.example".into());
        server.discovery = Discovery::OAuth;
    });
    assert_eq!(get("/tenant/.well-known/openid-configuration").status, 404);
    let other = get("/.well-known/oauth-authorization-server/tenant").json();
    assert_eq!(other["issuer"], "https://evil.example");
    assert_eq!(server.token_requests(), 0);
}
