//! Pages, and what may be done with them.

use super::{Context, good_if, size, sysctl_path};
use crate::finding::{Finding, Verdict};

/// The receive buffers of the built-in configuration: 256 of 68 KiB, in pages of 2 MiB.
const BUFFER_PAGES: u64 = 9;
/// What the built-in configuration takes altogether (`exchange check` prints it).
const EXCHANGE_BYTES: u64 = 700 << 20;
/// The number of `CAP_IPC_LOCK`.
const CAP_IPC_LOCK: u32 = 14;

/// What was measured of large and small pages.
fn reads(context: &Context<'_>) -> Option<String> {
    let pages = context.measured.pages?;
    let huge = match pages.huge_ns {
        Some(cost) => format!("{cost:.0} ns with transparent ones of 2 MiB"),
        None => "the kernel gave none of 2 MiB".to_owned(),
    };
    Some(format!(
        "a random read in 256 MiB takes {:.0} ns with pages of 4 KiB, {huge}",
        pages.small_ns
    ))
}

/// Reserved huge pages.
pub fn huge_pages(context: &Context<'_>) -> Finding {
    let wanted = format!("{BUFFER_PAGES} free pages of 2 MiB (the start of the exchange names its number)");
    let field = |key: &str| {
        let text = context.host.field("/proc/meminfo", key)?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    let (Some(total), Some(free)) = (field("HugePages_Total"), field("HugePages_Free")) else {
        return Finding::unseen("HugePages_Total in /proc/meminfo", wanted);
    };
    let page = field("Hugepagesize").unwrap_or(0) * 1024;
    let found = match total {
        0 => "none reserved".to_owned(),
        total => format!("{free} of {total} free, of {}", size(page)),
    };
    // What is in use may be in use by the exchange.
    Finding::new(
        good_if(total >= BUFFER_PAGES, Verdict::CouldBeBetter),
        found,
        wanted,
    )
    .measured(reads(context))
    .change(format!("sysctl -w vm.nr_hugepages={BUFFER_PAGES} (apply.sh)"))
}

/// Transparent huge pages.
pub fn transparent(context: &Context<'_>) -> Finding {
    let wanted = "madvise or always";
    let file = "/sys/kernel/mm/transparent_hugepage/enabled";
    let Some(text) = context.host.text(file) else {
        return Finding::unseen(file, wanted);
    };
    let chosen = text
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or(text.as_str(), |(chosen, _)| chosen);
    Finding::new(
        good_if(chosen == "madvise" || chosen == "always", Verdict::CouldBeBetter),
        chosen,
        wanted,
    )
    .measured(reads(context))
    .change(format!("echo madvise > {file} (apply.sh)"))
}

/// How much may be locked.
pub fn locked(context: &Context<'_>) -> Finding {
    let wanted = format!(
        "unlimited, or more than the exchange takes (about {})",
        size(EXCHANGE_BYTES)
    );
    let Some(limit) = context.host.limit("Max locked memory") else {
        return Finding::unseen("/proc/self/limits", wanted);
    };
    if context.host.has_capability(CAP_IPC_LOCK) {
        let found = format!("{}, but this user may lock any amount", size(limit));
        return Finding::new(Verdict::Good, found, wanted);
    }
    Finding::new(
        good_if(limit > EXCHANGE_BYTES, Verdict::CouldBeBetter),
        size(limit),
        wanted,
    )
    .change("LimitMEMLOCK=infinity in the systemd unit, or ulimit -l unlimited; then [threads] lock_memory = true")
}

/// Whether memory can be written out.
pub fn swap(context: &Context<'_>) -> Finding {
    let wanted = "no swap, or lock_memory = true and vm.swappiness of 10 or less";
    let Some(text) = context.host.text("/proc/swaps") else {
        return Finding::unseen("/proc/swaps", wanted);
    };
    let areas: Vec<_> = text
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    if areas.is_empty() {
        return Finding::new(Verdict::Good, "none", wanted);
    }
    let swappiness = context.sysctl::<u64>("vm.swappiness").unwrap_or(60);
    let found = format!("on {}, vm.swappiness={swappiness}", areas.join(", "));
    Finding::new(good_if(swappiness <= 10, Verdict::CouldBeBetter), found, wanted)
        .change("sysctl -w vm.swappiness=1 (apply.sh), or swapoff -a (undo: swapon -a)")
}

/// Real-time priority, which nobody asks for.
pub fn realtime(context: &Context<'_>) -> Finding {
    let wanted = "nothing: the exchange runs under the ordinary scheduler";
    let Some(limit) = context.host.limit("Max realtime priority") else {
        return Finding::unseen("/proc/self/limits", wanted);
    };
    let guard = match context.sysctl::<i64>("kernel.sched_rt_runtime_us") {
        Some(-1) => "no guard over real-time threads".to_owned(),
        Some(microseconds) => {
            format!("real-time threads get {microseconds} us of each period (kernel.sched_rt_runtime_us)")
        }
        None => format!("{} can not be read", sysctl_path("kernel.sched_rt_runtime_us")),
    };
    Finding::new(
        Verdict::Good,
        format!("priority up to {limit} allowed; {guard}"),
        wanted,
    )
}
