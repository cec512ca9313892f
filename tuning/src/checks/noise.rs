//! What stops a thread that wants to run: interrupts, timers, the machine below.

use super::{Context, good_if};
use crate::cores::Cores;
use crate::finding::{Finding, Verdict};

/// Share of the time that others may take before it is said to be bad.
const STOLEN_BAD: f64 = 0.05;
/// Share that is not worth a word.
const STOLEN_GOOD: f64 = 0.005;
/// How many interrupts are named.
const NAMED_MAX: usize = 4;

/// Interrupts that may come to the exchange's cores, and who moves them about.
pub fn interrupts(context: &Context<'_>) -> Finding {
    let wanted = "none on the exchange's cores, and no irqbalance that brings them back";
    let balances = context.host.runs("irqbalance");
    let Some(chosen) = context.chosen() else {
        let note = if balances { "; irqbalance runs" } else { "" };
        let found = format!("no cores are meant for the exchange alone (--cores LIST){note}");
        return Finding::not_applicable(found, wanted);
    };
    let Some(text) = context.host.text("/proc/interrupts") else {
        return Finding::unseen("/proc/interrupts", wanted);
    };
    let there: Vec<_> = text
        .lines()
        .filter_map(|line| {
            // Only numbered ones have an affinity; the others belong to each core (its timer, calls between cores).
            let (number, rest) = line.trim().split_once(':')?;
            let number: u32 = number.parse().ok()?;
            let affinity = affinity(context, number)?;
            let common = affinity.common(&chosen);
            let name = rest.split_whitespace().last().unwrap_or_default();
            (!common.is_empty()).then(|| format!("{number} ({name}) on {common}"))
        })
        .collect();
    let mut found = match there.len() {
        0 => format!("none on {chosen}"),
        count => {
            let more = if count > NAMED_MAX { ", ..." } else { "" };
            format!("{count}: {}{more}", there[..count.min(NAMED_MAX)].join(", "))
        }
    };
    if balances {
        found.push_str("; irqbalance runs");
    }
    Finding::new(good_if(there.is_empty() && !balances, Verdict::CouldBeBetter), found, wanted).change(format!(
        "apply.sh --cores {chosen} (writes /proc/irq/N/smp_affinity_list); against irqbalance: systemctl disable --now irqbalance"
    ))
}

/// Cores that an interrupt comes to: of those it may go to the one that is in effect. (What is in effect is empty for an
/// interrupt that nobody uses, and follows a change with the next interrupt only.)
fn affinity(context: &Context<'_>, number: u32) -> Option<Cores> {
    let read = |file: &str| context.host.cores(&format!("/proc/irq/{number}/{file}"));
    let allowed = read("smp_affinity_list")?;
    let effective = read("effective_affinity_list")
        .unwrap_or_default()
        .common(&allowed);
    Some(if effective.is_empty() { allowed } else { effective })
}

/// What wakes up on every core for its own sake.
pub fn timers(context: &Context<'_>) -> Finding {
    let wanted = "kernel.nmi_watchdog=0, kernel.numa_balancing=0, vm.stat_interval of 10 or more";
    let settings = [
        ("kernel.nmi_watchdog", 0),
        ("kernel.numa_balancing", 0),
        ("vm.stat_interval", 10),
    ];
    let read: Vec<(&str, u64, u64)> = settings
        .iter()
        .filter_map(|(name, wanted)| Some((*name, context.sysctl(name)?, *wanted)))
        .collect();
    let gaps = context.measured.gaps.map(|gaps| {
        format!(
            "a busy loop of {:.1} s on any core: {:.0} gaps above 1 us a second, longest {:.0} us, {:.2} % of the time gone \
             (doctor jitter --core N looks longer)",
            gaps.seconds, gaps.above_1us_per_second, gaps.longest_us, gaps.lost_percent
        )
    });
    if read.is_empty() {
        return Finding::unseen("kernel.nmi_watchdog and its neighbours", wanted).measured(gaps);
    }
    let is_met = |value: u64, wanted: u64| if wanted == 0 { value == 0 } else { value >= wanted };
    let is_good = read.iter().all(|(_, value, wanted)| is_met(*value, *wanted));
    let found: Vec<_> = read
        .iter()
        .map(|(name, value, _)| format!("{name}={value}"))
        .collect();
    let changes: Vec<_> = read
        .iter()
        .filter(|(_, value, wanted)| !is_met(*value, *wanted))
        .map(|(name, _, wanted)| format!("{name}={wanted}"))
        .collect();
    Finding::new(good_if(is_good, Verdict::CouldBeBetter), found.join(", "), wanted)
        .measured(gaps)
        .change(format!("sysctl -w {}", changes.join(" ")))
}

/// Time that the machine below gave to others, since the start of this one.
pub fn stolen(context: &Context<'_>) -> Finding {
    let wanted = "a machine of its own, or cores of the machine below that nobody else uses";
    let Some(text) = context.host.text("/proc/stat") else {
        return Finding::unseen("/proc/stat", wanted);
    };
    if !context.is_guest() {
        return Finding::not_applicable("no machine below: this is the hardware", wanted);
    }
    let times: Vec<u64> = text
        .lines()
        .find_map(|line| line.strip_prefix("cpu "))
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; what follows is in the first two already.
    let (Some(stolen), total) = (times.get(7), times.iter().take(8).sum::<u64>()) else {
        return Finding::unseen("stolen time in /proc/stat", wanted);
    };
    let share = *stolen as f64 / total.max(1) as f64;
    let verdict = match share {
        share if share > STOLEN_BAD => Verdict::Bad,
        share if share > STOLEN_GOOD => Verdict::CouldBeBetter,
        _ => Verdict::Good,
    };
    let found = format!("a guest; {:.2} % stolen since its start", share * 100.0);
    Finding::new(verdict, found, wanted)
        .change("outside of this machine: dedicated cores for the guest, each pinned, or bare metal")
}
