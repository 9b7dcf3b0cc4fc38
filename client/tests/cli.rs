//! The real `tok` against a daemon that speaks the protocol and says what a test wants.

#![expect(clippy::expect_used, reason = "tests")]

mod cli {
    mod accounts;
    mod daemon;
    mod engine;
    mod get;
    mod login;
    mod logout;
    mod platform;
    mod service;
    mod tok;
    mod trouble;
    mod unlock;
    mod words;

    #[path = "platform/suite/mod.rs"]
    mod on_this_system;
}
