//! Whether a token that somebody refused is dead: the service is asked (RFC 7662), where it is configured.

use serde_json::Value;
use tokend_proto::Secret;

use super::answer::{self, TOKEN};
use super::endpoints::Endpoint;
use super::extra::Kind;
use super::form::Form;
use super::{Answered, OAuth2};
use crate::clock::Moment;
use crate::provider::login::Asking;
use crate::provider::verdict::{judge, unusable};
use crate::provider::{Failure, Probe, lifetime};

const CREDENTIALS: &str = "client_id, client_secret and `introspection_endpoint`";

impl OAuth2 {
    /// What the service says of a token.
    ///
    /// # Errors
    /// Why it says nothing.
    pub(super) async fn introspect(&self, token: &Secret, asking: &Asking) -> Result<Probe, Failure> {
        let mut form = Form::default();
        form.say_secret("token", token);
        form.say("token_type_hint", "access_token");
        let answered = self.post(Endpoint::Introspection, form, Kind::Introspection, asking).await?;
        read(&answered, asking.now)
    }
}

/// RFC 7662 2.2. Only `active` says anything; the time is a hint.
fn read(answered: &Answered, now: Moment) -> Result<Probe, Failure> {
    let Answered { reply, held } = answered;
    if !reply.is_success() || reply.is_page() || answer::error_code(reply).is_some() {
        return Err(judge(reply, TOKEN, &answer::words(reply, held), CREDENTIALS));
    }
    let body = reply.json();
    let member = |name: &str| body.as_ref().and_then(|body| body.get(name));
    match member("active") {
        Some(Value::Bool(true)) => {
            let end = member("exp").and_then(lifetime::seconds).map(lifetime::wall);
            // A clock that says otherwise is wrong: the service says that it lives.
            let left = end.and_then(|end| lifetime::until(end, now.wall, reply.date).ok());
            Ok(Probe::Alive(left))
        }
        Some(Value::Bool(false)) => Ok(Probe::Dead),
        Some(_) => Ok(Probe::Unknown),
        None => Err(unusable(reply, "something else than what RFC 7662 has for a token")),
    }
}
