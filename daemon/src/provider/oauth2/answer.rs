//! What a token endpoint answers (RFC 6749 5.1 and 5.2), and what is seen in its stead.

use serde_json::Value;
use tokend_proto::Secret;

use super::token_exchange;
use crate::clock::Moment;
use crate::provider::http::Reply;
use crate::provider::lifetime::{self, Dead, dead};
use crate::provider::verdict::{Row, judge};
use crate::provider::words::{Held, Members, Words};
use crate::provider::{CarriedOut, Class, Failure, Minted, jwt, token};
use crate::secret::Source;

/// Codes of services which say that the grant is of no use, as `invalid_grant` does: GitHub's of a refresh token, and
/// those of OpenID Connect Core 1.0, 3.1.2.6, which Microsoft says at the token endpoint, too.
const ENDED: &[&str] = &["bad_refresh_token", "interaction_required", "consent_required", "login_required"];

/// RFC 6749 5.2 has six codes; `invalid_target` is RFC 8707 2's. GitHub sends its own, with 200. What is no
/// refusal has codes too: 4.1.2.1's two and RFC 8628 3.5's. A code that is none of these, at any status, is
/// doubtful.
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
    Row::codes_anywhere(ENDED, Class::No),
    Row::codes_anywhere(&["server_error", "temporarily_unavailable", "slow_down"], Class::NotNow),
    Row::any_code(Class::Doubtful),
];

const WORDS: Members = Members { code: &["error"], description: &["error_description"] };

/// The members of an answer that are tokens (RFC 6749 5.1, OpenID Connect Core 1.0, 3.1.3.3).
const TOKENS: [&str; 3] = ["access_token", "refresh_token", "id_token"];

const CREDENTIALS: &str = "client_id, client_secret and scope";

/// What a request was for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose<'a> {
    /// A token. A refresh token that comes along is not kept.
    Token,
    /// A token for others (RFC 8693), which need not be an access token.
    Exchange {
        /// `requested_token_type`
        requested: Option<&'a str>,
    },
    /// A token for a refresh token. The new one comes with the token, or with the failure where the token
    /// itself is of no use.
    Refresh(Spent<'a>),
    /// A person's login: a token, and the first refresh token.
    Login {
        /// What the id token must repeat (OpenID Connect Core 1.0, 3.1.2.1).
        nonce: Option<&'a str>,
    },
}

/// The refresh token that a request spent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent<'a> {
    pub(super) token: &'a Secret,
    pub(super) origin: Origin<'a>,
}

