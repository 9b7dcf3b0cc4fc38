//! What can go wrong on purpose, and the switchboard that says when.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::service::Answer;

/// One way in which a request ends badly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This answer instead of the service's own.
    Status {
        /// The HTTP status.
        code: u16,
        /// The body as it is.
        body: String,
        /// `Content-Type`; empty for none.
        content_type: String,
        /// `Retry-After`: seconds or an HTTP date, or anything else that a service might write.
        retry_after: Option<String>,
    },
    /// 200 with a page, as a captive portal answers.
    Html,
    /// 200 with bytes that are no text, called JSON.
    Garbage,
    /// 200 without a body.
    Empty,
    /// 307 to this address: what follows it sends the credentials there.
    Redirect(String),
    /// 200 with so many bytes of what could become JSON, and no `Content-Length`.
    Oversize(usize),
    /// Heard, never answered, and not carried out.
    Hang,
    /// The connection is closed before the request is carried out.
    Drop,
    /// The request is carried out; the connection is closed without an answer.
    Lost,
    /// The request is carried out; the connection is closed in the middle of the answer's body.
    Truncate,
    /// The request is carried out, then answered so much later.
    Slow(Duration),
    /// The request is carried out, then this happens instead of its answer.
    CarriedOut(Box<Self>),
}

impl Fault {
    /// This status with an empty body; says nothing about its type.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::Status { code, body: String::new(), content_type: String::new(), retry_after: None }
    }

    /// This status with a JSON body.
    #[must_use]
    pub fn json(code: u16, body: impl Into<String>) -> Self {
        Self::Status { code, body: body.into(), content_type: "application/json".into(), retry_after: None }
    }

    /// This status with a page, as a proxy or a firewall answers.
    #[must_use]
    pub fn page(code: u16) -> Self {
        Self::Status {
            code,
            body: format!("<!doctype html><title>{code}</title><h1>{code}</h1>"),
            content_type: "text/html; charset=utf-8".into(),
            retry_after: None,
        }
    }

    /// The same, after the request was carried out: its true answer is lost, as behind a proxy that gives up.
    #[must_use]
    pub fn after(self) -> Self {
        Self::CarriedOut(Box::new(self))
    }

    /// Adds `Retry-After` to a status; the other faults have nowhere to say it.
    #[must_use]
    pub fn retry_after(mut self, value: impl Into<String>) -> Self {
        if let Self::Status { retry_after, .. } = &mut self {
            *retry_after = Some(value.into());
        }
        self
    }

    /// Strikes so many times, then no more.
    #[must_use]
    pub fn times(self, times: usize) -> Planned {
        Planned { times: Some(times), ..self.into() }
    }

    /// Strikes the next request only.
    #[must_use]
    pub fn once(self) -> Planned {
        self.times(1)
    }

    /// Strikes every request, not only those for tokens.
    #[must_use]
    pub fn everywhere(self) -> Planned {
        Planned::from(self).everywhere()
    }

    /// The answer, of a fault that is one.
    pub(super) fn answer(&self) -> Option<Answer> {
        let answer = match self {
            Self::Status { code, body, content_type, retry_after } => {
                let mut answer = Answer::new(*code, content_type, body.as_str());
                if let Some(value) = retry_after {
                    answer = answer.header("retry-after", value);
                }
                answer
            }
            Self::Html => Answer::new(
                200,
                "text/html; charset=utf-8",
                "<!doctype html><title>Welcome</title><form>Accept the terms to go on.</form>",
            ),
            Self::Garbage => {
                Answer::new(200, "application/json", b"\x00\xff\xfe{\"token\":\x80\x81\x1b[2J".as_slice())
            }
            Self::Empty => Answer::new(200, "application/json", ""),
            Self::Redirect(url) => Answer::new(307, "", "").header("location", url),
            Self::Oversize(bytes) => {
                let mut body = br#"{"token":""#.to_vec();
                body.resize(*bytes, b'a');
                Answer::new(200, "application/json", body).chunked()
            }
            Self::Hang | Self::Drop | Self::Lost | Self::Truncate | Self::Slow(_) | Self::CarriedOut(_) => {
                return None;
            }
        };
        Some(answer)
    }
}

/// A fault with how often it strikes, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    fault: Fault,
    /// `None`: until it is cleared.
    times: Option<usize>,
    everywhere: bool,
}

impl Planned {
    /// Strikes every request, not only those for tokens.
    #[must_use]
    pub fn everywhere(mut self) -> Self {
        self.everywhere = true;
        self
    }
}

impl From<Fault> for Planned {
    fn from(fault: Fault) -> Self {
        Self { fault, times: None, everywhere: false }
    }
}

/// The planned faults, first planned first.
#[derive(Debug, Default)]
pub(super) struct Switchboard(Mutex<VecDeque<Planned>>);

impl Switchboard {
    pub(super) fn plan(&self, planned: Planned) {
        self.planned().push_back(planned);
    }

    pub(super) fn clear(&self) {
        self.planned().clear();
    }

    /// The fault that strikes this request, counted.
    pub(super) fn strike(&self, token_request: bool) -> Option<Fault> {
        let mut planned = self.planned();
        planned.retain(|plan| plan.times != Some(0));
        let plan = planned.iter_mut().find(|plan| token_request || plan.everywhere)?;
        plan.times = plan.times.map(|times| times - 1);
        Some(plan.fault.clone())
    }

    fn planned(&self) -> MutexGuard<'_, VecDeque<Planned>> {
        self.0.lock().expect("nobody panics while planning")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_strike_in_the_order_in_which_they_were_planned_and_end() {
        let board = Switchboard::default();
        board.plan(Fault::Html.times(2));
        board.plan(Fault::Empty.once());
        board.plan(Fault::Hang.times(0));
        let struck: Vec<_> = (0..4).map(|_| board.strike(true)).collect();
        assert_eq!(struck, [Some(Fault::Html), Some(Fault::Html), Some(Fault::Empty), None]);
    }

    #[test]
    fn a_fault_spares_the_api_unless_it_is_everywhere_and_lasts_until_it_is_cleared() {
        let board = Switchboard::default();
        board.plan(Fault::Drop.into());
        board.plan(Fault::Garbage.everywhere());
        assert_eq!(board.strike(false), Some(Fault::Garbage));
        assert_eq!((board.strike(true), board.strike(true)), (Some(Fault::Drop), Some(Fault::Drop)));
        board.clear();
        assert_eq!(board.strike(true), None);
    }
}
