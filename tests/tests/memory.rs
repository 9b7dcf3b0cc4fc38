//! What of secrets and tokens lies in the daemon's memory: looked for from outside, as only root can.

#![cfg(has_procfs)]
#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest as _, Sha256};
use tokend_proto::Request;
use tokend_proto::frame::{self, HEADER};
use tokend_proto::limits::MAX_REQUEST;
use tokend_proto::message::{Get, Words};
use tokend_tests::accounts::{
    http_login, its_you_online, lyve_cloud, oauth2, oauth2_at_endpoint, oauth2_login, openv_cloud,
    static_token,
};
use tokend_tests::https::Https;
use tokend_tests::memory_scan::{Place, Scan, locked};
use tokend_tests::platform::{self, owner};
use tokend_tests::real_time::let_pass;
use tokend_tests::sandbox::{self, Daemon, Sandbox};
use tokend_tests::stand_in::{
    Fault, HttpLogin, ItsYouOnline, Login, LyveCloud, OAuthServer, OpenvCloud, Rotation, TokenForm,
};

/// One of each kind of service and of source, and a daemon that has a token of each.
struct House {
    sandbox: Sandbox,
    daemon: Daemon,
    /// The secrets by what they are of, but for that in the environment.
    secrets: BTreeMap<&'static str, String>,
    accounts: Vec<&'static str>,
    login: HttpLogin,
    _services: (LyveCloud, LyveCloud, OAuthServer, HttpLogin, ItsYouOnline, OpenvCloud),
    _https: Option<Https>,
}

/// A secret of letters, digits and signs, of which no part is anywhere else.
fn secret(of: &str) -> String {
    STANDARD_NO_PAD.encode(Sha256::digest(format!("a secret of {of}")))
}

fn login(secret: String) -> HttpLogin {
    let arrange = |login: &mut Login| {
        login.fields = vec![("user".to_owned(), "svc".to_owned()), ("key".to_owned(), secret)];
    };
    HttpLogin::builder().with(arrange).start()
}

fn behind_tls(sandbox: &Sandbox, https: &Https, secret: &str) -> String {
    let (url, ca_file) = (&https.url, https.ca_file.display());
    let file = sandbox.secret_file("https.secret", secret);
    format!(
        "[accounts.https]\ntype = 'http'\nca_file = '{ca_file}'\nsecrets = {{ k = {{ file = '{}' }} }}\n\
         request = {{ method = 'POST', url = '{url}', form = {{ k = '${{secret:k}}' }}, \
         headers = {{ Authorization = 'Key ${{secret:k}}' }} }}\n\
         response = {{ token = '/t', expires_in = '/e' }}\n",
        file.display()
    )
}

impl House {
    fn start() -> Self {
        let sandbox = Sandbox::new();
        let names =
            ["lyve", "lyve-program", "oauth", "http", "http-program", "iyo", "ovc", "static", "https"];
        let secrets: BTreeMap<_, _> = names.into_iter().map(|name| (name, secret(name))).collect();
        let of = |name: &str| secrets[name].clone();
        let lyve = LyveCloud::builder().with(|it| it.secret = of("lyve")).start();
        let lyve_program = LyveCloud::builder().with(|it| it.secret = of("lyve-program")).start();
        let oauth = OAuthServer::builder().with(|it| it.client_secret = of("oauth"));
        let oauth = oauth.with(|it| it.token_form = TokenForm::Jwt).start();
        let iyo = ItsYouOnline::builder().with(|it| it.client_secret = of("iyo")).start();
        let ovc = OpenvCloud::builder().with(|it| it.password = of("ovc")).start();
        let (login, login_program) = (login(of("http")), login(of("http-program")));
        let by_program = |name: &str, table: String| {
            let printed = format!("{{ command = ['cat', '{}/{name}.secret'] }}", sandbox.home().display());
            table.replace(&format!("{{ file = '~/{name}.secret' }}"), &printed)
        };
        let mut configuration = [
            lyve_cloud(&sandbox, "lyve", &lyve),
            by_program("lyve-program", lyve_cloud(&sandbox, "lyve-program", &lyve_program)),
            oauth2(&sandbox, "oauth", &oauth),
            oauth2_at_endpoint(&sandbox, "oauth-post", &oauth, "client_secret_post"),
            http_login(&sandbox, "http", &login),
            by_program("http-program", http_login(&sandbox, "http-program", &login_program)),
            its_you_online(&sandbox, "iyo", &iyo),
            openv_cloud(&sandbox, "ovc", &ovc),
            static_token(&sandbox, "static", &of("static")),
            "[accounts.env]\ntype = 'static'\ntoken = { env = 'FROM_ENVIRONMENT' }\n".to_owned(),
        ]
        .concat();
        let mut accounts = vec![
            "lyve",
            "lyve-program",
            "oauth",
            "oauth-post",
            "http",
            "http-program",
            "iyo",
            "ovc",
            "static",
        ];
        let https = Https::start(&sandbox.path().join("https"));
        match &https {
            Ok(https) => {
                configuration += &behind_tls(&sandbox, https, &of("https"));
                accounts.push("https");
            }
            Err(error) => sandbox::skip("a service behind TLS", &error.to_string()),
        }
        sandbox.configure(&configuration);
        let daemon = sandbox.start_with(|command| {
            command.env("FROM_ENVIRONMENT", secret("env"));
        });
        let services = (lyve, lyve_program, oauth, login_program, iyo, ovc);
        Self { sandbox, daemon, secrets, accounts, login, _services: services, _https: https.ok() }
    }

