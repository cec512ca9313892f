//! All limits in one place: defaults, the least and the most of what the configuration may say, and how they depend on
//! each other.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::config::Subnet;
use crate::exchange::command::{Command, LONG_BYTES, UNKNOWN_INSTRUMENT};
use crate::journal::PAYLOAD_BYTES_MAX;
use crate::runtime::links::{Cell, RECORD_CELLS_MAX};

/// What a configured number may be.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// The least.
    pub least: u64,
    /// Unless the configuration says otherwise.
    pub default: u64,
    /// The most.
    pub most: u64,
}

impl Range {
    const fn new(least: u64, default: u64, most: u64) -> Self {
        assert!(least <= default && default <= most);
        Self { least, default, most }
    }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Steps of priority above the usual, as `nice` counts them.
pub const PRIORITY: Range = Range::new(0, 0, 20);
/// Capacity for assets; an instrument names them in 16 bits.
pub const ASSETS: Range = Range::new(2, 64, 4096);
/// Capacity for instruments; a stock locate has 16 bits.
pub const INSTRUMENTS: Range = Range::new(1, 64, 65_534);
/// Capacity for accounts.
pub const ACCOUNTS: Range = Range::new(1, 1024, 1 << 20);
/// Capacity for sessions; their names have 5 digits.
pub const SESSIONS: Range = Range::new(1, 1024, 100_000);
/// Capacity for resting orders.
pub const ORDERS: Range = Range::new(16, 262_144, 1 << 26);
/// Capacity for price levels.
pub const LEVELS: Range = Range::new(16, 65_536, 1 << 26);
/// Capacity for fee schedules; an order names its own in 16 bits.
pub const FEE_SCHEDULES: Range = Range::new(1, 1024, 65_535);
/// TCP connections at each door.
pub const CONNECTIONS: Range = Range::new(1, 256, 65_536);
/// TCP connections at each door from one address, loopback apart.
pub const CONNECTIONS_PER_ADDRESS: Range = Range::new(1, 64, 65_536);
/// What TLS holds for a connection at most, whatever the other side sends, bytes.
pub const TLS_CONNECTION_BYTES: u64 = 128 * KIB;
/// Finished orders remembered for each account.
pub const FINISHED_ORDERS: Range = Range::new(1, 256, 1 << 20);
/// Commands in a ring.
pub const RING: Range = Range::new(1024, 65_536, 1 << 24);
/// Commands on their way to the replica: what comes while a snapshot is taken of it waits there, or on disk.
pub const REPLICA_RING: Range = Range::new(1024, 262_144, 1 << 24);
/// Bytes of the ring from engine to output: at least two of the longest records.
pub const OUTPUT_RING: Range = Range::new(64 * KIB, 16 * MIB, 16 * GIB);
/// Bytes of the window of released messages.
pub const WINDOW: Range = Range::new(64 * KIB, 16 * MIB, 64 * GIB);
/// Bytes of the store of released messages.
pub const STORE: Range = Range::new(MIB, 256 * MIB, 1024 * GIB);
/// Bytes of a journal segment.
pub const SEGMENT: Range = Range::new(4 * MIB, 64 * MIB, 16 * GIB);
/// Most bytes of one journal write.
pub const BATCH: Range = Range::new(4 * KIB, 64 * KIB, PAYLOAD_BYTES_MAX as u64);

/// Seconds between two snapshots: what a start has to apply is what came since.
pub const SNAPSHOT_INTERVAL_S: Range = Range::new(1, 30, 60);
/// Commands that a snapshot must bring. Applying fewer takes less time than reading a snapshot.
pub const SNAPSHOT_COMMANDS: Range = Range::new(1, 100_000, u32::MAX as u64);

/// Days before today that the journal keeps, where older ones are to go.
pub const KEEP_DAYS: Range = Range::new(1, 7, 36_500);

/// Routers that market data may cross, plus one.
pub const MULTICAST_TTL: Range = Range::new(0, 1, 255);
/// Bytes of the longest datagram sent: an Ethernet frame's payload less the IPv4 and UDP headers.
pub const DATAGRAM: Range = Range::new(512, 1472, 65_507);
/// Bytes of the kernel's receive buffer for orders. With 16 MiB an overload queues for 20-90 ms before it drops.
pub const RECEIVE_BUFFER: Range = Range::new(64 * KIB, MIB, GIB);

/// Seconds of a volatility pause: less than a day.
pub const PAUSE: Range = Range::new(1, 120, 86_399);

/// Where the journal is unless the configuration says otherwise.
pub const DATA_DIRECTORY: &str = "exchange-data";

/// Default door for orders, UDP and TCP.
pub const ORDER_ENTRY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 26400);
/// Default group of market data, line A.
pub const LINE_A: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 192, 0, 1), 26477);
/// Default group of market data, line B.
pub const LINE_B: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 192, 0, 2), 26477);
/// Default door for gap recovery over TCP.
pub const RECOVERY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 26478);
/// Who is answered by retransmission over UDP without a login, by default: who is on this machine. The kernel takes none of these
/// addresses from outside.
pub const RETRANSMISSION_NETWORK: Subnet = Subnet::LOOPBACK;
/// Networks of those who are answered by retransmission over UDP without a login.
pub const RETRANSMISSION_NETWORKS_MAX: usize = 64;
/// Bytes that retransmission over UDP sends to one address in a second: at least a datagram.
pub const RETRANSMISSION_BYTES: Range = Range::new(64 * KIB, MIB, GIB);
/// Requests over UDP that are looked at in a millisecond.
pub const RETRANSMISSION_REQUESTS: Range = Range::new(1, 32, 1024);
/// Addresses that are answered over UDP in a second.
pub const RETRANSMISSION_ADDRESSES: Range = Range::new(1, 1024, 65_536);
/// Default door for snapshots of the books over TCP.
pub const SNAPSHOT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 26479);

/// Default door for counters.
pub const METRICS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 26480);
/// The operator's socket in the data directory, unless the configuration says otherwise.
pub const ADMIN_SOCKET: &str = "admin.sock";

// What the library of the doors says.
#[cfg(feature = "tls")]
const _: () = assert!(TLS_CONNECTION_BYTES == tls::BYTES_MAX as u64);
// A step's record must fit into the output ring twice: one going out, one coming in.
const _: () = assert!(OUTPUT_RING.least >= 2 * (RECORD_CELLS_MAX * size_of::<Cell>()) as u64);
// A batch of one command and its frame must fit into a segment with room for the header.
const _: () = assert!(BATCH.least > LONG_BYTES as u64 && 2 * BATCH.most <= SEGMENT.least);
// Every instrument has a stock locate of its own beside the one that means "unknown".
const _: () = assert!(INSTRUMENTS.most < UNKNOWN_INSTRUMENT as u64);
// An address that has had nothing in a second can get any datagram.
const _: () = assert!(RETRANSMISSION_BYTES.least >= DATAGRAM.most);
// Five digits name the session.
const _: () = assert!(SESSIONS.most <= 100_000);
const _: () = assert!(size_of::<Command>() == LONG_BYTES);
