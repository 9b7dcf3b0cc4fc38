//! The table `[vault]`: which server, and how to log in to it.

use reqwest::header::HeaderValue;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::login::{Login, RoleId};
use crate::clock::milliseconds;
use crate::document::{Located, Shape, Table};
use crate::provider::Defaults;
use crate::provider::http::Http;
use crate::provider::http::address::{self, Query};
use crate::secret::Source;

/// What `[vault]` says.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(super) http: Http,
    pub(super) base: Url,
    pub(super) namespace: Option<HeaderValue>,
    pub(super) login: Login,
    /// Where the method is mounted; the method's own name, unless said otherwise.
    pub(super) auth_mount: Vec<String>,
    /// How long each of its own secrets may take.
    pub(super) secret_timeout: std::time::Duration,
    /// A hash of all of it.
    pub(super) fingerprint: [u8; 32],
}

const METHODS: &[&str] = &["token", "approle", "jwt", "userpass"];

/// Keys of one method each.
const KEYS: &[(&str, &str)] = &[
    ("token", "token"),
    ("role_id", "approle"),
    ("secret_id", "approle"),
    ("role", "jwt"),
    ("jwt", "jwt"),
    ("username", "userpass"),
    ("password", "userpass"),
];

impl Settings {
    /// Reads the table. What is wrong with it is reported, and `None` comes back.
    pub(crate) fn read(mut table: Table<'_>, defaults: &Defaults) -> Option<Self> {
        let http = Http::read(&mut table, defaults);
        let base = address::required(&mut table, "address", Query::Refused);
        let namespace = table.string("namespace").and_then(|text| read_namespace(&table, &text));
        let method = table.required_string("auth").and_then(|text| table.choose(&text, "auth", METHODS));
        let auth_mount = read_mount(&mut table, method);
        let login = method.and_then(|method| read_login(&mut table, method, defaults));
        for (key, of) in KEYS {
            table.allow(key);
            if let Some(span) = table.key_span(key)
                && method.is_some_and(|method| method != *of)
            {
                table.report(
                    &span,
                    format!("`{key}` belongs to auth = \"{of}\""),
                    "remove it, or change `auth`",
                );
            }
        }
        let namespace_is_sound = namespace.is_some() || !table.has("namespace");
        let fingerprint = fingerprint(&table, defaults);
        table.finish();
        Some(Self {
            http,
            base: without_version(&base?),
            namespace: namespace.filter(|_| namespace_is_sound),
            login: login?,
            auth_mount: auth_mount?,
            secret_timeout: defaults.command_timeout,
            fingerprint,
        })
        .filter(|_| namespace_is_sound)
    }

    /// What `tokend check` shows of it; nothing secret.
    pub(super) fn describe(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("address", self.base.to_string())];
        if let Some(namespace) = &self.namespace {
            lines.push(("namespace", String::from_utf8_lossy(namespace.as_bytes()).into_owned()));
        }
        lines.push(("auth", self.login.method().to_owned()));
        if self.auth_mount != [self.login.method()] {
            lines.push(("auth_mount", self.auth_mount.join("/")));
        }
        self.login.describe(&mut lines);
        self.http.describe(&mut lines);
        lines
    }
}

fn read_login(table: &mut Table<'_>, method: &str, defaults: &Defaults) -> Option<Login> {
    let required = |table: &mut Table<'_>, key: &str| {
        table.require(key);
        read_source(table, key, defaults)
    };
    match method {
        "approle" => {
            table.require("role_id");
            let role_id = if table.shape("role_id") == Some(Shape::String) {
                table.required_string("role_id").map(|text| RoleId::Text(text.value))
            } else {
                read_source(table, "role_id", defaults).map(RoleId::Source)
            };
            // A role may do without (`bind_secret_id = false`).
            let has_secret = table.has("secret_id");
            let secret_id = read_source(table, "secret_id", defaults);
            if has_secret && secret_id.is_none() {
                return None;
            }
            Some(Login::AppRole { role_id: role_id?, secret_id })
        }
        "jwt" => {
            let has_role = table.has("role");
            // The method may have a default role.
            let role = has_role.then(|| table.required_string("role")).flatten();
            let jwt = required(table, "jwt");
            if has_role && role.is_none() {
                return None;
            }
            Some(Login::Jwt { role: role.map(|role| role.value), jwt: jwt? })
        }
        "userpass" => {
            let username = table.required_string("username");
            let password = required(table, "password");
            let username = username.and_then(|name| read_segments(table, "username", &name, 1));
            Some(Login::UserPass { username: username?.concat(), password: password? })
        }
        _ => required(table, "token").map(Login::Token),
    }
}

/// A source of one of the vault's own secrets: any but the vault.
fn read_source(table: &mut Table<'_>, key: &str, defaults: &Defaults) -> Option<Source> {
    let inner = (table.shape(key) == Some(Shape::Table)).then(|| table.table(key)).flatten();
    if let Some(span) = inner.and_then(|inner| inner.key_span("vault")) {
        let hint = "name another source: { store = NAME }, { file = PATH }, { credential = NAME } …";
        table.report(&span, format!("`{key}` opens the vault, so it cannot come from there"), hint);
        return None;
    }
    Source::read(table, key, &defaults.reach)
}

fn read_namespace(table: &Table<'_>, text: &Located<String>) -> Option<HeaderValue> {
    let namespace = text.value.trim_matches('/');
    let sound = |c: char| c.is_ascii_graphic();
    if !namespace.is_empty() && namespace.chars().all(sound) {
        return HeaderValue::from_str(namespace).ok();
    }
    let hint = "its path in visible ASCII, such as \"team-a\" or \"team-a/project\"";
    table.report(&text.span, "`namespace` names none", hint);
    None
}

fn read_mount(table: &mut Table<'_>, method: Option<&str>) -> Option<Vec<String>> {
    match table.string("auth_mount") {
        Some(text) => read_segments(table, "auth_mount", &text, 16),
        None if table.has("auth_mount") => None,
        None => method.map(|method| vec![method.to_owned()]),
    }
}

/// The segments of a path in a URL, at most `most`.
fn read_segments(table: &Table<'_>, key: &str, text: &Located<String>, most: usize) -> Option<Vec<String>> {
    let segments: Vec<_> = text.value.split('/').map(str::to_owned).collect();
    let sound = |segment: &String| {
        !matches!(segment.as_str(), "" | "." | "..") && !segment.contains(char::is_control)
    };
    if segments.len() <= most && segments.iter().all(sound) {
        return Some(segments);
    }
    let form = if most == 1 { "a name without a slash" } else { "such as \"approle\" or \"team/approle\"" };
    table.report(&text.span, format!("`{key}` cannot be that"), form);
    None
}

/// Without the `/v1` that all paths of the API begin with, and that people copy along.
fn without_version(base: &Url) -> Url {
    address::under(base, &["/v1"], "/")
}

fn fingerprint(table: &Table<'_>, defaults: &Defaults) -> [u8; 32] {
    let Defaults { http_timeout, command_timeout, ca_file, proxy, environment: _, reach: _ } = defaults;
    // Objects are sorted by their keys, so that the same definition has the same text.
    let definition = json!({
        "vault": table.definition(&[]),
        "daemon": {
            "http_timeout": milliseconds(*http_timeout),
            "command_timeout": milliseconds(*command_timeout),
            "ca_file": ca_file,
            "proxy": proxy.as_ref().map(Url::as_str),
        },
    });
    Sha256::digest(definition.to_string()).into()
}
