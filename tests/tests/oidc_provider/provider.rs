//! The provider as a test has it: a program that it starts, asks, and breaks.

use super::*;

/// The folder with `server.mjs` and its packages; absolute.
const FOLDER: &str = "TOKEND_TEST_OIDC_PROVIDER";

/// A running provider; it ends with its standard input, and when dropped.
pub(crate) struct Provider {
    child: Child,
    pub(crate) url: String,
}

impl Provider {
    /// Starts it, where it is installed, with access tokens of ten seconds.
    pub(crate) fn start(sandbox: &Sandbox, what: &str) -> Option<Self> {
        Self::start_with(sandbox, what, "10")
    }

    /// The same with tokens that outlive the test.
    pub(crate) fn start_for_long(sandbox: &Sandbox, what: &str) -> Option<Self> {
        Self::start_with(sandbox, what, "600")
    }

    /// The same with access tokens of so many seconds.
    pub(crate) fn start_with(sandbox: &Sandbox, what: &str, seconds: &str) -> Option<Self> {
        let Some(folder) = Self::folder() else {
            skip(
                what,
                &format!(
                    "{FOLDER} names no folder with oidc-provider; `npm ci` in tests/third-party makes it"
                ),
            );
            return None;
        };
        let mut node = Command::new("node");
        sandbox.surround(&mut node);
        node.arg("server.mjs")
            .current_dir(&folder)
            .env("PORT", "0")
            .env("CC_TTL", seconds)
            .env("AT_TTL", seconds);
        // Its standard error is the test's: what goes wrong there is seen.
        let mut child = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its standard output");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let url = line.trim_end().strip_prefix("ready ").expect("that it is ready").to_owned();
        Some(Self { child, url })
    }

    /// Where it is installed.
    pub(crate) fn folder() -> Option<PathBuf> {
        std::env::var_os(FOLDER).map(PathBuf::from).filter(|folder| folder.is_absolute())
    }

    /// What `control.mjs` does for a test.
    #[track_caller]
    pub(crate) fn control(&self, what: &str, body: &Value) -> Value {
        let reply = call("POST", &format!("{}/_ctl/{what}", self.url), &[], &body.to_string());
        let reply = reply.expect("an answer");
        assert_eq!(reply.status, 200, "{what} {body}: {}", reply.json());
        reply.json()
    }

    /// Alice logs in at this client, without a browser: the first refresh token.
    pub(crate) fn log_in(&self, sandbox: &Sandbox, client: &str) -> String {
        self.log_in_as(sandbox, client, "alice")
    }

    /// The same with another person.
    pub(crate) fn log_in_as(&self, sandbox: &Sandbox, client: &str, person: &str) -> String {
        let told = self.control("login", &json!({"client_id": client, "sub": person}));
        let first = told["refresh_token"].as_str().expect("one").to_owned();
        accounts::set_refresh_token(sandbox, client, &first);
        first
    }

    /// A new key for a client that signs: its private half.
    pub(crate) fn new_key(&self, client: &str, alg: &str, form: &str) -> String {
        let told = self.control("key", &json!({"client_id": client, "alg": alg, "form": form, "kid": form}));
        told["private_key"].as_str().expect("a key").to_owned()
    }

    /// The next device code of this client comes with an interval of a second: the provider names none, so that
    /// it is five (RFC 8628 3.2). `more` is what else it says otherwise.
    pub(crate) fn hurry_device(&self, client: &str, more: &Value) {
        let mut set = json!({"interval": 1});
        set.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        self.control(
            "fault",
            &json!({"match": "/device/auth", "mode": "edit", "client": client, "set": set}),
        );
    }

    /// A person types a device's code, and says yes (`approve`) or no (`deny`).
    pub(crate) fn decide_device(&self, user_code: &str, act: &str) {
        self.control("device", &json!({"user_code": user_code, "act": act}));
    }

    /// All requests that it saw.
    pub(crate) fn seen(&self) -> Vec<Value> {
        let seen = call("GET", &format!("{}/_ctl/seen", self.url), &[], "").expect("its ledger").json();
        seen.as_array().cloned().unwrap_or_default()
    }

    /// The requests that it saw at this path.
    pub(crate) fn seen_at(&self, path: &str) -> Vec<Value> {
        self.seen().into_iter().filter(|entry| entry["path"] == path).collect()
    }

    /// The token requests that it saw, by client.
    pub(crate) fn token_requests(&self) -> BTreeMap<String, Vec<Value>> {
        let mut by_client = BTreeMap::<String, Vec<Value>>::new();
        for entry in self.seen_at("/token") {
            let client = entry["client"].as_str().unwrap_or_default().to_owned();
            by_client.entry(client).or_default().push(entry);
        }
        by_client
    }

    /// Who the API takes the holder of this token for: the client.
    pub(crate) fn whoami(&self, token: &str) -> (u16, Value) {
        let (status, who) = self.ask_api(token);
        (status, who["client"].clone())
    }

    /// All that the API says of the holder of this token; the test fails where it takes it for nobody.
    #[track_caller]
    pub(crate) fn holder(&self, token: &str) -> Value {
        let (status, who) = self.ask_api(token);
        assert_eq!(status, 200, "{who}");
        who
    }

    /// Whether the provider calls this token, of whichever kind, alive (RFC 7662).
    pub(crate) fn is_alive(&self, token: &str) -> bool {
        let url = format!("{}/token/introspection", self.url);
        let form = format!("token={token}");
        let reply = call("POST", &url, &[FORM, BASIC], &form).expect("an answer");
        reply.json()["active"].as_bool().unwrap_or_else(|| panic!("{}", reply.json()))
    }

    /// Ends a token at the provider, and nobody tells tokend of it (RFC 7009).
    pub(crate) fn revoke(&self, token: &str) {
        let url = format!("{}/token/revocation", self.url);
        let reply = call("POST", &url, &[FORM, BASIC], &format!("token={token}")).expect("an answer");
        assert_eq!(reply.status, 200, "{}", reply.json());
    }

    /// The header and claims of an id token, of which the provider itself says that it is for this client.
    #[track_caller]
    pub(crate) fn verified(&self, id_token: &str, client: &str) -> Value {
        self.control("verify", &json!({"id_token": id_token, "client_id": client}))
    }

    fn ask_api(&self, token: &str) -> (u16, Value) {
        let authorization = format!("Bearer {token}");
        let url = format!("{}/api/whoami", self.url);
        let reply = call("GET", &url, &[("Authorization", &authorization)], "").expect("an answer");
        (reply.status, reply.json())
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// The client `svc-basic` with its secret.
const BASIC: (&str, &str) = ("Authorization", "Basic c3ZjLWJhc2ljOmJhc2ljLXNlY3JldA==");

/// The beginning of an account's table: where, how, and who.
pub(crate) fn account_at(provider: &Provider, name: &str, grant: &str, client: &str) -> String {
    format!(
        "[accounts.{name}]\ntype = 'oauth2'\nissuer = '{}'\ngrant = '{grant}'\nclient_id = '{client}'\n",
        provider.url
    )
}

/// A line of a table that takes a secret, and that secret in a file.
pub(crate) fn secret_line(sandbox: &Sandbox, name: &str, key: &str, value: &str) -> String {
    sandbox.secret_file(&format!("{name}.{key}"), value);
    format!("{key} = {{ file = '~/{name}.{key}' }}\n")
}
