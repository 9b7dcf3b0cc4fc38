//! A daemon asked without `tok` between: for callers that ask many times a second.

use std::io;
use std::path::Path;

use tokend_proto::message::{Credential, Get, Refresh, Words};
use tokend_proto::{Answer, Request};

use crate::platform;
use crate::sandbox::{receive, send};

/// How long the daemon may wait for the service.
const TIMEOUT_MS: u64 = 20_000;

/// A token of this account, as `tok get` asks for it.
pub fn get(socket: &Path, account: &str) -> io::Result<Answer> {
    ask(
        socket,
        &Request::Get(Get {
            account: account.to_owned(),
            min_valid_ms: None,
            scope: Words::default(),
            audience: Words::default(),
            timeout_ms: TIMEOUT_MS,
        }),
    )
}

/// A new token now, as `tok refresh` asks for it.
pub fn refresh(socket: &Path, account: &str) -> io::Result<Answer> {
    ask(socket, &Request::Refresh(Refresh { account: account.to_owned(), timeout_ms: TIMEOUT_MS }))
}

/// The token itself.
#[must_use]
pub fn token_of(credential: &Credential) -> String {
    let bytes = credential.fields.first().map(|field| field.value.expose().to_vec());
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

fn ask(socket: &Path, request: &Request) -> io::Result<Answer> {
    let mut stream = platform::connect(socket)?;
    send(&mut stream, request)?;
    receive(&mut stream)
}
