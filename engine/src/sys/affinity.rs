//! Which cores there are, and running a thread on one of them.

use std::fs;
use std::io;

use core_affinity::CoreId;

/// Size of the kernel's smallest core mask, which the crate uses: a greater number does not fit.
const CORES_MAX: usize = libc::CPU_SETSIZE as usize;

/// Cores on which the calling thread may run, in order. To be asked before any thread is pinned: children inherit the
/// pin. Cores isolated at boot are not among them, see [`isolated`].
pub fn available() -> Vec<usize> {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    cores.into_iter().map(|core| core.id).collect()
}

/// Cores that the kernel keeps free of ordinary threads (`isolcpus`).
pub fn isolated() -> Vec<usize> {
    parse_list(&fs::read_to_string("/sys/devices/system/cpu/isolated").unwrap_or_default())
}

/// Runs the calling thread on `core` only, from now on.
///
/// # Errors
///
/// Why not, as a sentence.
pub fn pin(core: usize) -> Result<(), String> {
    if core >= CORES_MAX {
        return Err(format!("there is no core {core}: this build knows {CORES_MAX}"));
    }
    if core_affinity::set_for_current(CoreId { id: core }) {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    let online = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    Err(format!(
        "not pinned to core {core}: {error} (online: {}; a container or cpuset may allow fewer: see Cpus_allowed_list in /proc/self/status)",
        online.trim()
    ))
}

/// Reads the kernel's notation for sets of cores: `0-3,7`.
fn parse_list(text: &str) -> Vec<usize> {
    let range = |part: &str| -> Option<std::ops::RangeInclusive<usize>> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    text.trim().split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_cores_are_read() {
        assert_eq!(parse_list("2-4,7,9-9\n"), [2, 3, 4, 7, 9]);
        assert_eq!(parse_list("\n"), Vec::<usize>::new());
        assert_eq!(parse_list("x,3"), [3]);
    }

    #[test]
    fn a_thread_is_pinned_to_a_core_that_exists_and_to_no_other() {
        let cores = available();
        let last = *cores.last().unwrap();
        std::thread::spawn(move || {
            pin(last).unwrap();
            assert_eq!(available(), [last]);
            let reason = pin(CORES_MAX - 1).unwrap_err();
            assert!(
                reason.contains(&format!("not pinned to core {}", CORES_MAX - 1)),
                "{reason}"
            );
            assert!(pin(CORES_MAX).is_err());
            assert_eq!(available(), [last]);
        })
        .join()
        .unwrap();
        assert_eq!(available(), cores);
    }
}
