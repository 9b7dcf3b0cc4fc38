//! The device flow (RFC 8628): a code for the person, and whether they have typed it yet.

use std::time::Duration;

use serde_json::Value;
use tokend_proto::Secret;
use url::Url;

use super::shown::{is_user_code, openable};
use crate::provider::http::{Reply, address};
use crate::provider::lifetime;
use crate::provider::login::{Asking, CODE_EXPIRED, DECLINED, DeviceAuthorization, NO_DEVICE_FLOW, Polled};
use crate::provider::oauth2::answer::{self, Purpose, TOKEN};
use crate::provider::oauth2::endpoints::Endpoint;
use crate::provider::oauth2::extra::Kind;
use crate::provider::oauth2::form::Form;
use crate::provider::oauth2::{Answered, OAuth2};
use crate::provider::verdict::{judge, unusable};
use crate::provider::words::{Members, Words};
use crate::provider::{Class, Failure};

/// RFC 8628 3.2: "If no value is provided, clients MUST use 5 as the default".
const INTERVAL: Duration = Duration::from_secs(5);

/// What services say is believed within these bounds.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5 * 60));

/// How long a code is good for where the service does not say, though it must.
const LIFE: Duration = Duration::from_secs(10 * 60);

/// A code that nobody can type in time is none; one that is good for longer is not waited for.
const LIVES: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(60 * 60));

/// So many times the service could be asked in a code's life, where its own interval leaves no time for any.
/// The last is when the code ends.
const QUESTIONS: u32 = 4;

