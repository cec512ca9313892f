//! The sections that have a default for every key: doors, room, disk, cores.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;

use toml::Spanned;

use crate::config::error::Problems;
use crate::config::number::Bytes;
use crate::config::{Capacities, Journal, Network, Operating, Threads, file};
use crate::exchange::Limits;
use crate::journal::BLOCK_BYTES;
use crate::limits;

/// A count within its range, or its default.
fn within(
    value: Option<(u64, std::ops::Range<usize>)>,
    range: &limits::Range,
    key: &str,
    problems: &mut Problems<'_>,
) -> u64 {
    let Some((value, span)) = value else {
        return range.default;
    };
    if value < range.least || value > range.most {
        problems.add(
            span,
            key,
            format!("{value} is not between {} and {}", range.least, range.most),
            format!("write a number between them; left out, it is {}", range.default),
        );
        return range.default;
    }
    value
}

/// [`within`] for counts.
fn count(value: Option<&Spanned<u32>>, range: &limits::Range, key: &str, problems: &mut Problems<'_>) -> u32 {
    let value = value.map(|value| (u64::from(*value.get_ref()), value.span()));
    u32::try_from(within(value, range, key, problems)).unwrap_or(u32::MAX)
}

/// [`within`] for sizes.
fn bytes(
    value: Option<&Spanned<Bytes>>,
    range: &limits::Range,
    key: &str,
    problems: &mut Problems<'_>,
) -> u64 {
    within(
        value.map(|value| (value.get_ref().0, value.span())),
        range,
        key,
        problems,
    )
}

/// [`within`] for sizes in memory.
fn size(
    value: Option<&Spanned<Bytes>>,
    range: &limits::Range,
    key: &str,
    problems: &mut Problems<'_>,
) -> usize {
    usize::try_from(bytes(value, range, key, problems)).unwrap_or(usize::MAX)
}

/// An IPv4 address with a port, or the default.
fn address(
    text: Option<&Spanned<String>>,
    default: SocketAddrV4,
    key: &str,
    problems: &mut Problems<'_>,
) -> SocketAddrV4 {
    let Some(text) = text else { return default };
    text.get_ref().parse().unwrap_or_else(|_| {
        problems.add(
            text.span(),
            key,
            format!("{:?} is not an IPv4 address with a port", text.get_ref()),
            format!("write one like \"{default}\"; port 0 takes a free one"),
        );
        default
    })
}

