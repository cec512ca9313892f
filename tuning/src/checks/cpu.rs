//! Cores: which are kept free, which may be used, how fast they run, what time they have.

use super::{Context, good_if};
use crate::cores::Cores;
use crate::finding::{Finding, Verdict};

/// A core asleep so deep that waking takes longer than this is late for an order.
const WAKE_US_MAX: u64 = 10;
/// With fewer cores than this none can be kept free: somebody must run the rest of the host.
const CORES_MIN: usize = 4;

/// `isolcpus`, `nohz_full`, `rcu_nocbs`.
pub fn isolated(context: &Context<'_>) -> Finding {
    let wanted = "cores that run nothing but the exchange, without timer ticks and callbacks";
    let (Some(isolated), Some(online)) = (context.isolated(), context.online()) else {
        return Finding::unseen("/sys/devices/system/cpu/isolated", wanted);
    };
    let trip = context.measured.round_trip.map(|trip| {
        format!(
            "round trip of two threads over loopback: {:.1} us when both spin, {:.1} us when both block (p50)",
            trip.spinning_us, trip.blocking_us
        )
    });
    if isolated.is_empty() && context.wishes.cores.is_none() && online.len() < CORES_MIN {
        let found = format!("{} cores: too few to keep one free", online.len());
        return Finding::not_applicable(found, wanted).measured(trip);
    }
    let meant = context.wishes.cores.clone().unwrap_or_else(|| isolated.clone());
    let boot = |word: &str| {
        let text = context.host.boot_word(word).unwrap_or_default();
        Cores::parse(&text).unwrap_or_default()
    };
    let missing = meant.without(&isolated);
    let ticking = meant.without(&boot("nohz_full"));
    let calling = meant.without(&boot("rcu_nocbs"));
    let is_good = !meant.is_empty() && missing.is_empty() && ticking.is_empty() && calling.is_empty();
    let found = match (isolated.is_empty(), ticking.is_empty() && calling.is_empty()) {
        (true, _) => "no isolated cores".to_owned(),
        (false, true) => format!("isolated: {isolated}, without ticks and callbacks"),
        (false, false) => {
            format!("isolated: {isolated}; with timer ticks: {ticking}; with callbacks of RCU: {calling}")
        }
    };
    let list = match meant.is_empty() {
        // The first core has work that can not be moved away.
        true => Cores::from_iter(online.iter().skip(1).take(2)),
        false => meant,
    };
    Finding::new(good_if(is_good, Verdict::CouldBeBetter), found, wanted)
        .measured(trip)
        .change(format!(
            "add to the kernel's command line and boot: isolcpus={list} nohz_full={list} rcu_nocbs={list}"
        ))
}

/// What the cpuset leaves.
pub fn allowed(context: &Context<'_>) -> Finding {
    let wanted = "all cores, or at least those meant for the exchange";
    let allowed = context.host.field("/proc/self/status", "Cpus_allowed_list");
    let (Some(allowed), Some(online)) = (allowed.and_then(|text| Cores::parse(&text)), context.online())
    else {
        return Finding::unseen("Cpus_allowed_list in /proc/self/status", wanted);
    };
    // Isolated cores are not in the list of a process that nobody moved there, and yet it may go there.
    let isolated = context.isolated().unwrap_or_default();
    let away = online.without(&allowed).without(&isolated);
    let named = context.wishes.cores.clone().unwrap_or_default();
    let absent = named.without(&online);
    let refused = named.common(&away);
    let (verdict, found) = if !absent.is_empty() {
        (
            Verdict::Bad,
            format!("not there: {absent}; this host has {online}"),
        )
    } else if !refused.is_empty() {
        (
            Verdict::Bad,
            format!("allowed: {allowed}; not allowed: {refused}, of those named"),
        )
    } else if !away.is_empty() {
        (Verdict::CouldBeBetter, format!("allowed: {allowed} of {online}"))
    } else {
        (Verdict::Good, format!("all: {online}"))
    };
    Finding::new(verdict, found, wanted).change(match absent.is_empty() {
        true => format!(
            "give the container or cgroup these cores: echo {online} > /sys/fs/cgroup/GROUP/cpuset.cpus"
        ),
        false => format!("name cores of {online}"),
    })
}

