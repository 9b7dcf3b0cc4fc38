//! Who calls, may they, what they asked, the answer.

mod admission;
mod answers;
mod connection;
mod health;
mod id_tokens;
mod incoming;
mod logins;
mod logouts;
mod pages;
pub mod socket;
mod tally;
mod turning_away;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokend_proto::message;
use tokio::sync::{mpsc, oneshot};

use crate::account::Keeper;
use crate::lock::Lock;
use crate::login::Logins;
use crate::platform::{self, Stream};
use crate::service_manager::Watchdog;
use admission::Admission;
pub use health::Health;
pub use socket::Socket;
pub use tally::Tally;
pub use turning_away::turn_away;

/// Asks the main task to read the configuration again.
pub type ReloadRequest = oneshot::Sender<Result<message::Reloaded, message::Failure>>;

/// What every connection needs.
#[derive(Debug)]
pub struct Server {
    keeper: Keeper,
    lock: Arc<Lock>,
    logins: Arc<Logins>,
    health: Arc<Health>,
    reload: mpsc::Sender<ReloadRequest>,
    admission: Arc<Admission>,
    tally: Tally,
    /// No complaint about a connection is logged before then, in milliseconds on the steady clock.
    quiet_until: AtomicU64,
}

/// At most one complaint about connections is logged in so long.
const QUIET: Duration = Duration::from_secs(1);

impl Server {
    /// A server of `keeper`'s accounts. Above `connections` at a time idle ones are closed; a busy one never is, but
    /// beyond `most` nobody is let in.
    #[must_use]
    pub fn new(
        keeper: Keeper,
        lock: Arc<Lock>,
        logins: Arc<Logins>,
        health: Arc<Health>,
        reload: mpsc::Sender<ReloadRequest>,
        connections: usize,
        most: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            keeper,
            lock,
            logins,
            health,
            reload,
            admission: Arc::new(Admission::new(connections, most)),
            tally: Tally::default(),
            quiet_until: AtomicU64::new(0),
        })
    }

    /// What clients asked and were told.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How many clients are connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.admission.count()
    }

    /// Serves whoever connects, until it is dropped. A socket that vanishes is made anew. Nobody but this loop calms the
    /// watchdog.
    pub async fn run(self: Arc<Self>, mut socket: Socket, mut watchdog: Watchdog) {
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                () = watchdog.is_due() => {
                    watchdog.calm();
                    continue;
                }
            };
            match accepted {
                Ok(stream) => self.admit(stream),
                Err(error) => {
                    // Out of descriptors, most likely: make room, and do not spin.
                    self.admission.close_idle(8);
                    if self.may_complain() {
                        tracing::warn!(%error, "cannot accept a connection");
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    /// Whether a complaint may be logged now: not so often that clients could fill the log.
    fn may_complain(&self) -> bool {
        let now = self.keeper.now().steady;
        let may = now.0 >= self.quiet_until.load(Ordering::Relaxed);
        if may {
            self.quiet_until.store(now.after(QUIET).0, Ordering::Relaxed);
        }
        may
    }

    fn admit(self: &Arc<Self>, stream: Stream) {
        let refusal = match platform::peer_user(&stream) {
            Ok(user) if user.is_trusted() => None,
            Ok(user) => Some(format!("it is of another user: user={user}")),
            Err(error) => Some(format!("the kernel does not say whose it is: {error}")),
        };
        let place = match refusal {
            None => self.admission.enter().ok_or("too many are busy".to_owned()),
            Some(refusal) => Err(refusal),
        };
        let place = match place {
            Ok(place) => place,
            Err(reason) => {
                self.tally.refused.fetch_add(1, Ordering::Relaxed);
                if self.may_complain() {
                    tracing::warn!(reason, "refused a connection");
                }
                return;
            }
        };
        self.tally.accepted.fetch_add(1, Ordering::Relaxed);
        let id = place.id();
        let server = Arc::clone(self);
        let task = tokio::spawn(async move {
            connection::serve(&server, &stream, &stream, place).await;
        });
        self.admission.can_be_closed(id, task.abort_handle());
    }
}
