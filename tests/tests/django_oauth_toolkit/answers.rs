//! Answers as other servers write them: a front changes this one's.

use super::*;

/// An account each, since one that was refreshed must wait before it is again; what is different about its
/// answer; and the scope that it shows.
fn oddities() -> Vec<(&'static str, Value)> {
    vec![
        ("lower-case", json!({"token_type": "bearer"})),
        ("untyped", json!({"token_type": null})),
        ("listed", json!({"scope": ["read"]})),
        ("unscoped", json!({"scope": null})),
        ("in-text", json!({"expires_in": "60"})),
        ("in-parts", json!({"expires_in": 60.0})),
        ("more", json!({"ext": {"deep": [1]}, "refresh_token": "", "id_token": null})),
    ]
}

#[test]
fn a_token_is_a_token_however_its_answer_is_written() {
    let sandbox = Sandbox::new();
    let Some(toolkit) = Toolkit::start(&sandbox, "odd answers of django-oauth-toolkit", 60) else {
        return;
    };
    let wordless = ["wordless", "not-now"];
    let names = oddities().into_iter().map(|(name, _)| name).chain(wordless);
    let text: String = names
        .map(|name| service(&toolkit, &sandbox, name) + "refresh = 'on-demand'\nscope = ['read']\n")
        .collect();
    sandbox.configure(&text);
    let _daemon = sandbox.start();
    for (name, set) in oddities() {
        toolkit.control("fault", &json!({"mode": "edit", "set": set}));
        let said = sandbox.tok(["get", name, "--format", "json"]);
        assert_eq!(said.code, 0, "{name}: {said:?}");
        let answer: Value = serde_json::from_str(&said.stdout).expect("JSON");
        assert_eq!(answer["scheme"], "Bearer", "{name}: {answer}");
        assert!(matches!(answer["expires_in"].as_u64(), Some(55..=60)), "{name}: {answer}");
        let token = answer["token"].as_str().expect("a token");
        assert_eq!(toolkit.whoami(token), Some(("svc:odd/id".into(), Value::Null)), "{name}");
    }
    // A no without a word is no clear one, and an error of the kind that passes has none either: both are
    // tried again.
    for (name, status) in [("wordless", 400), ("not-now", 503)] {
        let mode = if status == 400 { "empty" } else { "status" };
        let before = toolkit.seen_at("token").len();
        toolkit.control("fault", &json!({"mode": mode, "status": status}));
        let token = sandbox.token(name);
        assert_eq!(toolkit.whoami(&token), Some(("svc:odd/id".into(), Value::Null)), "{name}");
        assert_eq!(toolkit.seen_at("token").len() - before, 2, "{name}");
    }
}

#[test]
fn a_client_that_is_refused_without_a_word_is_tried_three_times() {
    let sandbox = Sandbox::new();
    let Some(toolkit) = Toolkit::start(&sandbox, "empty errors of django-oauth-toolkit", 60) else {
        return;
    };
    sandbox.configure(&service(&toolkit, &sandbox, "wordless"));
    toolkit.control("fault", &json!({"mode": "empty", "status": 400, "count": 9}));
    let _daemon = sandbox.start();
    let said = sandbox.tok(["get", "wordless"]);
    assert_eq!((said.code, said.stdout.as_str()), (5, ""), "{said:?}");
    assert_eq!(sandbox.tok(["get", "wordless"]).code, 5);
    assert_eq!(toolkit.seen_at("token").len(), 3);
}
