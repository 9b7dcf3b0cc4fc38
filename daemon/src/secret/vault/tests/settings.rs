//! What `[vault]` may say, and what it may not.

use super::*;
use crate::secret::Source;

const TOKEN: &str = "auth = 'token'\ntoken = { env = 'X' }";

#[test]
fn what_it_understood_is_shown_without_a_secret() {
    let (settings, files) = settings(&format!(
        "address = 'https://vault.example/v1/'\nnamespace = '/team-a/'\n{APPROLE}\nca_file = '/etc/ca.pem'"
    ));
    let settings = settings.expect("sound");
    let lines = settings.describe();
    let shown: Vec<_> = lines.iter().map(|(key, value)| format!("{key} {value}")).collect();
    assert_eq!(
        shown[..4],
        ["address https://vault.example/", "namespace team-a", "auth approle", "role_id role-1"]
    );
    assert_eq!(shown[4], format!("secret_id file {}", files[0].path().display()));
    assert_eq!(shown[5], format!("ca_file {}etc/ca.pem", testing::ROOT));
    let watched = settings.login.source().map(Source::files);
    assert_eq!(watched, Some(vec![files[0].path().to_path_buf()]));
}

#[test]
fn a_path_of_the_api_is_put_behind_the_address() {
    for (address, url) in [
        ("https://v.example", "https://v.example/v1/a%20b/c"),
        ("https://v.example/v1", "https://v.example/v1/a%20b/c"),
        ("https://v.example:8200/behind/a/proxy/", "https://v.example:8200/behind/a/proxy/v1/a%20b/c"),
    ] {
        let settings = settings(&format!("address = '{address}'\n{TOKEN}")).0.expect("sound");
        assert_eq!(settings.url(["a b", "c"]).as_str(), url);
    }
}

#[test]
fn mistakes_are_shown_where_they_are() {
    const ADDRESS: &str = "address = 'https://v.example'";
    for (text, what) in [
        (TOKEN.to_owned(), "`address` is missing"),
        (format!("address = 'http://v.example'\n{TOKEN}"), "is http to another machine"),
        (format!("adress = 'https://v.example'\n{TOKEN}"), "did you mean `address`?"),
        (ADDRESS.to_owned(), "`auth` is missing"),
        (format!("{ADDRESS}\nauth = 'kerberos'"), "one of: token, approle, jwt, userpass"),
        (format!("{ADDRESS}\nauth = 'approl'\nrole_id = 'x'"), "did you mean `approle`?"),
        (format!("{ADDRESS}\nauth = 'token'"), "`token` is missing"),
        (format!("{ADDRESS}\nauth = 'token'\ntoken = 'hunter2'"), "which is never written here"),
        (format!("{ADDRESS}\nauth = 'approle'"), "`role_id` is missing"),
        (format!("{ADDRESS}\nauth = 'approle'\nrole_id = ''"), "`role_id` is empty"),
        (format!("{ADDRESS}\nauth = 'approle'\nrole_id = 'x'\nsecret_id = 'hunter2'"), "never written here"),
        (
            format!("{ADDRESS}\nauth = 'approle'\nrole_id = 'x'\nsecretid = {{ env = 'X' }}"),
            "did you mean `secret_id`?",
        ),
        (format!("{ADDRESS}\nauth = 'jwt'\nrole = 'x'"), "`jwt` is missing"),
        (format!("{ADDRESS}\nauth = 'jwt'\nrole = ''\njwt = {{ env = 'X' }}"), "`role` is empty"),
        (format!("{ADDRESS}\nauth = 'userpass'\nusername = 'x'"), "`password` is missing"),
        (
            format!("{ADDRESS}\nauth = 'userpass'\nusername = '../x'\npassword = {{ env = 'X' }}"),
            "a name without a slash",
        ),
        (
            format!("{ADDRESS}\n{TOKEN}\nsecret_id = {{ env = 'X' }}"),
            "`secret_id` belongs to auth = \"approle\"",
        ),
        (format!("{ADDRESS}\n{TOKEN}\nrole = 'x'"), "`role` belongs to auth = \"jwt\""),
        (format!("{ADDRESS}\n{TOKEN}\nnamespace = ''"), "`namespace` names none"),
        (format!("{ADDRESS}\n{TOKEN}\nnamespace = 'a b'"), "`namespace` names none"),
        (format!("{ADDRESS}\n{TOKEN}\nauth_mount = 'a//b'"), "`auth_mount` cannot be that"),
        (format!("{ADDRESS}\n{TOKEN}\nauth_mount = 1"), "must be a string"),
        (format!("{ADDRESS}\n{TOKEN}\nurl = 'x'"), "unknown key `url`"),
        (
            format!("{ADDRESS}\nauth = 'token'\ntoken = {{ vault = 'kv/a#b' }}"),
            "`token` opens the vault, so it cannot come from there",
        ),
    ] {
        let found = settings(&text).0.expect_err(&text);
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert!(found[0].contains(what) && !found[0].contains("hunter2"), "{text}: {found:#?}");
    }
}

#[test]
fn a_changed_definition_has_another_fingerprint() {
    let print = |text: &str| settings(text).0.expect("sound").fingerprint;
    let one = print(&format!("address = 'https://v.example'\n{TOKEN}"));
    assert_eq!(one, print(&format!("{TOKEN}\naddress = 'https://v.example'")));
    assert_ne!(one, print(&format!("address = 'https://w.example'\n{TOKEN}")));
    assert_ne!(one, print(&format!("address = 'https://v.example'\nnamespace = 'a'\n{TOKEN}")));
}
