//! `docs/wire-protocol.md` is true: its examples, tables and limits are those of the code, and its client works.

#![expect(clippy::expect_used, reason = "a test should fail with the place")]

mod golden;

use std::collections::BTreeMap;
use std::fs;

use tokend_proto::frame::{self, HEADER, Opening};
use tokend_proto::limits::{
    FRAME_DEADLINE, MAX_ANSWER, MAX_NAME, MAX_PAGE, MAX_REQUEST, MAX_SECRET, MAX_TIMEOUT, MAX_WORDS,
};
use tokend_proto::message::{Code, Login, LoginStep, StoreState};
use tokend_proto::{Answer, Kind, Request, Secret, codec, envelope};

#[test]
fn the_worked_examples_are_golden_files() {
    let golden: BTreeMap<_, _> = golden::frames().into_iter().collect();
    let page = page();
    let examples = blocks(&page, "hex ");
    assert!(examples.len() >= 4, "the examples are gone");
    for (name, text) in examples {
        assert_eq!(Some(&golden::bytes(text)), golden.get(name), "{name}");
    }
}

#[test]
fn the_examples_of_the_encoding_are_what_the_encoder_writes() {
    let page = page();
    let row = |kind: &str, value: &str, bytes: Result<zeroize::Zeroizing<Vec<u8>>, _>| {
        let bytes: Vec<_> = bytes.expect("a small value").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_says(&page, &format!("| `{kind}` | {value} | `{}` |", bytes.join(" ")));
    };
    row("u8", "251", codec::encode(&251_u8));
    row("u16", "250", codec::encode(&250_u16));
    row("u16", "251", codec::encode(&251_u16));
    row("u16", "32769", codec::encode(&0x8001_u16));
    row("u32", "65535", codec::encode(&0xffff_u32));
    row("u32", "65536", codec::encode(&0x1_0000_u32));
    row("u64", "30000", codec::encode(&30_000_u64));
    row("u64", "4294967296", codec::encode(&0x1_0000_0000_u64));
    row("i64", "0", codec::encode(&0_i64));
    row("i64", "-1", codec::encode(&-1_i64));
    row("i64", "1", codec::encode(&1_i64));
    row("i64", "125", codec::encode(&125_i64));
    row("i64", "-126", codec::encode(&-126_i64));
    row("i64", "1800000000000", codec::encode(&1_800_000_000_000_i64));
    row("bool", "true", codec::encode(&true));
    row("u64?", "none", codec::encode(&None::<u64>));
    row("u64?", "7", codec::encode(&Some(7_u64)));
    row("string", "é", codec::encode(&"é"));
    row("bytes", "00 ff", codec::encode(&Secret::new(vec![0, 0xff]).expect("a short secret")));
    row("[string]", "a, bc", codec::encode(&vec!["a", "bc"]));

    assert_eq!(codec::encode(&[7_u8; 32]).expect("32 bytes").to_vec(), [7; 32]);
    assert_eq!(codec::encode(&(1_u8, "a", false)).expect("a struct").to_vec(), [1, 1, b'a', 0]);
}

#[test]
fn the_decoder_takes_longer_integers_and_refuses_what_the_page_calls_malformed() {
    assert_eq!(codec::decode_request::<u16>(&[251, 7, 0]), Ok(7));
    assert_eq!(codec::decode_request::<u64>(&[253, 7, 0, 0, 0, 0, 0, 0, 0]), Ok(7));
    assert!(codec::decode_request::<u16>(&[252, 7, 0, 0, 0]).is_err());
    assert!(codec::decode_request::<u32>(&[253, 7, 0, 0, 0, 0, 0, 0, 0]).is_err());
    for first in [254, 255] {
        let bytes = [&[first][..], &[0; 16]].concat();
        assert!(codec::decode_request::<u64>(&bytes).is_err());
        assert!(codec::decode_request::<i64>(&bytes).is_err());
    }
    assert!(codec::decode_request::<bool>(&[2]).is_err());
    assert!(codec::decode_request::<Option<bool>>(&[2, 0]).is_err());
    assert!(codec::decode_request::<String>(&[1, 0xff]).is_err());
    assert!(codec::decode_request::<u8>(&[1, 0]).is_err());
}

