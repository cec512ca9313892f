//! Taking connections on a thread that ends when it is told: for the doors that are no part of trading.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Gives `take` each connection that comes to the non-blocking `listener`, until `stop`, which is looked at this often.
pub(crate) fn accept_until<L: AsFd, S>(
    stop: &AtomicBool,
    look: Duration,
    listener: &L,
    accept: impl Fn(&L) -> io::Result<S>,
    take: impl Fn(S),
) {
    let timeout = PollTimeout::try_from(look).unwrap_or(PollTimeout::ZERO);
    while !stop.load(Ordering::Acquire) {
        let mut wanted = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        if !matches!(poll(&mut wanted, timeout), Ok(1..)) {
            continue;
        }
        match accept(listener) {
            Ok(stream) => take(stream),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // No descriptor is left, for instance: whoever waits is still there later.
            Err(_) => thread::sleep(look),
        }
    }
}
