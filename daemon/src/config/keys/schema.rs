//! The JSON Schema of a configuration file. Draft 7, the newest that all editors of TOML read (taplo, and
//! with it Even Better TOML and the language servers); nothing in it needs a newer one.

use serde_json::{Map, Value, json};

use super::account::KINDS;
use super::general::{DAEMON, OF_ACCOUNT, PASS_ENV, SOURCES, VAULT};
use super::{Form, Key, Kind};

/// What a span of time looks like: numbers with units, at least one.
const DURATION: &str = r"^\s*([0-9]+\s*[a-zA-Z]+\s*)+$";

/// The schema of `config.toml` and of the files in `accounts.d`.
#[must_use]
pub fn schema() -> Value {
    let references: Vec<Value> = KINDS.iter().map(|kind| reference(&definition_of(kind))).collect();
    let mut definitions: Map<String, Value> =
        KINDS.iter().map(|kind| (definition_of(kind), account(kind))).collect();
    definitions.insert("secret".to_owned(), secret());
    definitions.insert("duration".to_owned(), json!({ "type": "string", "pattern": DURATION }));
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "tokend",
        "description": "The configuration of tokend: config.toml, and the files of accounts.d",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "daemon": described(table(DAEMON), "what concerns all accounts; in config.toml alone"),
            "vault": described(table(VAULT), "OpenBao or HashiCorp Vault; in config.toml alone"),
            "accounts": {
                "description": "the accounts by their names",
                "type": "object",
                "propertyNames": { "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" },
                "additionalProperties": { "oneOf": references },
            },
        },
        "definitions": definitions,
    })
}

fn definition_of(kind: &Kind) -> String {
    format!("account-{}", kind.name)
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{name}") })
}

fn account(kind: &Kind) -> Value {
    let mut schema = table_of(kind.all_keys());
    schema["description"] = kind.help.into();
    schema["properties"]["type"] = json!({ "const": kind.name, "description": kind.help });
    if let Some(required) = schema["required"].as_array_mut() {
        required.push("type".into());
    }
    schema
}

fn table(keys: &'static [Key]) -> Value {
    table_of(keys.iter())
}

/// A table with these keys and no others.
fn table_of(keys: impl Iterator<Item = &'static Key>) -> Value {
    let mut properties = Map::new();
    let mut required: Vec<Value> = Vec::new();
    for key in keys {
        let default = match key.default {
            "" => String::new(),
            default => format!(" (default: {default})"),
        };
        let mut form = described(form(key.form), &format!("{}{default}", key.help.replace('`', "")));
        // What reads as JSON is a default that editors can write.
        if let Ok(default) = serde_json::from_str::<Value>(key.default) {
            form["default"] = default;
        }
        properties.insert(key.name.to_owned(), form);
        if key.required {
            required.push(key.name.into());
        }
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The same with an explanation. Beside a reference nothing else counts in this draft, so that one is
/// wrapped.
fn described(schema: Value, text: &str) -> Value {
    let mut schema = if schema.get("$ref").is_some() { json!({ "allOf": [schema] }) } else { schema };
    schema["description"] = text.into();
    schema
}

fn form(form: Form) -> Value {
    let text = json!({ "type": "string" });
    let texts = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    match form {
        Form::Text => text,
        Form::Boolean => json!({ "type": "boolean" }),
        Form::Port => json!({ "type": "integer", "minimum": 1, "maximum": 65535 }),
        Form::Duration => reference("duration"),
        Form::File => json!({ "type": "string", "pattern": "^(/|~/)" }),
        Form::Url => json!({ "type": "string", "pattern": "^[hH][tT][tT][pP][sS]?://" }),
        Form::OneOf(words) => json!({ "enum": words }),
        Form::Strings => json!({ "type": "array", "items": text }),
        Form::OneOrMany => json!({ "anyOf": [text, { "type": "array", "items": { "type": "string" } }] }),
        Form::Argv => json!({ "type": "array", "items": text, "minItems": 1 }),
        Form::Pointer => json!({ "type": "string", "pattern": "^/" }),
        Form::Statuses => {
            json!({ "type": "array", "items": { "type": "integer", "minimum": 400, "maximum": 499 } })
        }
        Form::Secret => reference("secret"),
        Form::TextOrSecret => json!({ "anyOf": [text, reference("secret")] }),
        Form::SecretOrAccount => json!({ "anyOf": [reference("secret"), table(OF_ACCOUNT)] }),
        Form::Any => json!({}),
        Form::Table(keys) => table(keys),
        Form::Texts => texts,
        Form::TextsAndTables => {
            json!({ "type": "object", "additionalProperties": { "anyOf": [text, texts] } })
        }
        Form::Secrets => json!({ "type": "object", "additionalProperties": reference("secret") }),
    }
}

/// One source, and nothing beside it but what belongs to it.
fn secret() -> Value {
    let one = |key: &'static Key| {
        let mut keys = vec![key];
        if key.name == "command" {
            keys.push(&PASS_ENV);
        }
        let mut schema = described(table_of(keys.into_iter()), key.help);
        schema["required"] = json!([key.name]);
        schema
    };
    json!({
        "description": "where a secret comes from; the secret itself is never written here",
        "oneOf": SOURCES.iter().map(one).collect::<Vec<_>>(),
    })
}
