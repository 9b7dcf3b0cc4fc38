//! The README tells the truth: its configurations are accepted and bring tokens, its commands run as they are written,
//! and every command, option and page that it names is there. So do the pages about logging in and about services.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tokend_tests::pages::{Block, README, SHOWING, blocks_in, shown};
use tokend_tests::platform::{self, private_folder, set_mode};
use tokend_tests::sandbox::{Daemon, Sandbox, program_path, run, skip, write_private, write_program};
use tokend_tests::stand_in::{HttpLogin, ItsYouOnline, LyveCloud, OAuthServer, OpenvCloud, Rotation};

/// What they link to besides; that the files are there, the compiler sees.
const PAGES: [(&str, &str); 15] = [
    ("docs/store.md", include_str!("../../docs/store.md")),
    ("docs/code-structure.md", include_str!("../../docs/code-structure.md")),
    ("docs/threat-model.md", include_str!("../../docs/threat-model.md")),
    ("docs/wire-protocol.md", include_str!("../../docs/wire-protocol.md")),
    ("systemd/user/tokend.service", include_str!("../../systemd/user/tokend.service")),
    ("systemd/user/tokend.socket", include_str!("../../systemd/user/tokend.socket")),
    ("systemd/examples/sandbox.conf", include_str!("../../systemd/examples/sandbox.conf")),
    ("systemd/examples/credentials.conf", include_str!("../../systemd/examples/credentials.conf")),
    (
        "systemd/examples/credentials-encrypted.conf",
        include_str!("../../systemd/examples/credentials-encrypted.conf"),
    ),
    ("systemd/examples/notify-reload.conf", include_str!("../../systemd/examples/notify-reload.conf")),
    ("systemd/examples/socket-elsewhere.conf", include_str!("../../systemd/examples/socket-elsewhere.conf")),
    (
        "systemd/system/examples/credentials.conf",
        include_str!("../../systemd/system/examples/credentials.conf"),
    ),
    ("CHANGELOG.md", include_str!("../../CHANGELOG.md")),
    ("LICENSE-MIT", include_str!("../../LICENSE-MIT")),
    ("LICENSE-APACHE", include_str!("../../LICENSE-APACHE")),
];

/// The blocks of the README.
fn blocks(info: &str) -> Vec<Block> {
    let found = blocks_in(README, info);
    assert!(!found.is_empty(), "there is no block `{info}`");
    found
}

#[test]
fn every_configuration_is_accepted_as_it_is_written() {
    for (page, text) in shown() {
        // What runs below runs without a vault, and without a person who logs in.
        for block in ["toml", "toml vault", "toml login"].into_iter().flat_map(|info| blocks_in(text, info)) {
            accepted(page, &block);
        }
    }
}

/// Fails unless `tokend check` takes this block alone, without a warning.
fn accepted(page: &str, block: &Block) {
    let sandbox = Sandbox::new();
    sandbox.configure(&block.text.replace("/usr/bin/logger", platform::LOGGER));
    for name in ["pass", "gcloud", "login-needed"] {
        program(&sandbox, name, "");
    }
    let said = run(sandbox.command("tokend").arg("check").env("PATH", path(&[sandbox.home().join("bin")])));
    assert_eq!(said.code, 0, "{page}:{}: {}", block.line, said.stderr);
    assert!(!said.stdout.contains("warning"), "{page}:{}: {}", block.line, said.stdout);
}

#[test]
fn every_service_has_a_configuration_and_says_its_sources() {
    for (page, text) in SHOWING.into_iter().filter(|(page, _)| page.starts_with("docs/services/")) {
        if !page.ends_with("/README.md") {
            assert!(!blocks_in(text, "toml").is_empty(), "{page} has no configuration");
            assert!(text.contains("\n## Sources\n\nRead on "), "{page} does not say where it has that from");
        }
    }
}

/// The program that the page about logging in shows, with a curl that says what it was told to send.
#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn the_program_for_a_needed_login_sends_what_it_is_told() {
    let (_, text) = SHOWING[0];
    let hook = &blocks_in(text, "sh hook")[0].text;
    let sandbox = Sandbox::new();
    program(&sandbox, "curl", "");
    let bin = sandbox.home().join("bin");
    write_program(&bin.join("curl"), 0o700, b"#!/bin/sh\nprintf '%s\\n' \"$@\"\n");
    write_program(&bin.join("login-needed"), 0o700, hook.as_bytes());
    let mut command = Command::new(bin.join("login-needed"));
    sandbox.surround(&mut command);
    command.env("PATH", path(&[bin])).env("TOKEND_ACCOUNT", "desktop").env("TOKEND_REASON", "it ended");
    let said = run(&mut command);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("\ntok login desktop: it ended\n"), "{}", said.stdout);
}

