//! What a person sees of a mistake, and what nobody must see.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::platform::testing;

/// Reads nothing, so that every key is unknown.
fn unread(table: Table<'_>) {
    table.finish();
}

/// Everything that is said about `text` after `read` has read it.
pub(super) fn said(text: &str, read: impl FnOnce(Table<'_>)) -> String {
    let diagnostics = match Document::parse(Path::new("/c/config.toml"), text) {
        Ok(document) => {
            read(document.root());
            document.diagnostics()
        }
        Err(diagnostic) => vec![*diagnostic],
    };
    diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn an_unknown_key_is_shown_in_its_line_with_the_nearest_known_one() {
    let said = said("# first\n\nacces_key = \"hunter2\" # hunter3\n", |mut table| {
        let _ = (table.string("access_key"), table.string("url"));
        table.finish();
    });
    assert_eq!(
        said,
        r#"error: unknown key `acces_key`
 --> /c/config.toml:3:1
  |
3 | acces_key = "…"
  | ^^^^^^^^^ did you mean `access_key`?
"#
    );
}

#[test]
fn a_misspelt_key_is_not_also_reported_as_missing() {
    let said = said("acces_key = 'x'", |mut table| {
        assert!(table.required_string("access_key").is_none());
        assert!(table.required_string("url").is_none());
        table.finish();
    });
    assert!(
        said.contains("did you mean `access_key`") && !said.contains("`access_key` is missing"),
        "{said}"
    );
    assert!(said.contains("`url` is missing in the file"), "{said}");
}

#[test]
fn a_key_that_is_there_is_not_suggested() {
    let said = said("url = 'a'\nurls = 'b'", |mut table| {
        let _ = table.string("url");
        table.finish();
    });
    assert!(said.contains("unknown key `urls`") && !said.contains("did you mean"), "{said}");
}

#[test]
fn a_missing_key_points_at_the_header() {
    let said = said("[accounts.one]\n[accounts.two]\nurl = ''\n", |mut root| {
        let mut accounts = root.table("accounts").unwrap();
        let mut two = accounts.table("two").unwrap();
        assert_eq!(two.path(), "accounts.two");
        assert!(two.required_string("type").is_none());
    });
    assert_eq!(
        said,
        "error: `type` is missing in [accounts.two]
 --> /c/config.toml:2:11
  |
2 | [accounts.two]
  |           ^^^ needs `type`
"
    );
}

#[test]
fn a_value_of_the_wrong_type_is_hidden() {
    let text = "a = 4711\nb = 'x'\nc = [1]\nd = 'y'\ne = 1979-05-27\nf = 99999999999999999999\n";
    let said = said(text, |mut table| {
        assert!(table.string("a").is_none());
        assert!(table.boolean("b").is_none());
        assert!(table.strings("c").is_none());
        assert!(table.table("d").is_none());
        assert!(table.integer("e").is_none());
        assert!(table.integer("f").is_none());
        table.finish();
    });
    assert!(said.contains("1 | a = …\n  |     ^ must be a string, in quotes"), "{said}");
    assert!(said.contains("2 | b = \"…\"\n  |     ^^^ must be true or false"), "{said}");
    assert!(said.contains("3 | c = […]\n  |      ^ must be an array of nothing but strings"), "{said}");
    assert!(said.contains("4 | d = \"…\"\n  |     ^^^ must be a table"), "{said}");
    assert!(said.contains("`f` is too large a number"), "{said}");
    assert!(!said.contains("4711") && !said.contains("1979"), "{said}");
}

#[test]
fn values_of_the_right_type_are_read_with_their_places() {
    let text = "s = 'x'\nb = true\ni = 0x10\nd = '1h 30m'\nl = ['p', 'q']\nw = 'two'\nj = { a = [1, 2.5] }\n";
    let document = Document::parse(Path::new("f"), text).unwrap();
    let mut table = document.root();
    assert_eq!(table.string("s").unwrap(), Located { value: "x".to_owned(), span: 4..7 });
    assert!(table.boolean("b").unwrap().value);
    assert_eq!(table.integer("i").unwrap().value, 16);
    assert_eq!(table.duration("d").unwrap().value, Duration::from_secs(5400));
    let words: Vec<_> = table.strings("l").unwrap().value.into_iter().map(|word| word.value).collect();
    assert_eq!(words, ["p", "q"]);
    assert_eq!(table.one_of("w", &["one", "two"]).unwrap().value, "two");
    assert_eq!(table.json("j").unwrap().value, serde_json::json!({ "a": [1, 2.5] }));
    assert!(table.string("absent").is_none());
    table.finish();
    assert_eq!(document.diagnostics(), []);
    assert!(!document.is_faulty());
}

#[test]
fn a_duration_needs_a_unit() {
    for text in ["t = '60'", "t = 60", "t = '0'", "t = 'soon'", "t = ''", "t = '99999999999999999999y'"] {
        let said = said(text, |mut table| assert!(table.duration("t").is_none()));
        assert!(said.contains("such as \"90s\", \"5m\", \"1h 30m\""), "{text}: {said}");
    }
    let said = said("t = '20m'", |mut table| {
        assert!(table.duration_within("t", &(Duration::from_secs(1)..=Duration::from_secs(600))).is_none());
    });
    assert!(said.contains("1 | t = '20m'\n  |     ^^^^^ at least 1s and at most 10m"), "{said}");
}

#[test]
fn a_word_that_is_nearly_right_is_shown_and_any_other_is_not() {
    let words = &["eager", "auto", "on-demand"];
    let near = said("refresh = 'eagre'", |mut table| {
        assert!(table.one_of("refresh", words).is_none());
    });
    assert!(near.contains("1 | refresh = 'eagre'\n  |           ^^^^^^^ did you mean `eager`?"), "{near}");
    let far = said("refresh = 'hunter2'", |mut table| {
        assert!(table.one_of("refresh", words).is_none());
    });
    assert!(far.contains("1 | refresh = \"…\"\n  |           ^^^ one of: eager, auto, on-demand"), "{far}");
}

#[test]
fn what_is_not_built_is_said_and_never_suggested() {
    let said = said("lock = true\nloc = 1", |mut table| {
        table.not_built("lock", "`lock`");
        table.finish();
    });
    assert!(said.contains("`lock` is not built yet"), "{said}");
    assert!(said.contains("unknown key `loc`") && !said.contains("did you mean"), "{said}");
}

#[test]
fn a_path_is_absolute_or_in_the_home() {
    let home = crate::platform::children::home().unwrap();
    let whole = Path::new(testing::ROOT).join("x/y");
    let text = format!("a = '{}'\nb = '~/y'\nc = 'x/y'\nd = '~bob/y'\ne = ''", whole.display());
    let document = Document::parse(Path::new("f"), &text).unwrap();
    let mut table = document.root();
    assert_eq!(table.path_of_file("a").unwrap().value, whole);
    assert_eq!(table.path_of_file("b").unwrap().value, Path::new(&home).join("y"));
    for key in ["c", "d", "e"] {
        assert!(table.path_of_file(key).is_none());
    }
    assert_eq!(document.diagnostics().len(), 3);
}

#[test]
fn every_mistake_of_a_file_is_reported_in_the_order_of_the_lines() {
    let document = Document::parse(Path::new("f"), "a = 1\nb = 2\nc = 3").unwrap();
    let mut table = document.root();
    assert!(table.string("c").is_none() && table.string("b").is_none());
    table.finish();
    let lines: Vec<_> = document.diagnostics().iter().map(|diagnostic| diagnostic.place.line).collect();
    assert_eq!(lines, [1, 2, 3]);
}

#[test]
fn warnings_are_no_faults() {
    let document = Document::parse(Path::new("f"), "a = 1").unwrap();
    document.root().warn(&(0..1), "odd", "");
    assert!(!document.is_faulty());
    assert!(document.diagnostics()[0].to_string().starts_with("warning: odd\n"));
}

#[test]
fn the_mark_stands_under_what_is_meant_in_any_script() {
    let said = said("\"a.b\" = { 'x' = '秘密', y = 1 }\r\n", |mut table| {
        let mut inner = table.table("a.b").unwrap();
        let _ = inner.string("x");
        inner.finish();
    });
    assert!(said.contains(":1:23\n  |\n1 | \"a.b\" = { 'x' = \"…\", y = … }\n"), "{said}");
    assert!(said.contains(&format!("\n  | {}^ tokend", " ".repeat(21))), "{said}");
}

#[test]
fn a_key_that_looks_like_none_is_hidden() {
    let said = said("\"hun\\\"ter 2\" = 1 # x", unread);
    assert!(said.contains("unknown key `…`") && said.contains("1 | \"…\" = …\n"), "{said}");
}

#[test]
fn nothing_that_moves_the_cursor_is_shown() {
    let said = said("\"\\u001b[2J\u{202e}x\" = 1", unread);
    assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said}");
}

#[test]
fn a_long_line_is_cut_around_the_mark() {
    let text = format!("t = {{ {}, wrong = 1, {} }}", keys('a', 60), keys('b', 60));
    let said = said(&text, |mut root| {
        let mut table = root.table("t").unwrap();
        for key in table.remaining_keys() {
            if key.value != "wrong" {
                table.allow(&key.value);
            }
        }
        table.finish();
    });
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines.iter().all(|line| line.chars().count() < 140), "{said}");
    let column = lines[4].find('^').map(|at| lines[4][..at].chars().count()).unwrap();
    let under: String = lines[3].chars().skip(column).take(5).collect();
    assert_eq!(under, "wrong", "{said}");
}

