//! No mistake shows a value, whichever kind of account it is in and however it got there.

use super::*;
use crate::provider::kinds;

/// One account of each kind, with every key that takes a value.
const EXAMPLE: &str = r#"
[daemon]
log = "info"
min_valid = "60s"
http_timeout = "20s"
ca_file = "/etc/ssl/my-ca.pem"
proxy = "http://proxy:3128"

[accounts.lyve-prod]
type = "lyve-cloud"
url = "https://api.example.com"
account_id = "a"
access_key = "b"
secret = { file = "/x" }
scheme = "Bearer"
refresh = "auto"
assume_lifetime = "1h"
user_agent = "x"
headers = { x-a = "b" }
ca_file = "/x"
proxy = "http://proxy:3128"

[accounts.gen1]
type = "itsyouonline"
client_id = "a"
client_secret = { command = ["pass", "show", "itsyouonline"], pass_env = ["X"] }
scope = ["user:memberof:greenitglobe"]

[accounts.gen1-legacy]
type = "openvcloud"
url = "https://be-gen-1.demo.greenitglobe.com"
username = "alice"
password = { file = "~/.secrets/ovc" }

[accounts.graph]
type = "oauth2"
token_endpoint = "https://login.example.com/token"
token_endpoint_auth_method = "client_secret_post"
grant = "client_credentials"
client_id = "a"
client_secret = { env = "GRAPH_SECRET" }
scope = ["https://graph.microsoft.com/.default"]
request_scopes = ["https://graph.microsoft.com/Mail.Read"]

[accounts.internal]
type = "http"
request = { method = "POST", url = "https://auth.internal/login", json = { user = "svc", key = "${secret:key}" } }
secrets = { key = { credential = "internal-key" } }
response = { token = "/data/token", expires_in = "/data/ttl" }

[accounts.cloud-cli]
type = "command"
command = ["gcloud", "auth", "print-access-token"]
lifetime = "55m"

[accounts.static]
type = "static"
token = { env = "TOKEN" }
"#;

const SECRET: &str = "zQ7-hunter2_hunter2";

/// What may stand in the place of a value; `@` is the secret.
const STYLES: &[&str] = &[
    "\"@\"",
    "\"@ \"",
    "\"https://alice:@@example.com/\"",
    "\"http://@/\"",
    "\"@\\n\"",
    "\"${secret:@}\"",
    "[\"@\"]",
    "{ file = \"@\" }",
    "{ @ = \"@\" }",
    "@",
    "\"@",
    "@\"",
    "\"\"\"\n@\n\"\"\"",
    "\"\" # @",
    "{ env = \"@\"",
];

#[test]
fn a_secret_in_the_place_of_any_value_is_in_no_mistake() {
    let folder = Folder::new(&[("config.toml", "")]);
    let quotes: Vec<usize> = EXAMPLE.match_indices('"').map(|(at, _)| at).collect();
    let mut faulty = 0;
    for ends in quotes.chunks(2) {
        for style in STYLES {
            // As a key it would be shown, as it must be.
            let value = style.replace("@ =", "x =").replace('@', SECRET);
            let text = format!("{}{value}{}", &EXAMPLE[..ends[0]], &EXAMPLE[ends[1] + 1..]);
            folder.write("config.toml", text.as_bytes());
            if let Err(mistakes) = load_kinds(folder.0.path(), &no_proxy(), &Arc::default(), kinds()) {
                faulty += 1;
                let said = format!("{}\n{mistakes:?}", report(&mistakes));
                assert!(!said.contains("hunter2"), "{text}\n{said}");
            }
        }
    }
    assert!(faulty > quotes.len(), "{faulty}");
}

#[test]
fn the_example_is_sound() {
    // In a build without kinds there is nothing to try.
    if !kinds().is_empty() {
        let folder = Folder::new(&[("config.toml", &testing::with_whole_paths(EXAMPLE))]);
        let loaded = load_kinds(folder.0.path(), &no_proxy(), &Arc::default(), kinds());
        let loaded = loaded.map_err(|mistakes| report(&mistakes)).unwrap();
        assert_eq!(loaded.configuration.accounts.len(), kinds().len());
        assert!(
            !describe(&loaded, &Looked::default()).contains("itsyouonline\"")
                && describe(&loaded, &Looked::default()).contains("lyve-prod (lyve-cloud)")
        );
    }
}
