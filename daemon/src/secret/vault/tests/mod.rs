//! A vault's client against a server that answers what it is told to, with a clock that is turned by hand.

mod logins;
mod reads;
mod sessions;
mod settings;

use std::path::Path;
use std::time::Duration;

use tempfile::NamedTempFile;

use super::*;
use crate::clock::SimulatedClock;
use crate::document::Document;
use crate::platform::testing;
use crate::provider::stand_in::{Answer, StandIn, answer, moment, with_secrets};
use crate::provider::{Class, Defaults};

const LONG: Duration = Duration::from_secs(30);

const APPROLE: &str = "auth = 'approle'\nrole_id = 'role-1'\nsecret_id = $secret-1$";

/// A vault, its clock, and the files of its secrets.
struct Trial {
    vault: Arc<Vault>,
    clock: SimulatedClock,
    files: Vec<NamedTempFile>,
}

impl Trial {
    /// The vault of a server, with these keys beside its address. `$TEXT$` is the source of a secret TEXT.
    fn new(server: &StandIn, keys: &str) -> Self {
        Self::at(&server.url(), keys)
    }

    fn at(url: &str, keys: &str) -> Self {
        let (settings, files) = settings(&format!("address = '{url}'\n{keys}"));
        let clock = SimulatedClock::at(moment(0));
        let vault = Vault::with_clock(settings.expect("sound"), Arc::new(clock.clone()));
        Self { vault, clock, files }
    }

    /// What is at a place, as text.
    async fn get(&self, place: &str) -> Result<String, Failure> {
        let place = Place::parse(place).expect("a place");
        let secret = self.vault.fetch(&place, LONG).await?;
        Ok(String::from_utf8(secret.expose().to_vec()).expect("text"))
    }
}

/// What a table `[vault]` says, if it is sound.
fn settings(text: &str) -> (Result<Settings, Vec<String>>, Vec<NamedTempFile>) {
    let (text, files) = with_secrets(&testing::with_whole_paths(text));
    let document = Document::parse(Path::new("config.toml"), &text).expect("TOML");
    let settings = Settings::read(document.root(), &Defaults::default());
    let found: Vec<_> = document.diagnostics().iter().map(ToString::to_string).collect();
    assert!(settings.is_some() || document.is_faulty(), "nothing was read, and nothing said");
    (settings.filter(|_| !document.is_faulty()).ok_or(found), files)
}

/// A login with a lease of so many seconds.
fn login(token: &str, seconds: u64, renewable: bool) -> Answer {
    login_with(token, seconds, renewable, "{\"role_name\": \"app\"}")
}

fn login_with(token: &str, seconds: u64, renewable: bool, metadata: &str) -> Answer {
    let auth = format!(
        "\"client_token\": \"{token}\", \"lease_duration\": {seconds}, \"renewable\": {renewable}, \
         \"metadata\": {metadata}, \"mfa_requirement\": null, \"policies\": [\"app\"]"
    );
    answer(200, &format!("{{\"data\": null, \"warnings\": null, \"auth\": {{{auth}}}}}"))
}

/// What the server says of a mount.
fn mount(path: &str, kind: &str, options: &str) -> Answer {
    let data = format!("{{\"path\": \"{path}\", \"type\": \"{kind}\", \"options\": {options}}}");
    answer(200, &format!("{{\"lease_id\": \"\", \"data\": {data}}}"))
}

fn second() -> Answer {
    mount("secret/", "kv", "{\"version\": \"2\"}")
}

/// A secret of version 2.
fn secret(fields: &str) -> Answer {
    let metadata = "{\"version\": 3, \"destroyed\": false, \"deletion_time\": \"\"}";
    answer(
        200,
        &format!("{{\"lease_id\": \"\", \"data\": {{\"data\": {fields}, \"metadata\": {metadata}}}}}"),
    )
}

fn password(text: &str) -> Answer {
    secret(&format!("{{\"pass\": \"{text}\"}}"))
}

fn errors(status: u16, words: &str) -> Answer {
    answer(status, &format!("{{\"errors\": [\"{words}\"]}}"))
}

const LOGIN: &str = "POST /v1/auth/approle/login";
const RENEW: &str = "POST /v1/auth/token/renew-self";
const MOUNT: &str = "GET /v1/sys/internal/ui/mounts/secret/app/db";
const READ: &str = "GET /v1/secret/data/app/db";
const PLACE: &str = "secret/app/db#pass";
