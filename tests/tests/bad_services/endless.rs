//! Answers of a gigabyte.

use super::*;
use tokend_tests::platform::PROGRAM_KIB;

const GIGABYTE: u64 = 1 << 30;

/// What the daemon may have at its peak, in KiB: it holds a few small accounts.
const MOST_MEMORY: u64 = 64 * 1024;

/// Something that would be right, and goes on.
pub(super) fn endless(body: &str) -> Answer {
    Answer::new(200, "application/json", body).filled(GIGABYTE)
}

/// Nothing of that size was ever held.
#[track_caller]
pub(super) fn is_small(daemon: &Daemon) {
    let peak = daemon.peak_memory_kib();
    assert!(peak < MOST_MEMORY + PROGRAM_KIB, "{peak} KiB");
}

#[test]
fn a_gigabyte_is_not_read_wherever_it_comes() {
    let scene = Scene::new();
    let paths = [("metadata", "/.well-known/openid-configuration"), ("token", "/token")];
    let cases = paths.map(|(name, path)| Case::answering(name, path, endless("{")));
    let daemon = scene.start("client_credentials", &cases);
    side_by_side(&cases, |case| {
        let said = scene.sandbox.tok(["get", &case.name, "--timeout", "2s"]);
        scene.is_refused(&case.name, &said);
    });
    is_small(&daemon);
    drop(daemon);

    let cases = [Case::answering("device", "/device", endless("{"))];
    let daemon = scene.start("device_code", &cases);
    let said = scene.log_in(&["device"]).end();
    scene.is_refused("device", &said);
    is_small(&daemon);
    drop(daemon);

    let paths = [("code", "/token"), ("keys", "/jwks")];
    let cases = paths.map(|(name, path)| Case::answering(name, path, endless("{")));
    let daemon = scene.start("authorization_code", &cases);
    scene.is_refused("code", &log_in(&scene, &cases[0]));
    scene.is_refused("keys", &begin_in_vain(&scene, &cases[1]));
    is_small(&daemon);
}

#[test]
fn a_logout_does_not_read_it_either() {
    let scene = Scene::new();
    let cases = [Case::answering("login", "/revoke", endless(""))];
    let daemon = scene.start("device_code", &cases);
    assert_eq!(scene.log_in(&["login"]).end().code, 0);
    scene.is_only_forgotten_here("login");
    is_small(&daemon);
}
