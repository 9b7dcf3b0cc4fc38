//! The definition and the parser know the same keys, and the same words for them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::sync::Arc;

use super::account::KINDS;
use super::general::{DAEMON, OF_ACCOUNT, PASS_ENV, SOURCES, VAULT};
use super::{Form, Key, Kind};
use crate::document::heard::{self, Heard};
use crate::document::{Diagnostic, Severity};
use crate::platform::testing;
use crate::provider::{Defaults, kinds};

/// Promised, and refused until they are built.
const LATER: [&str; 2] = ["tls_client_auth", "self_signed_tls_client_auth"];

/// What the parser says of this text.
fn said(text: &str) -> Vec<Diagnostic> {
    let folder = tempfile::TempDir::new().unwrap();
    testing::set_mode(folder.path(), 0o700);
    let file = folder.path().join("config.toml");
    fs::write(&file, text).unwrap();
    testing::set_mode(&file, 0o600);
    let environment = Defaults::default().environment;
    match crate::config::load(folder.path(), &environment, &Arc::default()) {
        Ok(loaded) => loaded.warnings,
        Err(mistakes) => mistakes,
    }
}

/// A value of this form.
fn example(form: Form) -> String {
    match form {
        Form::Text | Form::OneOrMany | Form::TextOrSecret => "'x'".to_owned(),
        Form::Boolean => "true".to_owned(),
        Form::Port => "8080".to_owned(),
        Form::Duration => "'90s'".to_owned(),
        Form::File => "'/nonexistent/x'".to_owned(),
        Form::Url => "'https://x.example'".to_owned(),
        Form::OneOf(words) => format!("'{}'", words[0]),
        Form::Strings | Form::Argv => "['x']".to_owned(),
        Form::Pointer => "'/x'".to_owned(),
        Form::Statuses => "[401]".to_owned(),
        Form::Secret | Form::SecretOrAccount => "{ env = 'X' }".to_owned(),
        Form::Any | Form::Texts | Form::TextsAndTables => "{ x = 'y' }".to_owned(),
        Form::Secrets => "{ x = { env = 'X' } }".to_owned(),
        Form::Table(keys) => {
            let entries = keys.iter().map(|key| format!("{} = {}", key.name, example(key.form)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// The beginning of every account that makes the parser look at other keys: each grant of oauth2 for itself.
fn variants(kind: &Kind) -> Vec<String> {
    let head = format!("[accounts.a]\ntype = '{}'\n", kind.name);
    match kind.keys.iter().find(|key| key.name == "grant").map(|key| key.form) {
        Some(Form::OneOf(grants)) => {
            grants.iter().map(|grant| format!("{head}grant = '{grant}'\n")).collect()
        }
        _ => vec![head],
    }
}

/// Documents of all that the definition has, one key at a time.
fn documents() -> Vec<String> {
    let mut documents = Vec::new();
    for key in DAEMON {
        documents.push(format!("[daemon]\n{} = {}\n", key.name, example(key.form)));
    }
    for method in ["token", "approle", "jwt", "userpass"] {
        for key in VAULT.iter().filter(|key| key.name != "auth") {
            documents.push(format!("[vault]\nauth = '{method}'\n{} = {}\n", key.name, example(key.form)));
        }
    }
    for kind in KINDS {
        for variant in variants(kind) {
            for key in kind.all_keys().filter(|key| key.name != "grant") {
                documents.push(format!("{variant}{} = {}\n", key.name, example(key.form)));
                if matches!(key.form, Form::SecretOrAccount) {
                    let value = "{ account = 'b', token = 'id_token' }";
                    documents.push(format!("{variant}{} = {value}\n", key.name));
                }
            }
            // What a client proves itself with decides what else is looked at.
            for method in ["private_key_jwt", "client_secret_jwt", "client_secret_basic"] {
                if kind.name == "oauth2" {
                    documents.push(format!(
                        "{variant}token_endpoint_auth_method = '{method}'\nprivate_key = {{ env = 'X' }}\n\
                         client_id = 'x'\n"
                    ));
                }
            }
        }
    }
    for source in SOURCES {
        let beside = if source.name == "command" { ", pass_env = ['X']" } else { "" };
        let value = example(source.form);
        let name = source.name;
        documents.push(format!("[accounts.a]\ntype = 'static'\ntoken = {{ {name} = {value}{beside} }}\n"));
    }
    documents
}

#[test]
fn every_key_of_the_definition_is_known_to_the_parser() {
    for text in documents() {
        for mistake in said(&text) {
            assert!(!mistake.message.contains("unknown key"), "in\n{text}: {mistake}");
        }
    }
}

#[test]
fn a_key_that_is_not_in_the_definition_is_unknown_to_the_parser() {
    for table in ["[daemon]", "[vault]", "[accounts.a]\ntype = 'static'"] {
        let said = said(&format!("{table}\nnonsense = 1\n"));
        assert!(said.iter().any(|mistake| mistake.message.contains("unknown key `nonsense`")), "{table}");
    }
}

/// The keys of the table of this path; none where the user invents them.
fn keys_at(path: &str, kind: &str) -> Option<Vec<&'static Key>> {
    match path {
        "daemon" => Some(DAEMON.iter().collect()),
        "vault" => Some(VAULT.iter().collect()),
        "accounts.a" => Some(KINDS.iter().find(|known| known.name == kind)?.all_keys().collect()),
        _ => {
            let (table, key) = path.rsplit_once('.')?;
            match keys_at(table, kind)?.iter().find(|known| known.name == key)?.form {
                Form::Table(keys) => Some(keys.iter().collect()),
                Form::Secret | Form::TextOrSecret => Some(SOURCES.iter().chain([&PASS_ENV]).collect()),
                Form::SecretOrAccount => Some(SOURCES.iter().chain([&PASS_ENV]).chain(OF_ACCOUNT).collect()),
                _ => None,
            }
        }
    }
}

#[test]
fn every_key_that_the_parser_asks_for_is_in_the_definition_with_its_words() {
    let mut seen = 0;
    for text in documents() {
        let of_kind = text.split("type = '").nth(1).and_then(|rest| rest.split('\'').next());
        let kind = of_kind.unwrap_or_default();
        let heard: Heard = heard::while_running(|| drop(said(&text)));
        for (path, asked) in heard {
            let Some(keys) = keys_at(&path, kind) else { continue };
            for (name, words) in asked {
                // The type is not among an account's own keys: the schema says it.
                if name == "type" && path == "accounts.a" {
                    continue;
                }
                let key = keys.iter().find(|key| key.name == name);
                let key = key.unwrap_or_else(|| panic!("{path}.{name} is asked for, and not defined"));
                seen += 1;
                let Form::OneOf(defined) = key.form else { continue };
                for word in &words {
                    let known = defined.contains(word) || LATER.contains(word);
                    assert!(known, "{path}.{name} may be {word:?}, which is not defined");
                }
                for word in defined.iter().filter(|_| !words.is_empty()) {
                    assert!(words.contains(word), "{path}.{name} may not be {word:?}");
                }
            }
        }
    }
    assert!(seen > 1000, "only {seen} keys were asked for");
}

#[test]
fn the_types_are_those_that_there_are() {
    let defined: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
    let built: Vec<_> = kinds().iter().map(|kind| kind.name).collect();
    assert_eq!(defined, built);
}

#[test]
fn the_examples_are_sound() {
    for kind in KINDS {
        let mistakes = said(kind.example);
        let errors = mistakes.iter().filter(|mistake| mistake.severity == Severity::Error);
        assert_eq!(
            errors.map(ToString::to_string).collect::<Vec<_>>(),
            Vec::<String>::new(),
            "{}",
            kind.name
        );
    }
}