#[test]
fn the_tables_name_every_field_in_its_order() {
    let page = page();
    let structs = structs_of_the_golden_files();
    assert!(structs.len() >= 20, "only {:?}", structs.keys());
    for (name, fields) in structs {
        let section = page.split("\n#").find(|section| {
            section.lines().next().is_some_and(|title| title.ends_with(&format!(" `{name}`")))
        });
        let section = section.unwrap_or_else(|| panic!("no section for {name}"));
        let documented: Vec<_> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(field, _)| field)
            .collect();
        assert_eq!(documented, fields, "{name}");
    }
}

#[test]
fn the_tables_name_every_kind_and_code() {
    let page = page();
    for (kind, name) in [
        (Kind::GET, "GET"),
        (Kind::REFRESH, "REFRESH"),
        (Kind::REJECT, "REJECT"),
        (Kind::STATUS, "STATUS"),
        (Kind::LIST, "LIST"),
        (Kind::WATCH, "WATCH"),
        (Kind::RELOAD, "RELOAD"),
        (Kind::ABOUT, "ABOUT"),
        (Kind::LOCK, "LOCK"),
        (Kind::UNLOCK, "UNLOCK"),
        (Kind::STORE, "STORE"),
        (Kind::LOGIN, "LOGIN"),
        (Kind::LOGIN_REDIRECT, "LOGIN_REDIRECT"),
        (Kind::LOGOUT, "LOGOUT"),
        (Kind::GET_ID_TOKEN, "GET_ID_TOKEN"),
        (Kind::HEALTH, "HEALTH"),
    ] {
        assert_says(&page, &format!("| {} | `{name}` |", kind.0));
    }
    for (kind, name) in [
        (Kind::CREDENTIAL, "CREDENTIAL"),
        (Kind::DONE, "DONE"),
        (Kind::STATUS_PAGE, "STATUS_PAGE"),
        (Kind::LIST_PAGE, "LIST_PAGE"),
        (Kind::RELOADED, "RELOADED"),
        (Kind::ABOUT_ANSWER, "ABOUT_ANSWER"),
        (Kind::STORE_STATE, "STORE_STATE"),
        (Kind::LOGIN_STEP, "LOGIN_STEP"),
        (Kind::LOGGED_IN, "LOGGED_IN"),
        (Kind::LOGGED_OUT, "LOGGED_OUT"),
        (Kind::HEALTH_ANSWER, "HEALTH_ANSWER"),
        (Kind::UNSUPPORTED, "UNSUPPORTED"),
        (Kind::FAILURE, "FAILURE"),
    ] {
        assert_says(&page, &format!("| {:#06x} | `{name}` |", kind.0));
    }
    for (code, name) in [
        (Code::INTERNAL, "INTERNAL"),
        (Code::USAGE, "USAGE"),
        (Code::UNKNOWN, "UNKNOWN"),
        (Code::LOGIN_NEEDED, "LOGIN_NEEDED"),
        (Code::REFUSED, "REFUSED"),
        (Code::NOT_NOW, "NOT_NOW"),
        (Code::DENIED, "DENIED"),
        (Code::NO_DAEMON, "NO_DAEMON"),
        (Code::LOCKED, "LOCKED"),
        (Code::NEVER_THAT_LONG, "NEVER_THAT_LONG"),
    ] {
        assert_says(&page, &format!("| {} | `{name}` |", code.0));
    }
}

#[test]
fn the_page_says_what_each_way_to_keep_the_identity_means() {
    let page = page();
    for identity in [
        StoreState::NONE,
        StoreState::PLAIN,
        StoreState::PASSPHRASE,
        StoreState::SSH_KEY,
        StoreState::PLUGIN,
        StoreState::KEYRING,
        StoreState::CREDENTIAL,
    ] {
        assert_says(&page, &format!("\n| `{identity}` | "));
    }
}

