//! A refresh token does what its service's manner says, and the book knows what was done.

use super::super::{Fault, Reply, call};
use super::*;

const CLIENT: &str = "cli";

fn server(rotation: Rotation) -> OAuthServer {
    OAuthServer::builder()
        .with(|server| {
            server.rotation = rotation;
            server.public_clients = vec![CLIENT.into()];
        })
        .start()
}

fn spend(server: &OAuthServer, token: &str) -> Reply {
    spend_as(server, CLIENT, token, "").expect("an answer")
}

fn spend_as(server: &OAuthServer, client: &str, token: &str, more: &str) -> std::io::Result<Reply> {
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let body = format!("grant_type=refresh_token&client_id={client}&refresh_token={token}{more}");
    call("POST", &format!("{}/token", server.url()), &[form], &body)
}

fn text(reply: &Reply, member: &str) -> String {
    reply.json()[member].as_str().unwrap_or_default().to_owned()
}

fn is_refused(reply: &Reply) -> bool {
    reply.status == 400 && text(reply, "error") == "invalid_grant"
}

#[test]
fn without_rotation_a_refresh_token_stays_good_and_no_other_comes() {
    let server = server(Rotation::Never);
    let token = server.grant(CLIENT, &["files"]);
    for time in 1..=3 {
        let reply = spend(&server, &token);
        assert_eq!((reply.status, reply.json().get("refresh_token")), (200, None));
        assert!(server.is_live(&text(&reply, "access_token")));
        assert_eq!(server.grants().sent(&token), time);
    }
    assert!(server.grants().rotations().is_empty());
    assert!(server.grants().sendings().iter().all(|sending| sending.outcome == Outcome::Same));
}

#[test]
fn a_grace_gives_the_same_pair_once_more_while_the_new_one_is_unused() {
    let server = server(Rotation::Grace);
    let first = server.grant(CLIENT, &[]);
    let (one, again) = (spend(&server, &first), spend(&server, &first));
    assert_eq!(text(&again, "access_token"), text(&one, "access_token"));
    assert_eq!(text(&again, "refresh_token"), text(&one, "refresh_token"));
    assert!(is_refused(&spend(&server, &first)), "one retry, not two");

    let second = text(&one, "refresh_token");
    let third = text(&spend(&server, &second), "refresh_token");
    assert!(is_refused(&spend(&server, &first)), "two generations old");
    assert_eq!(text(&spend(&server, &second), "refresh_token"), third, "its own retry");
    let fourth = text(&spend(&server, &third), "refresh_token");
    assert!(is_refused(&spend(&server, &second)), "its successor is used");
    assert_eq!(server.grants().newest(0), Some(fourth));
    assert_eq!(server.grants().newest_generation(0), Some(3));
}

#[test]
fn a_strict_service_refuses_a_replay_and_the_family_lives_on() {
    let server = server(Rotation::Strict);
    let first = server.grant(CLIENT, &[]);
    let one = spend(&server, &first);
    assert!(is_refused(&spend(&server, &first)));
    assert!(server.is_live(&text(&one, "access_token")));
    assert_eq!(spend(&server, &text(&one, "refresh_token")).status, 200);
    assert!(!server.grants().has_ended(0));
}

#[test]
fn a_replay_ends_its_family_and_the_access_tokens_of_it_but_no_other() {
    let server = server(Rotation::Revoking);
    let (first, other) = (server.grant(CLIENT, &[]), server.grant(CLIENT, &[]));
    let (one, bystander) = (spend(&server, &first), spend(&server, &other));
    assert!(is_refused(&spend(&server, &first)));
    assert!(server.grants().has_ended(0) && !server.grants().has_ended(1));
    assert!(!server.is_live(&text(&one, "access_token")));
    assert!(is_refused(&spend(&server, &text(&one, "refresh_token"))));
    assert!(server.is_live(&text(&bystander, "access_token")));
    assert_eq!(spend(&server, &text(&bystander, "refresh_token")).status, 200);
}

#[test]
fn the_book_says_what_was_sent_when_and_whether_a_newer_one_was_known() {
    let server = server(Rotation::Strict);
    let first = server.grant(CLIENT, &[]);
    server.fault(Fault::Lost.once());
    assert!(spend_as(&server, CLIENT, &first, "").is_err());
    let grants = server.grants();
    let committed = grants.rotations();
    assert_eq!(committed.len(), 1);
    assert!(!committed[0].answered && !committed[0].sent && !committed[0].served);
    assert!(is_refused(&spend(&server, &first)));
    assert!(grants.stale().is_empty(), "its client could not know better");

    let second = grants.newest(0).expect("a newer one");
    let reply = spend(&server, &second);
    assert_eq!(grants.served(&text(&reply, "access_token")), Some((0, 2)));
    assert!(grants.rotations()[0].sent && grants.rotations()[1].served && grants.rotations()[1].answered);
    assert!(is_refused(&spend(&server, &second)));
    let sent: Vec<_> = grants.sendings().iter().map(|it| (it.generation, it.time, it.stale)).collect();
    assert_eq!(sent, [(0, 1, false), (0, 2, false), (1, 1, false), (1, 2, true)]);
    assert_eq!(grants.sendings().iter().map(|it| it.request).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(grants.stale().len(), 1);
    let shown = format!("{grants:?}");
    assert!(!shown.contains(&first) && !shown.contains(&second));
}

#[test]
fn an_answer_that_a_fault_replaces_leaves_a_rotation_behind() {
    let server = server(Rotation::Grace);
    let first = server.grant(CLIENT, &[]);
    server.fault(Fault::page(502).after().once());
    assert_eq!(spend(&server, &first).status, 502);
    assert_eq!(server.grants().newest_generation(0), Some(1));
    assert_eq!(spend(&server, &first).status, 200);
    assert!(server.grants().wait_until(Duration::from_secs(5), |sent| sent.len() == 2));
}

#[test]
fn a_refresh_token_is_its_clients_and_a_confidential_one_must_say_its_secret() {
    let server = server(Rotation::Strict);
    let (id, secret) = server.change(|server| (server.client_id.clone(), server.client_secret.clone()));
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let (public, confidential) = (server.grant(CLIENT, &[]), server.grant(&id, &[]));
    assert!(is_refused(&spend(&server, &confidential)), "of another client");
    let without = spend_as(&server, &encode(&id), &confidential, "").expect("an answer");
    assert_eq!((without.status, text(&without, "error")), (401, "invalid_client".into()));
    let more = format!("&client_secret={}", encode(&secret));
    let reply = spend_as(&server, &encode(&id), &public, &more).expect("an answer");
    assert!(is_refused(&reply));
    assert_eq!(spend_as(&server, &encode(&id), &confidential, &more).expect("an answer").status, 200);
    assert_eq!(spend(&server, &public).status, 200, "what others tried changed nothing");
}

#[test]
fn a_scope_can_be_narrowed_for_one_token_and_never_widened() {
    let server = server(Rotation::Strict);
    let first = server.grant(CLIENT, &["files", "mail"]);
    let wide = spend_as(&server, CLIENT, &first, "&scope=files+admin").expect("an answer");
    assert_eq!((wide.status, text(&wide, "error")), (400, "invalid_scope".into()));
    let narrow = spend_as(&server, CLIENT, &first, "&scope=mail").expect("an answer");
    assert_eq!((narrow.status, text(&narrow, "scope")), (200, "mail".into()));
    let whole = spend(&server, &text(&narrow, "refresh_token"));
    assert_eq!(text(&whole, "scope"), "files mail");
    server.grants().end(0);
    assert!(is_refused(&spend(&server, &text(&whole, "refresh_token"))));
}
