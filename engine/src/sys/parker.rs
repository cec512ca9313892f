//! How a thread without work sleeps, and how it is woken: by other threads, by sockets, or by time.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use super::parked::{Parked, after_publishing};

/// Descriptors that a parked thread watches for input.
#[derive(Debug, Default)]
pub struct Watch {
    descriptors: Vec<libc::pollfd>,
}

impl Watch {
    /// Adds a descriptor.
    pub fn add(&mut self, descriptor: BorrowedFd<'_>) {
        self.descriptors.push(libc::pollfd {
            fd: descriptor.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        });
    }
}

/// The sleeping side; belongs to one thread.
///
/// Order of use: [`announce`](Self::announce), look for work once more, then [`park`](Self::park) if there is none,
/// [`retract`](Self::retract) if there is. Work published before [`wake_all`] is then either seen by that last look or
/// wakes the thread.
#[derive(Debug)]
pub struct Parker {
    shared: Arc<Shared>,
    watch: Watch,
}

/// The waking side.
#[derive(Debug, Clone)]
pub struct Waker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    parked: Parked,
    event: OwnedFd,
}

impl Parker {
    /// A parker with its event descriptor.
    ///
    /// # Errors
    ///
    /// When the process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes two integers.
        let event = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if event < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            shared: Arc::new(Shared {
                parked: Parked::default(),
                // SAFETY: just opened, owned by nobody else.
                event: unsafe { OwnedFd::from_raw_fd(event) },
            }),
            watch: Watch {
                // Enough for a thread with a few sockets; a thread with many connections grows it once.
                descriptors: Vec::with_capacity(64),
            },
        })
    }

    /// The other side.
    pub fn waker(&self) -> Waker {
        Waker {
            shared: Arc::clone(&self.shared),
        }
    }

    /// From here on wakers wake this thread. Look for work once more before parking.
    pub fn announce(&self) {
        self.shared.parked.announce();
    }

    /// There was work after all.
    pub fn retract(&self) {
        self.shared.parked.retract();
    }

    /// Sleeps until woken, until a descriptor named by `watch` has input, or for `timeout`.
    pub fn park(&mut self, timeout: Duration, watch: impl FnOnce(&mut Watch)) {
        self.watch.descriptors.clear();
        self.watch.add(self.shared.event.as_fd());
        watch(&mut self.watch);
        let descriptors = &mut self.watch.descriptors;
        let time = libc::timespec {
            tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        // SAFETY: pointer and length of one vector, a timespec on the stack, no signal mask. A descriptor that was
        // closed meanwhile is reported by the kernel, not followed.
        let ready = unsafe {
            libc::ppoll(
                descriptors.as_mut_ptr(),
                descriptors.len() as libc::nfds_t,
                &raw const time,
                std::ptr::null(),
            )
        };
        if ready < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            // No memory in the kernel, or more descriptors than the process may have: sleep without them.
            std::thread::sleep(timeout);
        }
        let woken = ready > 0 && descriptors[0].revents != 0;
        self.retract();
        if woken {
            let mut value = [0_u8; 8];
            // SAFETY: reads up to 8 bytes into an array of 8. The result is the number of wake-ups, or that another
            // read was earlier: of no interest.
            unsafe {
                libc::read(
                    self.shared.event.as_raw_fd(),
                    value.as_mut_ptr().cast(),
                    value.len(),
                )
            };
        }
    }
}

impl Waker {
    /// Wakes the thread if it is parked, after everything that this thread published before.
    pub fn wake(&self) {
        wake_all(std::slice::from_ref(self));
    }

    /// Ends the thread's rest, or the next one, even one for which it did not announce itself. A system call.
    pub fn rouse(&self) {
        signal(&self.shared);
    }
}

/// Wakes those that are parked, after everything that this thread published before. Costs a fence and a read for each
/// when nobody is.
#[inline]
pub fn wake_all(wakers: &[Waker]) {
    after_publishing();
    for Waker { shared } in wakers {
        if shared.parked.take() {
            signal(shared);
        }
    }
}

#[cold]
fn signal(shared: &Shared) {
    let value = 1_u64.to_ne_bytes();
    // SAFETY: writes 8 bytes from an array of 8. It fails only when the counter is full, and then the thread is
    // awake already.
    unsafe { libc::write(shared.event.as_raw_fd(), value.as_ptr().cast(), value.len()) };
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Instant;

    use super::*;

    /// Far longer than any wake-up takes: a thread that is not woken makes the test hang visibly, not flicker.
    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_waker_ends_a_park_and_is_not_lost_when_it_came_before() {
        let mut parker = Parker::new().unwrap();
        let waker = parker.waker();
        parker.announce();
        waker.wake();
        parker.park(LONG, |_| {});
        // Not parked: nothing to wake, and the next park is not cut short.
        waker.wake();
        parker.announce();
        let start = Instant::now();
        parker.park(Duration::from_millis(2), |_| {});
        assert!(start.elapsed() >= Duration::from_millis(2));
    }

    #[test]
    fn who_did_not_announce_a_rest_is_roused_from_it() {
        let mut parker = Parker::new().unwrap();
        let waker = parker.waker();
        waker.rouse();
        parker.park(LONG, |_| {});
        let start = Instant::now();
        parker.park(Duration::from_millis(2), |_| {});
        assert!(start.elapsed() >= Duration::from_millis(2), "once");
    }

    #[test]
    fn input_on_a_watched_descriptor_ends_a_park() {
        let mut parker = Parker::new().unwrap();
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.send_to(b"x", receiver.local_addr().unwrap()).unwrap();
        parker.announce();
        parker.park(LONG, |watch| watch.add(receiver.as_fd()));
        assert_eq!(receiver.recv(&mut [0; 8]).unwrap(), 1);
    }

    #[test]
    fn two_threads_that_wake_each_other_never_sleep_through() {
        const ROUNDS: u64 = 10_000;
        let turns = Arc::new(AtomicU64::new(0));
        let parkers = [Parker::new().unwrap(), Parker::new().unwrap()];
        let wakers = [parkers[1].waker(), parkers[0].waker()];
        let threads: Vec<_> = parkers
            .into_iter()
            .zip(wakers)
            .zip(0_u64..)
            .map(|((mut parker, other), parity)| {
                let turns = Arc::clone(&turns);
                std::thread::spawn(move || {
                    loop {
                        let turn = turns.load(Ordering::Relaxed);
                        if turn >= ROUNDS {
                            break;
                        }
                        if turn % 2 == parity {
                            turns.store(turn + 1, Ordering::Relaxed);
                            other.wake();
                            continue;
                        }
                        parker.announce();
                        if turns.load(Ordering::Relaxed) == turn {
                            parker.park(LONG, |_| {});
                        } else {
                            parker.retract();
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(turns.load(Ordering::Relaxed), ROUNDS);
    }
}
