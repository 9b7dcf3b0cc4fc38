//! Whether a request may have left: until somebody asks for its body, nothing of that has.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http_body::{Frame, SizeHint};
use reqwest::Body;

/// Set when the first of a body is taken to be written to a connection: name, connection, tunnel and
/// handshake were good by then. An error does not tell, least of all that the time was over.
#[derive(Debug, Clone, Default)]
pub(super) struct Sent(Arc<AtomicBool>);

impl Sent {
    /// `body`, watched. Nothing on the way can send it twice, for it cannot be copied.
    pub(super) fn watch(&self, body: Body) -> Body {
        Body::wrap(Watched { body, sent: self.clone() })
    }

    /// Whether a part of the body may have left.
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

struct Watched {
    body: Body,
    sent: Sent,
}

impl http_body::Body for Watched {
    type Data = <Body as http_body::Body>::Data;
    type Error = <Body as http_body::Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.sent.0.store(true, Ordering::SeqCst);
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
