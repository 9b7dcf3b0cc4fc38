//! Tokens of a second server that others wrote, django-oauth-toolkit for Python, for what npm's oidc-provider
//! does not have or does otherwise: hashed secrets, a grace after a rotation, a device flow that never ends
//! by itself, id tokens in HS256, metadata that tell two things in two places.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

mod answers;
mod browser;
mod ends;
mod logins;
mod refreshes;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tokend_tests::accounts;
use tokend_tests::sandbox::{Sandbox, skip};
use tokend_tests::stand_in::{Reply, call};

/// The folder with `server.py` and the virtual environment `venv`; absolute.
const FOLDER: &str = "TOKEND_TEST_DJANGO_OAUTH_TOOLKIT";

/// The only person there is, as provider.py has it.
const PERSON: (&str, &str) = ("alice", "wonder land+1%");

/// A running server; it ends with its standard input, and when dropped.
struct Toolkit {
    child: Child,
    url: String,
}

impl Toolkit {
    /// Starts it, where it is installed; its access tokens live so many seconds.
    fn start(sandbox: &Sandbox, what: &str, seconds: u32) -> Option<Self> {
        let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from).filter(|folder| folder.is_absolute())
        else {
            skip(
                what,
                &format!(
                    "{FOLDER} names no folder with django-oauth-toolkit; server.py tells how to make it"
                ),
            );
            return None;
        };
        let mut python = Command::new(folder.join("venv/bin/python"));
        sandbox.surround(&mut python);
        // As an unprivileged user, it may not be allowed to write beside its sources.
        python.args(["-B", "server.py"]).current_dir(&folder).env("TMPDIR", sandbox.path());
        python.env("PORT", "0").env("AT_TTL", seconds.to_string());
        // Its standard error is the test's: what goes wrong there is seen.
        let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its standard output");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let url = line.trim_end().strip_prefix("ready ").expect("that it is ready").to_owned();
        Some(Self { child, url })
    }

    /// The issuer, which has a path.
    fn issuer(&self) -> String {
        format!("{}/o", self.url)
    }

    #[track_caller]
    fn control(&self, what: &str, body: &Value) -> Value {
        let reply = call("POST", &format!("{}/_ctl/{what}", self.url), &[], &body.to_string());
        let reply = reply.expect("an answer");
        assert_eq!(reply.status, 200, "{what} {body}: {}", reply.json());
        reply.json()
    }

    /// All requests that it saw.
    fn seen(&self) -> Vec<Value> {
        let seen = call("GET", &format!("{}/_ctl/seen", self.url), &[], "").expect("its ledger").json();
        seen.as_array().cloned().unwrap_or_default()
    }

    /// The requests to this endpoint.
    fn seen_at(&self, endpoint: &str) -> Vec<Value> {
        self.seen().into_iter().filter(|seen| seen["path"] == format!("/o/{endpoint}/")).collect()
    }

    /// The token requests that it saw, by client.
    fn token_requests(&self) -> BTreeMap<String, Vec<Value>> {
        let mut by_client = BTreeMap::<String, Vec<Value>>::new();
        for entry in self.seen_at("token") {
            let client = entry["client"].as_str().unwrap_or_default().to_owned();
            by_client.entry(client).or_default().push(entry);
        }
        by_client
    }

    /// Who the API takes the holder of this token for: client and user.
    fn whoami(&self, token: &str) -> Option<(Value, Value)> {
        let authorization = format!("Bearer {token}");
        let url = format!("{}/api/whoami", self.url);
        let reply = call("GET", &url, &[("Authorization", &authorization)], "").expect("an answer");
        (reply.status == 200).then(|| (reply.json()["client"].clone(), reply.json()["user"].clone()))
    }

    /// A form to one of its endpoints, as any client may send it.
    fn post(&self, endpoint: &str, form: &[(&str, &str)]) -> Reply {
        let body = encoded(form);
        let header = ("Content-Type", "application/x-www-form-urlencoded");
        call("POST", &format!("{}/o/{endpoint}/", self.url), &[header], &body).expect("an answer")
    }

    /// The person has logged in at a public client elsewhere: its first refresh token, put where the account
    /// looks for it.
    fn log_in(&self, sandbox: &Sandbox, account: &str, client: &str) {
        let (username, password) = PERSON;
        let form = [
            ("grant_type", "password"),
            ("client_id", client),
            ("username", username),
            ("password", password),
            ("scope", "read"),
        ];
        let told = self.post("token", &form).json();
        accounts::set_refresh_token(sandbox, account, told["refresh_token"].as_str().expect("one"));
    }

    /// An account at this client, found by the issuer.
    fn account(&self, name: &str, client: &str, grant: &str) -> String {
        format!(
            "[accounts.{name}]\ntype = 'oauth2'\nissuer = '{}'\ngrant = '{grant}'\nclient_id = '{client}'\n",
            self.issuer()
        )
    }
}