pub(super) fn network(section: &file::Network, problems: &mut Problems<'_>) -> Network {
    let mut group = |text: Option<&Spanned<String>>, default, key: &str| {
        let address = address(text, default, key, problems);
        if !address.ip().is_multicast() {
            problems.add(
                text.map_or(0..0, Spanned::span),
                key,
                format!("{} is not a multicast address", address.ip()),
                format!("write one from 224.0.0.0 to 239.255.255.255, like \"{default}\""),
            );
        }
        address
    };
    let line_a = group(section.line_a.as_ref(), limits::LINE_A, "network.line_a");
    let line_b = match &section.line_b {
        Some(text) if text.get_ref() == "off" => None,
        text => Some(group(text.as_ref(), limits::LINE_B, "network.line_b")),
    };
    if line_b == Some(line_a) {
        problems.add(
            section
                .line_b
                .as_ref()
                .or(section.line_a.as_ref())
                .map_or(0..0, Spanned::span),
            "network.line_b",
            "it is the same address as line A",
            "give it a group or port of its own, or write \"off\"",
        );
    }
    let order_entry_tcp = address(
        section.order_entry_tcp.as_ref(),
        limits::ORDER_ENTRY,
        "network.order_entry_tcp",
        problems,
    );
    let recovery_tcp = address(
        section.recovery_tcp.as_ref(),
        limits::RECOVERY,
        "network.recovery_tcp",
        problems,
    );
    if recovery_tcp == order_entry_tcp && recovery_tcp.port() != 0 {
        problems.add(
            section
                .recovery_tcp
                .as_ref()
                .or(section.order_entry_tcp.as_ref())
                .map_or(0..0, Spanned::span),
            "network.recovery_tcp",
            "it is the same address as order_entry_tcp",
            "give each door a port of its own",
        );
    }
    let snapshot_tcp = address(
        section.snapshot_tcp.as_ref(),
        limits::SNAPSHOT,
        "network.snapshot_tcp",
        problems,
    );
    if snapshot_tcp.port() != 0 && [order_entry_tcp, recovery_tcp].contains(&snapshot_tcp) {
        problems.add(
            section
                .snapshot_tcp
                .as_ref()
                .or(section.recovery_tcp.as_ref())
                .map_or(0..0, Spanned::span),
            "network.snapshot_tcp",
            "it is the same address as order_entry_tcp or recovery_tcp",
            "give each door a port of its own",
        );
    }
    let metrics = match &section.metrics {
        Some(text) if text.get_ref() == "off" => None,
        text => Some(address(
            text.as_ref(),
            limits::METRICS,
            "network.metrics",
            problems,
        )),
    };
    let interface = section.interface.as_ref().map_or(Ipv4Addr::LOCALHOST, |text| {
        text.get_ref().parse().unwrap_or_else(|_| {
            problems.add(
                text.span(),
                "network.interface",
                format!("{:?} is not an IPv4 address", text.get_ref()),
                "write the address of the interface market data leaves from, like \"127.0.0.1\"",
            );
            Ipv4Addr::LOCALHOST
        })
    });
    Network {
        order_entry_udp: address(
            section.order_entry_udp.as_ref(),
            limits::ORDER_ENTRY,
            "network.order_entry_udp",
            problems,
        ),
        order_entry_tcp,
        line_a,
        line_b,
        recovery_tcp,
        snapshot_tcp,
        metrics,
        plain_passwords: section.plain_passwords.unwrap_or_default(),
        interface,
        multicast_ttl: u8::try_from(count(
            section.multicast_ttl.as_ref(),
            &limits::MULTICAST_TTL,
            "network.multicast_ttl",
            problems,
        ))
        .unwrap_or(u8::MAX),
        datagram_bytes: size(
            section.datagram_size.as_ref(),
            &limits::DATAGRAM,
            "network.datagram_size",
            problems,
        ),
        receive: section.receive.unwrap_or_default(),
        receive_offload: section.receive_offload.unwrap_or(true),
        send_offload: section.send_offload.unwrap_or(true),
        receive_buffer: size(
            section.receive_buffer.as_ref(),
            &limits::RECEIVE_BUFFER,
            "network.receive_buffer",
            problems,
        ),
    }
}

pub(super) fn capacities(section: &file::Capacities, problems: &mut Problems<'_>) -> Capacities {
    let mut number = |value: &Option<Spanned<u32>>, range, key| count(value.as_ref(), range, key, problems);
    let limits = Limits {
        assets: number(&section.assets, &limits::ASSETS, "capacities.assets"),
        instruments: number(
            &section.instruments,
            &limits::INSTRUMENTS,
            "capacities.instruments",
        ),
        accounts: number(&section.accounts, &limits::ACCOUNTS, "capacities.accounts"),
        sessions: number(&section.sessions, &limits::SESSIONS, "capacities.sessions"),
        orders: number(&section.orders, &limits::ORDERS, "capacities.orders"),
        levels: number(&section.levels, &limits::LEVELS, "capacities.levels"),
        fee_schedules: number(
            &section.fee_schedules,
            &limits::FEE_SCHEDULES,
            "capacities.fee_schedules",
        ),
    };
    let connections = number(
        &section.connections,
        &limits::CONNECTIONS,
        "capacities.connections",
    );
    let connections_per_address = number(
        &section.connections_per_address,
        &limits::CONNECTIONS_PER_ADDRESS,
        "capacities.connections_per_address",
    );
    let finished_orders = number(
        &section.finished_orders,
        &limits::FINISHED_ORDERS,
        "capacities.finished_orders",
    );
    let journal_ring = number(&section.journal_ring, &limits::RING, "capacities.journal_ring");
    let replica_ring = number(
        &section.replica_ring,
        &limits::REPLICA_RING,
        "capacities.replica_ring",
    );
    let mut size = |value: &Option<Spanned<Bytes>>, range, key| bytes(value.as_ref(), range, key, problems);
    Capacities {
        limits,
        connections,
        connections_per_address,
        finished_orders,
        journal_ring,
        replica_ring,
        output_ring: size(
            &section.output_ring,
            &limits::OUTPUT_RING,
            "capacities.output_ring",
        ),
        window: size(&section.window, &limits::WINDOW, "capacities.window"),
        store: size(&section.store, &limits::STORE, "capacities.store"),
    }
}

