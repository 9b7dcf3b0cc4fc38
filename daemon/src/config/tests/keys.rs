//! What a configuration may say, and what it may not.

use super::*;

#[test]
fn what_is_not_said_has_the_defaults() {
    let loaded = sound(&account(""));
    assert_eq!(loaded.warnings, []);
    let daemon = &loaded.configuration.daemon;
    assert_eq!(*daemon, Daemon::default());
    assert_eq!((daemon.log, daemon.min_valid), ("info", Duration::from_secs(60)));
    assert_eq!(
        (daemon.http_timeout, daemon.command_timeout),
        (Duration::from_secs(20), Duration::from_secs(30))
    );
    let account = &loaded.configuration.accounts["a"];
    assert_eq!((account.name.as_str(), account.kind), ("a", "header"));
    assert_eq!((account.policy.refresh, account.policy.min_valid), (Refresh::Eager, Duration::from_secs(60)));
    assert_eq!(account.policy.presentation, Presentation::Header { scheme: "Bearer".to_owned() });
    assert_eq!((account.policy.assume_lifetime, account.policy.request_scopes.len()), (None, 0));
}

#[test]
fn the_daemon_says_what_concerns_all() {
    let loaded = sound(&format!(
        "[daemon]\nlog = 'debug'\nlog_format = 'json'\nmetrics_socket = 'm.sock'\nmin_valid = '5m'\nhttp_timeout = '1s'\ncommand_timeout = '10m'\nca_file = '/etc/x'\n\
         proxy = 'http://proxy:3128'\n{}",
        account("")
    ));
    let daemon = &loaded.configuration.daemon;
    assert_eq!((daemon.log, daemon.min_valid), ("debug", Duration::from_secs(300)));
    assert_eq!(daemon.log_format, LogFormat::Json);
    assert_eq!(daemon.metrics_socket.as_deref(), Some(Path::new("m.sock")));
    assert_eq!(daemon.ca_file.as_deref(), Some(&*Path::new(testing::ROOT).join("etc/x")));
    assert_eq!(daemon.proxy.as_ref().map(ToString::to_string).as_deref(), Some("http://proxy:3128/"));
    assert_eq!(loaded.configuration.accounts["a"].policy.min_valid, Duration::from_secs(300));
    assert!(loaded.warnings[0].message.contains("`ca_file` cannot be read"));
    assert!(
        describe(&loaded, &Looked::default()).contains("timeout    1s"),
        "{}",
        describe(&loaded, &Looked::default())
    );
}

