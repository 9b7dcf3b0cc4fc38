//! No secret and no token where others could see it: one long story at the most verbose level, then everything that
//! was said, logged, left on disk, or visible in the process list meanwhile.

#![cfg(has_procfs)]
#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::json;
use tokend_tests::accounts::{
    http_login, its_you_online, lyve_cloud, oauth2, oauth2_at_endpoint, openv_cloud, set_secret, static_token,
};
use tokend_tests::platform::{Signal, owner};
use tokend_tests::real_time::let_pass;
use tokend_tests::sandbox::{self, Daemon, Said, Sandbox, eventually};
use tokend_tests::stand_in::{
    Entry, Fault, HttpLogin, ItsYouOnline, LyveCloud, OAuthServer, OpenvCloud, Service, StandIn, fingerprint,
};

/// In the arguments of the one program that may have tokens in its environment.
const MAY_HAVE_TOKENS: &str = "this-one-may-have-tokens";

#[test]
fn no_secret_and_no_token_is_seen_anywhere_else_than_where_it_belongs() {
    let watcher = Watcher::start();
    let mut story = Story::begin();
    story.fetch_and_use();
    story.reject_and_refresh();
    story.be_refused();
    story.hand_over();
    story.paste_secrets_into_the_configuration();
    let Story { sandbox, daemon, services, echoing, mut hushed, mut said } = story;
    for words in [vec!["status"], vec!["status", "--json"], vec!["list"], vec!["list", "--json"]] {
        let shown = sandbox.tok(words);
        said.push_str(&shown.stdout);
        said.push_str(&shown.stderr);
    }
    let log = daemon.log();
    assert!(daemon.stop().success());
    let processes = watcher.stop();

    // Basic credentials as they travelled.
    for entry in services.ledgers().iter().chain(&echoing.ledgers()) {
        let encoded = entry.bearer(&["Basic"]).unwrap_or_default();
        let (user, _) = entry.basic().unwrap_or_default();
        // The user's name and its colon are no secret.
        hushed.add(encoded.get((user.len() + 1).div_ceil(3) * 4..).unwrap_or_default());
    }
    hushed.issued = services.issued();
    assert!(hushed.issued.len() > 8, "{} tokens were issued", hushed.issued.len());

    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log is at its most verbose:\n{log}");
    for account in ["lyve-echo", "oauth-echo", "http-echo"] {
        assert!(log.contains(account) && said.contains(account), "{account} was part of it:\n{log}\n{said}");
    }
    hushed.assert_absent("the log", &log);
    hushed.assert_absent("what the programs said", &said);
    for folder in ["state", "run", "data"] {
        each_file(&sandbox.path().join(folder), &mut |path, content| {
            hushed.assert_absent(&path.to_string_lossy(), &content);
        });
    }

    for arguments in &processes.arguments {
        hushed.assert_absent("the arguments of a process", arguments);
    }
    let seen = |part: &str| processes.arguments.iter().any(|arguments| arguments.contains(part));
    for part in ["tokend", "tok\0get\0", "tok\0exec\0", "/dev/fd/", MAY_HAVE_TOKENS] {
        assert!(seen(part), "nobody looked while {part} ran");
    }
    let mut may = 0;
    for (arguments, environment) in &processes.environments {
        if arguments.contains(MAY_HAVE_TOKENS) {
            may += usize::from(hushed.found_in(environment).is_some());
        } else if !arguments.starts_with(&*sandbox::program_path("tokend").to_string_lossy()) {
            // The daemon's own variables may be a source of secrets.
            hushed.assert_absent(&format!("the environment of {arguments:?}"), environment);
        }
    }
    assert!(may > 0, "the program that may have tokens was not seen with one");
}

/// What the story is about.
struct Story {
    sandbox: Sandbox,
    daemon: Daemon,
    services: Services,
    echoing: Services,
    hushed: Hushed,
    /// Everything that came out of a program, but for the tokens that were asked for.
    said: String,
}

/// One of each.
struct Services {
    lyve: LyveCloud,
    iyo: ItsYouOnline,
    ovc: OpenvCloud,
    oauth: OAuthServer,
    login: HttpLogin,
}

