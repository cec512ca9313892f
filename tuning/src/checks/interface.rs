//! The interface that orders come by and market data leaves by.

use super::{Context, good_if};
use crate::finding::{Finding, Verdict};

/// A packet of market data with its headers, in the built-in configuration.
const MTU_MIN: u64 = 1_500;
/// `IFF_UP`, `IFF_LOOPBACK` and `IFF_MULTICAST`.
const UP: u32 = 0x1;
const LOOPBACK: u32 = 0x8;
const MULTICAST: u32 = 0x1000;

/// The interface to look at, or why there is none.
fn named<'a>(context: &Context<'a>, wanted: &str) -> Result<&'a str, Finding> {
    let Some(name) = context.wishes.interface.as_deref() else {
        let found = "everything on loopback (--interface NAME looks at a card)";
        return Err(Finding::not_applicable(found, wanted));
    };
    if context.host.has(&format!("/sys/class/net/{name}")) {
        return Ok(name);
    }
    let there = context.host.names("/sys/class/net");
    Err(match there.is_empty() {
        true => Finding::unseen("/sys/class/net", wanted),
        false => Finding::new(Verdict::Bad, format!("there is no interface {name}"), wanted)
            .change(format!("name one of: {}", there.join(", "))),
    })
}

/// Up, multicast, long enough for a packet.
pub fn state(context: &Context<'_>) -> Finding {
    let wanted = format!("up, with multicast, MTU of {MTU_MIN} or more");
    let name = match named(context, &wanted) {
        Ok(name) => name,
        Err(finding) => return finding,
    };
    let directory = format!("/sys/class/net/{name}");
    let flags = context.host.text(&format!("{directory}/flags"));
    let flags = flags.and_then(|text| u32::from_str_radix(text.trim_start_matches("0x"), 16).ok());
    let (Some(flags), Some(mtu)) = (flags, context.host.number::<u64>(&format!("{directory}/mtu"))) else {
        return Finding::unseen(format!("{directory}/flags"), wanted);
    };
    let is_up = flags & UP != 0;
    // Loopback carries multicast without saying so.
    let has_multicast = flags & (MULTICAST | LOOPBACK) != 0;
    let dropped = ["rx_dropped", "rx_missed_errors", "rx_fifo_errors", "tx_dropped"]
        .into_iter()
        .filter_map(|counter| {
            let count: u64 = context
                .host
                .number(&format!("{directory}/statistics/{counter}"))?;
            (count > 0).then(|| format!(", {counter} {count}"))
        })
        .collect::<String>();
    let found = format!(
        "{name}: {}, {}, MTU {mtu}{dropped}",
        if is_up { "up" } else { "down" },
        if has_multicast {
            "multicast"
        } else {
            "no multicast"
        },
    );
    let command = match (is_up, has_multicast) {
        (false, _) => format!("ip link set {name} up (undo: down)"),
        (_, false) => format!("ip link set {name} multicast on (undo: off)"),
        _ if mtu < MTU_MIN => format!(
            "ip link set {name} mtu {MTU_MIN} (undo: mtu {mtu}), or a smaller [network] datagram_size"
        ),
        _ => format!("ethtool -S {name} says where packets were dropped"),
    };
    let verdict = match is_up && has_multicast && mtu >= MTU_MIN {
        true => good_if(dropped.is_empty(), Verdict::CouldBeBetter),
        false => Verdict::Bad,
    };
    Finding::new(verdict, found, wanted).change(command)
}

/// Queues of the card, and steering in software.
pub fn queues(context: &Context<'_>) -> Finding {
    let wanted =
        "a receive queue for each core that takes packets, no steering in software (rps_cpus, xps_cpus of 0)";
    let name = match named(context, wanted) {
        Ok(name) => name,
        Err(finding) => return finding,
    };
    let directory = format!("/sys/class/net/{name}/queues");
    let queues = context.host.names(&directory);
    let count = |kind: &str| queues.iter().filter(|queue| queue.starts_with(kind)).count();
    let (receive, transmit) = (count("rx-"), count("tx-"));
    if receive == 0 {
        return Finding::unseen(&directory, wanted);
    }
    let steered = queues.iter().any(|queue| {
        let mask = context.host.text(&format!("{directory}/{queue}/rps_cpus"));
        mask.is_some_and(|mask| mask.bytes().any(|byte| !matches!(byte, b'0' | b',')))
    });
    let note = if steered { ", steered in software" } else { "" };
    let found = format!("{receive} receive, {transmit} transmit{note}");
    let is_card = context.host.has(&format!("/sys/class/net/{name}/device"));
    let cores = context.online().map_or(1, |online| online.len());
    let is_good = !steered && (!is_card || receive > 1 || cores < 4);
    Finding::new(good_if(is_good, Verdict::CouldBeBetter), found, wanted).change(match steered {
        true => format!("for f in {directory}/rx-*/rps_cpus; do echo 0 > \"$f\"; done"),
        false => format!("ethtool -L {name} combined N (ethtool -l {name} says how many there can be)"),
    })
}

