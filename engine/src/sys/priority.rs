//! How much of a core a thread gets when others want it too.

use std::io;

/// Steps down: a thread gets a third of what it would get, beside others that want the whole core.
const STEPS: libc::c_int = 5;
/// The lowest and the highest that the ordinary scheduler knows.
const NICE_MAX: libc::c_int = 19;
const NICE_MIN: libc::c_int = -20;

/// Gives the calling thread less of its core than others get. (The lowest priority of all would be next to nothing on a
/// machine whose cores are never idle.)
///
/// # Errors
/// The kernel refuses; the thread goes on as before.
pub fn lower() -> io::Result<()> {
    change(STEPS)
}

/// Gives the calling thread more of its core than others get, by so many steps of `nice`.
///
/// # Errors
/// Why not, and the command that grants it; the thread goes on as before.
pub fn raise(steps: u32) -> Result<(), String> {
    let steps = libc::c_int::try_from(steps).unwrap_or(libc::c_int::MAX);
    change(steps.saturating_neg()).map_err(|error| {
        format!(
            "can not have a higher priority: {error}; `setcap cap_sys_nice+ep` for the program grants it, or \
             `LimitNICE=-{steps}` in its systemd unit"
        )
    })
}

/// The shortest slice that the ordinary scheduler knows, nanoseconds.
const SLICE_NS: u64 = 100_000;

/// Lets the calling thread run at once when it wakes, before threads with longer slices that are running: it does not get more of
/// its core than others, but gets it in more and shorter pieces. Anybody may. Kernels before 6.12 take it and change nothing.
///
/// # Errors
/// The kernel refuses; the thread goes on as before.
pub fn wake_promptly() -> Result<(), String> {
    // SAFETY: takes numbers only; 0 is the calling thread.
    let nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    let attributes = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: libc::SCHED_OTHER as u32,
        sched_flags: 0,
        sched_nice: nice,
        sched_priority: 0,
        sched_runtime: SLICE_NS,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: a structure that says its own size and lives through the call, which reads it; 0 is the calling thread; no flags.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    if result == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    Err(format!(
        "can not have short slices of its core: {error}; a container or `SystemCallFilter` keeps it from sched_setattr"
    ))
}

/// Gives the calling thread what nobody else wants of its core.
///
/// # Errors
/// The kernel refuses; the thread goes on as before.
pub fn take_what_is_left() -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: a structure that lives through the call, which reads it; 0 is the calling thread.
    let result = unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// So many steps further down from where the thread is.
fn change(steps: libc::c_int) -> io::Result<()> {
    // SAFETY: takes numbers only. On Linux "this process" with number 0 means the calling thread. (-1 is a priority too;
    // there is no other error with these numbers.)
    let now = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    let wanted = now.saturating_add(steps).clamp(NICE_MIN, NICE_MAX);
    // SAFETY: as above.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, wanted) };
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

    #[test]
    fn anybody_may_wake_promptly_and_keeps_the_priority() {
        let nice = std::thread::spawn(|| {
            super::lower().expect("lowering is never refused");
            super::wake_promptly().expect("shorter slices are never refused");
            // SAFETY: takes numbers only.
            unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
        });
        // SAFETY: takes numbers only.
        let before = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
        let nice = nice.join().expect("it does not panic");
        assert_eq!(nice, (before + super::STEPS).min(super::NICE_MAX));
    }

    #[test]
    fn more_is_given_or_told_how_to_get() {
        let raised = std::thread::spawn(|| super::raise(3))
            .join()
            .expect("it does not panic");
        if let Err(refused) = raised {
            assert!(
                refused.contains("cap_sys_nice") && refused.contains("LimitNICE=-3"),
                "{refused}"
            );
        }
    }
}
