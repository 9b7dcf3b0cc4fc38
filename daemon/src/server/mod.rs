//! Who calls, may they, what they asked, the answer.

mod admission;
mod answers;
mod connection;
mod incoming;
pub mod socket;

use std::sync::Arc;
use std::time::Duration;

use interprocess::local_socket::tokio::Stream;
use tokend_proto::message;
use tokio::sync::{mpsc, oneshot};

use crate::account::Keeper;
use crate::platform;
use admission::Admission;
pub use socket::Socket;

/// Asks the main task to read the configuration again.
pub type ReloadRequest = oneshot::Sender<Result<message::Reloaded, message::Failure>>;

/// What every connection needs.
#[derive(Debug)]
pub struct Server {
    keeper: Keeper,
    about: message::About,
    reload: mpsc::Sender<ReloadRequest>,
    admission: Arc<Admission>,
}

impl Server {
    /// A server of `keeper`'s accounts. Above `connections` at a time idle ones are closed; a busy one never is, but
    /// beyond `most` nobody is let in.
    #[must_use]
    pub fn new(
        keeper: Keeper,
        about: message::About,
        reload: mpsc::Sender<ReloadRequest>,
        connections: usize,
        most: usize,
    ) -> Arc<Self> {
        Arc::new(Self { keeper, about, reload, admission: Arc::new(Admission::new(connections, most)) })
    }

    /// Serves whoever connects, until it is dropped. A socket that vanishes is made anew.
    pub async fn run(self: Arc<Self>, mut socket: Socket) {
        loop {
            match socket.accept().await {
                Ok(stream) => self.admit(stream),
                Err(error) => {
                    // Out of descriptors, most likely: make room, and do not spin.
                    let closed = self.admission.close_idle(8);
                    tracing::warn!(%error, closed, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    fn admit(self: &Arc<Self>, stream: Stream) {
        match platform::peer_user(&stream) {
            Ok(user) if user == platform::own_user() || user == 0 => {}
            Ok(user) => {
                tracing::warn!(user, "refused a connection of another user");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "refused a connection: the kernel does not say whose it is");
                return;
            }
        }
        let Some(place) = self.admission.enter() else {
            tracing::warn!("refused a connection: too many are busy");
            return;
        };
        let id = place.id();
        let server = Arc::clone(self);
        let task = tokio::spawn(async move {
            connection::serve(&server, &stream, &stream, place).await;
        });
        self.admission.can_be_closed(id, task.abort_handle());
    }
}
