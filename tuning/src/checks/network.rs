//! Sockets: how much waits in the kernel.

use super::{Context, good_if, size};
use crate::finding::{Finding, Verdict};

/// What the exchange asks for at the order socket (`[network] receive_buffer`) and for each line of market data.
pub const ASKED_BYTES: u64 = 1 << 20;
/// What a subscriber asks for each line.
pub const SUBSCRIBER_BYTES: u64 = 8 << 20;
/// The kernel's own limit. Less was made less by somebody.
const DEFAULT_BYTES: u64 = 212_992;
/// Room for every socket of exchange, subscribers and clients on one host.
const UDP_BYTES_MIN: u64 = 64 << 20;
/// Packets that may wait for a core.
const BACKLOG_MIN: u64 = 4_096;
/// The number of `CAP_NET_ADMIN`, with which the receive limit does not count.
const CAP_NET_ADMIN: u32 = 12;

/// `net.core.rmem_max`.
pub fn receive_buffer(context: &Context<'_>) -> Finding {
    let wanted = format!("{ASKED_BYTES} or more for orders, {SUBSCRIBER_BYTES} where subscribers run");
    let held = context.measured.buffer.as_ref().map(|buffer| {
        format!(
            "asked for {}, granted {}: {} datagrams of 64 bytes wait, and {} in the kernel's default",
            size(ASKED_BYTES),
            size(buffer.granted_bytes),
            buffer.held,
            buffer.held_by_default
        )
    });
    let Some(limit) = context.sysctl::<u64>("net.core.rmem_max") else {
        return Finding::unseen("net.core.rmem_max", wanted).measured(held);
    };
    let verdict = match limit {
        SUBSCRIBER_BYTES.. => Verdict::Good,
        DEFAULT_BYTES.. => Verdict::CouldBeBetter,
        _ => Verdict::Bad,
    };
    let note = match context.host.has_capability(CAP_NET_ADMIN) {
        true => "; this user may ask for more",
        false => "",
    };
    Finding::new(verdict, format!("net.core.rmem_max={limit}{note}"), wanted)
        .measured(held)
        .change(format!(
            "sysctl -w net.core.rmem_max={SUBSCRIBER_BYTES} (apply.sh)"
        ))
}

/// `net.core.wmem_max`.
pub fn send_buffer(context: &Context<'_>) -> Finding {
    let wanted = format!("{ASKED_BYTES} or more");
    let Some(limit) = context.sysctl::<u64>("net.core.wmem_max") else {
        return Finding::unseen("net.core.wmem_max", wanted);
    };
    let verdict = match limit {
        ASKED_BYTES.. => Verdict::Good,
        DEFAULT_BYTES.. => Verdict::CouldBeBetter,
        _ => Verdict::Bad,
    };
    Finding::new(verdict, format!("net.core.wmem_max={limit}"), wanted)
        .change(format!("sysctl -w net.core.wmem_max={ASKED_BYTES} (apply.sh)"))
}

/// `net.ipv4.udp_mem`, in pages of 4 KiB.
pub fn udp_memory(context: &Context<'_>) -> Finding {
    let wanted = format!("{} or more before the kernel presses", size(UDP_BYTES_MIN));
    let text = context.host.text("/proc/sys/net/ipv4/udp_mem");
    let pages: Vec<u64> = text
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [low, pressure, high] = pages[..] else {
        return Finding::unseen("net.ipv4.udp_mem", wanted);
    };
    let bytes = pressure.saturating_mul(4_096);
    let pages = UDP_BYTES_MIN / 4_096;
    Finding::new(
        good_if(bytes >= UDP_BYTES_MIN, Verdict::CouldBeBetter),
        format!("net.ipv4.udp_mem={low} {pressure} {high}: {}", size(bytes)),
        wanted,
    )
    .change(format!(
        "sysctl -w net.ipv4.udp_mem='{} {pages} {}' (apply.sh)",
        pages * 3 / 4,
        pages * 3 / 2
    ))
}

/// `net.core.netdev_max_backlog`.
pub fn backlog(context: &Context<'_>) -> Finding {
    let wanted = format!("{BACKLOG_MIN} or more");
    let Some(limit) = context.sysctl::<u64>("net.core.netdev_max_backlog") else {
        return Finding::unseen("net.core.netdev_max_backlog", wanted);
    };
    // The second column counts, for each core, what found no room (hexadecimal).
    let dropped: Option<u64> = context.host.text("/proc/net/softnet_stat").map(|text| {
        let second = |line: &str| u64::from_str_radix(line.split_whitespace().nth(1)?, 16).ok();
        text.lines().filter_map(second).sum()
    });
    let found = match dropped {
        Some(dropped) => format!("{limit}; {dropped} packets found no room since the start"),
        None => limit.to_string(),
    };
    let is_good = limit >= BACKLOG_MIN && dropped.unwrap_or(0) == 0;
    let verdict = match dropped {
        Some(1..) if limit < BACKLOG_MIN => Verdict::Bad,
        _ => good_if(is_good, Verdict::CouldBeBetter),
    };
    let next = if limit < BACKLOG_MIN {
        BACKLOG_MIN
    } else {
        limit.saturating_mul(2)
    };
    Finding::new(verdict, found, wanted)
        .change(format!("sysctl -w net.core.netdev_max_backlog={next} (apply.sh)"))
}

/// `net.core.busy_read` and `net.core.busy_poll`.
pub fn busy_polling(context: &Context<'_>) -> Finding {
    let is_card = context
        .wishes
        .interface
        .as_deref()
        .is_some_and(|name| context.host.has(&format!("/sys/class/net/{name}/device")));
    let wanted = match is_card {
        true => "0; on a card whose driver can do it, 50 is worth a trial",
        false => "0: loopback and veth have nothing to poll",
    };
    let read = |name: &str| context.sysctl::<u64>(name);
    let (Some(reading), Some(polling)) = (read("net.core.busy_read"), read("net.core.busy_poll")) else {
        return Finding::unseen("net.core.busy_read", wanted);
    };
    let is_good = is_card || (reading == 0 && polling == 0);
    Finding::new(
        good_if(is_good, Verdict::CouldBeBetter),
        format!("net.core.busy_read={reading}, net.core.busy_poll={polling}"),
        wanted,
    )
    .change("sysctl -w net.core.busy_read=0 net.core.busy_poll=0")
}