/// The secrets that are configured. Each has a part that no encoding of theirs changes.
const SECRETS: [&str; 5] = [
    "hushLyve7Qx2mB&+=%",
    "hushIyo5Rw9kD&+=% ü",
    "hushOvc3Te8nF\"&+=%",
    "hushOauth1Yu6pG:&+=%é",
    "hushLogin4Io0sH\\\"&+=%",
];

impl Services {
    fn start(secrets: [&str; 5]) -> Self {
        let [lyve, iyo, ovc, oauth, login] = secrets;
        Self {
            lyve: LyveCloud::builder().with(|service| service.secret = lyve.into()).start(),
            iyo: ItsYouOnline::builder().with(|service| service.client_secret = iyo.into()).start(),
            ovc: OpenvCloud::builder().with(|service| service.password = ovc.into()).start(),
            oauth: OAuthServer::builder().with(|service| service.client_secret = oauth.into()).start(),
            login: HttpLogin::builder()
                .with(|service| {
                    for (name, value) in &mut service.fields {
                        if name == "key" {
                            login.clone_into(value);
                        }
                    }
                })
                .start(),
        }
    }

    fn accounts(&self, sandbox: &Sandbox, suffix: &str) -> String {
        let name = |kind: &str| format!("{kind}{suffix}");
        [
            lyve_cloud(sandbox, &name("lyve"), &self.lyve),
            its_you_online(sandbox, &name("iyo"), &self.iyo),
            openv_cloud(sandbox, &name("ovc"), &self.ovc),
            oauth2(sandbox, &name("oauth"), &self.oauth),
            oauth2_at_endpoint(sandbox, &name("post"), &self.oauth, "client_secret_post"),
            http_login(sandbox, &name("http"), &self.login),
        ]
        .concat()
    }

    fn ledgers(&self) -> Vec<Entry> {
        [self.lyve.ledger(), self.iyo.ledger(), self.ovc.ledger(), self.oauth.ledger(), self.login.ledger()]
            .concat()
    }

    fn issued(&self) -> HashSet<String> {
        fn of<S: Service>(service: &StandIn<S>) -> Vec<String> {
            service.tokens().all().into_iter().map(|token| token.sha256).collect()
        }
        let all = [of(&self.lyve), of(&self.iyo), of(&self.ovc), of(&self.oauth), of(&self.login)];
        all.into_iter().flatten().collect()
    }
}

impl Story {
    fn begin() -> Self {
        let sandbox = Sandbox::new();
        let mut hushed = Hushed::default();
        for secret in SECRETS {
            hushed.add(secret);
        }
        let services = Services::start(SECRETS);
        let mistyped = SECRETS.map(|secret| secret.replace("hush", "hsuh"));
        for secret in &mistyped {
            hushed.add(secret);
        }
        let echoing = Services::start(mistyped.each_ref().map(String::as_str));
        echo(&echoing, &mistyped);

        let printer = sandbox.home().join("printer");
        sandbox::write_program(
            &printer,
            0o700,
            b"#!/bin/sh\necho hushComp8Lk3Vx7j >&2\ncat \"$HOME/printed\"\nexit \"$(cat \"$HOME/exit\")\"\n",
        );
        sandbox.secret_file("printed", "hushPrin2Vb7xC9q-");
        sandbox.secret_file("exit", "0");
        for secret in ["hushComp8Lk3Vx7j", "hushPrin2Vb7xC9q-", "hushStat6Nm1zA4w~", "hushVar9Cd4yE8tK!"] {
            hushed.add(secret);
        }
        sandbox.configure(
            &[
                "[daemon]\nlog = 'trace'\nmin_valid = '20s'\n".to_owned(),
                services.accounts(&sandbox, ""),
                echoing.accounts(&sandbox, "-echo"),
                format!(
                    "[accounts.program]\ntype = 'command'\ncommand = ['{}', 'harmless']\n",
                    printer.display()
                ),
                static_token(&sandbox, "static", "hushStat6Nm1zA4w~"),
                "[accounts.variable]\ntype = 'static'\ntoken = { env = 'VARIABLE' }\n".to_owned(),
            ]
            .concat(),
        );
        let checked = sandbox::run(sandbox.command("tokend").arg("check"));
        assert_eq!(checked.code, 0, "{checked:?}");
        let said = checked.stdout + &checked.stderr;
        let daemon = sandbox.start_with(|command| {
            command.env("VARIABLE", "hushVar9Cd4yE8tK!");
        });
        Self { sandbox, daemon, services, echoing, hushed, said }
    }

