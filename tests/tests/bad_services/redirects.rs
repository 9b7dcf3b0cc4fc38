//! Answers that send the client to another place, with all that it has just said.

use super::*;

/// A redirect that repeats the request, body and all (RFC 9110 15.4.8).
pub(super) fn redirected(scene: &Scene) -> Answer {
    Answer::new(307, "", "").header("location", &format!("{}/steal", scene.elsewhere.url()))
}

#[test]
fn nothing_is_sent_where_an_answer_points_to() {
    let scene = Scene::new();
    let paths = [("metadata", "/.well-known/openid-configuration"), ("token", "/token")];
    let cases = paths.map(|(name, path)| Case::answering(name, path, redirected(&scene)));
    let daemon = scene.start("client_credentials", &cases);
    side_by_side(&cases, |case| {
        let said = scene.sandbox.tok(["get", &case.name, "--timeout", "2s"]);
        scene.is_refused(&case.name, &said);
    });
    drop(daemon);

    let cases = [Case::answering("device", "/device", redirected(&scene))];
    let daemon = scene.start("device_code", &cases);
    let said = scene.log_in(&["device"]).end();
    scene.is_refused("device", &said);
    drop(daemon);

    let paths = [("code", "/token"), ("keys", "/jwks")];
    let cases = paths.map(|(name, path)| Case::answering(name, path, redirected(&scene)));
    let _daemon = scene.start("authorization_code", &cases);
    scene.is_refused("code", &log_in(&scene, &cases[0]));
    scene.is_refused("keys", &begin_in_vain(&scene, &cases[1]));
}

#[test]
fn neither_a_logout_nor_a_refresh_follows() {
    let scene = Scene::new();
    let cases = [Case::new("login")];
    let server = &cases[0].server;
    let _daemon = scene.start("device_code", &cases);
    assert_eq!(scene.log_in(&["login"]).end().code, 0);
    let token = scene.sandbox.token("login");
    server.change(|liar| {
        liar.instead.insert("/token".into(), redirected(&scene));
        liar.instead.insert("/revoke".into(), redirected(&scene));
    });
    let said = scene.sandbox.tok(["refresh", "login"]);
    assert!([5, 6].contains(&said.code), "{said:?}");
    is_clear("refresh", &said);
    assert_eq!(scene.sandbox.token("login"), token, "what lives is served");
    scene.is_only_forgotten_here("login");
    assert!(server.asked_for("/revoke") > 0);
}
