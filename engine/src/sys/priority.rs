//! How much of a core a thread gets when others want it too.

use std::io;

/// The lowest that the ordinary scheduler knows.
const NICE_MAX: libc::c_int = 19;

/// Lets the calling thread work only where nobody else wants to.
///
/// # Errors
/// The kernel refuses; the thread goes on as before.
pub fn lowest() -> io::Result<()> {
    // SAFETY: takes numbers only. On Linux "this process" with number 0 means the calling thread.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE_MAX) };
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
        std::thread::spawn(|| super::lowest().expect("lowering is never refused"))
            .join()
            .expect("it does not panic");
    }
}
