//! The clock of a program that polls a subscriber.

use std::time::Instant;

/// Nanoseconds since it was made; never goes back.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    /// Starts at zero.
    pub fn new() -> Self {
        Self(Instant::now())
    }

    /// Now.
    pub fn now_ns(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
