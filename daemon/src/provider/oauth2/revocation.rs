//! The end of a login: its tokens are revoked at the service (RFC 7009).

use tokend_proto::Secret;

use super::answer::{self, TOKEN};
use super::endpoints::Endpoint;
use super::extra::Kind;
use super::form::Form;
use super::{Answered, OAuth2};
use crate::provider::login::Asking;
use crate::provider::verdict::judge;
use crate::provider::{Class, Failure, Revocation, Revoked};

const CREDENTIALS: &str = "client_id, client_secret and `revocation_endpoint`";

/// What became of one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Revoked,
    /// The service does not revoke tokens of this type (RFC 7009 2.2.1).
    Unsupported,
}

impl OAuth2 {
    /// Revokes the refresh token first: with it go the tokens that came of it (RFC 7009 2.1). Then the access
    /// token, which some services leave alive, and others cannot revoke.
    ///
    /// # Errors
    /// Why the service did not do it.
    pub(super) async fn end_login(
        &self,
        revocation: &Revocation,
        asking: &Asking,
    ) -> Result<Revoked, Failure> {
        if self.endpoints.find(Endpoint::Revocation, &self.http, asking.now).await?.is_none() {
            return Ok(Revoked::NotOffered);
        }
        let refresh_token = match &revocation.refresh_token {
            Some(token) => Some(self.revoke_one(token, "refresh_token", asking).await?),
            None => None,
        };
        let access_token = match &revocation.access_token {
            Some(token) => match self.revoke_one(token, "access_token", asking).await {
                Ok(outcome) => Some(outcome),
                // It went with the refresh token, and is no longer known.
                Err(failure)
                    if refresh_token == Some(Outcome::Revoked)
                        && matches!(failure.class, Class::No | Class::Doubtful) =>
                {
                    tracing::debug!(kind = failure.kind, "the access token was not revoked by itself");
                    Some(Outcome::Unsupported)
                }
                Err(failure) => return Err(failure),
            },
            None => None,
        };
        match (refresh_token, access_token) {
            (Some(Outcome::Unsupported), _) | (None, Some(Outcome::Unsupported)) => Ok(Revoked::NotOffered),
            _ => Ok(Revoked::Done),
        }
    }

    async fn revoke_one(&self, token: &Secret, hint: &str, asking: &Asking) -> Result<Outcome, Failure> {
        let mut form = Form::default();
        form.say_secret("token", token);
        form.say("token_type_hint", hint);
        let answered = self.post(Endpoint::Revocation, form, Kind::Revocation, asking).await?;
        read(&answered)
    }
}

/// RFC 7009 2.2: 200, whatever the body; also for a token that was none any more.
fn read(answered: &Answered) -> Result<Outcome, Failure> {
    let Answered { reply, held } = answered;
    let code = answer::error_code(reply);
    if reply.is_success() && !reply.is_page() && code.is_none() {
        return Ok(Outcome::Revoked);
    }
    let words = answer::words(reply, held);
    let failure = judge(reply, TOKEN, &words, CREDENTIALS);
    let unsupported = code.is_some_and(|code| code.eq_ignore_ascii_case("unsupported_token_type"));
    if unsupported && failure.class != Class::NotNow {
        return Ok(Outcome::Unsupported);
    }
    Err(failure)
}
