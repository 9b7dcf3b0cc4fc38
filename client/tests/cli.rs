//! The real `tok` against a daemon that speaks the protocol and says what a test wants.

#![expect(clippy::expect_used, reason = "tests")]

mod cli {
    mod accounts;
    mod arrivals;
    mod child;
    mod curl;
    mod daemon;
    mod engine;
    mod get;
    mod login;
    mod login_at_terminal;
    mod logout;
    mod secrets;
    mod service;
    mod terminal;
    mod tok;
    mod trouble;
    mod unlock;
    mod words;
}
