//! What comes of a configuration that was understood.

use super::*;

#[test]
fn equal_services_have_equal_definitions_however_they_are_kept() {
    let service = |text: &str| sound(text).configuration.accounts["a"].service;
    let plain = service(&account("word = 'x'"));
    for (part, other) in
        [("'header'", "'parameter'"), ("env = 'X'", "env = 'Y'"), ("word = 'x'", "word = 'y'")]
    {
        assert_ne!(service(&account("word = 'x'").replace(part, other)), plain, "{part}");
    }
    let kept = "word = 'x'\nscheme = 'x'\nmin_valid = '2m'\nrefresh = 'auto'\nassume_lifetime = '1h'\nrequest_scopes = ['a']\nexclusive = true";
    assert_eq!(service(&account(kept)), plain);
    assert_eq!(
        service(&format!("[daemon]\nlog = 'warn'\nmin_valid = '1s'\n{}", account("word = 'x'"))),
        plain
    );
    for other in ["word = 'y'", ""] {
        assert_ne!(service(&account(other)), plain);
    }
    // How a service is asked makes no other token; but from now on it is asked so.
    let setting = |text: &str| sound(text).configuration.accounts["a"].setting;
    let usual = setting(&account("word = 'x'"));
    assert_eq!(setting(&account(kept)), usual);
    for line in ["http_timeout = '9s'", "command_timeout = '9s'", "ca_file = '/x'", "proxy = 'http://x:1'"] {
        let text = format!("[daemon]\n{line}\n{}", account("word = 'x'"));
        assert_eq!(service(&text), plain, "{line}");
        assert_ne!(setting(&text), usual, "{line}");
    }
}

#[test]
fn what_was_understood_is_shown() {
    let folder = Folder::new(&[(
        "config.toml",
        &"[accounts.one]\ntype = 'header'\nsecret = { command = ['/bin/sh', 'hunter2'] }\nscheme = 'token'\n\
         refresh = 'auto'\nrequest_scopes = ['a', 'b']\n\
         [accounts.two]\ntype = 'parameter'\nsecret = { env = 'X' }\nmin_valid = '1m 30s'\nexclusive = true\n"
            .replace("/bin/sh", testing::PROGRAM),
    )]);
    let shown = describe(&folder.sound(), &Looked::default())
        .replace(&folder.path("config.toml").display().to_string(), "/c/config.toml")
        .replace(testing::PROGRAM, "/bin/sh");
    assert_eq!(
        shown,
        "read /c/config.toml

daemon
  log              info
  min_valid        1m
  http_timeout     20s
  command_timeout  30s

one (header)
  secret     command /bin/sh with 1 argument
  word       
  timeout    20s
  refresh    auto: kept fresh once somebody asked
  kept       the last token, encrypted, over restarts
  min_valid  1m
  sent as    Authorization: token TOKEN
  callers    the account's own token; also the scopes a b

two (parameter)
  secret           variable X
  word             
  timeout          20s
  refresh          eager: kept fresh before anyone asks
  kept             the last token, encrypted, over restarts
  min_valid        1m 30s
  sent as          the parameter authkey=TOKEN
  callers          the account's own token
  assume_lifetime  1h
  exclusive        a new token kills the old one: refreshed as late as min_valid allows

2 accounts are configured
"
    );
    assert!(describe(&sound(""), &Looked::default()).ends_with("no account is configured\n"));
}

#[test]
fn nothing_of_an_account_is_in_debug_but_its_name() {
    let shown = format!("{:?}", sound(&account("word = 'hunter2'")));
    assert!(!shown.contains("hunter2"), "{shown}");
}