/// Lines `NAME: VALUE` of what ethtool prints, behind the line that begins with `section`.
fn values<'a>(text: &'a str, section: &str) -> Vec<(&'a str, &'a str)> {
    text.lines()
        .skip_while(|line| !line.starts_with(section))
        .skip(1)
        .take_while(|line| !line.trim().is_empty() && !line.ends_with(':'))
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect()
}

/// Why what ethtool tells is not known.
fn no_ethtool(name: &str, letter: char, wanted: &str) -> Finding {
    Finding::unseen(
        format!("`ethtool -{letter} {name}`: it is not installed, or the interface has none; it"),
        wanted,
    )
}

/// Ring sizes.
pub fn rings(context: &Context<'_>) -> Finding {
    let wanted = "as long as the card allows";
    let name = match named(context, wanted) {
        Ok(name) => name,
        Err(finding) => return finding,
    };
    if !context.host.has(&format!("/sys/class/net/{name}/device")) {
        return Finding::not_applicable(format!("{name} is no card: it has no rings"), wanted);
    }
    let Some(text) = context.host.printed("ethtool", &["-g", name]) else {
        return no_ethtool(name, 'g', wanted);
    };
    let number = |section: &str, ring: &str| -> Option<u64> {
        let values = values(&text, section);
        let (_, value) = values.iter().find(|(key, _)| *key == ring)?;
        value.parse().ok()
    };
    let (most, now) = ("Pre-set maximums", "Current hardware settings");
    let (Some(receive_most), Some(receive)) = (number(most, "RX"), number(now, "RX")) else {
        return no_ethtool(name, 'g', wanted);
    };
    let transmit_most = number(most, "TX").unwrap_or(0);
    let transmit = number(now, "TX").unwrap_or(0);
    Finding::new(
        good_if(receive >= receive_most && transmit >= transmit_most, Verdict::CouldBeBetter),
        format!("receive {receive} of {receive_most}, transmit {transmit} of {transmit_most}"),
        wanted,
    )
    .change(format!(
        "ethtool -G {name} rx {receive_most} tx {transmit_most} (apply.sh --interface {name}; the link may go down for a moment)"
    ))
}

/// Segmentation and receive offloads.
pub fn offloads(context: &Context<'_>) -> Finding {
    let wanted = "generic-receive-offload and tx-udp-segmentation on, large-receive-offload off";
    let name = match named(context, wanted) {
        Ok(name) => name,
        Err(finding) => return finding,
    };
    let Some(text) = context.host.printed("ethtool", &["-k", name]) else {
        return no_ethtool(name, 'k', wanted);
    };
    let values = values(&text, "Features for");
    let features = [
        ("generic-receive-offload", "on", "gro"),
        ("tx-udp-segmentation", "on", "tx-udp-segmentation"),
        ("large-receive-offload", "off", "lro"),
    ];
    let mut found = Vec::new();
    let mut changes = Vec::new();
    for (feature, wanted, short) in features {
        let Some((_, value)) = values.iter().find(|(key, _)| *key == feature) else {
            continue;
        };
        found.push(format!("{feature} {value}"));
        // What is fixed can not be changed, and the kernel does it in software then.
        if !value.starts_with(wanted) && !value.contains("[fixed]") {
            changes.push(format!("{short} {wanted}"));
        }
    }
    if found.is_empty() {
        return no_ethtool(name, 'k', wanted);
    }
    Finding::new(
        good_if(changes.is_empty(), Verdict::CouldBeBetter),
        found.join(", "),
        wanted,
    )
    .change(format!(
        "ethtool -K {name} {} (apply.sh --interface {name})",
        changes.join(" ")
    ))
}