pub(super) fn journal(section: &file::Journal, problems: &mut Problems<'_>) -> Journal {
    let segment_bytes = bytes(
        section.segment_size.as_ref(),
        &limits::SEGMENT,
        "journal.segment_size",
        problems,
    );
    let batch_bytes = bytes(
        section.batch_size.as_ref(),
        &limits::BATCH,
        "journal.batch_size",
        problems,
    );
    if let Some(size) = &section.segment_size
        && !segment_bytes.is_multiple_of(BLOCK_BYTES as u64)
    {
        problems.add(
            size.span(),
            "journal.segment_size",
            format!("{segment_bytes} bytes are no whole number of blocks of {BLOCK_BYTES}"),
            "write a multiple of 4 KiB",
        );
    }
    Journal {
        directory: PathBuf::from(section.directory.as_deref().unwrap_or(limits::DATA_DIRECTORY)),
        durability: section.durability.unwrap_or_default(),
        segment_bytes,
        batch_bytes,
        snapshot_interval_s: count(
            section.snapshot_interval.as_ref(),
            &limits::SNAPSHOT_INTERVAL_S,
            "journal.snapshot_interval",
            problems,
        ),
        snapshot_commands: count(
            section.snapshot_commands.as_ref(),
            &limits::SNAPSHOT_COMMANDS,
            "journal.snapshot_commands",
            problems,
        ),
        keep_days: section.keep_days.is_some().then(|| {
            count(
                section.keep_days.as_ref(),
                &limits::KEEP_DAYS,
                "journal.keep_days",
                problems,
            )
        }),
    }
}

pub(super) fn operating(section: &file::Operating, problems: &mut Problems<'_>) -> Operating {
    let socket = match &section.socket {
        None => Some(PathBuf::from(limits::ADMIN_SOCKET)),
        Some(text) if text.get_ref() == "off" => None,
        Some(text) => {
            if text.get_ref().is_empty() {
                problems.add(
                    text.span(),
                    "operating.socket",
                    "an empty path names nothing",
                    format!(
                        "write a file's name like \"{}\", or \"off\"",
                        limits::ADMIN_SOCKET
                    ),
                );
            }
            Some(PathBuf::from(text.get_ref()))
        }
    };
    Operating { socket }
}

pub(super) fn threads(section: &file::Threads, problems: &mut Problems<'_>) -> Threads {
    let cores = section.cores.as_ref().map_or(&[][..], |cores| cores.get_ref());
    if let Some(span) = section.cores.as_ref().map(Spanned::span) {
        let unique: HashSet<_> = cores.iter().collect();
        if cores.len() > 4 || unique.len() != cores.len() {
            problems.add(
                span,
                "threads.cores",
                format!("{cores:?} does not name a core of its own for each of at most 4 threads"),
                "name a core for each thread, or none to leave it to the system",
            );
        }
    }
    Threads {
        layout: section.layout.unwrap_or_default(),
        idle: section.idle.unwrap_or_default(),
        cores: cores.to_vec(),
        priority: count(
            section.priority.as_ref(),
            &limits::PRIORITY,
            "threads.priority",
            problems,
        ),
        lock_memory: section.lock_memory.unwrap_or(false),
    }
}