#[test]
fn the_page_says_what_each_way_to_log_in_and_each_step_means() {
    let page = page();
    assert_eq!(Login::AS_FITS, "");
    assert_says(&page, "\n| (empty) | ");
    let steps = [LoginStep::BROWSER, LoginStep::DEVICE, LoginStep::REDIRECT, LoginStep::PROGRESS];
    for word in [Login::DEVICE, Login::REDIRECT].into_iter().chain(steps) {
        assert_says(&page, &format!("\n| `{word}` | "));
    }
}

#[test]
fn the_limits_on_the_page_are_those_of_the_code() {
    let page = page();
    assert_says(&page, &format!("| a request's payload | {MAX_REQUEST} bytes |"));
    assert_says(&page, &format!("| an answer's payload | {MAX_ANSWER} bytes |"));
    assert_says(&page, &format!("| a secret or token | {MAX_SECRET} bytes |"));
    assert_says(&page, &format!("| a name of an account | {MAX_NAME} bytes |"));
    assert_says(
        &page,
        &format!("| scopes, audiences, fields, warnings or extras in one message | {MAX_WORDS} |"),
    );
    assert_says(&page, &format!("| accounts in one page | {MAX_PAGE} |"));
    let seconds = FRAME_DEADLINE.as_secs();
    assert_says(
        &page,
        &format!("| the rest of a frame that has begun, and taking an answer | {seconds} seconds |"),
    );
    assert_says(&page, &format!("| `timeout_ms` | {} milliseconds |", MAX_TIMEOUT.as_millis()));
}

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/wire-protocol.md");
    // A checkout on Windows may have other line ends.
    fs::read_to_string(path).expect("docs/wire-protocol.md").replace("\r\n", "\n")
}

fn assert_says(page: &str, words: &str) {
    assert!(page.contains(words), "docs/wire-protocol.md should say: {words}");
}

/// The fenced blocks whose first line goes on with `language`: the rest of that line, and what is inside.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<(&'a str, &'a str)> {
    page.split("\n```")
        .filter_map(|block| block.strip_prefix(language))
        .filter_map(|block| block.split_once('\n'))
        .collect()
}

/// Each struct that travels, with its fields in their order, as `Debug` shows them.
fn structs_of_the_golden_files() -> BTreeMap<String, Vec<String>> {
    let mut structs = BTreeMap::new();
    for (name, frame) in golden::frames() {
        let payload = match frame::opening(&frame[HEADER..]) {
            Ok(Opening::Spoken(payload)) if name.ends_with("-first") => payload,
            _ => &frame[HEADER..],
        };
        if let Ok(envelope) = envelope::decode_answer(payload) {
            add_structs(&format!("{envelope:#?}"), &mut structs);
            add_structs(&format!("{:#?}", Request::open(&envelope)), &mut structs);
            add_structs(&format!("{:#?}", Answer::open(&envelope)), &mut structs);
        }
    }
    structs
}

fn add_structs(debug: &str, structs: &mut BTreeMap<String, Vec<String>>) {
    // What is open at this line, each with its fields so far; nameless where it is no struct.
    let mut open: Vec<(String, Vec<String>)> = Vec::new();
    for line in debug.lines().map(str::trim) {
        if let (Some((field, _)), Some((_, fields))) = (line.split_once(": "), open.last_mut()) {
            fields.push(field.to_owned());
        }
        let value = line.split_once(": ").map_or(line, |(_, value)| value);
        if let Some(name) = value.strip_suffix(" {") {
            open.push((name.to_owned(), Vec::new()));
        } else if value.ends_with(['(', '[']) {
            open.push((String::new(), Vec::new()));
        } else if line.starts_with([')', ']', '}']) {
            let (name, fields) = open.pop().expect("something open");
            if !name.is_empty() {
                structs.insert(name, fields);
            }
        }
    }
}
