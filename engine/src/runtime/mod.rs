//! What stages are made of: the stage itself, its clock, the links between stages, the seams to the outside.

pub(crate) mod accept;
pub mod clock;
pub mod counters;
pub mod helper;
pub mod histogram;
pub mod idle;
pub mod links;
pub mod notices;
pub mod seams;
pub mod shared;
pub mod shutdown;
pub mod sim_net;
pub mod threading;

pub use crate::sys::parker::{Waker, Watch};

/// How soon something has to be done for a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hurry {
    /// Nobody waits for anything: as leisure, and its thread looks every 64 milliseconds.
    Solitude,
    /// What other threads produce for it can wait: its thread rests without spinning, is not woken for their work, and
    /// looks for it every millisecond.
    Leisure,
    /// Somebody waits for it, but not for microseconds: as leisure, and its thread looks several times a millisecond and
    /// not for those who come meanwhile.
    Calm,
    /// Its thread is woken when there is work.
    Usual,
    /// Something is under way that is about to be finished (a sync): worth spinning for.
    Soon,
}

/// A part of the exchange that owns some state and is polled by one thread.
pub trait Stage {
    /// For thread names and counters.
    fn name(&self) -> &'static str;

    /// Called once, on the stage's own thread, before the first [`Self::poll`]. A stage with helpers in the background (a
    /// sync that takes its time) keeps the waker and lets them wake its thread.
    fn start(&mut self, _waker: &Waker) {}

    /// Does a bounded amount of work, returns how much (0: nothing to do).
    ///
    /// A stage that has nothing to do returns 0 even while it waits for the disk or another stage: its thread may be
    /// parked then and wakes up for other threads' work, for [`Self::watch`]ed descriptors, and after half a
    /// millisecond at the latest.
    fn poll(&mut self) -> usize;

    /// How its thread may rest when there is nothing to do.
    fn hurry(&self) -> Hurry {
        Hurry::Usual
    }

    /// Names the descriptors that bring it work from outside, so that its thread wakes up for them when parked.
    fn watch(&self, _watch: &mut Watch) {}

    /// False while something that was given to the stage is still under way (a sync, a message not yet released).
    /// Asked only after shutdown was requested: the threads end when all stages are idle and drained.
    fn is_drained(&self) -> bool {
        true
    }
}
