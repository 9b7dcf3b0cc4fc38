//! What a bad service can do: lie about itself, send the client elsewhere, answer without an end, write what
//! a terminal or a shell understands, mix logins up. Each ends in a clear error; nothing is run, stored, or
//! sent elsewhere.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

mod browsers;
mod devices;
mod endless;
mod id_tokens;
mod metadata;
mod redirects;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::{Value, json};
use tokend_tests::logging_in::LoggingIn;
use tokend_tests::sandbox::{Daemon, Said, Sandbox, write_program};
use tokend_tests::stand_in::{Answer, Asked, CLIENT, Hole, LyingServer, call};

/// A home with a browser, and a place elsewhere that counts who comes: whatever would leave this machine goes
/// there, too.
struct Scene {
    sandbox: Sandbox,
    elsewhere: Hole,
}

/// A service and the account there.
struct Case {
    name: String,
    server: LyingServer,
}

impl Scene {
    fn new() -> Self {
        let scene = Self { sandbox: Sandbox::new(), elsewhere: Hole::start() };
        let program = "#!/bin/sh\nprintf '%s\\n' \"$*\" >>\"${0%/*}/opened\"\n";
        write_program(&scene.sandbox.path().join("browser"), 0o755, program.as_bytes());
        scene
    }

    /// An account for each service, all of this grant.
    fn start(&self, grant: &str, cases: &[Case]) -> Daemon {
        let mut text = format!("[daemon]\nhttp_timeout = '5s'\nproxy = '{}'\n", self.elsewhere.url());
        for Case { name, server } in cases {
            let url = server.url();
            text.extend([
                "[accounts.",
                name,
                "]\ntype = 'oauth2'\nissuer = '",
                url,
                "'\ngrant = '",
                grant,
                "'\n",
            ]);
            text.extend(["client_id = '", CLIENT, "'\n"]);
            if grant == "client_credentials" {
                self.sandbox.secret_file("client.secret", "s3cret");
                text += "client_secret = { file = '~/client.secret' }\nrefresh = 'on-demand'\n";
            } else {
                text += "scope = ['openid']\n";
            }
        }
        self.sandbox.configure(&text);
        self.sandbox.start()
    }

    /// `tok login` with a browser at hand.
    fn log_in(&self, words: &[&str]) -> LoggingIn {
        let browser = self.sandbox.path().join("browser");
        LoggingIn::start_with(&self.sandbox, words, |command| {
            command.env("BROWSER", browser);
        })
    }

    /// What the browser was opened with.
    fn opened(&self) -> Vec<String> {
        let opened = fs::read_to_string(self.sandbox.path().join("opened")).unwrap_or_default();
        opened.lines().map(str::to_owned).collect()
    }

    /// The error is a clear one, and that is all that there is.
    #[track_caller]
    fn is_refused(&self, name: &str, said: &Said) {
        assert!([5, 6].contains(&said.code), "{name}: {said:?}");
        is_clear(name, said);
        self.has_nothing(name);
    }

    /// A logout that the service does not take: it says so, and how to forget the login here alone, which
    /// works.
    #[track_caller]
    fn is_only_forgotten_here(&self, name: &str) {
        let said = self.sandbox.tok(["logout", name]);
        assert!([5, 6].contains(&said.code), "{name}: {said:?}");
        is_clear(name, &said);
        assert!(said.stderr.contains("--local"), "{name}: {said:?}");
        assert_eq!(self.sandbox.tok(["logout", name, "--local"]).code, 0, "{name}");
        assert_eq!(self.sandbox.tok(["get", name]).code, 4, "{name}");
        assert_eq!(kept(&self.sandbox.state()), [""; 0], "{name}");
        self.is_unharmed(name);
    }

    /// No token, no login, nothing on the disk; nobody was told anything elsewhere.
    #[track_caller]
    fn has_nothing(&self, name: &str) {
        let status = self.sandbox.status(name);
        assert_eq!((&status["served"], &status["expires_at"]), (&0.into(), &Value::Null), "{name}: {status}");
        assert_eq!(kept(&self.sandbox.state()), [""; 0], "{name}");
        self.is_unharmed(name);
    }

    /// Nothing was run, and nobody was told anything elsewhere.
    #[track_caller]
    fn is_unharmed(&self, name: &str) {
        assert_eq!(self.elsewhere.connections(), 0, "{name}: something went elsewhere");
        let pwned = files(self.sandbox.path()).into_iter().find(|path| path.ends_with("pwned"));
        assert_eq!(pwned, None, "{name}: something was run");
    }
}