    /// The token of each account.
    fn tokens(&self) -> Vec<String> {
        self.accounts.iter().map(|name| self.sandbox.token(name)).collect()
    }

    /// Whatever is found of these and of the secrets when the daemon has come to rest.
    fn copies(&self, tokens: &[String]) -> Vec<String> {
        let names: Vec<String> = self.secrets.keys().map(|name| format!("the secret of {name}")).collect();
        let all: Vec<&String> = self.secrets.values().chain(tokens).collect();
        let mut places = Vec::new();
        // What is in use is there, for a moment.
        for _ in 0..10 {
            places = Scan::of(self.daemon.pid()).expect("root reads any memory").copies(&all);
            if places.is_empty() {
                break;
            }
            let_pass(Duration::from_millis(100), "a request ends");
        }
        let name = |place: &Place| names.get(place.which).map_or("a token", String::as_str);
        places.iter().map(|place| format!("{}: {place:?}", name(place))).collect()
    }

    #[track_caller]
    fn assert_nothing_lies_about(&self, when: &str, tokens: &[String]) {
        assert_eq!(self.copies(tokens), Vec::<String>::new(), "{when}");
    }

    /// So many requests for tokens, all accounts in turn, on one connection.
    fn get_often(&self, times: usize) {
        let mut stream = platform::connect(self.sandbox.socket()).expect("tokend listens");
        for (index, account) in self.accounts.iter().cycle().take(times).enumerate() {
            stream.write_all(&get(account, index == 0)).expect("tokend reads");
            let mut header = [0; HEADER];
            stream.read_exact(&mut header).expect("an answer");
            let mut answer = vec![0; frame::announced(header, 1 << 20).expect("a frame")];
            stream.read_exact(&mut answer).expect("the rest of it");
            assert!(answer.len() > 40, "a token, not a failure: {} bytes", answer.len());
        }
    }
}

fn get(account: &str, first: bool) -> Vec<u8> {
    let get = Request::Get(Get {
        account: account.to_owned(),
        min_valid_ms: None,
        scope: Words::default(),
        audience: Words::default(),
        timeout_ms: 10_000,
    });
    let payload = get.seal(1).and_then(|envelope| envelope.encode()).expect("a small request");
    frame::encode(&payload, first, MAX_REQUEST).expect("a small frame").to_vec()
}

/// Whether this process may read the daemon's memory; why not is said.
fn may_look(daemon: &Daemon, what: &str) -> bool {
    match Scan::of(daemon.pid()) {
        Ok(_) => true,
        Err(error) => {
            sandbox::skip(what, &format!("reading the daemon's memory needs root: {error}"));
            false
        }
    }
}