/// A program of a page in `~/bin`, which prints this.
fn program(sandbox: &Sandbox, name: &str, prints: &str) {
    let folder = sandbox.home().join("bin");
    fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join(format!("{name}{}", platform::SCRIPT_ENDING));
    write_program(&file, 0o700, format!("#!/bin/sh\necho '{prints}'\n").as_bytes());
}

/// The services of the README, as stand-ins that take the credentials of the README.
struct Services {
    lyve: LyveCloud,
    iyo: ItsYouOnline,
    ovc: OpenvCloud,
    oauth: OAuthServer,
    mail: OAuthServer,
    internal: HttpLogin,
    sso: HttpLogin,
}

impl Services {
    fn start() -> Self {
        let iyo = ItsYouOnline::builder().with(|iyo| iyo.client_id = "alice-cli".into()).start();
        let jwts = iyo.tokens();
        Self {
            lyve: LyveCloud::builder().with(|lyve| lyve.access_key = "AKEXAMPLE".into()).start(),
            iyo,
            ovc: OpenvCloud::builder().with(|ovc| ovc.jwts = Some(jwts)).start(),
            oauth: OAuthServer::builder()
                .with(|oauth| {
                    oauth.issuer_path = "/tenant/v2.0".into();
                    oauth.client_id = "svc-app".into();
                })
                .start(),
            mail: OAuthServer::builder()
                .with(|mail| {
                    mail.rotation = Rotation::Revoking;
                    mail.public_clients = vec!["my-desktop".into()];
                })
                .start(),
            internal: HttpLogin::start(),
            sso: HttpLogin::builder()
                .with(|sso| {
                    sso.path = "/token".into();
                    sso.fields =
                        vec![("user".into(), "svc".into()), ("password".into(), "sso&secret".into())];
                    sso.headers = vec![("x-tenant".into(), "acme".into())];
                    sso.template = r#"{"token":"$TOKEN"}"#.into();
                })
                .start(),
        }
    }

    /// A text of the README with these services in the places of the real ones.
    fn moved_in(&self, text: &str) -> String {
        [
            ("https://api.lyvecloud.seagate.com", self.lyve.url()),
            ("https://be-gen-1.demo.greenitglobe.com", self.ovc.url()),
            ("https://login.example.com/oauth2", self.mail.url()),
            ("https://login.example.com", self.oauth.url()),
            ("https://auth.internal", self.internal.url()),
            ("https://sso.internal", self.sso.url()),
            // These two are not written where the default counts.
            ("= \"lyve-cloud\"", &format!("= \"lyve-cloud\"\nurl = \"{}\"", self.lyve.url())),
            ("= \"itsyouonline\"", &format!("= \"itsyouonline\"\nurl = \"{}\"", self.iyo.url())),
        ]
        .into_iter()
        .fold(text.to_owned(), |text, (real, here)| text.replace(real, here))
    }

    /// Puts each secret where the README says that it is; the variable is the daemon's.
    fn tell_secrets(&self, sandbox: &Sandbox) {
        for folder in ["home/.secrets", "credentials"] {
            private_folder(sandbox.path().join(folder)).expect("a folder");
        }
        let lyve_secret = self.lyve.change(|lyve| lyve.secret.clone());
        let stored = sandbox.tok_with_input(["secret", "set", "lyve-prod"], &lyve_secret);
        assert_eq!(stored.code, 0, "{stored:?}");
        let stored =
            sandbox.tok_with_input(["secret", "set", "mail-login"], &self.mail.grant("my-desktop", &[]));
        assert_eq!(stored.code, 0, "{stored:?}");
        sandbox.secret_file(".secrets/ovc", &self.ovc.change(|ovc| ovc.password.clone()));
        sandbox
            .secret_file(".secrets/internal-key", &self.internal.change(|login| login.fields[1].1.clone()));
        sandbox.secret_file(".secrets/legacy-api-key", "a-fixed-token");
        write_private(&sandbox.path().join("credentials/sso-password"), b"sso&secret");
        let iyo_secret = self.iyo.change(|iyo| iyo.client_secret.clone());
        program(sandbox, "pass", &iyo_secret);
        program(sandbox, "gcloud", "a-printed-token");
    }
}

