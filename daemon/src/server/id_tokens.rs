//! The id token that came with a token (OpenID Connect Core 1.0, 2), for whoever asks for it.

use std::sync::Arc;

use tokend_proto::EncodeError;
use tokend_proto::envelope::{self, Kind};
use tokend_proto::limits::MAX_ANSWER;
use tokend_proto::message::{Code, CredentialRef, Failure, Get, Refresh};
use zeroize::Zeroizing;

use super::Server;
use super::answers::{self, Given};
use crate::account::{Account, Need, Token, span};
use crate::clock::{Moment, milliseconds};

/// Whether an id token has the life that is needed.
#[derive(Debug, PartialEq, Eq)]
enum Fit {
    Good,
    /// Another one may be better.
    TooShort,
    /// There is none.
    None,
}

/// One that lives, together with its account's token, or after a refresh: the token in hand may have outlived it.
pub(super) async fn get(server: &Arc<Server>, get: Get) -> Result<Given, Failure> {
    let need = answers::need(&get);
    let (name, timeout_ms) = (get.account.clone(), get.timeout_ms);
    let is_own = get.scope.is_empty() && get.audience.is_empty();
    // What is demanded is demanded of the id token.
    let given = answers::get_token(server, Get { min_valid_ms: None, ..get }).await?;
    let given = match fit(&given, need) {
        Some(Fit::Good) | None => given,
        Some(Fit::None) if !asks_for_one(&given) => return Err(none(&name)),
        Some(_) if !is_own => given,
        Some(_) => {
            if let Some(longest) = never(&given, need) {
                return Err(longest);
            }
            answers::refresh_token(server, &Refresh { account: name.clone(), timeout_ms }).await?
        }
    };
    match (fit(&given, need), given) {
        (Some(Fit::Good), Given::Token { account, token, now, .. }) => {
            Ok(Given::IdToken { account, token, now })
        }
        (Some(Fit::TooShort), given) => Err(never(&given, need).unwrap_or_else(|| too_short(&name))),
        (Some(Fit::None), _) => Err(none(&name)),
        (_, given) => Ok(given),
    }
}

/// The frame of an id token: the credential's `token` is it.
pub(super) fn frame(
    account: &Account,
    token: &Token,
    now: Moment,
    id: u32,
    first: bool,
) -> Result<Zeroizing<Vec<u8>>, EncodeError> {
    let (mut fields, mut left) = (Vec::new(), None);
    if let Some(id_token) = token.id_token(now) {
        fields.push(("token".to_owned(), id_token.secret.duplicate()));
        left = Some(id_token.left);
    }
    let credential = CredentialRef {
        account: &account.name,
        scheme: "Bearer",
        parameter: "",
        fields: &fields,
        expires_at_ms: left.map(|left| now.wall.after(left).0),
        expires_in_ms: left.map(milliseconds),
        scope: &[],
        warnings: &[],
        generation: token.generation,
    };
    envelope::frame(id, Kind::CREDENTIAL, &credential, first, MAX_ANSWER)
}

fn fit(given: &Given, need: Need) -> Option<Fit> {
    let Given::Token { token, now, .. } = given else { return None };
    Some(match (token.id_token(*now), need) {
        (None, _) => Fit::None,
        (Some(it), Need::Wish) if !it.left.is_zero() => Fit::Good,
        (Some(it), Need::Demand(least)) if !it.left.is_zero() && it.left >= least => Fit::Good,
        (Some(_), _) => Fit::TooShort,
    })
}

/// Whether the account asks its service for id tokens (OpenID Connect Core 1.0, 3.1.2.1).
fn asks_for_one(given: &Given) -> bool {
    let Given::Token { account, .. } = given else { return false };
    let is_openid = |scopes: &[String]| scopes.iter().any(|scope| scope == "openid");
    account.provider.scopes().is_some_and(is_openid)
}

/// A demand that no id token of the service meets.
fn never(given: &Given, need: Need) -> Option<Failure> {
    let (Given::Token { account, token, now, .. }, Need::Demand(least)) = (given, need) else { return None };
    let life = token.id_token(*now)?.life;
    (life < least).then(|| Failure {
        code: Code::NEVER_THAT_LONG,
        kind: "never-that-long".to_owned(),
        message: format!("{}: the service's id tokens live {}", account.name, span(life)),
        hint: "ask for less with `--min-valid`".to_owned(),
        next_try_in_ms: None,
    })
}

fn too_short(account: &str) -> Failure {
    Failure {
        code: Code::NOT_NOW,
        kind: "id-token".to_owned(),
        message: format!("{account}: there is no id token with so much life left now"),
        hint: "ask again in a moment".to_owned(),
        next_try_in_ms: None,
    }
}

fn none(account: &str) -> Failure {
    Failure {
        code: Code::REFUSED,
        kind: "no-id-token".to_owned(),
        message: format!("{account}: no id token came with its token"),
        hint: "the account's `scope` must have \"openid\", and the service must know OpenID Connect; some give one at a \
               login only (`tok login`)"
            .to_owned(),
        next_try_in_ms: None,
    }
}
