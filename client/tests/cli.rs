//! The real `tok` against a daemon that speaks the protocol and says what a test wants.

#![expect(clippy::expect_used, reason = "tests")]

mod cli {
    mod accounts;
    mod arrivals;
    mod child;
    mod curl;
    mod daemon;
    mod get;
    mod tok;
    mod trouble;
}
