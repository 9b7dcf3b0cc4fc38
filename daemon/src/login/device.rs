//! A login by the device flow (RFC 8628): the person types a code at the service, and the service is asked
//! now and then.

use std::sync::Arc;
use std::time::Duration;

use tokend_proto::message::{LoggedIn, LoginStep};

use super::board::blank;
use super::flow::Flow;
use super::words;
use crate::clock::Moment;
use crate::provider::login::{DeviceAuthorization, LogIn, Polled};
use crate::provider::{Class, Failure, Minted};

/// No code is waited for longer.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// RFC 8628 3.5: with each `slow_down`, for good.
const SLOWER: Duration = Duration::from_secs(5);

/// Of a service that answers no more it is asked at least so often, unless it wants less.
const SLOWEST: Duration = Duration::from_secs(60);

/// An answer that nobody understands may be a moment's fault; so many in a row are not.
const DOUBTS: u32 = 3;

/// A device flow that has begun.
pub(super) struct Begun {
    at: Moment,
    device: Arc<DeviceAuthorization>,
}

impl Flow {
    /// A login by the device flow. Where there is none, the failure's kind is [`NO_DEVICE_FLOW`].
    ///
    /// [`NO_DEVICE_FLOW`]: crate::provider::login::NO_DEVICE_FLOW
    pub(super) async fn by_device(&mut self, log_in: &dyn LogIn) -> Result<LoggedIn, Failure> {
        let device = self.begin_by_device(log_in).await?;
        self.wait_for_device(device).await
    }

    /// Gets a code.
    pub(super) async fn begin_by_device(&self, log_in: &dyn LogIn) -> Result<Begun, Failure> {
        let asking = self.asking();
        let device = log_in.device(&asking).await?;
        Ok(Begun { at: asking.now, device: Arc::new(device) })
    }

    /// Shows it, and asks until it was typed.
    pub(super) async fn wait_for_device(&mut self, begun: Begun) -> Result<LoggedIn, Failure> {
        let Begun { at, device } = begun;
        let deadline = at.steady.after(device.expires_in.min(LONGEST));
        let step = LoginStep {
            url: device.verification_uri.to_string(),
            complete_url: device.verification_uri_complete.as_ref().map(ToString::to_string),
            user_code: Some(device.user_code.clone()),
            message: words::type_the_code(),
            ..blank(LoginStep::DEVICE)
        };
        self.board.show(step, deadline);

        let (mut interval, mut doubts, mut fails) = (device.interval, 0, false);
        let mut pause = interval;
        loop {
            let next = self.clock.now().steady.after(pause);
            self.clock.reach(next.min(deadline)).await;
            if self.clock.now().steady >= deadline {
                return Err(words::code_expired());
            }
            let asking = self.asking();
            let now = asking.now;
            let request = {
                let (account, device) = (Arc::clone(&self.account), Arc::clone(&device));
                async move {
                    let log_in = account.provider.login().ok_or_else(words::fault)?;
                    log_in.poll(&device, &asking).await
                }
            };
            let answer = self.trade().outcome(request, tokens).await;
            if fails && answer.is_ok() {
                fails = false;
                self.board.note(words::answers_again());
            }
            pause = match answer {
                Ok(Polled::Done(minted)) => return self.keep(now, *minted).await,
                // Trying on is in vain: a code is good for once.
                Ok(Polled::Spoilt(failure)) => return Err(failure),
                Ok(Polled::Pending) => {
                    doubts = 0;
                    interval
                }
                Ok(Polled::SlowDown) => {
                    doubts = 0;
                    interval = interval.saturating_add(SLOWER);
                    interval
                }
                Err(failure) => {
                    doubts = if failure.class == Class::Doubtful { doubts + 1 } else { 0 };
                    let may_pass = failure.class == Class::NotNow || (doubts > 0 && doubts < DOUBTS);
                    if !may_pass || failure.kind == crate::provider::login::CODE_EXPIRED {
                        return Err(failure);
                    }
                    if failure.kind == "timeout" {
                        // RFC 8628 3.5: "exponential backoff … such as doubling the polling interval".
                        interval = interval.saturating_mul(2).min(SLOWEST.max(interval));
                    }
                    fails = true;
                    self.board.note(words::fails_for_now(&failure));
                    interval.max(failure.retry_after.unwrap_or_default())
                }
            };
        }
    }
}

/// What an answer brings that must not be lost.
fn tokens(answer: Polled) -> Option<Minted> {
    match answer {
        Polled::Done(minted) => Some(*minted),
        Polled::Spoilt(_) | Polled::Pending | Polled::SlowDown => None,
    }
}