    /// Calls `tok`; what it says on standard error, and on standard output where that is no token, must be harmless.
    fn tok(&mut self, words: &[&str]) -> Said {
        let said = self.sandbox.tok(words);
        let _ = writeln!(self.said, "{words:?} {}\n{}", said.code, said.stderr);
        if said.code != 0 {
            self.said.push_str(&said.stdout);
        }
        said
    }

    fn token(&mut self, account: &str) -> String {
        let said = self.tok(&["get", account]);
        assert_eq!(said.code, 0, "{said:?}");
        let token = said.stdout.trim_end().to_owned();
        // What stands before the signature of a JWT is the same in many.
        self.hushed.add(token.rsplit('.').next().unwrap_or_default());
        token
    }

    fn fetch_and_use(&mut self) {
        // One call that lasts, so that somebody can look at it.
        let hung = Fault::Slow(Duration::from_millis(300));
        self.services.iyo.fault(hung.clone().once());
        for account in ["iyo", "lyve", "ovc", "oauth", "post", "http", "program", "static", "variable"] {
            self.token(account);
            for format in ["json", "env", "form", "header", "raw"] {
                self.tok(&["-v", "get", "--format", format, account]);
            }
            self.tok(&["-v", "get", "--format", "xoauth2", "--user", "u", account]);
            self.tok(&["--json", "get", "--min-valid", "700d", account]);
            self.tok(&["get", "--scope", "no-such-scope", account]);
        }
        self.services.lyve.fault(hung.once().everywhere());
        let url = format!("{}/v2/buckets", self.services.lyve.url());
        if Command::new("curl").arg("--version").output().is_err() {
            sandbox::skip("the real curl", "there is none here; a script takes its place");
            sandbox::write_program(&self.sandbox.home().join("curl"), 0o700, b"#!/bin/sh\nsleep 0.3\n");
        }
        let mut curl = self.sandbox.command("tok");
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
        curl.env("PATH", format!("{path}:{}", self.sandbox.home().display()));
        let said = sandbox::run(curl.args(["curl", "lyve", "--", "-sS", "-v", &url]));
        assert_eq!(said.code, 0, "{}", said.code);
    }

    fn reject_and_refresh(&mut self) {
        for account in ["lyve", "iyo", "ovc", "oauth", "http", "program", "static"] {
            let token = self.token(account);
            let said = self.sandbox.tok_with_input(["reject", account], &token);
            self.said.push_str(&(said.stdout + &said.stderr));
            self.tok(&["get", account]);
            self.tok(&["refresh", account]);
        }
        // A second rejection makes tokend ask the service, which repeats the token.
        let token = self.token("lyve");
        let repeated = json!({"code": "InvalidToken", "message": format!("{token} is not valid")});
        self.services.lyve.fault(Fault::json(400, repeated.to_string()).once().everywhere());
        let said = self.sandbox.tok_with_input(["reject", "lyve"], &token);
        self.said.push_str(&(said.stdout + &said.stderr));
        assert!(self.services.lyve.wait_until(Duration::from_secs(20), |ledger| {
            ledger.iter().any(|entry| entry.method == "GET" && entry.path.starts_with("/v2/auth/token"))
        }));
        self.tok(&["get", "lyve"]);
    }

