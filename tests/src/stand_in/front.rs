//! The HTTP front of every stand-in: hears, writes down, lets a fault strike, answers.

use std::convert::Infallible;
use std::future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use tokio::net::TcpListener;

use super::fault::{Fault, Switchboard};
use super::ledger::{Entry, Ledger};
use super::line::{Lines, Shears};
use super::service::{Answer, Home, Service};

/// A request's body may have so many bytes.
const BODY_LIMIT: usize = 1024 * 1024;

/// A service behind its ledger and its switchboard.
#[derive(Debug)]
pub(super) struct Front<S> {
    service: Mutex<S>,
    pub(super) home: Home,
    pub(super) ledger: Ledger,
    pub(super) switchboard: Switchboard,
}

impl<S: Service> Front<S> {
    pub(super) fn new(service: S, home: Home) -> Self {
        Self {
            service: Mutex::new(service),
            home,
            ledger: Ledger::default(),
            switchboard: Switchboard::default(),
        }
    }

    pub(super) fn service(&self) -> MutexGuard<'_, S> {
        self.service.lock().expect("no answer and no change of this service has panicked")
    }

    /// Answers until it is dropped.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener) {
        let routes = axum::Router::new()
            .fallback(respond::<S>)
            .with_state(self)
            .into_make_service_with_connect_info::<Shears>();
        // It does not end by itself.
        let _ = axum::serve(Lines(listener), routes).await;
    }
}

async fn respond<S: Service>(
    State(front): State<Arc<Front<S>>>,
    ConnectInfo(shears): ConnectInfo<Shears>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let mut entry = Entry::new(&parts, &body, S::CLIENT_FIELD);
    entry.token_request = front.service().is_token_request(&entry);
    // Written down before anything else: a request that hangs was heard, too.
    front.ledger.write(&mut entry);

    let mut fault = front.switchboard.strike(entry.token_request);
    let mut own = None;
    while let Some(Fault::CarriedOut(then)) = fault {
        own = own.or_else(|| Some(front.service().answer(&entry, &front.home)));
        fault = Some(*then);
    }
    match &fault {
        Some(Fault::Hang) => future::pending().await,
        Some(Fault::Drop) => return cut(&shears),
        _ => {}
    }
    let answer = match fault.as_ref().and_then(Fault::answer) {
        Some(answer) => answer,
        None => own.unwrap_or_else(|| front.service().answer(&entry, &front.home)),
    };
    match fault {
        Some(Fault::Lost) => return cut(&shears),
        Some(Fault::Truncate) => shears.cut_body_after(answer.body.len() / 2),
        Some(Fault::Slow(delay)) => tokio::time::sleep(delay).await,
        _ => {}
    }
    front.service().answered(&entry, &answer);
    front.ledger.answered(entry.number, answer.status);
    write(answer)
}

/// An answer of which nothing is sent.
fn cut(shears: &Shears) -> Response {
    shears.cut_now();
    StatusCode::NO_CONTENT.into_response()
}

fn write(answer: Answer) -> Response {
    let body = if answer.filling > 0 {
        Body::new(Filled { body: Some(answer.body.into()), filling: answer.filling })
    } else if answer.chunked {
        // As a stream it has no length that could be told.
        Body::from_stream(Body::from(answer.body).into_data_stream())
    } else {
        Body::from(answer.body)
    };
    let response = Response::builder().status(answer.status);
    answer
        .headers
        .iter()
        .fold(response, |response, (name, value)| response.header(name, value))
        .body(body)
        .expect("a status and headers that HTTP knows")
}

/// A body and what fills it up; nothing of that is in memory at once.
struct Filled {
    body: Option<Bytes>,
    filling: u64,
}

impl HttpBody for Filled {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static FILLING: [u8; 64 * 1024] = [b' '; 64 * 1024];
        let next = match self.body.take() {
            Some(body) => body,
            None if self.filling == 0 => return Poll::Ready(None),
            None => {
                let length = FILLING.len().min(usize::try_from(self.filling).unwrap_or(usize::MAX));
                self.filling -= length as u64;
                Bytes::from_static(&FILLING[..length])
            }
        };
        Poll::Ready(Some(Ok(Frame::data(next))))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::TcpStream;
    use std::time::Duration;

    use super::super::{LyveCloud, Reply, call};
    use super::*;

    fn ask(lyve: &LyveCloud) -> std::io::Result<Reply> {
        let body = r#"{"accountId":"acme","accessKey":"AKLYVE","secret":"lyve-secret"}"#;
        call("POST", &format!("{}/v2/auth/token", lyve.url()), &[], body)
    }

