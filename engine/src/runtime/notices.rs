//! What helpers have to say to whoever runs the exchange: lines, until somebody takes them.

use std::sync::{Arc, Mutex, PoisonError};

/// So many lines wait; further ones are dropped.
const LINES_MAX: usize = 64;

/// Shared by all who have something to say.
#[derive(Debug, Clone, Default)]
pub struct Notices(Arc<Mutex<Vec<String>>>);

impl Notices {
    /// Says something. Not for stages: it takes a lock and memory.
    pub fn tell(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < LINES_MAX {
            lines.push(line);
        }
    }

    /// Takes what was said.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
