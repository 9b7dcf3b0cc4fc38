//! What a token endpoint answers (RFC 6749 5.1 and 5.2), and what is seen in its stead.

use serde_json::Value;

use crate::provider::http::Reply;
use crate::provider::lifetime::{self, Dead, dead};
use crate::provider::verdict::{Row, judge};
use crate::provider::words::{Held, Members, Words};
use crate::provider::{Class, Failure, MintRequest, Minted, jwt, token};

/// RFC 6749 5.2 has six codes; `invalid_target` is RFC 8707 2's. GitHub sends its own, with 200. What is no refusal has
/// codes too: 4.1.2.1's two and RFC 8628 3.5's. A code that is none of these, at any status, is doubtful.
pub(super) const TOKEN: &[Row] = &[
    Row::codes_anywhere(
        &[
            "invalid_request",
            "invalid_client",
            "invalid_grant",
            "unauthorized_client",
            "unsupported_grant_type",
            "invalid_scope",
            "invalid_target",
            "incorrect_client_credentials",
        ],
        Class::No,
    ),
    Row::codes_anywhere(&["server_error", "temporarily_unavailable", "slow_down"], Class::NotNow),
    Row::any_code(Class::Doubtful),
];

const WORDS: Members = Members { code: &["error"], description: &["error_description"] };
const CREDENTIALS: &str = "client_id, client_secret and scope";

/// The token in `reply`, or what its absence means.
pub(super) fn read(reply: &Reply, asked: &MintRequest, held: &Held) -> Result<Minted, Failure> {
    let body = reply.json();
    let member = |name: &str| body.as_ref().and_then(|body| body.get(name));
    // An answer that holds a token and an error may repeat the one in the other.
    let tokens = ["access_token", "refresh_token", "id_token"];
    let held = &held.and(tokens.iter().filter_map(|name| member(name)?.as_str()));
    let words = Words::read(body.as_ref(), WORDS, held);
    let text = member("access_token").and_then(Value::as_str);
    let Some(text) = text.filter(|_| reply.is_success() && words.code.is_none()) else {
        return Err(judge(reply, TOKEN, &words, CREDENTIALS));
    };
    check_type(member("token_type"), reply, held)?;
    let token = token::accept(text.as_bytes(), &reply.host)?;
    let lifetime = match lifetime::told(member("expires_in")) {
        // Nobody said, but the token may (RFC 9068).
        Ok(None) => jwt::life(&token, asked.now.wall, reply.date),
        told => told,
    };
    let lifetime = lifetime.map_err(|Dead| dead(&reply.host))?;
    // A string with blanks by RFC 6749 3.3, a list at some.
    let scope = member("scope").and_then(jwt::words);
    Ok(Minted { lifetime, scope, date: reply.date, ..Minted::of(token) })
}

/// RFC 6749 7.1: a client must not use a token whose type it does not understand. Case makes no difference.
fn check_type(told: Option<&Value>, reply: &Reply, held: &Held) -> Result<(), Failure> {
    let Some(told) = told.and_then(Value::as_str).map(str::trim) else {
        return Ok(());
    };
    if told.is_empty() || told.eq_ignore_ascii_case("bearer") {
        return Ok(());
    }
    let message = format!("{} gave a token of the type {}, not Bearer", reply.host, held.clean(told, 32));
    Err(Failure::doubtful(
        "unsupported-token-type",
        message,
        "ask the service for a client with Bearer tokens",
    ))
}