    fn be_refused(&mut self) {
        for account in ["lyve-echo", "iyo-echo", "ovc-echo", "oauth-echo", "post-echo", "http-echo"] {
            let said = self.tok(&["get", account]);
            assert!(matches!(said.code, 5 | 6) && said.stdout.is_empty(), "{account}: {said:?}");
            self.tok(&["--json", "get", account]);
            self.tok(&["refresh", account]);
            self.tok(&["header", account]);
            self.tok(&["exec", &format!("T={account}"), "--", "true"]);
        }
        // Answers that are none, each with a secret in it.
        let secret = SECRETS[0];
        let token = format!("hushOddToken{secret}");
        self.hushed.add(&token);
        let odd = [
            Fault::json(500, json!({"code": "InternalError", "message": secret}).to_string()),
            Fault::json(
                200,
                json!({"token": format!("{secret} with spaces"), "expirationSec": 60}).to_string(),
            ),
            Fault::json(200, json!({"token": token, "expirationSec": secret}).to_string()),
            Fault::json(200, json!({"expirationSec": 60, secret: secret}).to_string()),
            Fault::json(200, format!("{{\"token\": \"{secret}\", ")),
            Fault::json(418, format!("<html>{secret}</html>")),
            Fault::Redirect(format!("http://127.0.0.1:1/?secret={secret}")),
            Fault::status(429).retry_after(secret),
        ];
        let odd_service = LyveCloud::builder().with(|lyve| lyve.secret = secret.into()).start();
        let accounts: Vec<_> = (0..odd.len()).map(|index| format!("odd{index}")).collect();
        let text = fs::read_to_string(self.sandbox.config_file()).expect("the configuration");
        let mut more = text.clone();
        for account in &accounts {
            more += &lyve_cloud(&self.sandbox, account, &odd_service);
            more += "refresh = 'on-demand'\n";
        }
        self.sandbox.configure(&more);
        let said = self.tok(&["reload"]);
        assert_eq!(said.code, 0, "{said:?}");
        let mut failed = 0;
        for (account, fault) in accounts.iter().zip(odd) {
            odd_service.clear_faults();
            odd_service.fault(fault);
            failed += usize::from(self.tok(&["get", "--timeout", "200ms", account]).code != 0);
        }
        // The one with an odd lifetime may be taken for one without.
        assert!(failed + 1 >= accounts.len(), "{failed} failed");
        self.tok(&["status", "--check"]);
        self.sandbox.configure(&text);
        assert_eq!(self.tok(&["reload"]).code, 0);
        // Programs, too.
        self.sandbox.secret_file("exit", "3");
        self.tok(&["refresh", "program"]);
        self.sandbox.secret_file("exit", "0");
        set_secret(&self.sandbox, "static", "two words hushStatic5Jd2");
        self.hushed.add("hushStatic5Jd2");
        self.tok(&["refresh", "static"]);
    }

