//! The numbers over HTTP: `GET /metrics`, one request a connection. A client that is silent, slow or many costs no
//! more than its small place.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::{AbortHandle, JoinSet};

use super::Source;
use super::exposition::Dialect;
use super::gather::gather;
use crate::platform::{self, Stream};
use crate::server::Socket;

/// Beyond this many the oldest makes room.
const MOST_CONNECTIONS: usize = 8;

/// How long a client may take to ask.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);

/// How long it may take in all.
const DEADLINE: Duration = Duration::from_secs(15);

/// A request's head has at most this many bytes.
const MOST_HEAD: usize = 16 * 1024;

/// After a connection could not be accepted: out of descriptors, most likely.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves whoever connects, until it is dropped.
pub(super) async fn run(mut socket: Socket, source: Arc<Source>) {
    let mut visits = JoinSet::new();
    let mut places: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let Ok(stream) = socket.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let is_ours = platform::peer_user(&stream).is_ok_and(|user| user.is_trusted());
        if !is_ours {
            continue;
        }
        while visits.try_join_next().is_some() {}
        places.retain(|place| !place.is_finished());
        if places.len() >= MOST_CONNECTIONS
            && let Some(oldest) = places.pop_front()
        {
            oldest.abort();
        }
        places.push_back(visits.spawn(visit(stream, Arc::clone(&source))));
    }
}

async fn visit(stream: Stream, source: Arc<Source>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let source = Arc::clone(&source);
        async move { Ok::<_, Infallible>(answer(&request, &source).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .keep_alive(false)
        .max_buf_size(MOST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = tokio::time::timeout(DEADLINE, served).await {
        tracing::debug!(%error, "a connection to the metrics ended");
    }
}

async fn answer(request: &Request<Incoming>, source: &Source) -> Response<Full<Bytes>> {
    if request.uri().path() != "/metrics" {
        return told(StatusCode::NOT_FOUND, "the metrics are at /metrics\n");
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = told(StatusCode::METHOD_NOT_ALLOWED, "the metrics are read with GET\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let dialect = Dialect::wanted(accept);
    let mut response = Response::new(Full::from(gather(source, dialect).await));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(dialect.content_type()));
    response
}

fn told(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
