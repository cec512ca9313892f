//! What the configuration adds up to: everything but images of the books is allocated at start, so that the sum can be told
//! before.

use crate::config::Config;
use crate::exchange::Limits;
use crate::exchange::account::{Account, Session};
use crate::exchange::book::arena::{OrderDetails, OrderSlot, OrderTotals};
use crate::exchange::book::ladder::Level;
use crate::exchange::command::Command;
use crate::exchange::instrument::Instrument;
use crate::exchange::ledger::{Asset, Balance};
use crate::exchange::schedule::FeeSchedule;
use crate::limits::TLS_CONNECTION_BYTES;
use crate::recovery::{IMAGES_MAX, KEPT_BYTES_MAX, KEPT_ROW_BYTES, PACKET_BYTES_MAX};
use crate::runtime::links::Journaled;

/// A node of the ladder's trees: 64 children of 4 bytes and its head. Two for each level is what the pools hold.
const NODE_BYTES: u64 = 64 * 4 + 24;

/// When an order ends, with its number and handle.
const EXPIRY_BYTES: u64 = 24;

/// An order's share of its account's list: as many blocks as orders.
const ROSTER_BYTES: u64 = 64;

/// A finished order as order status remembers it, with its place in the list of its account.
const FINISHED_ORDER_BYTES: u64 = 160;

/// An order in a snapshot: its record, and its place among its account's.
const ORDER_IN_SNAPSHOT: u64 = 128;
/// A finished order and a replaced number in a snapshot.
const FINISHED_IN_SNAPSHOT: u64 = 84;

/// Order entry, gap recovery, snapshots.
const TCP_DOORS: u64 = 3;

/// A part and its bytes.
pub type Part = (&'static str, u64);

/// Bytes of each part.
pub fn needed(config: &Config) -> Vec<Part> {
    let capacities = &config.capacities;
    let exchange = exchange(&capacities.limits);
    let mut parts = vec![
        ("exchange", exchange),
        ("replica of the exchange", exchange),
        (
            "finished orders",
            u64::from(capacities.limits.accounts)
                * u64::from(capacities.finished_orders)
                * FINISHED_ORDER_BYTES,
        ),
        (
            "rings",
            u64::from(capacities.journal_ring) * bytes_of::<Journaled>()
                + u64::from(capacities.replica_ring) * bytes_of::<Command>()
                + capacities.output_ring,
        ),
        ("window", capacities.window),
        ("store of released messages", capacities.store),
        (
            "newest messages",
            // Of the store and of the replica.
            2 * (u64::from(capacities.limits.sessions) + 1) * KEPT_ROW_BYTES as u64,
        ),
        ("journal batches", 4 * config.journal.batch_bytes),
        ("snapshot", snapshot_bytes(config)),
        (
            "snapshots for subscribers, when asked for, at most",
            IMAGES_MAX as u64 * u64::from(capacities.limits.orders) * PACKET_BYTES_MAX as u64,
        ),
    ];
    if config.tls.is_some() {
        let connections = TCP_DOORS * u64::from(capacities.connections);
        parts.push(("TLS of connections, at most", connections * TLS_CONNECTION_BYTES));
    }
    parts
}

/// Bytes that a snapshot can have, but for assets, instruments and fee schedules, which have few.
pub fn snapshot_bytes(config: &Config) -> u64 {
    let limits = &config.capacities.limits;
    let accounts = u64::from(limits.accounts);
    // Nobody has all assets: what is more than this the buffer grows by, once.
    let balances = accounts * u64::from(limits.assets).min(8) * 40;
    let finished = accounts * u64::from(config.capacities.finished_orders) * FINISHED_IN_SNAPSHOT;
    // A session, and its newest message.
    let sessions = u64::from(limits.sessions) * (32 + 24 + KEPT_BYTES_MAX as u64);
    u64::from(limits.orders) * ORDER_IN_SNAPSHOT
        + accounts * bytes_of::<Account>()
        + balances
        + finished
        + sessions
}

fn bytes_of<T>() -> u64 {
    size_of::<T>() as u64
}

fn exchange(limits: &Limits) -> u64 {
    let orders = u64::from(limits.orders);
    let index = (2 * orders).next_power_of_two() * 4;
    let orders = orders
        * (bytes_of::<OrderSlot>()
            + bytes_of::<OrderDetails>()
            + bytes_of::<OrderTotals>()
            + ROSTER_BYTES
            + EXPIRY_BYTES)
        + index;
    let levels = u64::from(limits.levels);
    let buckets = (2 * levels).next_power_of_two() * 4;
    let levels = levels * (bytes_of::<Level>() + 2 * NODE_BYTES) + buckets;
    let accounts = u64::from(limits.accounts);
    let balances = accounts * u64::from(limits.assets) * bytes_of::<Balance>();
    orders
        + levels
        + balances
        + accounts * bytes_of::<Account>()
        + u64::from(limits.fee_schedules) * bytes_of::<FeeSchedule>()
        + u64::from(limits.sessions) * bytes_of::<Session>()
        + u64::from(limits.assets) * bytes_of::<Asset>()
        + u64::from(limits.instruments) * (bytes_of::<Instrument>() + 16 * NODE_BYTES)
}

/// All of it.
pub fn total(parts: &[Part]) -> u64 {
    parts.iter().map(|(_, bytes)| bytes).sum()
}

/// The sum and its parts in one line.
pub fn sentence(parts: &[Part]) -> String {
    let each: Vec<_> = parts
        .iter()
        .map(|(part, bytes)| format!("{part} {}", mebibytes(*bytes)))
        .collect();
    format!("{} ({})", mebibytes(total(parts)), each.join(", "))
}

/// A line for each part, and the sum.
pub fn table(parts: &[Part]) -> String {
    let mut text = format!("memory       {}, of it\n", mebibytes(total(parts)));
    for (part, bytes) in parts {
        text += &format!("  {:>10}  {part}\n", mebibytes(*bytes));
    }
    text
}

/// Bytes as MiB, rounded up to a tenth.
pub fn mebibytes(bytes: u64) -> String {
    let tenths = (bytes * 10).div_ceil(1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_follows_the_capacities() {
        let small = Config::built_in();
        let mut large = small.clone();
        large.capacities.limits.orders *= 2;
        large.capacities.store += 1 << 20;
        let (small, large) = (needed(&small), needed(&large));
        let orders = 262_144 * (2 * (3 * 64 + 64 + 8 + 24) + 128 + 4 * 64);
        assert_eq!(total(&large) - total(&small), orders + (1 << 20));
        assert!(table(&large).contains("store of released messages"));
    }

    #[test]
    fn sizes_are_rounded_up() {
        assert_eq!(mebibytes(1), "0.1 MiB");
        assert_eq!(mebibytes(3 << 19), "1.5 MiB");
    }
}