#[test]
fn secrets_and_tokens_lie_nowhere_in_memory_while_nobody_uses_them() {
    let house = House::start();
    if !may_look(&house.daemon, "the scan of the daemon's memory") {
        return;
    }
    let mut tokens = house.tokens();
    house.assert_nothing_lies_about("after the first token of each", &tokens);

    house.get_often(10_000);
    house.assert_nothing_lies_about("after 10,000 gets", &tokens);

    for account in &house.accounts {
        assert_eq!(house.sandbox.tok(["refresh", account]).code, 0, "{account}");
    }
    tokens.extend(house.tokens());
    house.assert_nothing_lies_about("after a refresh of each", &tokens);

    // A service that repeats the secret, whose words are looked through for it.
    let words = format!("{{\"error\": \"bad\", \"message\": \"no such key: {}\"}}", house.secrets["http"]);
    house.login.fault(Fault::json(401, words).times(2));
    let said = house.sandbox.tok(["refresh", "http"]);
    assert_ne!(said.code, 0, "{said:?}");
    house.assert_nothing_lies_about("after a refusal", &tokens);
    assert_eq!(house.sandbox.tok(["reload"]).code, 0);
    house.assert_nothing_lies_about("after a reload", &tokens);

    // The same scan finds what is there: the environment of a process is in its memory for its life, once.
    let environment = Scan::of(house.daemon.pid()).expect("a scan").copies(&[secret("env")]);
    assert!(matches!(&environment[..], [one] if one.region == "[stack]"), "{environment:?}");
}

#[test]
fn the_scan_finds_what_is_planted_in_the_daemon_and_that_it_is_wiped() {
    let sandbox = Sandbox::new();
    let daemon = sandbox.start();
    if !may_look(&daemon, "what is planted in the daemon's memory") {
        return;
    }
    let planted = secret("nobody: it is planted");
    let half = &planted[..20];
    let count = |pattern: &str| Scan::of(daemon.pid()).expect("a scan").count(pattern.as_bytes());
    assert_eq!(count(&planted), 0);
    let comes_to = |wanted: usize| {
        (0..50).any(|_| {
            let_pass(Duration::from_millis(20), "tokend reads, or notices the end");
            count(&planted) == wanted
        })
    };
    for text in [planted.as_str(), half] {
        // A request that never ends lies in the buffer of its connection.
        let mut stream = platform::connect(sandbox.socket()).expect("tokend listens");
        stream.write_all(&[0, 1, 0, 0]).expect("tokend reads");
        stream.write_all(text.as_bytes()).expect("tokend reads");
        assert!(comes_to(1), "the planted bytes are found");
        drop(stream);
        assert!(comes_to(0), "they are wiped with their connection");
    }
}

#[test]
fn the_key_that_secrets_are_sealed_under_is_in_its_page_alone_and_in_no_core() {
    let house = House::start();
    if !may_look(&house.daemon, "the key in the daemon's memory, and a core file") {
        return;
    }
    let tokens = house.tokens();
    house.get_often(100);
    let pid = house.daemon.pid();
    let pages = locked(pid).expect("smaps");
    let [(page, flags)] = &pages[..] else { panic!("one page is locked: {pages:?}") };
    for flag in ["lo", "dd", "wf"] {
        assert!(flags.split(' ').any(|it| it == flag), "{flag} in {flags}");
    }
    let scan = Scan::of(pid).expect("a scan");
    let key = scan.bytes(*page, 32).expect("the page with the key");
    assert!(key.iter().any(|byte| *byte != 0), "there is a key");
    let places = scan.places(&[key]);
    assert!(matches!(&places[..], [one] if one.address == *page), "{places:?}");

    let core = house.sandbox.path().join("core");
    let made = Command::new("gcore").arg("-o").arg(&core).arg(pid.to_string()).output();
    let Ok(made) = made else { return sandbox::skip("a core of the daemon", "there is no gcore (gdb)") };
    let core = core.with_file_name(format!("core.{pid}"));
    if !core.exists() {
        let why = String::from_utf8_lossy(&made.stderr).replace('\n', " ");
        return sandbox::skip("a core of the daemon", &format!("gcore made none: {why}"));
    }
    let core = Scan::of_file(&core).expect("the core");
    assert_eq!(core.places(&[key]), [], "the key is not in the core");
    let secrets: Vec<&String> = house.secrets.values().chain(&tokens).collect();
    assert_eq!(core.copies(&secrets), []);
    assert_eq!(core.copies(&[secret("env")]).len(), 1, "the environment is in the core");
}