    #[test]
    fn answers_that_are_none_come_as_planned_and_issue_nothing() {
        let lyve = LyveCloud::start();
        lyve.fault(Fault::json(429, "{}").retry_after("7").once());
        lyve.fault(Fault::Html.once());
        lyve.fault(Fault::Garbage.once());
        lyve.fault(Fault::Empty.once());
        lyve.fault(Fault::Redirect("http://127.0.0.1:9/steal".into()).once());
        lyve.fault(Fault::Oversize(3_000_000).once());

        let busy = ask(&lyve).expect("an answer");
        assert_eq!((busy.status, busy.header("retry-after")), (429, Some("7")));
        assert!(ask(&lyve).expect("a page").text().starts_with("<!doctype html>"));
        assert!(std::str::from_utf8(&ask(&lyve).expect("garbage").body).is_err());
        assert!(ask(&lyve).expect("nothing").body.is_empty());
        let elsewhere = ask(&lyve).expect("a redirect");
        assert_eq!((elsewhere.status, elsewhere.header("location")), (307, Some("http://127.0.0.1:9/steal")));
        let huge = ask(&lyve).expect("much");
        assert_eq!((huge.body.len(), huge.header("content-length")), (3_000_000, None));

        assert_eq!((lyve.token_requests(), lyve.issued()), (6, 0));
        assert_eq!(ask(&lyve).expect("the service again").status, 200);
    }

    #[test]
    fn a_dropped_request_is_not_carried_out_and_a_lost_or_truncated_answer_is() {
        let lyve = LyveCloud::start();
        for (fault, issued) in [(Fault::Drop, 0), (Fault::Lost, 1), (Fault::Truncate, 2)] {
            lyve.fault(fault.once());
            assert_eq!(ask(&lyve).expect_err("half an answer at most").kind(), ErrorKind::UnexpectedEof);
            assert_eq!(lyve.issued(), issued);
        }
        let status: Vec<_> = lyve.ledger().iter().map(|entry| entry.status).collect();
        assert_eq!(status, [None, None, Some(200)]);
    }

    #[test]
    fn a_request_that_is_carried_out_can_be_answered_with_anything() {
        let lyve = LyveCloud::start();
        lyve.fault(Fault::page(502).after().once());
        lyve.fault(Fault::status(504).after().once());
        lyve.fault(Fault::Garbage.after().once());
        lyve.fault(Fault::Empty.after().after().once());
        assert_eq!(ask(&lyve).expect("a page").status, 502);
        assert_eq!(ask(&lyve).expect("a status").status, 504);
        assert!(std::str::from_utf8(&ask(&lyve).expect("garbage").body).is_err());
        assert!(ask(&lyve).expect("nothing").body.is_empty());
        assert_eq!((lyve.token_requests(), lyve.issued()), (4, 4));
    }

    #[test]
    fn a_truncated_answer_promises_all_and_brings_half_of_its_body() {
        let lyve = LyveCloud::start();
        lyve.fault(Fault::Truncate.everywhere());
        let mut stream = TcpStream::connect(lyve.address()).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a limit");
        stream.write_all(b"GET /v2/auth/token HTTP/1.1\r\nHost: lyve\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an end");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a whole head");
        let promised = head.to_lowercase().split_once("content-length: ").expect("a length").1.to_owned();
        let promised: usize = promised.lines().next().expect("a line").trim().parse().expect("a number");
        assert_eq!(body.len(), promised / 2);
    }

    #[test]
    fn a_request_that_hangs_is_heard_and_holds_up_nobody_else() {
        let lyve = LyveCloud::start();
        lyve.fault(Fault::Hang.once());
        let mut stream = TcpStream::connect(lyve.address()).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a limit");
        stream
            .write_all(b"POST /v2/auth/token HTTP/1.1\r\nHost: lyve\r\nContent-Length: 0\r\n\r\n")
            .expect("sent");
        assert!(lyve.wait_for_token_requests(1, Duration::from_secs(5)));
        assert!(stream.read(&mut [0]).is_err());
        assert_eq!(ask(&lyve).expect("an answer").status, 200);
        assert_eq!(lyve.ledger()[0].status, None);
    }

    #[test]
    fn a_slow_answer_is_carried_out_at_once() {
        let lyve = LyveCloud::start();
        lyve.fault(Fault::Slow(Duration::from_secs(60)).once());
        let mut stream = TcpStream::connect(lyve.address()).expect("a connection");
        let body = r#"{"accountId":"acme","accessKey":"AKLYVE","secret":"lyve-secret"}"#;
        let head =
            format!("POST /v2/auth/token HTTP/1.1\r\nHost: lyve\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).expect("sent");
        assert!(lyve.wait_for_token_requests(1, Duration::from_secs(5)));
        // One thread answers: what follows on another connection comes after.
        assert_eq!(ask(&lyve).expect("an answer").status, 200);
        assert_eq!(lyve.issued(), 2);
        assert_eq!(lyve.ledger()[0].status, None);
    }
}
