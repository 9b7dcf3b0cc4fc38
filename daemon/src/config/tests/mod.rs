//! Configurations, read from real folders with two kinds of services that are made up for these tests.

mod files;
mod keys;
mod outcome;
mod secrecy;
mod vault;

use std::fs;
use std::time::Duration;

use super::*;
use crate::account::Refresh;
use crate::platform::testing;
use crate::provider::{Defaults, Identity, MintRequest, Minted, Pending, Presentation, Provider};
use crate::secret::Source;

/// A kind of service for these tests: a secret, a word, and what the two kinds differ in.
#[derive(Debug)]
struct Trial {
    source: Source,
    word: Option<String>,
    timeout: Duration,
    scopes: Option<Vec<String>>,
    parameter: bool,
}

impl Provider for Trial {
    fn mint<'a>(&'a self, _: &'a MintRequest) -> Pending<'a, Minted> {
        Box::pin(std::future::pending())
    }

    fn presentation(&self) -> Presentation {
        if self.parameter {
            Presentation::Parameter { name: "authkey".to_owned() }
        } else {
            Presentation::Header { scheme: "Bearer".to_owned() }
        }
    }

    fn assumed_lifetime(&self) -> Option<Duration> {
        self.parameter.then_some(Duration::from_secs(3600))
    }

    fn scopes(&self) -> Option<&[String]> {
        self.scopes.as_deref()
    }

    fn sources(&self) -> Vec<&Source> {
        vec![&self.source]
    }

    fn identity(&self) -> Identity {
        Identity::default()
    }

    fn describe(&self) -> Vec<(&'static str, String)> {
        vec![
            ("secret", self.source.describe()),
            ("word", self.word.clone().unwrap_or_default()),
            ("timeout", format!("{:?}", self.timeout)),
        ]
    }
}

fn trial(table: &mut Table<'_>, defaults: &Defaults, parameter: bool) -> Option<Box<dyn Provider>> {
    let source = Source::required(table, "secret", &defaults.reach);
    let word = table.string("word").map(|word| word.value);
    let timeout = defaults.http_timeout;
    let scopes = (!parameter).then(Vec::new);
    Some(Box::new(Trial { source: source?, word, timeout, scopes, parameter }))
}

const KINDS: &[Kind] = &[
    Kind { name: "header", read: |table, defaults| trial(table, defaults, false) },
    Kind { name: "parameter", read: |table, defaults| trial(table, defaults, true) },
];

/// A configuration's folder.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::create_dir(folder.path("accounts.d")).unwrap();
        folder.set_mode("accounts.d", 0o755);
        for (name, content) in files {
            folder.write(name, content.as_bytes());
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name.split('/').collect::<PathBuf>())
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).unwrap();
        self.set_mode(name, 0o600);
    }

    fn set_mode(&self, name: &str, mode: u32) {
        testing::set_mode(&self.path(name), mode);
    }

    fn load(&self) -> Result<Loaded, Vec<Diagnostic>> {
        load_kinds(self.0.path(), &no_proxy(), &Arc::default(), KINDS)
    }

    fn sound(&self) -> Loaded {
        self.load().map_err(|mistakes| report(&mistakes)).unwrap()
    }

    fn mistakes(&self) -> String {
        report(&self.load().unwrap_err())
    }
}

fn no_proxy() -> ProxyEnvironment {
    Defaults::default().environment
}

/// What `text` as the only file says.
fn sound(text: &str) -> Loaded {
    Folder::new(&[("config.toml", &testing::with_whole_paths(text))]).sound()
}

/// What is wrong with `text` as the only file.
fn mistakes(text: &str) -> String {
    Folder::new(&[("config.toml", text)]).mistakes()
}

fn account(keys: &str) -> String {
    format!("[accounts.a]\ntype = 'header'\nsecret = {{ env = 'X' }}\n{keys}")
}

fn policy(keys: &str) -> crate::account::Policy {
    sound(&account(keys)).configuration.accounts["a"].policy.clone()
}