/// Hyper-threading.
pub fn siblings(context: &Context<'_>) -> Finding {
    let wanted = "of two threads of a core the exchange has both or uses one";
    let Some(online) = context.online() else {
        return Finding::unseen("/sys/devices/system/cpu/online", wanted);
    };
    let siblings = |core: usize| {
        let path = format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
        context.host.cores(&path)
    };
    let sets: Option<Vec<Cores>> = online.iter().map(siblings).collect();
    let Some(sets) = sets else {
        return Finding::unseen("topology/thread_siblings_list of the cores", wanted);
    };
    if sets.iter().all(|set| set.len() < 2) {
        return Finding::new(Verdict::Good, "one thread a core", wanted);
    }
    let pairs: Vec<_> = online
        .iter()
        .zip(&sets)
        .filter(|(core, set)| set.iter().next() == Some(*core))
        .map(|(_, set)| set.to_string())
        .collect();
    let found = format!("threads of one core: {}", pairs.join(" / "));
    let Some(chosen) = context.chosen() else {
        return Finding::new(Verdict::CouldBeBetter, found, wanted)
            .change("choose cores that are not threads of one core, and say which: doctor --cores LIST");
    };
    let shared: Vec<_> = chosen
        .iter()
        .filter_map(|core| {
            let others = siblings(core)?.without(&Cores::from_iter([core]));
            let other = others.iter().next()?;
            Some((core, other, chosen.contains(other)))
        })
        .collect();
    let (verdict, found) = match shared.iter().find(|(_, _, both)| *both) {
        Some((core, other, _)) => (
            Verdict::Bad,
            format!("{core} and {other} are meant for the exchange and are threads of one core"),
        ),
        None if shared.is_empty() => (Verdict::Good, found),
        None => {
            let idle = |other: usize| {
                context
                    .isolated()
                    .is_some_and(|isolated| isolated.contains(other))
            };
            let used: Vec<_> = shared
                .iter()
                .filter(|(_, other, _)| !idle(*other))
                .map(|(core, other, _)| format!("{core} with {other}"))
                .collect();
            match used.is_empty() {
                true => (Verdict::Good, format!("{found}; the others are kept free")),
                false => (
                    Verdict::CouldBeBetter,
                    format!("shared with threads that others may use: {}", used.join(", ")),
                ),
            }
        }
    };
    let others: Vec<_> = shared.iter().map(|(_, other, _)| *other).collect();
    Finding::new(verdict, found, wanted).change(match others.first() {
        Some(other) => {
            format!("echo 0 > /sys/devices/system/cpu/cpu{other}/online (undo: echo 1), or boot with nosmt")
        }
        None => "boot with nosmt".to_owned(),
    })
}

/// How the frequency is chosen.
pub fn governor(context: &Context<'_>) -> Finding {
    let wanted = "performance";
    let Some(online) = context.online() else {
        return Finding::unseen("/sys/devices/system/cpu/online", wanted);
    };
    let of = |core: usize| {
        let path = format!("/sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor");
        context.host.text(&path)
    };
    let cores = context.chosen().unwrap_or(online);
    let mut governors: Vec<_> = cores.iter().filter_map(of).collect();
    governors.sort();
    governors.dedup();
    if governors.is_empty() {
        return Finding::not_applicable("the machine below, or the firmware, decides", wanted);
    }
    let verdict = match governors.iter().all(|one| one == "performance") {
        true => Verdict::Good,
        false if governors.iter().any(|one| one == "powersave") => Verdict::Bad,
        false => Verdict::CouldBeBetter,
    };
    Finding::new(verdict, governors.join(", "), wanted)
        .change("echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor (apply.sh)")
}

