//! The schema that editors are given accepts every configuration that a page shows, and refuses what tokend refuses.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

use std::collections::BTreeSet;
use std::path::Path;

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::Value;
use tokend::document::Document;
use tokend_tests::pages::{blocks_in, shown};
use tokend_tests::sandbox::{Sandbox, run};

/// What `tokend schema` prints, as a validator of others understands it.
struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    fn of_tokend() -> Self {
        let said = run(Sandbox::new().command("tokend").arg("schema"));
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:?}");
        let schema: Value = serde_json::from_str(&said.stdout).expect("JSON");
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.set_default_draft(Draft::V7);
        compiler.add_resource("tokend.json", schema).expect("a resource");
        let index = compiler.compile("tokend.json", &mut schemas).expect("a schema of draft 7");
        Self { schemas, index }
    }

    /// What is wrong with this TOML.
    fn complaint(&self, text: &str) -> Option<String> {
        let document = Document::parse(Path::new("config.toml"), text).expect("TOML");
        let value = document.root().definition(&[]);
        let found = self.schemas.validate(&value, self.index);
        found.err().map(|error| format!("{error:#}"))
    }
}

#[test]
fn every_configuration_that_a_page_shows_fits_the_schema() {
    let schema = Schema::of_tokend();
    let mut count = 0;
    for (page, text) in shown() {
        for block in ["toml", "toml vault", "toml login"].into_iter().flat_map(|info| blocks_in(text, info)) {
            assert_eq!(schema.complaint(&block.text), None, "{page}:{}", block.line);
            count += 1;
        }
    }
    assert!(count > 20, "only {count} configurations were found");
}

/// The names of all keys in a schema.
fn keys_of(schema: &Value, into: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                into.extend(properties.keys().cloned());
            }
            members.values().for_each(|member| keys_of(member, into));
        }
        Value::Array(members) => members.iter().for_each(|member| keys_of(member, into)),
        _ => {}
    }
}

/// The keys that a page names in its prose as it would set them: `lock = false`.
fn keys_in(text: &str) -> impl Iterator<Item = &str> {
    let spans = text.split('`').skip(1).step_by(2).filter(|span| !span.contains('\n'));
    spans
        .filter_map(|span| span.split_once(" = "))
        .map(|(key, _)| key)
        .filter(|key| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
}

/// What pages say to services by `extra` and by claims.
const OF_SERVICES: [&str; 3] = ["prompt", "access_type", "sub"];

#[test]
fn every_key_that_a_page_names_is_in_the_schema() {
    let said = run(Sandbox::new().command("tokend").arg("schema"));
    let schema: Value = serde_json::from_str(&said.stdout).expect("JSON");
    let mut known = BTreeSet::new();
    keys_of(&schema, &mut known);
    let mut count = 0;
    for (page, text) in shown() {
        for key in keys_in(text) {
            let is_known = known.contains(key) || OF_SERVICES.contains(&key);
            assert!(is_known, "{page}: `{key}` is no key of the configuration");
            count += 1;
        }
    }
    assert!(count > 20, "only {count} keys were found");
}

#[test]
fn what_tokend_refuses_the_schema_refuses_too() {
    let schema = Schema::of_tokend();
    let account = |keys: &str| format!("[accounts.a]\n{keys}\n");
    let whole = "type = 'static'\ntoken = { env = 'X' }";
    assert_eq!(schema.complaint(&account(whole)), None);
    let bad = [
        ("a secret as it is", account("type = 'static'\ntoken = 'hunter2'")),
        ("an unknown key", account(&format!("{whole}\nnonsense = 1"))),
        ("a key of another type", account(&format!("{whole}\nclient_id = 'x'"))),
        ("an unknown type", account("type = 'statik'\ntoken = { env = 'X' }")),
        ("no type", account("token = { env = 'X' }")),
        ("a missing key", account("type = 'static'")),
        ("two sources", account("type = 'static'\ntoken = { env = 'X', file = '/x' }")),
        ("an unknown source", account("type = 'static'\ntoken = { envv = 'X' }")),
        ("pass_env without a command", account("type = 'static'\ntoken = { env = 'X', pass_env = ['Y'] }")),
        ("a relative path", account("type = 'static'\ntoken = { file = 'x' }")),
        ("a span without a unit", account(&format!("{whole}\nmin_valid = '60'"))),
        ("a span that is a number", account(&format!("{whole}\nmin_valid = 60"))),
        ("a word that it is not", account(&format!("{whole}\nrefresh = 'lazy'"))),
        ("a word for a truth", account(&format!("{whole}\nlock = 'no'"))),
        ("a shell's line", account("type = 'command'\ncommand = 'gcloud auth'")),
        ("a name with a blank", format!("[accounts.\"a b\"]\n{whole}\n")),
        ("an unknown table", "[demon]\nlog = 'info'\n".to_owned()),
        ("an unknown key of the daemon", "[daemon]\nlogg = 'info'\n".to_owned()),
        ("a vault without an address", "[vault]\nauth = 'token'\n".to_owned()),
    ];
    for (what, text) in bad {
        assert!(schema.complaint(&text).is_some(), "{what} fits the schema:\n{text}");
        // And so does tokend itself.
        let sandbox = Sandbox::new();
        sandbox.configure(&text);
        let said = run(sandbox.command("tokend").arg("check"));
        assert_eq!(said.code, 78, "{what}: {said:?}");
    }
}