/// Where the first of several refresh tokens came from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'a> {
    /// From here.
    Source(&'a Source),
    /// From a person's login for this account.
    Login(&'a str),
}

/// The code of the error that a reply holds (RFC 6749 5.2), if it holds one.
pub(super) fn error_code(reply: &Reply) -> Option<String> {
    let body = reply.json()?;
    body.get("error")?.as_str().map(|code| code.trim().to_owned())
}

/// Whether a reply brings tokens, whatever they are good for: then what they were given for is spent.
pub(super) fn brings_tokens(reply: &Reply) -> bool {
    let body = reply.json();
    let member = |name: &str| body.as_ref().and_then(|body| body.get(name));
    let is_there = |name: &&str| member(name).is_some_and(tells);
    reply.is_success() && !is_there(&"error") && TOKENS.iter().any(is_there)
}

/// The id token in a reply, not verified yet.
pub(super) fn id_token(reply: &Reply) -> Option<String> {
    let mut body = reply.json()?;
    match body.get_mut("id_token")?.take() {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// The service's words in a reply that is no token, without the secrets in `held`.
pub(super) fn words(reply: &Reply, held: &Held) -> Words {
    Words::read(reply.json().as_ref(), WORDS, held)
}

/// The token in `reply`, which came to a request of the moment `now`, or what its absence means.
pub(super) fn read(reply: &Reply, now: Moment, purpose: Purpose<'_>, held: &Held) -> Result<Minted, Failure> {
    let spent = match purpose {
        Purpose::Refresh(spent) => Some(spent),
        Purpose::Token | Purpose::Exchange { .. } | Purpose::Login { .. } => None,
    };
    let body = reply.json();
    let member = |name: &str| body.as_ref().and_then(|body| body.get(name));
    // An answer that holds a token and an error may repeat the one in the other.
    let held = &held.and(TOKENS.iter().filter_map(|name| member(name)?.as_str()));
    let words = Words::read(body.as_ref(), WORDS, held);
    if !reply.is_success() || member("error").is_some_and(tells) {
        let failure = judge(reply, TOKEN, &words, CREDENTIALS);
        return Err(match spent {
            Some(spent) if failure.class == Class::No && is_of_the_grant(&words) => {
                ended(reply, &words, spent)
            }
            // An error in whatever form says that nothing was done.
            _ if failure.carried_out == CarriedOut::AnswerLost => failure.perhaps(CarriedOut::No),
            _ => failure,
        });
    }
    let rotated = match purpose {
        Purpose::Refresh(spent) => Rotation::read(member("refresh_token"), Some(spent.token)),
        Purpose::Login { .. } => Rotation::read(member("refresh_token"), None),
        Purpose::Token | Purpose::Exchange { .. } => Rotation::None,
    };
    let Some(text) = member("access_token").and_then(Value::as_str) else {
        return Err(rotated.of_no_token(judge(reply, TOKEN, &words, CREDENTIALS)));
    };
    let minted = match purpose {
        Purpose::Exchange { requested } => read_exchanged(text, body.as_ref(), reply, now, requested, held),
        _ => check_type(member("token_type"), reply, held)
            .and_then(|()| read_token(text, body.as_ref(), reply, now)),
    };
    match minted {
        Ok(minted) => Ok(rotated.with(minted, &reply.host)),
        Err(failure) => Err(rotated.of_no_use(failure)),
    }
}

fn read_token(text: &str, body: Option<&Value>, reply: &Reply, now: Moment) -> Result<Minted, Failure> {
    let member = |name: &str| body.and_then(|body| body.get(name));
    let token = token::accept_from(text.as_bytes(), reply)?;
    let lifetime = match lifetime::told(member("expires_in")) {
        // Nobody said, but the token may (RFC 9068).
        Ok(None) => jwt::life(&token, now.wall, reply.date),
        told => told,
    };
    let lifetime = lifetime.map_err(|Dead| dead(&reply.host))?;
    // A string with blanks by RFC 6749 3.3, a list at some.
    let scope = member("scope").and_then(jwt::words);
    Ok(Minted { lifetime, scope, date: reply.date, ..Minted::of(token) })
}

/// What came for other tokens (RFC 8693 2.2.1): its `token_type` is `N_A` where it is no access token.
fn read_exchanged(
    text: &str,
    body: Option<&Value>,
    reply: &Reply,
    now: Moment,
    requested: Option<&str>,
    held: &Held,
) -> Result<Minted, Failure> {
    let member = |name: &str| body.and_then(|body| body.get(name)).and_then(Value::as_str).map(str::trim);
    let issued = member("issued_token_type").filter(|issued| !issued.is_empty());
    let is_none = member("token_type").is_some_and(|told| told.eq_ignore_ascii_case("N_A"));
    let is_other = issued.or(requested).is_some_and(|issued| issued != token_exchange::ACCESS_TOKEN);
    if !(is_none && is_other) {
        check_type(body.and_then(|body| body.get("token_type")), reply, held)?;
    }
    let mut minted = read_token(text, body, reply, now)?;
    if let (Some(requested), Some(issued)) = (requested, issued)
        && requested != issued
    {
        let issued = held.clean(issued, 100);
        minted.warnings.push(format!("{} gave a token of the type {issued}, not {requested}", reply.host));
    }
    Ok(minted)
}

/// Whether the member `error` says that there was one, in the form of RFC 6749 5.2 or in another.
fn tells(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.trim().is_empty(),
        _ => true,
    }
}

fn is_of_the_grant(words: &Words) -> bool {
    let is = |code: &str| ["invalid_grant"].iter().chain(ENDED).any(|ended| code.eq_ignore_ascii_case(ended));
    words.code().is_some_and(is)
}

/// The refresh token is "invalid, expired, revoked …" (RFC 6749 5.2): only another one helps.
fn ended(reply: &Reply, words: &Words, spent: Spent<'_>) -> Failure {
    let message = format!("{} refused the refresh token ({}{words})", reply.host, reply.status);
    let hint = match spent.origin {
        Origin::Login(account) => format!("`tok login {account}`"),
        Origin::Source(first) => match first.in_store() {
            Some(name) => format!(
                "log in at the service anew, and put its refresh token into the store: `tok secret set {name}`"
            ),
            None => format!(
                "log in at the service anew, and put its refresh token where it comes from: {}",
                first.describe()
            ),
        },
    };
    Failure::login_needed("invalid-grant", message, hint).after(reply.retry_after)
}

/// What an answer says of the refresh token that was spent for it.
enum Rotation {
    /// It stays good.
    None,
    /// It is void, and this takes its place.
    To(Secret),
    /// It may be void, and what takes its place cannot be kept.
    Lost,
}

impl Rotation {
    /// RFC 6749 6: "The authorization server MAY issue a new refresh token". Any text is taken as it is, for
    /// to lose it is to lose the login, and it goes nowhere but back to the service, encoded.
    fn read(told: Option<&Value>, spent: Option<&Secret>) -> Self {
        let text = match told {
            None | Some(Value::Null) => return Self::None,
            Some(Value::String(text)) if text.is_empty() => return Self::None,
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Self::Lost,
        };
        match Secret::new(text.into_bytes()) {
            Ok(new) if spent.is_some_and(|spent| new.matches(spent)) => Self::None,
            Ok(new) => Self::To(new),
            Err(_) => Self::Lost,
        }
    }

    /// A token that is served.
    fn with(self, mut minted: Minted, host: &str) -> Minted {
        match self {
            Self::None => {}
            Self::To(new) => minted.refresh_token = Some(new),
            Self::Lost => minted.warnings.push(format!(
                "{host} gave a new refresh token that cannot be kept: \
                 this may be the last token without a login"
            )),
        }
        minted
    }

    /// An answer whose access token is of no use, but which is one.
    fn of_no_use(self, failure: Failure) -> Failure {
        match self {
            Self::None => failure.perhaps(CarriedOut::No),
            Self::To(new) => failure.perhaps(CarriedOut::No).with_rotated(Some(new)),
            Self::Lost => failure.perhaps(CarriedOut::AnswerLost),
        }
    }

    /// An answer without an access token.
    fn of_no_token(self, failure: Failure) -> Failure {
        match self {
            Self::None => failure,
            rotated => rotated.of_no_use(failure),
        }
    }
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
