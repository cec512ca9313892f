//! Counters instead of log lines: each has a label and a sentence, and one stage that writes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use crossbeam_utils::CachePadded;

/// A number that one thread writes and any thread reads.
///
/// Writing is a load and a store without a locked instruction; with two writers, counts would get lost.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts `count` more. Only for the thread that owns the counter.
    #[inline]
    pub fn add(&self, count: u64) {
        self.0.store(self.get().wrapping_add(count), Ordering::Relaxed);
    }

    /// Counts one more. Only for the thread that owns the counter.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// Sets it, for counters that tell a level or a position. Only for the thread that owns the counter.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Keeps the greater of both. Only for the thread that owns the counter.
    #[inline]
    pub fn at_least(&self, value: u64) {
        if value > self.get() {
            self.set(value);
        }
    }

    /// The value now.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl PartialEq for Counter {
    /// Compares the values now.
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

/// One counter of a group, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Name of the counter: lower case with underscores.
    pub label: &'static str,
    /// What it counts.
    pub sentence: &'static str,
    /// The value when it was read.
    pub value: u64,
}

/// The counters of one stage.
pub trait Counters: Send + Sync {
    /// Name of the group.
    fn group(&self) -> &'static str;

    /// Reads all counters in the order of their declaration.
    fn each(&self, read: &mut dyn FnMut(Reading));
}

impl<T: Counters> Counters for CachePadded<T> {
    fn group(&self) -> &'static str {
        (**self).group()
    }

    fn each(&self, read: &mut dyn FnMut(Reading)) {
        (**self).each(read);
    }
}

/// A group under a name of its own, where several parts of a stage count the same.
#[derive(Debug)]
pub struct Named<T> {
    group: &'static str,
    counters: Arc<CachePadded<T>>,
}

impl<T> Named<T> {
    /// `counters` as `group`.
    pub fn new(group: &'static str, counters: &Arc<CachePadded<T>>) -> Arc<Self> {
        let counters = Arc::clone(counters);
        Arc::new(Self { group, counters })
    }
}

impl<T: Counters> Counters for Named<T> {
    fn group(&self) -> &'static str {
        self.group
    }

    fn each(&self, read: &mut dyn FnMut(Reading)) {
        self.counters.each(read);
    }
}

/// Declares a group of counters: a struct of [`Counter`] fields that implements [`Counters`] and is made with
/// `shared()`, on cache lines of its own.
///
/// ```
/// engine::counters! {
///     /// What the door counts.
///     pub struct DoorCounters: "door" {
///         datagrams: "Datagrams received.",
///         malformed: "Datagrams dropped because they are malformed.",
///     }
/// }
/// let counters = DoorCounters::shared();
/// counters.datagrams.add(2);
/// assert_eq!(counters.datagrams.get(), 2);
/// ```
#[macro_export]
macro_rules! counters {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident: $group:literal { $($field:ident: $sentence:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Default, PartialEq)]
        $visibility struct $name {
            $(#[doc = $sentence] pub $field: $crate::runtime::counters::Counter,)+
        }

        impl $name {
            /// The group at zero, to be shared between its writer and its readers.
            $visibility fn shared() -> ::std::sync::Arc<$crate::runtime::counters::CachePadded<Self>> {
                ::std::sync::Arc::default()
            }
        }

        impl $crate::runtime::counters::Counters for $name {
            fn group(&self) -> &'static str {
                $group
            }

            fn each(&self, read: &mut dyn FnMut($crate::runtime::counters::Reading)) {
                $(read($crate::runtime::counters::Reading {
                    label: stringify!($field),
                    sentence: $sentence,
                    value: self.$field.get(),
                });)+
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    counters! {
        /// For the tests.
        struct TestCounters: "test" {
            first: "The first.",
            second: "The second.",
        }
    }

    #[test]
    fn a_group_is_read_in_order_with_labels_and_sentences() {
        let counters = TestCounters::shared();
        counters.first.add(3);
        counters.first.increment();
        counters.second.at_least(9);
        counters.second.at_least(7);
        let group: Arc<dyn Counters> = counters;
        let mut readings = Vec::new();
        group.each(&mut |reading| readings.push((reading.label, reading.sentence, reading.value)));
        assert_eq!(group.group(), "test");
        assert_eq!(
            readings,
            [("first", "The first.", 4), ("second", "The second.", 9)]
        );
    }

    #[test]
    fn groups_do_not_share_a_cache_line() {
        let (first, second) = (TestCounters::shared(), TestCounters::shared());
        let address = |counters: &Arc<CachePadded<TestCounters>>| (&raw const ***counters).addr();
        assert!(address(&first).abs_diff(address(&second)) >= 64);
        assert_eq!(address(&first) % 64, 0);
    }
}
