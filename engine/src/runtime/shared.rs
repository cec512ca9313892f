//! A stage that two threads poll, one at a time: its own, and one that has nothing else to do for a moment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;

use super::{Hurry, Stage, Waker, Watch};

/// A stage of which a little can be done by another thread than its own.
pub trait Follow: Stage {
    /// Does a little: no system call, nothing that waits. Returns the work done.
    fn follow(&mut self) -> usize;

    /// False while there is more to do than another thread should do in passing. Asked after each turn of its own thread.
    fn wants_help(&self) -> bool;
}

/// The stage for its own thread.
///
/// Whoever polls it holds a lock meanwhile. Its own thread waits for the lock; the other one does not, and does something else.
#[derive(Debug)]
pub struct Shared<T>(Arc<Both<T>>);

/// The same stage for the thread that helps out.
#[derive(Debug)]
pub struct Spare<T>(Arc<Both<T>>);

#[derive(Debug)]
struct Both<T> {
    /// PERF: apart from the lock, whose cache line moves with each turn of the stage's own thread: to ask for it in vain costs
    /// the other one up to a microsecond.
    wants_help: CachePadded<AtomicBool>,
    /// `None` once it was taken.
    stage: CachePadded<Mutex<Option<T>>>,
}

impl<T> Both<T> {
    /// A panic of the other thread has failed the exchange already, and this thread is about to see that.
    fn locked(&self) -> MutexGuard<'_, Option<T>> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<R>(&self, run: impl FnOnce(&mut T) -> R) -> R {
        run(self.locked().as_mut().expect("it is taken at the end"))
    }
}

impl<T> Shared<T> {
    /// A stage to be shared.
    pub fn new(stage: T) -> Self {
        Self(Arc::new(Both {
            wants_help: CachePadded::new(AtomicBool::new(false)),
            stage: CachePadded::new(Mutex::new(Some(stage))),
        }))
    }

    /// Its other side.
    pub fn spare(&self) -> Spare<T> {
        Spare(Arc::clone(&self.0))
    }

    /// The stage itself: from now on the other side does nothing.
    pub fn into_inner(self) -> T {
        self.0.locked().take().expect("it is taken once")
    }
}

impl<T: Follow> Stage for Shared<T> {
    fn name(&self) -> &'static str {
        self.0.with(|stage| stage.name())
    }

    fn start(&mut self, waker: &Waker) {
        self.0.with(|stage| stage.start(waker));
    }

    fn poll(&mut self) -> usize {
        let (work, wants_help) = self.0.with(|stage| (stage.poll(), stage.wants_help()));
        if self.0.wants_help.load(Ordering::Relaxed) != wants_help {
            self.0.wants_help.store(wants_help, Ordering::Relaxed);
        }
        work
    }

    fn hurry(&self) -> Hurry {
        self.0.with(|stage| stage.hurry())
    }

    fn watch(&self, watch: &mut Watch) {
        self.0.with(|stage| stage.watch(watch));
    }

    fn is_drained(&self) -> bool {
        self.0.with(|stage| stage.is_drained())
    }
}

/// Helps with a stage of another thread.
pub trait Help {
    /// Does a little of it, if it wants help and its own thread is not at it. Returns the work done.
    fn help(&mut self) -> usize;
}

impl<T: Follow> Help for Spare<T> {
    #[inline]
    fn help(&mut self) -> usize {
        if !self.0.wants_help.load(Ordering::Relaxed) {
            return 0;
        }
        match self.0.stage.try_lock() {
            Ok(mut stage) => stage.as_mut().map_or(0, T::follow),
            // Its own thread is at it, or it has panicked.
            Err(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Counting {
        polls: usize,
        helped: usize,
        has_much: bool,
        panics: bool,
    }

    impl Stage for Counting {
        fn name(&self) -> &'static str {
            "counting"
        }

        fn poll(&mut self) -> usize {
            self.polls += 1;
            1
        }
    }

    impl Follow for Counting {
        fn follow(&mut self) -> usize {
            assert!(!self.panics, "meant");
            self.helped += 1;
            1
        }

        fn wants_help(&self) -> bool {
            !self.has_much
        }
    }

    #[test]
    fn who_helps_never_waits_and_does_nothing_once_the_stage_is_taken() {
        let mut shared = Shared::new(Counting::default());
        let mut spare = shared.spare();
        assert_eq!(spare.help(), 0, "it has not asked for help yet");
        assert_eq!((shared.poll(), spare.help()), (1, 1));
        let held = shared.0.locked();
        assert_eq!(spare.help(), 0, "its own thread is at it");
        drop(held);
        assert_eq!(spare.help(), 1);
        let stage = shared.into_inner();
        assert_eq!((stage.polls, stage.helped), (1, 2));
        assert_eq!(spare.help(), 0);
    }

    #[test]
    fn a_stage_with_much_to_do_is_left_to_its_own_thread() {
        let mut shared = Shared::new(Counting::default());
        let mut spare = shared.spare();
        shared.0.with(|stage| stage.has_much = true);
        assert_eq!((shared.poll(), spare.help()), (1, 0));
        shared.0.with(|stage| stage.has_much = false);
        assert_eq!((shared.poll(), spare.help()), (1, 1));
    }

    #[test]
    fn after_a_panic_of_the_stage_who_helps_leaves_it_alone() {
        let mut shared = Shared::new(Counting::default());
        let (mut spare, mut other) = (shared.spare(), shared.spare());
        shared.poll();
        shared.0.with(|stage| stage.panics = true);
        let panicked = std::thread::spawn(move || other.help()).join();
        assert!(panicked.is_err());
        assert_eq!(spare.help(), 0);
    }
}
