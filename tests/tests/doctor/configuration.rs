//! Planted: a configuration that is faulty, old, elsewhere or empty; secrets that are not where it says.

use std::fs;

use tokend_tests::sandbox::Sandbox;

use crate::{SECRET, chmod, doctor, doctor_with, of_source, sound};

#[test]
fn a_faulty_configuration_is_told_with_its_line() {
    let sandbox = Sandbox::new();
    sandbox.configure(&sound(&sandbox));
    let _daemon = sandbox.start();
    sandbox.configure(&format!("{}\n[accounts.b]\ntype = 'statik'\ntoken = '{SECRET}'\n", sound(&sandbox)));
    let found = doctor(&sandbox);
    let place = format!("{}:", sandbox.config_file().display());
    found.has("configuration", "faulty", &[&place, "tokend check"]);
    found.has("configuration", "unread", &["before the configuration is mended"]);
    found.has("configuration", "reload-due", &["tok reload"]);
    assert_eq!(found.code, 2);
}

#[test]
fn a_configuration_that_was_changed_waits_for_a_reload() {
    let sandbox = Sandbox::new();
    sandbox.configure(&sound(&sandbox));
    let _daemon = sandbox.start();
    doctor(&sandbox).lacks("configuration", "reload-due");
    let more = sandbox.path().join("config/tokend/accounts.d");
    fs::create_dir(&more).expect("a folder");
    chmod(&more, 0o700);
    fs::write(more.join("more.toml"), "# nothing yet\n").expect("a file");
    chmod(&more.join("more.toml"), 0o600);
    let found = doctor(&sandbox);
    found.has("configuration", "reload-due", &["more.toml", "`tok reload`"]);
    assert_eq!(found.code, 0);
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    doctor(&sandbox).lacks("configuration", "reload-due");
}

#[test]
fn no_configuration_and_one_without_accounts_are_warnings() {
    let sandbox = Sandbox::new();
    let _daemon = sandbox.start();
    let found = doctor(&sandbox);
    found.has("configuration", "missing", &["config.toml", "tok reload"]);
    assert_eq!(found.code, 0);
    sandbox.configure("[daemon]\nlog = 'warn'\n");
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    doctor(&sandbox).has("configuration", "no-accounts", &["[accounts.NAME]"]);
}

#[test]
fn the_daemon_reads_another_configuration_than_this_shell_would() {
    let sandbox = Sandbox::new();
    sandbox.configure(&sound(&sandbox));
    let _daemon = sandbox.start();
    let other = sandbox.path().join("elsewhere");
    let found = doctor_with(&sandbox, |tok| {
        tok.env("XDG_CONFIG_HOME", &other);
    });
    let other = other.display().to_string();
    found.has("configuration", "another", &[&other, "XDG_CONFIG_HOME"]);
    // What is looked at is the daemon's.
    found.has("configuration", "sound", &["1 account"]);
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    let sandbox = Sandbox::new();
    let path = sandbox.secret_file("first", SECRET);
    let login = |name: &str| {
        format!(
            "[accounts.{name}]\ntype = 'oauth2'\ntoken_endpoint = 'http://127.0.0.1:1/token'\n\
             token_endpoint_auth_method = 'none'\ngrant = 'refresh_token'\nclient_id = 'c'\n\
             refresh_token = {{ file = '{}' }}\nrefresh = 'on-demand'\n",
            path.display()
        )
    };
    sandbox.configure(&(login("one") + &login("two")));
    doctor(&sandbox).has("configuration", "doubtful", &["spends the same refresh token", "one account"]);
}

#[test]
#[cfg_attr(not(has_modes), ignore = "files have no modes and no numbers of owners here")]
fn secrets_that_are_not_where_they_should_be_are_told_each_with_its_remedy() {
    let sandbox = Sandbox::new();
    let missing = sandbox.home().join("missing");
    let open = sandbox.secret_file("open", SECRET);
    chmod(&open, 0o644);
    let (missing, open) = (missing.display().to_string(), open.display().to_string());
    assert_eq!(sandbox.tok_with_input(["secret", "set", "other"], SECRET).code, 0);
    sandbox.configure(
        &[
            of_source("missing", &format!("{{ file = '{missing}' }}")),
            of_source("open", &format!("{{ file = '{open}' }}")),
            of_source("unset", "{ env = 'NOT_GIVEN' }"),
            of_source("given", "{ env = 'GIVEN' }"),
            of_source("unlent", "{ credential = 'api' }"),
            of_source("gone", "{ command = ['no-such-program-at-all', 'show'] }"),
            of_source("absent", "{ store = 'othre' }"),
            of_source("kept", "{ store = 'other' }"),
            "[accounts.cli]\ntype = 'command'\ncommand = ['/nowhere/cloud']\nrefresh = 'on-demand'\n"
                .to_owned(),
        ]
        .concat(),
    );
    let _daemon = sandbox.start_with(|tokend| {
        tokend.env("GIVEN", SECRET);
    });
    let found = doctor(&sandbox);
    let of = |account: &str, finding: &str, parts: &[&str]| {
        let is_it = |it: &&serde_json::Value| it["check"] == "secret" && it["account"] == account;
        let it =
            found.all.iter().find(is_it).unwrap_or_else(|| panic!("nothing of {account}: {:#?}", found.all));
        assert_eq!(it["finding"], finding, "{it:#}");
        let words = format!("{} {}", it["message"], it["hint"]);
        assert!(parts.iter().all(|part| words.contains(part)), "{parts:?} in {it:#}");
    };
    of("missing", "file", &[&missing, "chmod 600"]);
    of("open", "file", &["0644", &format!("chmod 600 {open}")]);
    of("unset", "variable", &["NOT_GIVEN", "start the daemon anew"]);
    of("unlent", "credential", &["LoadCredential=api:PATH"]);
    of("gone", "program", &["no-such-program-at-all", "install it"]);
    of("absent", "store", &["othre"]);
    of("cli", "program", &["/nowhere/cloud", "install it"]);
    // The daemon's environment counts, not this shell's.
    of("given", "there", &[]);
    of("kept", "there", &[]);
    assert_eq!(found.code, 5);
}

#[test]
fn what_only_the_daemon_knows_is_left_out_while_it_does_not_run() {
    let sandbox = Sandbox::new();
    sandbox.configure(&of_source("unset", "{ env = 'NOT_GIVEN' }"));
    let found = doctor(&sandbox);
    found.has("secret", "unknown", &["NOT_GIVEN"]);
}

#[test]
#[cfg_attr(not(has_session_bus), ignore = "there is no session bus with a Secret Service here")]
fn a_keyring_that_cannot_be_reached_is_told_once() {
    let sandbox = Sandbox::new();
    sandbox.configure(&(of_source("a", "{ keyring = 'a' }") + &of_source("b", "{ keyring = 'b' }")));
    let _daemon = sandbox.start_with(|tokend| {
        tokend.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus");
    });
    let found = doctor(&sandbox);
    found.has("keyring", "unreachable", &["session bus", "DBUS_SESSION_BUS_ADDRESS"]);
    assert_eq!(found.all.iter().filter(|it| it["check"] == "keyring").count(), 1);
    assert_eq!(found.code, 6);
}