/// RFC 8628 3.4.
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What services say to a client that is not allowed this flow, or of one that they do not have (RFC 6749
/// 5.2); the last is GitHub's.
const NOT_OFFERED: &[&str] = &["unauthorized_client", "unsupported_grant_type", "device_flow_disabled"];

const WORDS: Members = Members { code: &["error"], description: &["error_description"] };

impl OAuth2 {
    /// Asks for a code (RFC 8628 3.1).
    pub(super) async fn begin_by_device(&self, asking: &Asking) -> Result<DeviceAuthorization, Failure> {
        // Nobody types a code for a login that cannot be ended.
        self.endpoints.require(Endpoint::Token, &self.http, asking.now).await?;
        if self.endpoints.find(Endpoint::DeviceAuthorization, &self.http, asking.now).await?.is_none() {
            let message = "the service does not say that it has a device flow";
            let hint = "write `device_authorization_endpoint` if it has one";
            return Err(Failure::no(NO_DEVICE_FLOW, message, hint));
        }
        let mut form = Form::default();
        self.say_for_what(&mut form, &self.scope, &self.audience);
        let answered =
            self.post(Endpoint::DeviceAuthorization, form, Kind::DeviceAuthorization, asking).await?;
        let here = self.endpoints.named().is_some_and(address::is_loopback);
        read(&answered, here)
    }

    /// Asks whether it was typed (RFC 8628 3.4, 3.5).
    pub(super) async fn poll_device(
        &self,
        device: &DeviceAuthorization,
        asking: &Asking,
    ) -> Result<Polled, Failure> {
        let mut form = Form::of_grant(GRANT_TYPE);
        form.say_secret("device_code", &device.device_code);
        self.say_for_what(&mut form, &[], &[]);
        let answered = self.post(Endpoint::Token, form, Kind::Token, asking).await?;
        let host = &answered.reply.host;
        let code = answer::error_code(&answered.reply).unwrap_or_default().to_ascii_lowercase();
        match &*code {
            "authorization_pending" => Ok(Polled::Pending),
            "slow_down" => Ok(Polled::SlowDown),
            // The second is Microsoft's.
            "access_denied" | "authorization_declined" => Err(Failure::no(
                DECLINED,
                format!("it was declined at {host} ({code})"),
                "log in again, and allow it there",
            )),
            // GitHub's page has it both ways.
            "expired_token" | "token_expired" => Err(Failure::not_now(
                CODE_EXPIRED,
                format!("the code expired before it was used, says {host}"),
                "log in again for a new code",
            )),
            _ => match self.accept(&answered, Purpose::Login { nonce: None }, &self.scope, asking).await {
                Ok(minted) => Ok(Polled::Done(Box::new(minted))),
                Err(failure) if answer::brings_tokens(&answered.reply) => Ok(Polled::Spoilt(failure)),
                Err(failure) => Err(failure),
            },
        }
    }
}

/// RFC 8628 3.2.
fn read(answered: &Answered, service_is_here: bool) -> Result<DeviceAuthorization, Failure> {
    let Answered { reply, held } = answered;
    let body = reply.json();
    let member = |name: &str| body.as_ref().and_then(|body| body.get(name));
    let text = |name: &str| member(name).and_then(Value::as_str);
    let held = &held.and(text("device_code").into_iter());
    let words = Words::read(body.as_ref(), WORDS, held);
    if !reply.is_success() || words.code().is_some() || text("device_code").is_none() {
        let failure = judge(reply, TOKEN, &words, "client_id, client_secret and scope");
        let is_told = |code: &str| NOT_OFFERED.iter().any(|known| known.eq_ignore_ascii_case(code));
        // Not of one that is busy, whatever it says.
        if words.code().is_some_and(is_told) && failure.class != Class::NotNow {
            let message =
                format!("{} has no device flow for this client ({}{words})", reply.host, reply.status);
            let hint = "allow it for the client at the service";
            return Err(Failure::no(NO_DEVICE_FLOW, message, hint));
        }
        return Err(failure);
    }
    let missing = |name: &str| unusable(reply, &format!("a device code without a {name}"));
    let device_code = text("device_code").filter(|code| !code.is_empty());
    let device_code = device_code.ok_or_else(|| missing("device_code"))?;
    let user_code = text("user_code").ok_or_else(|| missing("user_code"))?;
    if !is_user_code(user_code) {
        let message = format!("{} gave a user_code with characters that nobody should type", reply.host);
        return Err(unfit(message));
    }
    // Google's older name.
    let (name, uri) = ["verification_uri", "verification_url"]
        .into_iter()
        .find_map(|name| Some((name, text(name)?)))
        .ok_or_else(|| missing("verification_uri"))?;
    let complete = ["verification_uri_complete", "verification_url_complete"]
        .into_iter()
        .find_map(|name| Some((name, text(name).filter(|text| !text.is_empty())?)));
    let expires_in = clamped(member("expires_in"), LIFE, LIVES);
    Ok(DeviceAuthorization {
        device_code: Secret::new(device_code.as_bytes().to_vec())
            .map_err(|too_long| unfit(format!("{} gave a device_code that is {too_long}", reply.host)))?,
        user_code: user_code.to_owned(),
        verification_uri: checked(reply, name, uri, service_is_here)?,
        verification_uri_complete: match complete {
            Some((name, uri)) => Some(checked(reply, name, uri, service_is_here)?),
            None => None,
        },
        expires_in,
        interval: fitting(clamped(member("interval"), INTERVAL, INTERVALS), expires_in),
    })
}

/// Something that nobody should be shown.
fn unfit(message: String) -> Failure {
    Failure::no("bad-metadata", message, "tell those who run the service")
}

fn checked(reply: &Reply, name: &str, uri: &str, service_is_here: bool) -> Result<Url, Failure> {
    openable(uri, service_is_here)
        .map_err(|fault| unfit(format!("the {name} that {} gave {fault}", reply.host)))
}

/// A number of seconds, or the text of one, within bounds.
fn clamped(told: Option<&Value>, default: Duration, (least, most): (Duration, Duration)) -> Duration {
    match told.and_then(lifetime::seconds) {
        None => default,
        Some(seconds) if seconds <= least.as_secs_f64() => least,
        Some(seconds) => Duration::try_from_secs_f64(seconds).unwrap_or(most).min(most),
    }
}

/// An interval at which the service would never be asked before the code ends is a mistake: then a few times.
fn fitting(interval: Duration, life: Duration) -> Duration {
    if interval < life { interval } else { life / QUESTIONS }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::provider::words::Held;

    fn read_from(status: u16, body: &Value) -> Result<DeviceAuthorization, Failure> {
        let reply = Reply::pretend(status, &body.to_string());
        read(&Answered { reply, held: Held::default() }, false)
    }

    fn body() -> Value {
        json!({
            "device_code": "dc", "user_code": "WDJB-MJHT",
            "verification_uri": "https://a.example/device",
            "verification_uri_complete": "https://a.example/device?user_code=WDJB-MJHT",
            "expires_in": 1800, "interval": 7,
        })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut body = body();
        body[name] = value;
        body
    }

    #[test]
    fn a_code_comes_with_where_and_how_long() {
        let device = read_from(200, &body()).expect("a code");
        assert_eq!(device.user_code, "WDJB-MJHT");
        assert_eq!(device.verification_uri.as_str(), "https://a.example/device");
        let complete = device.verification_uri_complete.map(String::from);
        assert_eq!(complete.as_deref(), Some("https://a.example/device?user_code=WDJB-MJHT"));
        assert_eq!((device.expires_in.as_secs(), device.interval.as_secs()), (1800, 7));

        let mut google = body();
        google["verification_url"] = google["verification_uri"].take();
        google["verification_uri_complete"].take();
        let device = read_from(200, &google).expect("a code");
        assert_eq!(device.verification_uri.as_str(), "https://a.example/device");
        assert_eq!(device.verification_uri_complete, None);
    }

    #[test]
    fn odd_numbers_are_believed_within_bounds() {
        for (value, interval, life) in [
            (json!(null), 5, 600),
            (json!("9"), 9, 10),
            (json!("soon"), 5, 600),
            (json!(0), 1, 10),
            (json!(-5), 1, 10),
            (json!(0.2), 1, 10),
            (json!(1e300), 300, 3600),
            (json!(u64::MAX), 300, 3600),
        ] {
            let found = read_from(200, &with("interval", value.clone())).expect("a code").interval;
            assert_eq!(found.as_secs(), interval, "{value}");
            let found = read_from(200, &with("expires_in", value.clone())).expect("a code").expires_in;
            assert_eq!(found.as_secs(), life, "{value}");
        }
    }

    #[test]
    fn the_service_is_asked_before_the_code_ends() {
        for (interval, life, expected) in [
            (json!(300), json!(300), 75_000),
            (json!(600), json!(120), 30_000),
            (json!(299), json!(300), 299_000),
            (json!(60), json!(3), 2_500),
            (json!(5), json!(10), 5_000),
            (json!(900), json!(null), 300_000),
        ] {
            let mut body = with("interval", interval);
            body["expires_in"] = life;
            let device = read_from(200, &body).expect("a code");
            assert_eq!(device.interval.as_millis(), expected, "{body}");
        }
    }

    #[test]
    fn nothing_harmful_is_shown_to_a_person() {
        for (name, value) in [
            ("user_code", "AB\u{1b}[2J"),
            ("user_code", ""),
            ("user_code", "$(reboot)"),
            ("verification_uri", "http://a.example/device"),
            ("verification_uri", "https://127.0.0.1/device"),
            ("verification_uri", "javascript:alert(1)"),
            ("verification_uri", "https://a.example/;reboot"),
            ("verification_uri", "https://a.example/\u{7}"),
            ("verification_uri_complete", "https://a.example/`reboot`"),
            ("verification_uri_complete", "file:///etc/passwd"),
        ] {
            let failure = read_from(200, &with(name, json!(value))).expect_err("a refusal");
            assert_eq!((failure.class, failure.kind), (Class::No, "bad-metadata"), "{value:?}");
            assert!(failure.message.contains(name), "{failure}");
        }
    }

    #[test]
    fn what_is_no_code_is_told_by_its_meaning() {
        for (status, body, class, kind) in [
            (400, json!({"error": "unauthorized_client"}), Class::No, NO_DEVICE_FLOW),
            (400, json!({"error": "unsupported_grant_type"}), Class::No, NO_DEVICE_FLOW),
            (200, json!({"error": "device_flow_disabled"}), Class::No, NO_DEVICE_FLOW),
            (503, json!({"error": "unauthorized_client"}), Class::NotNow, "service-error"),
            (401, json!({"error": "invalid_client"}), Class::No, "refused"),
            (400, json!({"error": "invalid_scope"}), Class::No, "refused"),
            (404, json!({}), Class::Doubtful, "unclear-refusal"),
            (302, json!({}), Class::NotNow, "redirect"),
            (200, json!({}), Class::NotNow, "bad-answer"),
            (200, json!({"device_code": "d"}), Class::NotNow, "bad-answer"),
            (503, json!({}), Class::NotNow, "service-error"),
        ] {
            let failure = read_from(status, &body).expect_err("a refusal");
            assert_eq!((failure.class, failure.kind), (class, kind), "{status} {body}");
        }
        let portal = Reply::pretend(200, "<html>log in to the network</html>");
        let failure = read(&Answered { reply: portal, held: Held::default() }, false).expect_err("a page");
        assert_eq!((failure.class, failure.kind), (Class::NotNow, "page"));
    }
}
