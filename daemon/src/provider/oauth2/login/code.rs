//! The authorization code (RFC 6749 4.1) with PKCE (RFC 7636): where a browser is sent, and what its answer
//! is traded for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use tokend_proto::Secret;
use zeroize::Zeroizing;

use super::shown::MOST_ADDRESS;
use super::unfit;
use crate::clock::Moment;
use crate::provider::http::address;
use crate::provider::login::{Asking, Authorization};
use crate::provider::oauth2::OAuth2;
use crate::provider::oauth2::answer::Purpose;
use crate::provider::oauth2::endpoints::{Endpoint, is_safe_to_open};
use crate::provider::oauth2::extra::Kind;
use crate::provider::oauth2::form::Form;
use crate::provider::{Failure, Minted};

/// Bytes of chance in a state, a nonce and a verifier: 256 bits, 43 characters (RFC 7636 4.1 wants at least
/// as many).
const CHANCE: usize = 32;

impl OAuth2 {
    /// Where to send the browser.
    pub(super) async fn begin_by_code(
        &self,
        redirect_uri: &str,
        now: Moment,
    ) -> Result<Authorization, Failure> {
        let mut url = self.endpoints.require(Endpoint::Authorization, &self.http, now).await?;
        // Nobody begins a login that cannot be ended.
        self.endpoints.require(Endpoint::Token, &self.http, now).await?;
        let metadata = match self.endpoints.metadata(&self.http, now).await {
            // What is written does without.
            Err(_) if self.endpoints.written(Endpoint::Authorization).is_some() => None,
            metadata => metadata?,
        };
        let state = by_chance()?;
        let asks_for_id_token = self.scope.iter().any(|scope| scope == "openid");
        let nonce = if asks_for_id_token { Some(by_chance()?) } else { None };
        let code_verifier = by_chance()?;

        let mut form = Form::default();
        form.say("response_type", "code");
        if let Some(id) = &self.client.id {
            form.say("client_id", id);
        }
        form.say("redirect_uri", redirect_uri);
        self.say_for_what(&mut form, &self.scope, &self.audience);
        form.say("state", &state);
        if let Some(nonce) = &nonce {
            form.say("nonce", nonce);
        }
        form.say("code_challenge", &challenge(&code_verifier));
        form.say("code_challenge_method", "S256");
        for (name, value) in self.extra.of(Kind::Authorization) {
            form.say(name, value);
        }
        // The encoding of forms leaves the star alone; a shell does not.
        let said = String::from_utf8_lossy(form.pairs.as_bytes()).replace('*', "%2A");
        // RFC 6749 3.1: the endpoint's own query stays.
        let query = match url.query().filter(|query| !query.is_empty()) {
            Some(own) => format!("{own}&{said}"),
            None => said,
        };
        url.set_query(Some(&query));
        if !is_safe_to_open(url.as_str()) || url.as_str().len() > MOST_ADDRESS {
            let host = address::host(&url);
            return Err(unfit(format!("the address to log in at {host} cannot be opened as it is")));
        }
        Ok(Authorization {
            url,
            redirect_uri: redirect_uri.to_owned(),
            state: state.as_str().to_owned(),
            nonce: nonce.map(|nonce| nonce.as_str().to_owned()),
            code_verifier: Secret::new(code_verifier.as_bytes().to_vec()).map_err(|_| no_chance())?,
            issuer: self.endpoints.issuer().map(str::to_owned),
            names_issuer: metadata.is_some_and(|metadata| metadata.response_names_issuer),
        })
    }

    /// Trades the code (RFC 6749 4.1.3, RFC 7636 4.5).
    pub(super) async fn redeem_code(
        &self,
        authorization: &Authorization,
        code: &Secret,
        asking: &Asking,
    ) -> Result<Minted, Failure> {
        let mut form = Form::of_grant("authorization_code");
        form.say_secret("code", code);
        form.say("redirect_uri", &authorization.redirect_uri);
        form.say_secret("code_verifier", &authorization.code_verifier);
        self.say_for_what(&mut form, &[], &[]);
        let nonce = authorization.nonce.as_deref();
        self.trade(form, Kind::Token, Purpose::Login { nonce }, &self.scope, asking).await
    }
}

/// 256 bits that nobody guesses, as text for URLs.
fn by_chance() -> Result<Zeroizing<String>, Failure> {
    let mut bytes = Zeroizing::new([0; CHANCE]);
    getrandom::getrandom(&mut *bytes).map_err(|_| no_chance())?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

fn no_chance() -> Failure {
    Failure::not_now("internal", "the system gives no random numbers", "see the log of the system")
}

/// RFC 7636 4.2.
fn challenge(code_verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(code_verifier))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