    /// A program with tokens in its environment and in a file, while others look.
    fn hand_over(&mut self) {
        self.token("iyo");
        let token = self.token("oauth");
        let script = format!(": {MAY_HAVE_TOKENS}; echo ready; read -r line; exit 0");
        let mut exec = self
            .sandbox
            .command("tok")
            .args(["exec", "IYO=iyo", "OAUTH=oauth", "--", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tok starts");
        let script = r#"echo "$FILE"; read -r line; exit 0"#;
        let mut file = self
            .sandbox
            .command("tok")
            .args(["exec", "--file", "FILE=oauth", "--", "sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tok starts");
        let mut line = String::new();
        BufReader::new(exec.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let mut path = String::new();
        BufReader::new(file.stdout.take().expect("its output")).read_line(&mut path).expect("a line");
        assert_eq!(fs::read_to_string(path.trim_end()).expect("the file"), token);
        let_pass(Duration::from_millis(200), "somebody looks at the processes meanwhile");
        for mut child in [exec, file] {
            child.stdin.take().expect("its input").write_all(b"\n").expect("written");
            assert!(child.wait().expect("it ends").success());
        }
    }

    fn paste_secrets_into_the_configuration(&mut self) {
        let text = fs::read_to_string(self.sandbox.config_file()).expect("the configuration");
        let pasted = "hushPasted8Zr5wQ";
        self.hushed.add(pasted);
        let faulty = [
            format!(
                "[accounts.p]\ntype = 'openvcloud'\nurl = 'http://127.0.0.1:1'\nusername = 'u'\npassword = '{pasted}'\n"
            ),
            format!("[accounts.p]\ntype = 'static'\ntoken = \"{pasted}\n"),
            format!("[accounts.p]\ntype = 'static'\ntoken = {pasted}\n"),
            format!("[accounts.p]\ntype = 'static'\n{pasted}\n"),
            format!("[accounts.p]\ntype = 'static'\ntoken = {{ file = 'x', secret = '{pasted}' }}\n"),
            format!("[accounts.p]\ntype = 'static'\ntokken = '{pasted}' # {pasted}\n"),
            format!(
                "[accounts.p]\ntype = 'http'\nrequest = {{ method = 'POST', url = 'http://u:{pasted}@127.0.0.1/' }}\n"
            ),
        ];
        for more in &faulty {
            self.sandbox.configure(&(text.clone() + more));
            let said = self.tok(&["reload"]);
            assert!(said.code != 0 && said.stderr.contains("config.toml:"), "{said:?}");
            let before = self.daemon.log().len();
            self.daemon.signal(Signal::HUP);
            eventually("the signal was heard", || (self.daemon.log().len() > before).then_some(()));
            for words in [&["check"][..], &[]] {
                let mut tokend = self.sandbox.command("tokend");
                tokend.env("XDG_STATE_HOME", self.sandbox.path().join("data")).args(words);
                let said = sandbox::run(tokend.env("TOKEND_SOCK", self.sandbox.path().join("other.sock")));
                assert_eq!(said.code, 78, "{said:?}");
                self.said.push_str(&(said.stdout + &said.stderr));
            }
        }
        self.sandbox.configure(&text);
        assert_eq!(self.tok(&["reload"]).code, 0);
    }
}

/// From now on each service refuses whoever asks, and repeats the secret in every way that it knows.
fn echo(services: &Services, secrets: &[String; 5]) {
    let [lyve, iyo, ovc, oauth, login] = secrets;
    let encoded = |secret: &str| -> String { form_encoded(secret) };
    let lyve = json!({"code": "AuthenticationFailed ", "message": format!("no such secret: {lyve}")});
    services.lyve.fault(Fault::json(403, lyve.to_string()));
    services.iyo.fault(Fault::Status {
        code: 400,
        body: format!("client_secret={} ({iyo}) is wrong", encoded(iyo)),
        content_type: "text/plain".into(),
        retry_after: None,
    });
    services.ovc.fault(Fault::json(401, json!(format!("{ovc} is not the password")).to_string()));
    let oauth = json!({
        "error": "invalid_client",
        "error_description": format!("client_secret={} or {oauth} or \u{1b}[2J{oauth}", encoded(oauth)),
        "error_uri": format!("https://example.com/?{}", encoded(oauth)),
    });
    services.oauth.fault(Fault::json(401, oauth.to_string()));
    let login = json!({"message": format!("wrong key {login}"), "error": login, "request": {"key": login}});
    services.login.fault(Fault::json(401, login.to_string()));
}

fn form_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// What must not be seen.
#[derive(Default)]
struct Hushed {
    /// Parts of secrets, long enough to be no accident.
    parts: BTreeSet<String>,
    /// The fingerprints of all tokens, also of those that nobody here has seen.
    issued: HashSet<String>,
}

impl Hushed {
    /// No part of this, in whatever encoding leaves letters and digits alone.
    fn add(&mut self, secret: &str) {
        const LONG_ENOUGH: usize = 8;
        for run in secret.split(|c: char| !c.is_ascii_alphanumeric()) {
            // Every eighth window: whatever has fifteen characters of it has one of them.
            self.parts.extend(
                (0..run.len())
                    .step_by(LONG_ENOUGH)
                    .filter_map(|at| run.get(at..at + LONG_ENOUGH))
                    .map(str::to_owned),
            );
        }
    }

    fn found_in(&self, text: &str) -> Option<String> {
        let part = self.parts.iter().find(|part| text.contains(*part)).cloned();
        part.or_else(|| {
            let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "-._~+/=".contains(c)));
            let word =
                words.filter(|word| word.len() >= 16).find(|word| self.issued.contains(&fingerprint(word)));
            word.map(str::to_owned)
        })
    }

    #[track_caller]
    fn assert_absent(&self, place: &str, text: &str) {
        if let Some(found) = self.found_in(text) {
            let text = text.replace('\0', " ");
            let line = text.lines().find(|line| line.contains(&found)).unwrap_or(&text);
            panic!("{found} is in {place}: {line}");
        }
    }
}

fn each_file(folder: &Path, look: &mut impl FnMut(&Path, String)) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let kind = entry.file_type().expect("its type");
        if kind.is_dir() {
            each_file(&entry.path(), look);
        } else if kind.is_file() {
            let content = fs::read(entry.path()).expect("a file");
            look(&entry.path(), String::from_utf8_lossy(&content).into_owned());
        }
    }
}

