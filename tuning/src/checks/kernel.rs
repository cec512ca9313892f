//! What the kernel allows, and what its protections cost.

use super::{Context, good_if};
use crate::finding::{Finding, Verdict};
use crate::measure::Ring;

/// Connections at both doors, segments of the journal, sockets, and some room.
const FILES_MIN: u64 = 1_024;

/// Protections against reading by the side.
pub fn mitigations(context: &Context<'_>) -> Finding {
    let wanted = "on; off (boot with mitigations=off) only where nobody else's program ever runs, and after measuring both";
    let directory = "/sys/devices/system/cpu/vulnerabilities";
    let states: Vec<_> = context
        .host
        .names(directory)
        .iter()
        .filter_map(|name| context.host.text(&format!("{directory}/{name}")))
        .collect();
    let call = context
        .measured
        .system_call_ns
        .map(|cost| format!("a system call costs {cost:.0} ns"));
    if states.is_empty() {
        return Finding::unseen(directory, wanted).measured(call);
    }
    let count = |word: &str| states.iter().filter(|state| state.starts_with(word)).count();
    let off = match context.host.boot_word("mitigations") {
        Some(value) => format!("; booted with mitigations={value}"),
        None => String::new(),
    };
    let found = format!(
        "{} mitigated, {} open, {} not affected{off}",
        count("Mitigation"),
        count("Vulnerable"),
        count("Not affected"),
    );
    // Which is better is the operator's to say; both are as somebody wanted them.
    Finding::new(Verdict::Good, found, wanted).measured(call)
}

/// Whether a ring can be had.
pub fn io_uring(context: &Context<'_>) -> Finding {
    let wanted = "allowed, from Linux 6.1 on";
    let disabled = context.sysctl::<u64>("kernel.io_uring_disabled");
    let setting = match disabled {
        Some(value) => format!("kernel.io_uring_disabled={value}"),
        None => "kernel.io_uring_disabled is not there".to_owned(),
    };
    let verdict_of_setting = match disabled {
        None => Verdict::CanNotBeSeen,
        Some(0) => Verdict::Good,
        Some(_) => Verdict::CouldBeBetter,
    };
    let (verdict, found, command) = match &context.measured.ring {
        Some(Ring::Works) => (
            Verdict::Good,
            format!("a ring as the exchange makes it was set up; {setting}"),
            String::new(),
        ),
        Some(Ring::Refused(error)) => (
            Verdict::CouldBeBetter,
            format!("a ring as the exchange makes it was refused: {error}; {setting}"),
            match disabled {
                Some(1..) => "sysctl -w kernel.io_uring_disabled=0 (apply.sh)".to_owned(),
                _ => "a kernel from 6.1 on, and a system call filter that allows io_uring_setup, io_uring_enter, \
                      io_uring_register (container, SystemCallFilter of the unit); ulimit -l if memory is said to be short"
                    .to_owned(),
            },
        ),
        None => (
            verdict_of_setting,
            setting,
            "sysctl -w kernel.io_uring_disabled=0 (apply.sh)".to_owned(),
        ),
    };
    Finding::new(verdict, found, wanted).change(command)
}

/// How many files may be open.
pub fn open_files(context: &Context<'_>) -> Finding {
    let wanted = format!("{FILES_MIN} or more");
    let Some(limit) = context.host.limit("Max open files") else {
        return Finding::unseen("/proc/self/limits", wanted);
    };
    let found = if limit == u64::MAX {
        "unlimited".to_owned()
    } else {
        limit.to_string()
    };
    Finding::new(good_if(limit >= FILES_MIN, Verdict::Bad), found, wanted)
        .change("LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536")
}
