//! Locking the process into memory.

use std::io;

/// Keeps all memory of the process, now and later, from being paged out.
///
/// # Errors
///
/// Why the kernel refused, and how to grant it; the exchange runs without, with a risk of page faults.
pub fn lock() -> Result<(), String> {
    // SAFETY: takes flags only.
    let result = unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) };
    if result == 0 {
        return Ok(());
    }
    Err(explain(&io::Error::last_os_error(), limit_bytes()))
}

fn explain(error: &io::Error, limit_bytes: Option<u64>) -> String {
    let limit = match limit_bytes {
        Some(bytes) => format!("{} KiB may be locked", bytes / 1024),
        None => "no limit is set".to_owned(),
    };
    format!(
        "memory is not locked: {error} ({limit}); to grant it: `ulimit -l unlimited`, LimitMEMLOCK=infinity in the systemd \
         unit, or `setcap cap_ipc_lock+ep` on the binary"
    )
}

/// How much this process may lock; `None` for any amount.
fn limit_bytes() -> Option<u64> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the kernel writes the struct on the stack.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
    (result == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_is_allowed_and_how_to_get_more() {
        let error = io::Error::from_raw_os_error(libc::ENOMEM);
        let text = explain(&error, Some(8 << 20));
        assert!(
            text.contains("8192 KiB may be locked") && text.contains("ulimit -l unlimited"),
            "{text}"
        );
        assert!(explain(&error, None).contains("no limit is set"));
    }

    #[test]
    fn locking_is_done_or_refused_with_a_reason() {
        if let Err(reason) = lock() {
            assert!(reason.starts_with("memory is not locked: "), "{reason}");
        }
        // SAFETY: takes nothing.
        assert_eq!(unsafe { libc::munlockall() }, 0);
    }
}