impl Drop for Toolkit {
    fn drop(&mut self) {
        // Its database goes with its standard input; a kill would leave that behind.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn encoded(form: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

/// A key whose value is a secret in a file.
fn secret(sandbox: &Sandbox, account: &str, key: &str, value: &str) -> String {
    let file = format!("{account}.{key}");
    sandbox.secret_file(&file, value);
    format!("{key} = {{ file = '~/{file}' }}\n")
}

/// A person's account of client credentials, with a secret that must be encoded before Basic.
fn service(toolkit: &Toolkit, sandbox: &Sandbox, name: &str) -> String {
    toolkit.account(name, "svc:odd/id", "client_credentials")
        + &secret(sandbox, name, "client_secret", "p%41ss+w=r&d/:~ x")
}

#[test]
fn secrets_arrive_as_they_are_however_they_are_said_and_a_wrong_one_is_refused_once() {
    let sandbox = Sandbox::new();
    let Some(toolkit) = Toolkit::start(&sandbox, "client credentials at django-oauth-toolkit", 60) else {
        return;
    };
    let post = toolkit.account("post", "svc-post", "client_credentials")
        + "token_endpoint_auth_method = 'client_secret_post'\n";
    let text = service(&toolkit, &sandbox, "odd")
        + &post
        + &secret(&sandbox, "post", "client_secret", "post-secret")
        + &post.replace(".post]", ".wrong]")
        + &secret(&sandbox, "wrong", "client_secret", "post-secret ");
    sandbox.configure(&text);
    let _daemon = sandbox.start();

    for (name, client, auth) in [("odd", "svc:odd/id", "basic"), ("post", "svc-post", "post")] {
        let token = sandbox.token(name);
        assert_eq!(toolkit.whoami(&token), Some((client.into(), Value::Null)), "{name}");
        let requests = &toolkit.token_requests()[client];
        assert!(requests.iter().any(|it| it["auth"] == auth && it["status"] == 200), "{requests:#?}");
    }
    for _ in 0..3 {
        let said = sandbox.tok(["get", "wrong"]);
        assert_eq!((said.code, said.stdout.as_str()), (5, ""), "{said:?}");
        assert!(said.error().0.contains("invalid_client"), "{said:?}");
    }
    let refused = toolkit.token_requests().remove("svc-post").expect("requests");
    assert_eq!(refused.iter().filter(|it| it["status"] == 401).count(), 1, "{refused:#?}");
}

#[test]
fn a_password_is_asked_with_each_time_and_a_wrong_one_is_refused_once() {
    let sandbox = Sandbox::new();
    let Some(toolkit) = Toolkit::start(&sandbox, "the grant password", 60) else {
        return;
    };
    let person = |name: &str, client: &str, password: &str| {
        toolkit.account(name, client, "password")
            + "username = 'alice'\nscope = ['read']\n"
            + &secret(&sandbox, name, "password", password)
    };
    let text = person("person", "app-password", PERSON.1)
        + &secret(&sandbox, "person", "client_secret", "app-secret")
        + &person("public", "app-password-public", PERSON.1)
        + &person("wrong", "app-password-public", "wonder land 1%");
    sandbox.configure(&text);
    let _daemon = sandbox.start();

    for (name, client) in [("person", "app-password"), ("public", "app-password-public")] {
        let first = sandbox.token(name);
        assert_eq!(toolkit.whoami(&first), Some((client.into(), "alice".into())), "{name}");
        assert_eq!(sandbox.tok(["refresh", name]).code, 0, "{name}");
        assert_ne!(sandbox.token(name), first, "{name}");
    }
    for _ in 0..3 {
        let said = sandbox.tok(["get", "wrong"]);
        assert_eq!((said.code, said.stdout.as_str()), (5, ""), "{said:?}");
        assert!(said.error().0.contains("invalid_grant"), "{said:?}");
    }
    let requests: Vec<Value> = toolkit.token_requests().into_values().flatten().collect();
    assert!(requests.iter().all(|it| it["grant"] == "password"), "{requests:#?}");
    assert_eq!(requests.iter().filter(|it| it["status"] == 400).count(), 1, "{requests:#?}");
    assert_eq!(requests.len(), 5, "{requests:#?}");
}
