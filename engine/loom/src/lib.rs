//! The pieces of the engine that threads share without a lock and that are our own, compiled with loom's atomics instead
//! of the processor's. The tests beside this run them in all interleavings, with all values that a load may see.
//!
//! What threads share otherwise is either from a crate (rings) or one number that one thread writes.

/// Stands in for the engine's module of that name.
mod sys {
    pub(crate) mod atomic {
        pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
    }
}

#[path = "../../src/sys/parked.rs"]
pub mod parked;
#[path = "../../src/output/window.rs"]
pub mod window;
