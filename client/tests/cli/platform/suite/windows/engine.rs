//! `tok secret` and `tok init`: the engine is `tokend.exe` beside `tok.exe`.

use std::fs;

use crate::cli::engine::Installed;
use crate::cli::tok::{run, run_with};

#[test]
fn the_engine_beside_tok_does_it_and_its_status_is_toks() {
    let tok = Installed::with_idle_engine();
    assert_eq!(
        run_with(tok.tok(&["secret", "set", "x", "--for", "a b"]), b"\xef\xbb\xbfs3cret\r\n\xff").printed(),
        ""
    );
    assert_eq!(tok.words(), "store set x --for a b\n");
    assert_eq!(fs::read(tok.home().join("input")).expect("a file"), b"s3cret\r\n\xff");
    let mut list = tok.tok(&["secret", "list"]);
    list.env("STATUS", "9");
    assert_eq!(run(list).code, 9);
    let mut init = tok.tok(&["init", "--stdin"]);
    init.env("STATUS", "7");
    assert_eq!(run_with(init, b"\xef\xbb\xbfhello\r\n").code, 7);
    assert!(fs::read(tok.home().join("input")).expect("a file").ends_with(b"\xffhello"));
}

#[test]
fn without_an_engine_that_is_said() {
    let (what, hint) = run(Installed::tok_alone().tok(&["secret", "list"])).failed_with(1);
    assert!(what.contains("tokend") && hint.contains("install"), "{what} {hint}");
}
