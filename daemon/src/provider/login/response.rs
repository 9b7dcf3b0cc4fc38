//! What the browser brought back (RFC 6749 4.1.2): whose answer it is, and what it says.

use std::borrow::Cow;

use subtle::ConstantTimeEq as _;
use tokend_proto::Secret;

use super::{Authorization, DECLINED};
use crate::provider::Failure;
use crate::provider::http::address;
use crate::provider::words::Held;

/// What an answer is.
#[derive(Debug)]
pub enum Response {
    /// Somebody else's: it does not repeat our state, or cannot be read.
    Foreign,
    /// It repeats our state, but holds neither a code nor an error: the address that the browser began with,
    /// most likely.
    Unfinished,
    /// The code to trade.
    Code(Secret),
    /// It repeats our state, but is of another service than ours, or does not say whose it is though it should
    /// (RFC 9207). From a browser the login has ended; what a person pasted may just be cut off.
    OtherIssuer(Failure),
    /// The service's error. The login has ended.
    Failed(Failure),
}

impl Authorization {
    /// Reads what stood behind the `?` of the address that the browser was sent to.
    #[must_use]
    pub fn read(&self, query: &[u8]) -> Response {
        let Some(answer) = Answer::parse(query) else { return Response::Foreign };
        let is_ours =
            answer.state.as_ref().is_some_and(|state| state.as_bytes().ct_eq(self.state.as_bytes()).into());
        if !is_ours {
            return Response::Foreign;
        }
        if answer.code.is_none() && answer.error.is_none() {
            return Response::Unfinished;
        }
        if let Err(failure) = self.check_issuer(answer.iss.as_deref(), answer.error.is_some()) {
            return Response::OtherIssuer(failure);
        }
        match (answer.error, answer.code) {
            (Some(error), _) => Response::Failed(self.refusal(&error, answer.description.as_deref())),
            (None, Some(code)) => match Secret::new(code.into_owned().into_bytes()) {
                Ok(code) if !code.is_empty() => Response::Code(code),
                _ => Response::Unfinished,
            },
            (None, None) => Response::Unfinished,
        }
    }

    /// RFC 9207 2.4: an answer of another issuer is rejected, and what it says of an error is not believed.
    /// Services leave their name out of an error, though they promise it (seen: django-oauth-toolkit 3.4.1);
    /// that brings no code which could be told to the wrong one.
    fn check_issuer(&self, told: Option<&str>, is_error: bool) -> Result<(), Failure> {
        const HINT: &str = "write `issuer` letter by letter as the service names itself";
        let Some(issuer) = &self.issuer else { return Ok(()) };
        let message = match told {
            Some(told) if told == issuer => return Ok(()),
            None if is_error || !self.names_issuer => return Ok(()),
            Some(told) => format!(
                "the answer that the browser brought is of another service: it calls itself {}",
                Held::default().clean(told, 200)
            ),
            None => "the answer that the browser brought does not say which service it is of, \
                     though the service always does"
                .to_owned(),
        };
        Err(Failure::no("wrong-issuer", message, HINT))
    }

    /// RFC 6749 4.1.2.1, OpenID Connect Core 3.1.2.6.
    fn refusal(&self, error: &str, description: Option<&str>) -> Failure {
        let held = Held::default();
        let host = address::host(&self.url);
        let words = match description.map(|text| held.clean(text, 200)).filter(|text| !text.is_empty()) {
            Some(description) => format!("{}: {description}", held.clean(error, 64)),
            None => held.clean(error, 64),
        };
        match error {
            "access_denied" | "user_cancelled_login" | "user_cancelled_authorize" => Failure::no(
                DECLINED,
                format!("it was declined at {host} ({words})"),
                "log in again, and allow it there",
            ),
            "server_error" | "temporarily_unavailable" => Failure::not_now(
                "service-error",
                format!("{host} is not ready ({words})"),
                "log in again in a moment",
            ),
            _ => Failure::no(
                "refused",
                format!("{host} refused the login ({words})"),
                "check client_id, scope and redirect_uris against what is registered at the service",
            ),
        }
    }
}

/// The parameters of an answer that mean something.
#[derive(Default)]
struct Answer<'q> {
    state: Option<Cow<'q, str>>,
    code: Option<Cow<'q, str>>,
    iss: Option<Cow<'q, str>>,
    error: Option<Cow<'q, str>>,
    description: Option<Cow<'q, str>>,
}

