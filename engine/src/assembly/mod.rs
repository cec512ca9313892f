//! From a configuration to a running exchange, and to its end.
//!
//! [`start`] locks the data directory, opens the doors, loads the newest snapshot and applies the journal from there to
//! recovery's replica, gives the engine a copy of it, lets the setup's commands pass the engine like any other, and puts the stages on threads.
//! [`Inline`] is the same exchange on the caller's thread, with a simulated network, disk and clock.

pub mod capacities;
#[cfg(feature = "tls")]
mod certificate;
mod doors;
mod error;
mod inline;
mod operate;
mod reload;
mod restore;
mod running;
mod stages;

pub use crate::replay::{Diverged, Nobody, Replay};
pub use error::StartError;
pub use inline::{Inline, Simulated};
pub use running::{Addresses, Final, Running, start, start_by, start_telling};
