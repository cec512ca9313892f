//! What stages are made of: the stage itself, its clock, the links between stages, the seams to the outside.

pub mod clock;
pub mod links;
pub mod seams;
pub mod shutdown;
pub mod sim_net;

/// A part of the exchange that owns some state and is polled by one thread.
pub trait Stage {
    /// For thread names and counters.
    fn name(&self) -> &'static str;

    /// Does a bounded amount of work, returns how much (0: nothing to do).
    fn poll(&mut self) -> usize;
}
