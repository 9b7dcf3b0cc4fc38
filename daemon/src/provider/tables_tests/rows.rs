//! Odd answers, and what each type makes of them.

use super::Type::{self, *};
use super::{Answer, CarriedOut, Class, answer, answer_with};
use crate::provider::http::MOST_BODY;

/// What an answer means: class, kind, and whether the request may have been carried out.
pub(super) type Expected = (Class, &'static str, CarriedOut);

/// An answer, and what each type is to make of it.
pub(super) struct Row {
    pub(super) what: &'static str,
    pub(super) answer: Answer,
    pub(super) expected: fn(Type) -> Expected,
}

const NO: Expected = (Class::No, "refused", CarriedOut::No);
const LOGIN: Expected = (Class::LoginNeeded, "invalid-grant", CarriedOut::No);
const THRICE: Expected = (Class::Doubtful, "unclear-refusal", CarriedOut::No);
const BUSY: Expected = (Class::NotNow, "busy", CarriedOut::No);
const LIMITED: Expected = (Class::NotNow, "rate-limited", CarriedOut::No);
const NOT_READY: Expected = (Class::NotNow, "service-error", CarriedOut::No);
const BROKEN: Expected = (Class::NotNow, "service-error", CarriedOut::Unclear);
const REDIRECT: Expected = (Class::NotNow, "redirect", CarriedOut::No);
const PAGE: Expected = (Class::NotNow, "page", CarriedOut::Unclear);
const NO_TOKEN: Expected = (Class::NotNow, "bad-answer", CarriedOut::AnswerLost);
/// A success that says that it is none, in words which no table knows.
const NO_SUCCESS: Expected = (Class::NotNow, "bad-answer", CarriedOut::No);
const BAD_TOKEN: Expected = (Class::NotNow, "bad-token", CarriedOut::AnswerLost);
const CUT: Expected = (Class::NotNow, "reset", CarriedOut::AnswerLost);
const TOO_LONG: Expected = (Class::NotNow, "too-long", CarriedOut::AnswerLost);

fn row(what: &'static str, answer: Answer, expected: fn(Type) -> Expected) -> Row {
    Row { what, answer, expected }
}

fn bytes(text: &str) -> Answer {
    Answer::Bytes(text.as_bytes().to_vec())
}

/// All of them.
pub(super) fn rows() -> Vec<Row> {
    [successes(), refusals(), errors_in_words(), others(), pages(), broken()].into_iter().flatten().collect()
}

/// A 2xx without a token, and with an error in it.
fn successes() -> Vec<Row> {
    // What is a text or a key may be any word; an empty one is none.
    let empty = |kind| match kind {
        ItsYouOnline | Offline | OpenvCloud | HttpText => BAD_TOKEN,
        _ => NO_TOKEN,
    };
    vec![
        row("200, empty", answer(200, ""), empty),
        row("200, blank", answer(200, " \r\n"), empty),
        row("201, empty", answer(201, ""), empty),
        row("204", answer(204, ""), empty),
        row("200, {}", answer(200, "{}"), |_| NO_TOKEN),
        row("200, []", answer(200, "[]"), |_| NO_TOKEN),
        row("200, null", answer(200, "null"), |_| NO_TOKEN),
        row("200, words", answer(200, "Please try again later."), |kind| match kind {
            ItsYouOnline | Offline | OpenvCloud | HttpText => BAD_TOKEN,
            _ => NO_TOKEN,
        }),
        row("200, a token of another kind", answer(200, r#"{"access_token": 7, "token": {}}"#), |_| NO_TOKEN),
        row("200, truncated JSON", answer(200, r#"{"access_token": "ab"#), |_| NO_TOKEN),
        row("200, RFC 6749 5.2", answer(200, r#"{"error": "invalid_client"}"#), |kind| match kind {
            ClientCredentials | Password | JwtBearer | TokenExchange | RefreshToken | DeviceCode => NO,
            _ => NO_TOKEN,
        }),
        row("200, invalid_grant", answer(200, r#"{"error": "invalid_grant"}"#), |kind| match kind {
            ClientCredentials | Password | JwtBearer | TokenExchange => NO,
            RefreshToken | DeviceCode => LOGIN,
            _ => NO_TOKEN,
        }),
        row(
            "200, GitHub's no",
            answer(200, r#"{"error": "incorrect_client_credentials"}"#),
            |kind| match kind {
                ClientCredentials | Password | JwtBearer | TokenExchange | RefreshToken | DeviceCode => NO,
                _ => NO_TOKEN,
            },
        ),
        row(
            "200, GitHub's perhaps",
            answer(200, r#"{"error": "bad_verification_code"}"#),
            |kind| match kind {
                ClientCredentials | Password | JwtBearer | TokenExchange | RefreshToken | DeviceCode => {
                    THRICE
                }
                _ => NO_TOKEN,
            },
        ),
        row(
            "200, an error that is an object",
            answer(200, r#"{"error": {"code": 401}}"#),
            |kind| match kind {
                ClientCredentials | Password | JwtBearer | TokenExchange | RefreshToken | DeviceCode => {
                    NO_SUCCESS
                }
                _ => NO_TOKEN,
            },
        ),
        row(
            "200, Lyve Cloud's error",
            answer(200, r#"{"code": "AuthenticationFailed "}"#),
            |kind| match kind {
                LyveCloud => NO_SUCCESS,
                _ => NO_TOKEN,
            },
        ),
    ]
}

/// A 4xx whose body says nothing.
fn refusals() -> Vec<Row> {
    let of_400: fn(Type) -> Expected = |kind| match kind {
        ItsYouOnline | Offline | HttpRefused => NO,
        _ => THRICE,
    };
    let of_401: fn(Type) -> Expected = |kind| match kind {
        ItsYouOnline | Offline | OpenvCloud | Http | HttpText => NO,
        _ => THRICE,
    };
    let of_403: fn(Type) -> Expected = |kind| match kind {
        LyveCloud | Http | HttpText => NO,
        _ => THRICE,
    };
    let of_404: fn(Type) -> Expected = |kind| if kind == HttpRefused { NO } else { THRICE };
    vec![
        row("400, empty", answer(400, ""), of_400),
        row("400, words", answer(400, "Bad Request\n"), of_400),
        row("400, truncated JSON", answer(400, r#"{"error": "invalid_gr"#), of_400),
        row("400, other JSON", answer(400, r#"["invalid_client"]"#), of_400),
        row("401, empty", answer(401, ""), of_401),
        row("401, words", answer(401, "Unauthorized\n"), of_401),
        row("401, JSON without words", answer(401, "{}"), of_401),
        row("403, empty", answer(403, ""), of_403),
        row("403, words", answer(403, "Rate Limit Exceeded"), of_403),
        row("404, empty", answer(404, ""), of_404),
        row("404, JSON", answer(404, r#"{"message": "no route"}"#), of_404),
        row("402", answer(402, ""), |_| THRICE),
        row("405", answer(405, ""), |_| THRICE),
        row("407", answer(407, ""), |_| THRICE),
        row("410", answer(410, "Gone"), |_| THRICE),
        row("415", answer(415, ""), |_| THRICE),
        // A session has ended, says OpenvCloud.
        row("419", answer(419, ""), |kind| if kind == OpenvCloud { NOT_READY } else { THRICE }),
        row("422", answer(422, "{}"), |_| THRICE),
        row("451", answer(451, ""), |_| THRICE),
        row("499", answer(499, ""), |_| THRICE),
    ]
}

/// An error in the words of a protocol.
fn errors_in_words() -> Vec<Row> {
    let invalid_client: fn(Type) -> Expected = |kind| match kind {
        ClientCredentials | Password | JwtBearer | TokenExchange | RefreshToken | DeviceCode
        | ItsYouOnline | Offline | HttpRefused => NO,
        _ => THRICE,
    };
    vec![
        row("400 invalid_client", answer(400, r#"{"error": "invalid_client"}"#), invalid_client),
        row("400 invalid_scope", answer(400, r#"{"error": "Invalid_Scope"}"#), invalid_client),
        row(
            "400 unauthorized_client as text/html",
            answer_with(400, "Content-Type: text/html\r\n", r#"{"error": "unauthorized_client"}"#),
            invalid_client,
        ),
        row("401 invalid_client", answer(401, r#"{"error": "invalid_client"}"#), |kind| match kind {
            LyveCloud | HttpRefused => THRICE,
            _ => NO,
        }),
        row("400 invalid_grant", answer(400, r#"{"error": "invalid_grant"}"#), |kind| match kind {
            RefreshToken | DeviceCode => LOGIN,
            ClientCredentials | Password | JwtBearer | TokenExchange | ItsYouOnline | Offline
            | HttpRefused => NO,
            _ => THRICE,
        }),
        row("403 access_denied", answer(403, r#"{"error": "access_denied"}"#), |kind| match kind {
            LyveCloud | Http | HttpText => NO,
            _ => THRICE,
        }),
        row("400 temporarily_unavailable", answer(400, r#"{"error": "temporarily_unavailable"}"#), |kind| {
            match kind {
                ClientCredentials | Password | JwtBearer | TokenExchange | RefreshToken | DeviceCode => {
                    NOT_READY
                }
                ItsYouOnline | Offline | HttpRefused => NO,
                _ => THRICE,
            }
        }),
        row("400 InvalidArgument", answer(400, r#"{"code": "InvalidArgument "}"#), |kind| match kind {
            LyveCloud | ItsYouOnline | Offline | HttpRefused => NO,
            _ => THRICE,
        }),
        row("400 ExpiredToken", answer(400, r#"{"code": "ExpiredToken"}"#), |kind| match kind {
            ItsYouOnline | Offline | HttpRefused => NO,
            _ => THRICE,
        }),
        row("429 invalid_grant", answer(429, r#"{"error": "invalid_grant"}"#), |_| LIMITED),
        row("500 invalid_grant", answer(500, r#"{"error": "invalid_grant"}"#), |_| BROKEN),
        row("503 invalid_client", answer(503, r#"{"error": "invalid_client"}"#), |_| NOT_READY),
        row("500 InternalError", answer(500, r#"{"code": "InternalError"}"#), |_| BROKEN),
        row("302 invalid_client", answer(302, r#"{"error": "invalid_client"}"#), |_| REDIRECT),
    ]
}

/// What is never a no, whoever says it.
fn others() -> Vec<Row> {
    vec![
        row("408", answer(408, ""), |_| BUSY),
        row("425", answer(425, ""), |_| BUSY),
        row("429", answer(429, ""), |_| LIMITED),
        row("500", answer(500, ""), |_| BROKEN),
        row("501", answer(501, ""), |_| BROKEN),
        row("502", answer(502, ""), |_| BROKEN),
        row("503", answer(503, ""), |_| NOT_READY),
        row("504", answer(504, ""), |_| BROKEN),
        row("520", answer(520, "error code: 520"), |_| BROKEN),
        row("599", answer(599, ""), |_| BROKEN),
        row("304", answer(304, ""), |_| REDIRECT),
    ]
}

/// A page in the place of JSON: a portal's, a firewall's, a gateway's.
fn pages() -> Vec<Row> {
    const HTML: &str = "<!DOCTYPE html><html><title>Sign in to the network</title></html>";
    let page = |status| answer_with(status, "Content-Type: text/html\r\n", HTML);
    vec![
        row("200, a portal", page(200), |_| PAGE),
        row("203, a portal", page(203), |_| PAGE),
        row("400, a page", page(400), |_| PAGE),
        row("401, a page", page(401), |_| PAGE),
        row("403, a page", page(403), |_| PAGE),
        row("404, a page", page(404), |_| PAGE),
        row("419, a page", page(419), |_| PAGE),
        row("511, a portal as RFC 6585 6 wants it", page(511), |_| BROKEN),
        row("408, a page", page(408), |_| BUSY),
        row("429, a page", page(429), |_| LIMITED),
        row("500, a page", page(500), |_| BROKEN),
        row("502, a page", page(502), |_| BROKEN),
        row("503, a page", page(503), |_| NOT_READY),
        row("504, a page", page(504), |_| BROKEN),
        row("302, a page", page(302), |_| REDIRECT),
        row(
            "403, a page as JSON",
            answer_with(403, "Content-Type: application/json\r\n", "\u{feff}\n <html>"),
            |_| PAGE,
        ),
        row(
            "200, XML",
            answer(200, "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"),
            |_| PAGE,
        ),
        row("401, XML", answer(401, "<Error/>"), |_| PAGE),
    ]
}

/// What is no whole answer.
fn broken() -> Vec<Row> {
    let long = "x".repeat(MOST_BODY + 1);
    vec![
        row("nothing", bytes(""), |_| CUT),
        row("silence", Answer::Silence, |_| (Class::NotNow, "timeout", CarriedOut::AnswerLost)),
        row("no HTTP", bytes("SSH-2.0-OpenSSH_9.2\r\n"), |_| CUT),
        row("half a head", bytes("HTTP/1.1 200 OK\r\nContent-Le"), |_| CUT),
        row("half a body", bytes("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"access_token\""), |_| CUT),
        row("half a chunk", bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"a"), |_| CUT),
        row("half a refusal", bytes("HTTP/1.1 401 X\r\nContent-Length: 99\r\n\r\n{\"error\": \"inv"), |_| {
            (Class::NotNow, "reset", CarriedOut::Unclear)
        }),
        row("a body that is too long", answer(200, &long), |_| TOO_LONG),
        row("a body without an end", bytes(&format!("HTTP/1.1 200 OK\r\n\r\n{long}")), |_| TOO_LONG),
        row(
            "a length beyond all bounds",
            bytes("HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999\r\n\r\n"),
            |_| TOO_LONG,
        ),
        row("a refusal that is too long", answer(401, &long), |_| {
            (Class::NotNow, "too-long", CarriedOut::Unclear)
        }),
    ]
}
