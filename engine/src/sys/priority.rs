//! How much of a core a thread gets when others want it too.

use std::io;

/// Steps down: a thread gets a third of what it would get, beside others that want the whole core.
const STEPS: libc::c_int = 5;
/// The lowest that the ordinary scheduler knows.
const NICE_MAX: libc::c_int = 19;

/// Gives the calling thread less of its core than others get. (The lowest priority of all would be next to nothing on a
/// machine whose cores are never idle.)
///
/// # Errors
/// The kernel refuses; the thread goes on as before.
pub fn lower() -> io::Result<()> {
    // SAFETY: takes numbers only. On Linux "this process" with number 0 means the calling thread. (-1 is a priority too;
    // there is no other error with these numbers.)
    let now = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    // SAFETY: as above.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, (now + STEPS).min(NICE_MAX)) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn anybody_may_ask_for_less() {
        std::thread::spawn(|| super::lower().expect("lowering is never refused"))
            .join()
            .expect("it does not panic");
    }
}
