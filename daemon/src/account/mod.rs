//! The life of one account: its state machine, when to refresh, what to keep, who waits.
//!
//! An account's life is a pure function, [`Life`]: (state, event, now) → (state, effects). One task, the
//! [`keeper`], owns every life and carries the effects out; everybody else reads the [`Snapshot`] that it
//! publishes, without a lock. A place is left in the keeper for what later must be on disk before it is published.

pub mod grant;
pub mod keeper;
mod kept;
mod life;
mod policy;
mod registry;
pub mod schedule;
#[cfg(any(test, feature = "simulation"))]
pub mod simulation;
mod skew;
mod snapshot;
mod tally;
mod token;
mod told;
mod words;

#[cfg(test)]
mod keeper_tests;
#[cfg(test)]
mod life_tests;

pub use grant::NewLogin;
pub use keeper::{Keeper, KeeperGone, LoginNeed, Reconfigured};
pub use kept::Cabinet;
pub use life::{Ask, Effect, Event, Life, Reply, Restored, Traits, Urgency, WaiterId};
pub use policy::{Policy, Refresh};
pub use registry::{Account, Definition, Registry, Shared, Variant};
pub use skew::ServiceClock;
pub use snapshot::{Snapshot, State, Trouble};
pub use tally::{BOUNDS_MS, Tally};
pub use token::{IdToken, Need, Token};
pub use words::{locked, span};
