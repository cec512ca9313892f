//! The atomics of what is our own between threads. In `engine/loom` a module of this name has loom's instead.

pub use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