#[test]
fn the_process_leaves_no_core_and_its_key_is_locked() {
    let sandbox = Sandbox::new();
    let daemon = sandbox.start();
    let file = |name: &str| {
        fs::read_to_string(format!("/proc/{}/{name}", daemon.pid())).expect("what proc(5) says of the daemon")
    };
    let (limits, status) = (file("limits"), file("status"));
    let limit = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).expect("a limit of this name");
        line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    let state = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap_or_default().to_owned()
    };
    assert_eq!(limit("Max core file size"), ["0", "0"]);
    // Sources run programs such as `op`, which need setgid.
    assert_eq!(state("NoNewPrivs:"), "0");
    if !sandbox::is_root() && limit("Max locked memory")[0] == "0" {
        return sandbox::skip("VmLck", "this user may lock no memory");
    }
    assert_ne!(state("VmLck:"), "0 kB");
    assert!(!daemon.log().contains("LimitMEMLOCK"), "{}", daemon.log());
}

#[test]
fn where_no_memory_may_be_locked_tokend_says_so_once_and_works() {
    let sandbox = Sandbox::new();
    sandbox.configure(&static_token(&sandbox, "static", "abc"));
    // Root may lock all the same, but for a capability that it can give away.
    let script = if sandbox::is_root() {
        "ulimit -l 0; exec setpriv --bounding-set -ipc_lock \"$0\""
    } else {
        "ulimit -l 0; exec \"$0\""
    };
    let daemon = sandbox.start_with(|command| sandbox.by_shell(command, script));
    assert_eq!(sandbox.token("static"), "abc");
    assert_eq!(sandbox.tok(["reload"]).code, 0);
    assert_eq!(daemon.log().matches("LimitMEMLOCK=").count(), 1, "{}", daemon.log());
    assert_eq!(locked(daemon.pid()).unwrap_or_default(), []);
}

#[test]
fn a_program_of_the_same_user_can_neither_read_nor_trace_the_daemon() {
    let sandbox = Sandbox::new();
    let daemon = sandbox.start();
    if sandbox::is_root() {
        return sandbox::skip("the same user's look into the daemon's memory", "root reads any memory");
    }
    let memory = format!("/proc/{}/mem", daemon.pid());
    // The kernel gives what belongs to a process that is not dumpable to root.
    assert_eq!(owner(&memory).expect("it is there"), 0);
    let refused = File::open(&memory).expect_err("the same user may not read it");
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    assert!(fs::read(format!("/proc/{}/environ", daemon.pid())).is_err());
    let core = sandbox.path().join("core");
    match Command::new("gcore").arg("-o").arg(&core).arg(daemon.pid().to_string()).output() {
        Ok(said) => {
            assert!(!said.status.success(), "{said:?}");
            assert!(!core.with_file_name(format!("core.{}", daemon.pid())).exists());
        }
        Err(error) => sandbox::skip("gcore as the same user", &error.to_string()),
    }
}

#[test]
fn refresh_tokens_lie_nowhere_in_memory_either() {
    let sandbox = Sandbox::new();
    let server = OAuthServer::builder()
        .with(|server| {
            server.rotation = Rotation::Strict;
            server.public_clients = vec!["cli".into()];
        })
        .start();
    let mut seen = vec![server.grant("cli", &[])];
    sandbox.configure(&oauth2_login(&sandbox, "login", &server, "cli", &seen[0]));
    let daemon = sandbox.start();
    if !may_look(&daemon, "the scan for refresh tokens") {
        return;
    }
    seen.push(sandbox.token("login"));
    for _ in 0..3 {
        let token = seen.last().expect("one").clone();
        assert_eq!(sandbox.tok_with_input(["reject", "login"], &token).code, 0);
        seen.push(server.grants().newest(0).expect("the newest"));
        // The second rejection waits for ten seconds.
        let said = sandbox.tok(["get", "login", "--timeout", "30s"]);
        if said.code != 0 {
            break;
        }
        seen.push(said.stdout.trim_end().to_owned());
    }
    seen.push(server.grants().newest(0).expect("the newest"));
    assert!(server.grants().rotations().len() >= 2);
    let all: Vec<&String> = seen.iter().collect();
    let mut places = Vec::new();
    // What is in use is there, for a moment.
    for _ in 0..10 {
        places = Scan::of(daemon.pid()).expect("root reads any memory").copies(&all);
        if places.is_empty() {
            break;
        }
        let_pass(Duration::from_millis(100), "a request ends");
    }
    assert!(places.is_empty(), "of {}: {places:?}", all.len());
}
