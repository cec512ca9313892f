//! One flag and one reason, shared by all stages: how the exchange stops.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Shared by all stages.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    requested: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl Shutdown {
    /// Asks every stage to end in order.
    pub fn request(&self) {
        self.inner.requested.store(true, Ordering::Release);
    }

    /// Stops the exchange for good: nothing more leaves. The first reason is kept.
    pub fn fail(&self, reason: String) {
        let mut failure = self.inner.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(reason);
        drop(failure);
        self.request();
    }

    /// True once the exchange is to end.
    pub fn is_requested(&self) -> bool {
        self.inner.requested.load(Ordering::Acquire)
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<String> {
        self.inner
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