/// Looks at all processes again and again, as anybody may.
struct Watcher {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    seen: Arc<Mutex<Seen>>,
}

/// What the watcher saw, each once.
#[derive(Default, Clone)]
struct Seen {
    /// NUL after each argument.
    arguments: HashSet<String>,
    /// Arguments, and the environment of the same process.
    environments: HashSet<(String, String)>,
}

impl Watcher {
    fn start() -> Self {
        let (ended, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Seen::default())));
        let (end, book) = (Arc::clone(&ended), Arc::clone(&seen));
        let thread = thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                look_around(&book);
                let_pass(Duration::from_millis(1), "the machine is the story's, too");
            }
        });
        Self { ended, thread, seen }
    }

    fn stop(self) -> Seen {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.join().expect("the watcher ends");
        self.seen.lock().expect("nobody panics while writing").clone()
    }
}

fn look_around(book: &Mutex<Seen>) {
    let own = std::process::id().to_string();
    let text = |path: &Path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    for entry in fs::read_dir("/proc").expect("the processes").flatten() {
        let name = entry.file_name();
        if name == *own || !name.to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        // Whoever has ended meanwhile is not looked at.
        let Ok(arguments) = text(&entry.path().join("cmdline")) else {
            continue;
        };
        let environment = text(&entry.path().join("environ")).unwrap_or_default();
        let mut seen = book.lock().expect("nobody panics while writing");
        if !seen.arguments.contains(&arguments) {
            seen.arguments.insert(arguments.clone());
        }
        seen.environments.insert((arguments, environment));
    }
}

#[test]
fn neither_program_leaves_a_core_and_nobody_looks_into_the_daemon() {
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "a", "static-token"));
    let daemon = sandbox.start();
    let limit = |pid: u32| {
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("its limits");
        let line =
            limits.lines().find_map(|line| line.strip_prefix("Max core file size")).expect("the core's");
        line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(limit(daemon.pid()), ["0", "0"]);

    let mut watch =
        sandbox.command("tok").args(["watch", "a"]).stdout(Stdio::piped()).spawn().expect("tok starts");
    let mut line = String::new();
    BufReader::new(watch.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    let soft = limit(watch.id()).swap_remove(0);
    watch.kill().expect("it runs");
    watch.wait().expect("it ends");
    assert_eq!(soft, "0");
    // What tok becomes is not its own any more.
    let mut shell = Command::new("sh");
    sandbox.surround(&mut shell);
    let usual = sandbox::run(shell.args(["-c", "ulimit -c"])).stdout;
    assert_eq!(sandbox.tok(["exec", "T=a", "--", "sh", "-c", "ulimit -c"]).stdout, usual);

    if sandbox::is_root() {
        sandbox::skip(
            "that the user's own processes cannot look into tokend",
            "root can look into everything",
        );
        return;
    }
    for file in ["environ", "mem", "maps"] {
        let path = format!("/proc/{}/{file}", daemon.pid());
        assert_eq!(owner(&path).expect("its metadata"), 0, "{path} belongs to root");
        assert!(File::open(&path).is_err(), "{path} opens");
    }
    assert!(fs::read_link(format!("/proc/{}/exe", daemon.pid())).is_err());
}