/// How deep cores sleep.
pub fn idle_states(context: &Context<'_>) -> Finding {
    let wanted =
        format!("no state that takes longer than {WAKE_US_MAX} us to leave, on the exchange's cores");
    let Some(online) = context.online() else {
        return Finding::unseen("/sys/devices/system/cpu/online", wanted);
    };
    let wake = context.measured.wake.map(|wake| {
        format!(
            "a sleep of 50 us ends {:.0} us too late (p50), {:.0} us (p99)",
            wake.p50_us, wake.p99_us
        )
    });
    let directories = context
        .chosen()
        .unwrap_or(online)
        .iter()
        .map(|core| format!("/sys/devices/system/cpu/cpu{core}/cpuidle"))
        .collect::<Vec<_>>();
    let states: Vec<String> = directories
        .iter()
        .flat_map(|directory| {
            let names = context.host.names(directory);
            names.into_iter().map(move |name| format!("{directory}/{name}"))
        })
        .collect();
    let of = |state: &String| {
        let name = context.host.text(&format!("{state}/name"))?;
        Some((name, context.host.number::<u64>(&format!("{state}/latency"))?))
    };
    let is_off = |state: &String| context.host.number(&format!("{state}/disable")) == Some(1_u8);
    let deepest = states
        .iter()
        .filter(|state| !is_off(state))
        .filter_map(of)
        .max_by_key(|(_, latency)| *latency);
    let Some((name, latency)) = deepest else {
        return match states.is_empty() {
            true => Finding::not_applicable("the machine below decides, or cores do not sleep", wanted),
            false => Finding::new(Verdict::Good, "all states are switched off", wanted),
        }
        .measured(wake);
    };
    let verdict = good_if(latency <= WAKE_US_MAX, Verdict::CouldBeBetter);
    Finding::new(verdict, format!("deepest: {name}, {latency} us to leave"), wanted)
        .measured(wake)
        .change("echo 1 > /sys/devices/system/cpu/cpuN/cpuidle/stateM/disable (apply.sh --cores LIST), or boot with processor.max_cstate=1")
}

/// Which counter time comes from.
pub fn clock_source(context: &Context<'_>) -> Finding {
    let wanted = "tsc (arch_sys_counter on ARM)";
    let directory = "/sys/devices/system/clocksource/clocksource0";
    let Some(current) = context.host.text(&format!("{directory}/current_clocksource")) else {
        return Finding::unseen("the clock source", wanted);
    };
    let others = context.host.text(&format!("{directory}/available_clocksource"));
    let others = others.unwrap_or_default();
    let is_steady = context.has_processor_flag("constant_tsc") && context.has_processor_flag("nonstop_tsc");
    let (verdict, note) = match current.as_str() {
        "tsc" if is_steady => (Verdict::Good, ", constant and never stopped"),
        "arch_sys_counter" => (Verdict::Good, ""),
        "tsc" => (
            Verdict::CouldBeBetter,
            ", which changes with the frequency or stops in sleep",
        ),
        // Read without entering the kernel, but with more work.
        "kvm-clock" | "hyperv_clocksource_tsc_page" => (Verdict::CouldBeBetter, ", the machine's below"),
        _ => (Verdict::Bad, ", read through the kernel or a slow device"),
    };
    let cost = context
        .measured
        .clock_ns
        .map(|cost| format!("a look at the clock costs {cost:.0} ns"));
    let command = match others.split_whitespace().any(|one| one == "tsc") && current != "tsc" {
        true => format!("echo tsc > {directory}/current_clocksource (undo: echo {current})"),
        false => "another processor or machine: the kernel does not offer tsc here".to_owned(),
    };
    Finding::new(verdict, format!("{current}{note}"), wanted)
        .measured(cost)
        .change(command)
}
