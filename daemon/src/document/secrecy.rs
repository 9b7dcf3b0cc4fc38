//! No secret is ever shown, wherever and however it was written.

use proptest::prelude::*;

use super::tests::said;
use super::{Located, Table};

/// Ways in which people write a secret where it does not belong; `@` stands for it.
const STYLES: &[&str] = &[
    "\"@\"",
    "'@'",
    "@",
    "\"@",
    "'@",
    "@\"",
    "@'",
    "\"\"\"@\"\"\"",
    "\"\"\"\n@\n\"\"\"",
    "'''\n@\n@'''",
    "\"\"\"\n@\n",
    "\n@\n",
    "[\"@\"]",
    "[\n\"a\",\n\"@\"\n]",
    "[@]",
    "[\"@]",
    "{ file = \"@\" }",
    "{ @ }",
    "{ \"@\" }",
    "{ file = @ }",
    "\"a\" @",
    "\"a\" # @",
    "1 # @",
    "\"a\"\n# @\nx @",
    "\"@\" \"@\"",
    "= \"@\"",
    "\"a\\@\"",
    "@ # @",
    "{ file = \"a\", x = \"@\" }",
    "{ file = \"a\"\n@",
];

/// Lines around the secret; `%` is where its value goes.
const PAGES: &[&str] = &[
    "token = %",
    "[daemon]\nlog = %\n",
    "[accounts.a]\ntype = \"http\"\npassword = %\nurl = \"x\"\n",
    "[accounts.a]\npasword = %\n[accounts.b]\ntype = %",
    "[accounts]\na = %\n",
    "[accounts.a]\nsecret = { file = % }\n",
    "[accounts.a]\nsecret = { file = \"a\", env = %, x = 1 }\n[accounts.a]\n",
    "[accounts.a]\nheaders = { Authorization = % }\nmin_valid = %\nrefresh = %\n",
    "accounts = { a = { password = % } }\n",
    "accounts.a.password = %\naccounts.a.password = %\n",
];

/// Reads every table there is, asking for everything in the wrong way.
fn read_badly(mut table: Table<'_>) {
    for key in table.remaining_keys() {
        if key.value.len() % 5 == 4 {
            continue;
        }
        let word = Located {
            value: table.string(&key.value).map_or_else(String::new, |text| text.value),
            span: key.span,
        };
        let _ = table.choose(&word, "word", &["eager", "auto"]);
        let _ = (table.boolean(&key.value), table.integer(&key.value), table.duration(&key.value));
        let _ = (table.strings(&key.value), table.path_of_file(&key.value));
        let _ = table.one_of(&key.value, &["lyve-cloud", "openvcloud", "http"]);
        table.require("passwort");
        if let Some(inner) = table.table(&key.value) {
            read_badly(inner);
        }
        if let Some(span) = table.value_span(&key.value) {
            table.report(&span, "odd", "");
        }
    }
    table.finish();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_secret_is_never_shown_wherever_it_was_written(
        secret in prop_oneof!["[A-Za-z0-9+/=!$%&._-]{8,24}", "[a-z]{4,6}[ =.][a-z]{8,12}", "[1-9][0-9]{8,16}", "\\PC{8,16}"],
        style in 0..STYLES.len(),
        page in 0..PAGES.len(),
    ) {
        let with = |secret: &str| PAGES[page].replace('%', &STYLES[style].replace('@', secret));
        let text = with(&secret);
        let said_of_it = said(&text, read_badly);
        // What is said of any secret is our own words, even where chance puts them into this one.
        let said_of_any = said(&with("\u{1F511}"), read_badly);
        let characters: Vec<char> = secret.chars().collect();
        for part in characters.windows(6) {
            let part: String = part.iter().collect();
            let is_shown = said_of_it.contains(&part) && !said_of_any.contains(&part);
            prop_assert!(!is_shown, "{text}\n---\n{said_of_it}");
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "([a-z =.\\[\\]{}\"'#\\\\,\r\n0-9é-]|\\PC){0,60}") {
        let _ = said(&text, read_badly);
    }
}
