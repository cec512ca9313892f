//! A thread that works for one owner and ends with it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, Thread};

/// The owner's end. Dropping it tells the thread to stop, and waits until it has.
#[derive(Debug)]
pub struct Helper {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Helper {
    /// Starts the thread. `work` looks at what it is given now and then, and returns soon after that has become true; it
    /// parks while there is nothing to do.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(name: &str, work: impl FnOnce(&AtomicBool) + Send + 'static) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let its_stop = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name(name.into())
            .spawn(move || work(&its_stop))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }

    /// There is work.
    pub fn wake(&self) {
        if let Some(thread) = self.thread() {
            thread.unpark();
        }
    }

    /// Who is to be unparked when there is work, for others than the owner; `None` once it has ended.
    pub fn thread(&self) -> Option<&Thread> {
        self.thread.as_ref().map(JoinHandle::thread)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.wake();
        if let Some(thread) = self.thread.take() {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() && !thread::panicking() {
                panic!("the thread {name:?} has panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_works_until_its_owner_ends() {
        let ended = Arc::new(AtomicBool::new(false));
        let its_ended = Arc::clone(&ended);
        let helper = Helper::start("test-helper", move |stop| {
            while !stop.load(Ordering::Acquire) {
                thread::park();
            }
            its_ended.store(true, Ordering::Release);
        })
        .expect("a thread can be started");
        helper.wake();
        drop(helper);
        assert!(ended.load(Ordering::Acquire), "dropping waits");
    }

    #[test]
    #[should_panic(expected = "the thread \"test-helper\" has panicked")]
    fn a_panic_is_the_owners_too() {
        drop(Helper::start("test-helper", |_| panic!("on purpose")).expect("a thread can be started"));
    }
}