impl<'q> Answer<'q> {
    /// None where a parameter comes twice (RFC 6749 3.1): which is meant nobody knows.
    fn parse(query: &'q [u8]) -> Option<Self> {
        let mut answer = Self::default();
        for (name, value) in form_urlencoded::parse(query) {
            let place = match &*name {
                "state" => &mut answer.state,
                "code" => &mut answer.code,
                "iss" => &mut answer.iss,
                "error" => &mut answer.error,
                "error_description" => &mut answer.description,
                _ => continue,
            };
            if place.replace(value).is_some() {
                return None;
            }
        }
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::provider::Class;

    fn authorization(issuer: Option<&str>, names_issuer: bool) -> Authorization {
        Authorization {
            url: Url::parse("https://a.example/authorize").expect("a URL"),
            redirect_uri: "http://127.0.0.1:1/".to_owned(),
            state: "st".to_owned(),
            nonce: None,
            code_verifier: Secret::new(b"v".to_vec()).expect("short"),
            issuer: issuer.map(str::to_owned),
            names_issuer,
        }
    }

    fn read(query: &str) -> Response {
        authorization(None, false).read(query.as_bytes())
    }

    fn failed(response: Response) -> (Class, &'static str, String) {
        match response {
            Response::Failed(failure) | Response::OtherIssuer(failure) => {
                (failure.class, failure.kind, failure.message)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_an_answer_with_our_state_is_ours() {
        for query in ["", "code=c", "state=", "state=s&code=c", "state=sT&code=c", "state=stt&code=c", "=st"]
        {
            assert!(matches!(read(query), Response::Foreign), "{query}");
        }
        for query in ["state=st&state=st&code=c", "state=st&code=c&code=d", "state=x&state=st&error=e"] {
            assert!(matches!(read(query), Response::Foreign), "{query}");
        }
        for query in ["state=st", "state=st&code=", "response_type=code&state=st&client_id=x"] {
            assert!(matches!(read(query), Response::Unfinished), "{query}");
        }
        match read("x=y&code=a%2Bb+c&state=s%74") {
            Response::Code(code) => assert_eq!(code.expose().as_str(), Some("a+b c")),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_error_is_told_by_its_meaning() {
        let (class, kind, message) =
            failed(read("state=st&error=access_denied&error_description=No%0a%1b[1m!"));
        assert_eq!((class, kind), (Class::No, DECLINED));
        assert_eq!(message, "it was declined at a.example (access_denied: No [1m!)");
        for (error, class, kind) in [
            ("invalid_scope", Class::No, "refused"),
            ("unauthorized_client", Class::No, "refused"),
            ("login_required", Class::No, "refused"),
            ("server_error", Class::NotNow, "service-error"),
            ("temporarily_unavailable", Class::NotNow, "service-error"),
        ] {
            let (found, word, _) = failed(read(&format!("error={error}&state=st&code=c")));
            assert_eq!((found, word), (class, kind), "{error}");
        }
    }

    #[test]
    fn an_answer_of_another_issuer_is_rejected() {
        let issuer = "https://a.example/t";
        let read = |known, names, query: &str| authorization(known, names).read(query.as_bytes());
        let right = "state=st&code=c&iss=https%3A%2F%2Fa.example%2Ft";
        let wrong = "state=st&code=c&iss=https%3A%2F%2Fb.example";
        assert!(matches!(read(Some(issuer), true, right), Response::Code(_)));
        assert!(matches!(read(Some(issuer), false, right), Response::Code(_)));
        assert!(matches!(read(Some(issuer), false, "state=st&code=c"), Response::Code(_)));
        assert!(matches!(read(None, true, wrong), Response::Code(_)));
        for (names, query) in [
            (true, wrong),
            (false, wrong),
            (true, "state=st&code=c"),
            (true, "state=st&error=access_denied&iss=https%3A%2F%2Fb.example"),
            (false, "state=st&error=access_denied&iss=https%3A%2F%2Fb.example"),
            (false, "state=st&code=c&iss=https%3A%2F%2Fa.example%2Ft%2F"),
        ] {
            let response = read(Some(issuer), names, query);
            assert!(matches!(response, Response::OtherIssuer(_)), "{query}");
            assert_eq!(failed(response).1, "wrong-issuer", "{query}");
        }
        assert!(matches!(read(Some(issuer), true, "state=x&iss=y"), Response::Foreign));
        assert_eq!(failed(read(Some(issuer), true, "state=st&error=access_denied")).1, DECLINED);
    }

    #[test]
    fn debug_shows_no_code() {
        assert_eq!(format!("{:?}", read("state=st&code=hunter2")), "Code(…)");
    }
}