/// A daemon with all accounts of the README.
struct World {
    _daemon: Daemon,
    sandbox: Sandbox,
    services: Services,
}

impl World {
    fn new() -> Self {
        let services = Services::start();
        let sandbox = Sandbox::new();
        services.tell_secrets(&sandbox);
        let accounts_d = sandbox.config_file().with_file_name("accounts.d");
        private_folder(&accounts_d).expect("a folder");
        for block in blocks("toml") {
            let text = services.moved_in(&block.text);
            if text.contains("[daemon]") {
                sandbox.configure(&text);
            } else {
                write_private(&accounts_d.join(format!("{}.toml", block.line)), text.as_bytes());
            }
        }
        let daemon = sandbox.start_with(|command| {
            command
                .env("PATH", path(&[sandbox.home().join("bin")]))
                .env("CREDENTIALS_DIRECTORY", sandbox.path().join("credentials"))
                .env("GRAPH_SECRET", services.oauth.change(|oauth| oauth.client_secret.clone()));
        });
        Self { _daemon: daemon, sandbox, services }
    }
}

/// `PATH` with these folders before those of the tests.
fn path(before: &[PathBuf]) -> OsString {
    let around = env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    let folders = before.iter().cloned().chain(env::split_paths(&around));
    env::join_paths(folders).expect("folders without a colon")
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn every_account_brings_a_token() {
    let world = World::new();
    let listed = world.sandbox.tok(["list"]).stdout;
    let accounts: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let written: usize = blocks("toml").iter().map(|block| block.text.matches("[accounts.").count()).sum();
    assert_eq!(accounts.len(), written, "{listed}");
    for account in accounts {
        assert!(!world.sandbox.token(account).is_empty());
    }
}

#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn commands_run_as_they_are_written() {
    assert!(!blocks("sh run").is_empty());
    let world = World::new();
    let programs = program_path("tok").parent().expect("a folder").to_owned();
    let has_curl = env::split_paths(&path(&[])).any(|folder| folder.join("curl").is_file());
    let blocks =
        shown().flat_map(|(page, text)| blocks_in(text, "sh run").into_iter().map(move |it| (page, it)));
    for (page, block) in blocks {
        if block.text.contains("tok curl") && !has_curl {
            skip(&format!("the commands of {page}:{}", block.line), "there is no curl here");
            continue;
        }
        let mut shell = Command::new("sh");
        world.sandbox.surround(&mut shell);
        shell.env("PATH", path(std::slice::from_ref(&programs)));
        let said = run(shell.args(["-eu", "-c", &world.services.moved_in(&block.text)]));
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{page}:{}: {said:?}", block.line);
    }
}

#[test]
fn every_command_and_option_is_there() {
    let sandbox = Sandbox::new();
    let general = sandbox.tok(["help"]).stdout;
    let mut seen = BTreeSet::new();
    for words in shown().flat_map(|(_, text)| calls(text, "tok")) {
        let name = words[0].as_str();
        let help = sandbox.tok(["help", name]);
        assert_eq!(help.code, 0, "tok {name}: {}", help.stderr);
        for option in words[1..].iter().filter(|word| word.starts_with("--")) {
            assert!(
                help.stdout.contains(option.as_str()) || general.contains(option.as_str()),
                "tok {name} {option}"
            );
        }
        seen.insert(name.to_owned());
    }
    assert!(seen.len() >= 10, "{seen:?}");
    for words in shown().flat_map(|(_, text)| calls(text, "tokend")) {
        let help = run(sandbox.command("tokend").args([words[0].as_str(), "--help"]));
        assert_eq!(help.code, 0, "tokend {}: {}", words[0], help.stderr);
        for option in words[1..].iter().filter(|word| word.starts_with('-')) {
            assert!(help.stdout.contains(option.as_str()), "tokend {} {option}", words[0]);
        }
    }
}