#[test]
fn what_the_daemon_may_not_say() {
    for (line, what) in [
        ("log = 'loud'", "one of: error, warn, info, debug, trace"),
        ("log = 'inof'", "did you mean `info`?"),
        ("log_format = 'jsno'", "did you mean `json`?"),
        ("log_format = 'xml'", "one of: text, json"),
        ("metrics_socket = ''", "names no place for a socket"),
        ("metrics_socket = 'a/b'", "names no place for a socket"),
        ("metrics_socket = '../b'", "names no place for a socket"),
        ("metrics_socket = '..'", "names no place for a socket"),
        ("metrics_socket = '/'", "names no place for a socket"),
        ("http_timeout = '11m'", "at least 1s and at most 10m"),
        ("http_timeout = '500ms'", "at least 1s and at most 10m"),
        ("command_timeout = '0s'", "at least 1s and at most 10m"),
        ("command_timeout = 30", "such as \"90s\""),
        ("min_valid = '25h'", "at least 0s and at most 1day"),
        ("ca_file = 'ca.pem'", "not an absolute path"),
        ("proxy = 'socks5://x'", "`proxy` is no proxy's URL"),
        ("proxy = 'http://alice:hunter2@proxy:3128'", "`proxy` is no proxy's URL"),
        ("lock_after = '0s'", "at least 1s and at most 30days"),
        ("on_login_needed = 'x'", "is a string"),
        ("on_login_needed = []", "`on_login_needed` names no program"),
        ("login_notification = 'no'", "is a string"),
        ("timeout = '1s'", "unknown key `timeout`"),
    ] {
        let said = mistakes(&format!("[daemon]\n{line}\n"));
        assert!(said.contains(what) && said.contains("config.toml:2:"), "{line}: {said}");
        assert_eq!(said.matches("error: ").count(), 1, "{line}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn any_account_may_say_how_it_is_kept() {
    let kept = policy(
        "scheme = 'token'\nmin_valid = '2m'\nrefresh = 'on-demand'\nassume_lifetime = '1h'\nlock = false\nrequest_scopes = ['a:b', 'c', 'c']",
    );
    assert_eq!(kept.presentation, Presentation::Header { scheme: "token".to_owned() });
    assert_eq!((kept.min_valid, kept.refresh), (Duration::from_secs(120), Refresh::OnDemand));
    assert_eq!(kept.assume_lifetime, Some(Duration::from_secs(3600)));
    assert_eq!(kept.request_scopes, ["a:b", "c"]);
    assert!(!kept.lock && policy("").lock);
    assert!(policy("exclusive = true").exclusive && !kept.exclusive);
    assert_eq!(policy("refresh = 'auto'").refresh, Refresh::Auto);
}

#[test]
fn what_an_account_may_not_say() {
    for (line, what) in [
        ("scheme = 'Bearer x'", "`scheme` is not one that a header can have"),
        ("scheme = ''", "`scheme` is not one that a header can have"),
        ("scheme = \"a\\r\\nX: y\"", "`scheme` is not one that a header can have"),
        ("refresh = 'never'", "one of: eager, auto, on-demand"),
        ("refresh = true", "must be a string"),
        ("min_valid = '2d'", "at least 0s and at most 1day"),
        ("assume_lifetime = '0s'", "at least 1s and at most 10years"),
        ("request_scopes = ['a b']", "this is no scope"),
        ("request_scopes = ['']", "this is no scope"),
        ("request_scopes = 'a'", "must be an array of strings"),
        ("access = ['me']", "`access` is not built yet"),
        ("lock = 'no'", "must be true or false"),
        ("wrod = 'x'", "did you mean `word`?"),
        ("wallet = 'x'", "unknown key `wallet`"),
    ] {
        let said = mistakes(&account(line));
        assert!(said.contains(what) && said.contains("config.toml:4:"), "{line}: {said}");
        assert_eq!(said.matches("error: ").count(), 1, "{line}: {said}");
    }
    let many: Vec<String> = (0..65).map(|number| format!("'s{number}'")).collect();
    assert!(mistakes(&account(&format!("request_scopes = [{}]", many.join(",")))).contains("at most 64"));
}

#[test]
fn a_parameter_has_no_scheme_and_a_service_without_scopes_no_request_scopes() {
    let text = |keys| account(keys).replace("'header'", "'parameter'");
    let policy = sound(&text("")).configuration.accounts["a"].policy.clone();
    assert_eq!(policy.presentation, Presentation::Parameter { name: "authkey".to_owned() });
    assert_eq!(policy.assume_lifetime, Some(Duration::from_secs(3600)));
    assert!(
        mistakes(&text("scheme = 'Bearer'")).contains("`scheme` has no effect: tokens of parameter travel")
    );
    assert!(mistakes(&text("request_scopes = ['a']")).contains("parameter knows no scopes"));
    let own = sound(&text("assume_lifetime = '2h'")).configuration.accounts["a"].policy.assume_lifetime;
    assert_eq!(own, Some(Duration::from_secs(7200)));
}

#[test]
fn a_type_must_be_known() {
    let said = mistakes("[accounts.a]\ntype = 'haeder'\nsecret = 'hunter2'\n");
    assert!(said.contains("2 | type = 'haeder'\n  |        ^^^^^^^^ did you mean `header`?"), "{said}");
    let said = mistakes("[accounts.a]\ntype = 'hunter2'\n");
    assert!(said.contains("2 | type = \"…\"\n  |        ^^^ one of: header, parameter"), "{said}");
    assert!(mistakes("[accounts.a]\nword = 'x'\n").contains("`type` is missing in [accounts.a]"));
    assert!(mistakes("[accounts]\na = 'x'\n").contains("must be a table"));
}

#[test]
fn a_secret_in_the_wrong_place_is_an_error_that_does_not_show_it() {
    for value in
        ["'hunter2'", "{ fiel = 'hunter2' }", "{ file = 'hunter2' }", "['hunter2']", "{ env = 'hunter2 ' }"]
    {
        let said = mistakes(&format!("[accounts.a]\ntype = 'header'\nsecret = {value} # hunter2\n"));
        assert!(said.contains("config.toml:3:") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn names_are_short_and_plain() {
    let long = "x".repeat(64);
    for name in ["a", "0", "A.b_c-d", "lyve-prod", &long] {
        let text = account("").replace("accounts.a", &format!("accounts.\"{name}\""));
        assert!(sound(&text).configuration.accounts.contains_key(name), "{name}");
    }
    let longer = "x".repeat(65);
    for name in ["", ".a", "-a", "_a", "a b", "a/b", "ä", "a\\n", &longer] {
        let text = account("").replace("accounts.a", &format!("accounts.\"{name}\""));
        let said = mistakes(&text);
        assert!(said.contains("cannot be an account's name") && said.contains(":1:11"), "{name}: {said}");
    }
}

#[test]
fn a_dot_in_a_name_needs_quotes() {
    let said = mistakes(&account("").replace("accounts.a", "accounts.lyve.prod"));
    assert!(said.contains("write [accounts.\"lyve.prod\"]"), "{said}");
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
}

#[test]
fn names_that_differ_only_in_case_are_an_error_that_shows_both() {
    let said = mistakes(&format!("{}\n{}", account(""), account("").replace("accounts.a", "accounts.A")));
    assert!(said.contains("`a` and `A` differ only in case"), "{said}");
    assert!(said.contains("config.toml:1:11") && said.contains("config.toml:5:11"), "{said}");
}
