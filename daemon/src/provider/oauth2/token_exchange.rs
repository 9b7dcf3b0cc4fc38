//! The grant `token_exchange`: a token of another account, or from elsewhere, is traded for one (RFC 8693).

use std::sync::Arc;
use std::time::Duration;

use tokend_proto::Secret;

use super::form::Form;
use crate::document::{Shape, Table};
use crate::provider::login::Asking;
use crate::provider::{Borrowed, Failure};
use crate::secret::{Reach, Source};

/// RFC 8693 2.1.
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// RFC 8693 3.
pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// What is traded for what.
#[derive(Debug)]
pub(super) struct TokenExchange {
    /// The subject's, and then the actor's, if there is one.
    traded: Vec<Traded>,
    /// `requested_token_type`
    pub(super) requested: Option<String>,
}

/// A token that is traded.
#[derive(Debug)]
struct Traded {
    /// Its key.
    role: &'static str,
    origin: Origin,
    token_type: String,
}

#[derive(Debug)]
enum Origin {
    Account(Borrowed),
    Source(Source),
}

impl TokenExchange {
    /// Reads `subject`, `subject_token_type`, `actor`, `actor_token_type`, `requested_token_type`. What is
    /// wrong has been reported where there is none.
    pub(super) fn read(table: &mut Table<'_>, reach: &Reach) -> Option<Self> {
        table.require("subject");
        let subject = Traded::read(table, "subject", "subject_token_type", reach);
        let actor = Traded::read(table, "actor", "actor_token_type", reach);
        let requested = read_type(table, "requested_token_type");
        if let (false, Some(span)) = (table.has("actor"), table.key_span("actor_token_type")) {
            // RFC 8693 2.1: "It MUST NOT be included when the actor_token parameter is not included".
            table.report(&span, "`actor_token_type` has no effect here", "write `actor`, or remove it");
        }
        if actor.is_none() && table.has("actor") {
            return None;
        }
        Some(Self { traded: [Some(subject?), actor].into_iter().flatten().collect(), requested })
    }

    /// Where its tokens come from, where that is a source.
    pub(super) fn sources(&self) -> Vec<(&'static str, &Source)> {
        let mut sources = Vec::new();
        for traded in &self.traded {
            if let Origin::Source(source) = &traded.origin {
                sources.push((traded.role, source));
            }
        }
        sources
    }

    /// The accounts whose tokens are traded, in the order of the request's.
    pub(super) fn borrows(&self) -> Vec<Borrowed> {
        let account = |traded: &Traded| match &traded.origin {
            Origin::Account(borrowed) => Some(borrowed.clone()),
            Origin::Source(_) => None,
        };
        self.traded.iter().filter_map(account).collect()
    }

    /// The account whose token the subject's is, if it is one's.
    pub(super) fn subject_account(&self) -> Option<&str> {
        match &self.traded.first()?.origin {
            Origin::Account(borrowed) => Some(&borrowed.account),
            Origin::Source(_) => None,
        }
    }

    /// What is said of it. `borrowed` are the tokens of [`TokenExchange::borrows`].
    ///
    /// # Errors
    /// Why a token cannot be had.
    pub(super) async fn form(
        &self,
        borrowed: &[Arc<Secret>],
        asking: &Asking,
        timeout: Duration,
    ) -> Result<Form, Failure> {
        let mut borrowed = borrowed.iter();
        let mut form = Form::of_grant(GRANT_TYPE);
        for traded in &self.traded {
            let name = format!("{}_token", traded.role);
            match &traded.origin {
                Origin::Source(source) => {
                    form.say_secret(&name, &source.fetch(&asking.errand, timeout).await?);
                }
                Origin::Account(_) => {
                    form.say_secret(&name, borrowed.next().ok_or_else(nothing_borrowed)?);
                }
            }
            form.say(&format!("{name}_type"), &traded.token_type);
        }
        if let Some(requested) = &self.requested {
            form.say("requested_token_type", requested);
        }
        Ok(form)
    }

    /// What `tokend check` shows of it beside its sources.
    pub(super) fn describe(&self, into: &mut Vec<(&'static str, String)>) {
        for traded in &self.traded {
            if let Origin::Account(Borrowed { account, id_token }) = &traded.origin {
                let what = if *id_token { "the id token of " } else { "" };
                into.push((traded.role, format!("{what}the account {account}")));
            }
        }
        into.extend(self.requested.iter().map(|requested| ("requested_token_type", requested.clone())));
    }
}

fn nothing_borrowed() -> Failure {
    Failure::not_now(
        "internal",
        "a fault in tokend itself: it had no token of the other account at hand",
        "see the log of tokend, and please report it",
    )
}

impl Traded {
    fn read(table: &mut Table<'_>, key: &'static str, key_of_type: &str, reach: &Reach) -> Option<Self> {
        let token_type = read_type(table, key_of_type);
        let of_account = table.shape(key) == Some(Shape::Table)
            && table.table(key).is_some_and(|inner| inner.has("account"));
        let (origin, default) = if of_account {
            let borrowed = read_account(table, key)?;
            let default = if borrowed.id_token { ID_TOKEN } else { ACCESS_TOKEN };
            (Origin::Account(borrowed), default)
        } else {
            (Origin::Source(Source::read(table, key, reach)?), JWT)
        };
        Some(Self { role: key, origin, token_type: token_type.unwrap_or_else(|| default.to_owned()) })
    }
}

/// `{ account = "x" }`, `{ account = "x", token = "id_token" }`.
fn read_account(table: &mut Table<'_>, key: &str) -> Option<Borrowed> {
    let mut inner = table.table(key)?;
    let account = inner.required_string("account");
    let token = inner.one_of("token", &["access_token", "id_token"]);
    let sound = inner.remaining_keys().is_empty() && (token.is_some() || !inner.has("token"));
    inner.finish();
    let id_token = token.is_some_and(|token| token.value == "id_token");
    Some(Borrowed { account: account?.value, id_token }).filter(|_| sound)
}

/// A token type: a URI (RFC 8693 3).
fn read_type(table: &mut Table<'_>, key: &str) -> Option<String> {
    let text = table.string(key)?;
    let is_uri = text.value.contains(':') && text.value.chars().all(|c| c.is_ascii_graphic());
    if !is_uri {
        let hint = "such as \"urn:ietf:params:oauth:token-type:access_token\"";
        table.report(&text.span, format!("`{key}` is no URI"), hint);
    }
    is_uri.then_some(text.value)
}