/// The words behind `program` in every piece of code, up to the end of the command or its `--`.
fn calls(text: &str, program: &str) -> Vec<Vec<String>> {
    let fenced = blocks_in(text, "sh").into_iter().chain(blocks_in(text, "sh run")).map(|block| block.text);
    let spans = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2).map(str::to_owned));
    // What a program says is no call.
    let spans = spans.filter(|span| !span.contains(": "));
    let mut found = Vec::new();
    for line in fenced.chain(spans).flat_map(|code| code.lines().map(str::to_owned).collect::<Vec<_>>()) {
        let line = line.split(" #").next().unwrap_or_default().to_owned();
        for command in line.split(['|', ';', '(', ')', '"', '\'']) {
            let mut words = command.split_whitespace();
            if words.next() != Some(program) {
                continue;
            }
            let words: Vec<String> = words.take_while(|word| *word != "--").map(str::to_owned).collect();
            if words.first().is_some_and(|first| first.starts_with(|c: char| c.is_ascii_lowercase())) {
                found.push(words);
            }
        }
    }
    found
}

#[test]
fn every_link_leads_somewhere() {
    for (page, text) in shown() {
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.starts_with("https://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let at = if file.is_empty() { page.to_owned() } else { beside(page, file) };
            let there = shown().find(|(page, _)| *page == at);
            match there {
                Some((_, text)) if !anchor.is_empty() => {
                    assert!(anchors(text).contains(anchor), "{page}: {target} is nowhere");
                }
                // A folder, where a page of ours is in it.
                _ => assert!(
                    there.is_some() || PAGES.iter().any(|(page, _)| page.starts_with(&at)),
                    "{page}: {target} is nowhere"
                ),
            }
        }
    }
}

/// The page that `file` is, where the page at `page` says it.
fn beside(page: &str, file: &str) -> String {
    let mut folders: Vec<&str> = page.split('/').collect();
    folders.pop();
    let mut file = file;
    while let Some(rest) = file.strip_prefix("../") {
        folders.pop();
        file = rest;
    }
    folders.push(file);
    folders.join("/")
}

/// What can stand behind the `#` of a link to this page.
fn anchors(text: &str) -> BTreeSet<String> {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let anchor = |line: &str| {
        line.trim_start_matches('#')
            .trim()
            .to_lowercase()
            .chars()
            .filter(kept)
            .collect::<String>()
            .replace(' ', "-")
    };
    text.lines().filter(|line| line.starts_with('#')).map(anchor).collect()
}

/// The first five minutes, as they are written, where new files are open to the group: a static account in the place
/// of the service.
#[test]
#[cfg_attr(not(has_shell), ignore = "there is no POSIX shell here")]
fn the_first_five_minutes_hold_where_files_are_open_to_the_group() {
    let sandbox = Sandbox::new();
    let programs = program_path("tok").parent().expect("a folder").to_owned();
    let sh = blocks("sh");
    let piece = |what: &str| {
        let found = sh.iter().find(|block| block.text.contains(what));
        &found.unwrap_or_else(|| panic!("nothing is said of {what}")).text
    };
    let secret = piece("tok secret set lyve-prod")
        .replace('#', "<<E #")
        .replace("nothing\n", "nothing\na-secret\nE\n");
    let account = "[accounts.lyve-prod]\ntype = \"static\"\ntoken = { store = \"lyve-prod\" }\n";
    let editor = sandbox.path().join("editor");
    write_program(&editor, 0o700, format!("#!/bin/sh\ncat > \"$1\" <<'E'\n{account}E\n").as_bytes());
    let steps = [
        &secret,
        piece("~/.config/tokend/config.toml"),
        "tokend check\n",
        "trap 'eval \"$(tokend env -k)\"' EXIT\neval \"$(tokend env)\"\ntok get lyve-prod\n",
    ];
    let mut shell = Command::new("sh");
    sandbox.surround(&mut shell);
    // Where the page says that it is.
    fs::remove_dir_all(sandbox.home()).expect("a home");
    fs::create_dir(sandbox.home()).and_then(|()| set_mode(sandbox.home(), 0o755)).expect("a home");
    shell.env_remove("XDG_CONFIG_HOME").env("EDITOR", editor).env("PATH", path(&[programs]));
    let said = run(shell.args(["-eu", "-c", &format!("umask 002\n{}", steps.concat())]));
    assert_eq!(said.code, 0, "{said:?}");
    let told: Vec<&str> = said.stderr.lines().collect();
    assert!(told.len() == 3 && told[0].starts_with("made the store's identity"), "{said:?}");
    assert!(said.stdout.ends_with("\na-secret\n"), "{said:?}");
}

#[test]
fn every_exit_status_has_its_row() {
    for status in 0..=10 {
        assert!(README.contains(&format!("\n| {status} | ")), "exit status {status}");
    }
}