fn keys(letter: char, count: usize) -> String {
    (0..count).map(|i| format!("{letter}{i} = {i}")).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_file_that_is_not_toml_is_explained_without_its_values() {
    for (text, what, line) in [
        ("password = hunter2", "a value is not in quotes", "1 | password = …"),
        ("password = \"hunter2\n", "a string is not closed", "1 | password = …"),
        ("password = hunter2\"\n", "a quote is missing", "1 | password = …"),
        ("password = 'hunter2\n", "a string is not closed", "1 | password = …"),
        ("password = \"\"\"\nhunter2\n", "a string of several lines is not closed", "…"),
        ("password =\nhunter2\n", "a key has no value", ""),
        ("secret = { file = \"a\", hunter2 }", "", "1 | secret = …"),
        ("[accounts.hunter2\ntype = \"http\"", "a header is not closed", "1 | [accounts.…"),
        ("type = \"a\"\ntype = \"hunter2\"", "the same key stands here twice", "2 | type = …"),
        ("hunter2 = \"a\" \"b\"", "does not belong", "1 | … = …\n  |     ^"),
        ("password = \"a\\hunter2\"", "", "1 | password = …"),
        ("password = \"a\" hunter2", "", "1 | password = …"),
        ("# hunter2\npassword = # hunter2", "", "2 | password = …"),
        ("password == \"hunter2\"", "a `=` too many", "1 | password = …"),
    ] {
        let said = said(text, |_| ());
        assert!(said.contains(what) && said.contains(line), "{text}: {said}");
        assert!(
            !said.contains("hunter2") && said.starts_with("error: ") && said.contains('^'),
            "{text}: {said}"
        );
    }
}

#[test]
fn no_input_breaks_the_drawing() {
    for text in [
        "",
        "=",
        "\n\n",
        "a",
        "a =",
        "a = \"\u{301}\"x",
        "[",
        "\r",
        "a = \r\n'",
        "\u{feff}a = 1\n= 2",
        "é = 'é' é",
    ] {
        let _ = said(text, unread);
    }
}