impl Case {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), server: LyingServer::start() }
    }

    /// The same, whose metadata are otherwise in one field.
    fn claiming(name: &str, field: &str, value: Value) -> Self {
        let case = Self::new(name);
        case.server.change(|liar| liar.metadata.insert(field.to_owned(), value));
        case
    }

    /// The same, which answers a path with something else.
    fn answering(name: &str, path: &str, answer: Answer) -> Self {
        let case = Self::new(name);
        case.server.change(|liar| liar.instead.insert(path.to_owned(), answer));
        case
    }
}

/// Does this for all side by side: most of it is waiting.
fn side_by_side(cases: &[Case], each: impl Fn(&Case) + Sync) {
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| each(case));
        }
    });
}

/// Two lines of what happened and what to do, of characters that a terminal only shows.
#[track_caller]
fn is_clear(name: &str, said: &Said) {
    let line = |start: &str| {
        said.stderr.lines().any(|line| line.len() > start.len() + 10 && line.starts_with(start))
    };
    assert!(line("tok: ") && line("hint: "), "{name}: {said:?}");
    is_harmless(name, &said.stdout);
    is_harmless(name, &said.stderr);
}

#[track_caller]
fn is_harmless(name: &str, text: &str) {
    let harmful = text.chars().find(|it| it.is_control() && *it != '\n');
    assert_eq!(harmful, None, "{name}: {text:?}");
}

/// Grants and tokens in a state folder.
fn kept(state: &Path) -> Vec<String> {
    let sealed = files(state).into_iter().filter(|path| path.extension().is_some_and(|it| it == "age"));
    sealed.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // A link may lead anywhere.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(files(&path));
        }
        found.push(path);
    }
    found
}

/// The person has said yes: where the browser is sent to in the end, with these pairs changed; an empty one
/// is left out.
fn redirect(server: &LyingServer, asked: &Asked, changes: &[(&str, &str)]) -> String {
    let code = server.code(asked);
    let truth = [("code", code.as_str()), ("state", asked.get("state")), ("iss", server.url())];
    let lie = |name: &str| changes.iter().find(|(changed, _)| *changed == name).map(|(_, value)| *value);
    let mut pairs: Vec<_> =
        truth.into_iter().map(|(name, value)| (name, lie(name).unwrap_or(value))).collect();
    pairs.extend(changes.iter().filter(|(name, _)| truth.iter().all(|(known, _)| known != name)));
    pairs.retain(|(_, value)| !value.is_empty());
    asked.redirect(&pairs)
}

/// A login by a pasted address, up to where the person would paste: what the service is asked for.
#[track_caller]
fn begin(scene: &Scene, Case { name, server }: &Case) -> (LoggingIn, Asked) {
    let login = scene.log_in(&[name, "--no-browser"]);
    let address = login.address(&format!("{}/authorize?", server.url()));
    (login, Asked::read(&address))
}

/// The same to its end: the right answer is pasted.
#[track_caller]
fn log_in(scene: &Scene, case: &Case) -> Said {
    let (mut login, asked) = begin(scene, case);
    login.say(&redirect(&case.server, &asked, &[]));
    login.end()
}

/// A login that ends before anybody is shown where to log in.
#[track_caller]
fn begin_in_vain(scene: &Scene, Case { name, server }: &Case) -> Said {
    let said = scene.log_in(&[name, "--no-browser"]).end();
    assert!(!format!("{said:?}").contains("/authorize"), "{name}: {said:?}");
    assert_eq!(server.asked_for("/token"), 0, "{name}");
    said
}

#[test]
fn a_service_that_tells_the_truth_is_logged_in_to() {
    let scene = Scene::new();
    let (device, code) = ([Case::new("device")], [Case::new("code")]);
    let daemon = scene.start("device_code", &device);
    let said = scene.log_in(&["device"]).end();
    assert_eq!(said.code, 0, "{said:?}");
    assert!(device[0].server.is_live(&scene.sandbox.token("device")));
    assert_eq!(scene.opened(), [format!("{}/activate", device[0].server.url())]);
    drop(daemon);

    let daemon = scene.start("authorization_code", &code);
    let said = log_in(&scene, &code[0]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(code[0].server.is_live(&scene.sandbox.token("code")));
    let said = scene.sandbox.tok(["get", "code", "--id-token"]);
    assert_eq!((said.code, said.stdout.matches('.').count()), (0, 2), "{said:?}");
    scene.is_unharmed("code");
    is_harmless("the log", &daemon.log());
}
