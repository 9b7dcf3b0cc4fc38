//! No test is missing silently: what a system has not is said.

use tokend_tests::sandbox::skip;

/// A line each: the file that is compiled away, and why.
const NOT_HERE: &str = include_str!(concat!(env!("OUT_DIR"), "/not_here"));

#[test]
fn each_file_that_is_not_here_is_named_with_its_reason() {
    for line in NOT_HERE.lines() {
        let (file, reason) = line.split_once(": ").unwrap_or((line, "no reason"));
        skip(file, reason);
    }
    assert!(std::env::consts::OS != "linux" || NOT_HERE.is_empty(), "Linux has all: {NOT_HERE}");
}
