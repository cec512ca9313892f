//! Who sleeps, and whether somebody must be woken: the handshake without the sleeping. `engine/loom` runs it in every
//! interleaving.

use crossbeam_utils::CachePadded;

use crate::sys::atomic::{AtomicBool, Ordering, fence};

/// True while a thread sleeps or is about to.
///
/// The sleeper [`announce`](Self::announce)s, looks for work once more, and sleeps only if there is none. Who has
/// published work calls [`after_publishing`], then [`take`](Self::take). Either the sleeper sees the work, or `take`
/// says that it must be woken.
#[derive(Debug, Default)]
pub struct Parked(CachePadded<AtomicBool>);

impl Parked {
    /// From here on it is told to be woken. Look for work once more before sleeping.
    pub fn announce(&self) {
        self.0.store(true, Ordering::Relaxed);
        // With the fence in `after_publishing`: either the waker sees the flag, or we see its work.
        fence(Ordering::SeqCst);
    }

    /// It is awake.
    pub fn retract(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// True when it must be woken, for one of those who ask.
    #[inline]
    pub fn take(&self) -> bool {
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Relaxed)
    }
}

/// Once before any [`Parked::take`], after all that was published.
#[inline]
pub fn after_publishing() {
    fence(Ordering::SeqCst);
}
