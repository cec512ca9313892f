//! What a configuration says, in the exchange's own units.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};

use protocol::authentication::MacSecret;
use protocol::units::Symbol;
use serde::{Deserialize, Serialize};

use super::number::time_of_day;
use super::subnet::Subnet;
use crate::exchange::Limits;
use crate::exchange::command::{AccountDefinition, InstrumentDefinition, Permissions, halves};
use crate::password::Proof;

/// An asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// Its name.
    pub name: Symbol,
    /// Decimals of its smallest unit.
    pub decimals: u8,
    /// Line of the file.
    pub line: usize,
}

/// An instrument. Its indices into the asset table are the exchange's business, see [`Instrument::definition`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instrument {
    /// Its name.
    pub symbol: Symbol,
    /// The asset that is traded.
    pub base: Symbol,
    /// The asset it is paid in.
    pub quote: Symbol,
    /// Smallest base units in a lot.
    pub lot_size: u128,
    /// Smallest base units the price is for; a multiple of `lot_size`.
    pub price_unit: u128,
    /// Most value of an order, smallest quote units.
    pub notional_max: u128,
    /// Fat-finger value, smallest quote units; 0 = none.
    pub fat_finger: u128,
    /// Price step in 0.0001 of the quote asset.
    pub tick_size: u32,
    /// Highest price, 0.0001.
    pub price_max: u32,
    /// Most lots of an order.
    pub quantity_max: u32,
    /// Parts per million around the reference price.
    pub collar_ppm: u32,
    /// Parts per million; negative is a rebate.
    pub maker_fee_ppm: i32,
    /// Parts per million.
    pub taker_fee_ppm: i32,
    /// The collar's centre before the first trade, 0.0001.
    pub reference_price: u32,
    /// Parts per million around the last trade: a price outside pauses trading; 0 = no such protection.
    pub volatility_ppm: u32,
    /// How long such a pause lasts; 0 without protection.
    pub pause_seconds: u32,
    /// Line of the file.
    pub line: usize,
}

impl Instrument {
    /// The definition that goes into a command, with the exchange's own indices of its assets.
    pub fn definition(&self, base: u16, quote: u16) -> InstrumentDefinition {
        InstrumentDefinition {
            symbol: self.symbol.0,
            lot_size: halves(self.lot_size),
            price_unit: halves(self.price_unit),
            notional_max: halves(self.notional_max),
            fat_finger: halves(self.fat_finger),
            tick_size: self.tick_size,
            price_max: self.price_max,
            quantity_max: self.quantity_max,
            collar_ppm: self.collar_ppm,
            maker_fee_ppm: self.maker_fee_ppm,
            taker_fee_ppm: self.taker_fee_ppm,
            reference_price: self.reference_price,
            base,
            quote,
        }
    }
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Name for the operator, padded.
    pub name: [u8; 16],
    /// Firm of orders that name none, padded.
    pub firm: [u8; 4],
    /// Its order-entry sessions.
    pub sessions: Vec<Session>,
    /// What it owns when it is new.
    pub deposits: Vec<Deposit>,
    /// Most open orders at once.
    pub open_orders_max: u32,
    /// Most lots in one order.
    pub quantity_max: u32,
    /// Requests a second of each session; 0 = no limit.
    pub rate_per_second: u32,
    /// Requests at once on top of the rate.
    pub rate_burst: u32,
    /// For orders that name no mode.
    pub self_match: SelfMatch,
    /// Cancel a session's orders when its connection ends.
    pub cancel_on_disconnect: bool,
    /// Option 131 Fee on executions.
    pub fee_reports: bool,
    /// What it may do.
    pub permissions: AccountPermissions,
    /// How its datagrams prove themselves.
    pub authentication: Authentication,
    /// Line of the file.
    pub line: usize,
}

impl Account {
    /// The definition that goes into a command.
    pub fn definition(&self) -> AccountDefinition {
        AccountDefinition {
            name: self.name,
            firm: self.firm,
            open_orders_max: self.open_orders_max,
            quantity_max: self.quantity_max,
            rate_per_second: self.rate_per_second,
            rate_burst: self.rate_burst,
            self_match: self.self_match.byte(),
            cancel_on_disconnect: self.cancel_on_disconnect.into(),
            fee_reports: self.fee_reports.into(),
            permissions: self.permissions.permissions() as u8,
            spare: [0; 64],
        }
    }

    /// The name without its padding.
    pub fn name(&self) -> &str {
        std::str::from_utf8(&self.name).unwrap_or("?").trim()
    }
}

/// An order-entry session: a port of an account.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Login name, upper case, padded.
    pub username: [u8; 6],
    /// Its password, or the password's hash.
    pub proof: Proof,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The password stays out of logs and panics.
        f.debug_struct("Session")
            .field("username", &String::from_utf8_lossy(&self.username))
            .finish_non_exhaustive()
    }
}

/// A login that reads the streams of a firm's sessions.
#[derive(Clone, PartialEq, Eq)]
pub struct DropCopy {
    /// Login name, upper case, padded.
    pub username: [u8; 6],
    /// The firm, padded.
    pub firm: [u8; 4],
    /// Its password, or the password's hash.
    pub proof: Proof,
    /// Line of the file.
    pub line: usize,
}

impl std::fmt::Debug for DropCopy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DropCopy")
            .field("username", &String::from_utf8_lossy(&self.username))
            .field("firm", &String::from_utf8_lossy(&self.firm))
            .finish_non_exhaustive()
    }
}

/// What a new account owns of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deposit {
    /// The asset's name.
    pub asset: Symbol,
    /// Smallest units.
    pub amount: u128,
}

/// What an account may do, as it is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountPermissions {
    /// Everything.
    #[default]
    Trade,
    /// Everything but orders and replacements.
    Cancel,
    /// Only look: its stream, its questions.
    View,
}

impl AccountPermissions {
    /// As the exchange has it.
    pub fn permissions(self) -> Permissions {
        match self {
            Self::Trade => Permissions::Trade,
            Self::Cancel => Permissions::Cancel,
            Self::View => Permissions::View,
        }
    }
}

/// What happens when an order meets one of its own account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SelfMatch {
    /// The resting order goes.
    CancelOldest,
    /// The incoming order goes.
    #[default]
    CancelNewest,
    /// Both are reduced.
    Decrement,
    /// Both go.
    CancelBoth,
}

impl SelfMatch {
    /// The byte of option 129.
    pub fn byte(self) -> u8 {
        match self {
            Self::CancelOldest => b'O',
            Self::CancelNewest => b'W',
            Self::Decrement => b'D',
            Self::CancelBoth => b'B',
        }
    }
}

/// How datagrams prove whose they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Authentication {
    /// By the token of Bind UDP and the source address.
    #[default]
    Token,
    /// By a keyed tag as well, in both directions.
    Mac(MacSecret),
}

/// The times of a trading day, in seconds since midnight UTC. From `pre_open` on each is later than the one before,
/// counted past midnight; all of them lie within 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Orders are taken, nothing matches.
    pub pre_open: u32,
    /// The opening auction begins.
    pub opening_auction: u32,
    /// The opening cross; continuous trading begins.
    pub open: u32,
    /// The closing auction begins.
    pub closing_auction: u32,
    /// The closing cross; the orders of the day end.
    pub close: u32,
    /// The day's messages end.
    pub roll: u32,
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "pre-open {}, opening auction {}, open {}, closing auction {}, close {}, roll {} UTC",
            time_of_day(self.pre_open),
            time_of_day(self.opening_auction),
            time_of_day(self.open),
            time_of_day(self.closing_auction),
            time_of_day(self.close),
            time_of_day(self.roll)
        )
    }
}

/// Doors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Order datagrams.
    pub order_entry_udp: SocketAddrV4,
    /// SoupBinTCP order entry.
    pub order_entry_tcp: SocketAddrV4,
    /// Market data, line A.
    pub line_a: SocketAddrV4,
    /// Market data, line B, unless it is off.
    pub line_b: Option<SocketAddrV4>,
    /// Gap recovery over TCP.
    pub recovery_tcp: SocketAddrV4,
    /// Snapshots of the books over TCP: GLIMPSE.
    pub snapshot_tcp: SocketAddrV4,
    /// Retransmission over UDP, unless it is off.
    pub retransmission: Option<Retransmission>,
    /// Counters for who collects them, unless it is off.
    pub metrics: Option<SocketAddrV4>,
    /// Where passwords may stand in the file as they are.
    pub plain_passwords: PlainPasswords,
    /// Address of the interface market data leaves from.
    pub interface: Ipv4Addr,
    /// Routers that market data may cross, plus one.
    pub multicast_ttl: u8,
    /// Longest datagram sent, bytes.
    pub datagram_bytes: usize,
    /// How datagrams are received.
    pub receive: ReceiveChoice,
    /// Let the kernel join datagrams of equal size.
    pub receive_offload: bool,
    /// Let the kernel cut acknowledgements from bursts.
    pub send_offload: bool,
    /// The kernel's receive buffer, bytes.
    pub receive_buffer: usize,
}

impl Network {
    /// A door that takes logins from elsewhere, by its key.
    pub fn open_door(&self) -> Option<&'static str> {
        let doors = [
            ("network.order_entry_tcp", self.order_entry_tcp),
            ("network.recovery_tcp", self.recovery_tcp),
            ("network.snapshot_tcp", self.snapshot_tcp),
        ];
        let open = doors.iter().find(|(_, address)| !address.ip().is_loopback());
        open.map(|(key, _)| *key)
    }

    /// Every port becomes one that is free when the doors are opened: for an exchange that disturbs no other.
    pub fn use_free_ports(&mut self) {
        self.order_entry_udp.set_port(0);
        self.order_entry_tcp.set_port(0);
        self.recovery_tcp.set_port(0);
        self.snapshot_tcp.set_port(0);
        self.line_a.set_port(0);
        if let Some(metrics) = &mut self.metrics {
            metrics.set_port(0);
        }
        if let Some(retransmission) = &mut self.retransmission {
            retransmission.address.set_port(0);
        }
        if let Some(line_b) = &mut self.line_b {
            line_b.set_port(0);
        }
    }
}

/// Where the identity of the TCP doors is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// Its certificate, and those between it and its authority; PEM.
    pub certificate: PathBuf,
    /// The certificate's private key; PEM.
    pub key: PathBuf,
    /// Only clients with a certificate by one of these authorities come in; `None`: all. PEM.
    pub client_authority: Option<PathBuf>,
}

#[cfg(feature = "tls")]
impl Tls {
    /// The files.
    pub(crate) fn files(&self) -> tls::IdentityFiles {
        tls::IdentityFiles {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            client_authority: self.client_authority.clone(),
        }
    }

    /// Reads the files.
    ///
    /// # Errors
    /// Which one is of no use, and why.
    pub(crate) fn identity(&self) -> Result<tls::Identity, tls::Refused> {
        tls::Identity::read(&self.files())
    }
}

/// Where passwords may stand in the file as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlainPasswords {
    /// In that of an exchange whose every door for logins is on loopback.
    #[default]
    OnLoopback,
    /// In any.
    Anywhere,
}

/// The door for requests over UDP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retransmission {
    /// Where it is.
    pub address: SocketAddrV4,
    /// Who is answered without a login.
    pub networks: Vec<Subnet>,
    /// Bytes sent to one address in a second.
    pub bytes_per_second: u64,
    /// Requests looked at in a millisecond, all together.
    pub requests_per_ms: u32,
    /// Addresses answered in a second.
    pub addresses: u32,
}

/// How datagrams are received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum ReceiveChoice {
    /// io_uring where the kernel allows it, else recvmmsg.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// io_uring or nothing.
    #[serde(rename = "io_uring")]
    IoUring,
    /// recvmmsg.
    #[serde(rename = "recvmmsg")]
    Recvmmsg,
}

/// Room. All of it is allocated at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacities {
    /// What decides refusals, and so belongs to the journal.
    pub limits: Limits,
    /// TCP connections at each door.
    pub connections: u32,
    /// TCP connections at each door from one address, loopback apart.
    pub connections_per_address: u32,
    /// Finished orders remembered per account.
    pub finished_orders: u32,
    /// Commands on their way to the journal.
    pub journal_ring: u32,
    /// Bytes of events on their way out.
    pub output_ring: u64,
    /// Commands on their way to the replica.
    pub replica_ring: u32,
    /// Bytes of released messages on their way to recovery.
    pub window: u64,
    /// Bytes of released messages kept for recovery.
    pub store: u64,
}

/// When something may leave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Once it is on disk.
    #[default]
    Sync,
    /// Once it is handed to the kernel.
    Async,
    /// At once; nothing is written.
    None,
}

/// Disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// The data directory.
    pub directory: PathBuf,
    /// When something may leave.
    pub durability: Durability,
    /// Bytes of a segment file.
    pub segment_bytes: u64,
    /// Most bytes of one write.
    pub batch_bytes: u64,
    /// Seconds between two snapshots.
    pub snapshot_interval_s: u32,
    /// With fewer new commands no snapshot is worth it.
    pub snapshot_commands: u32,
    /// Days before today that the journal keeps; `None`: all.
    pub keep_days: Option<u32>,
}

/// Who operates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operating {
    /// Where `exchange admin` is listened to, seen from the data directory; `None`: nowhere.
    pub socket: Option<PathBuf>,
}

impl Operating {
    /// Where the socket is for an exchange with this data directory.
    pub fn socket_in(&self, directory: &Path) -> Option<PathBuf> {
        self.socket.as_ref().map(|socket| directory.join(socket))
    }
}

/// What is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Log {
    /// The least serious events that are.
    pub level: LogLevel,
}

/// How serious an event must be to be logged. A later one lets more through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// What ends the exchange, and nothing else.
    Error,
    /// What an operator should look at as well.
    Warn,
    /// The ordinary course of a run as well.
    #[default]
    Info,
}

impl std::fmt::Display for LogLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
        })
    }
}

/// Cores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threads {
    /// How many threads the stages share.
    pub layout: LayoutChoice,
    /// What a thread does when there is nothing to do.
    pub idle: IdleChoice,
    /// Core of each thread, in the order of their stages; threads beyond are not pinned.
    pub cores: Vec<usize>,
    /// Steps above the usual priority for the thread that orders wait for first.
    pub priority: u32,
    /// Keep memory from being swapped out.
    pub lock_memory: bool,
}

/// How many threads the stages share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum LayoutChoice {
    /// By the cores there are.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// All stages on one.
    #[serde(rename = "1")]
    One,
    /// Engine and output; journal and recovery.
    #[serde(rename = "2")]
    Two,
    /// Engine; output; journal and recovery.
    #[serde(rename = "3")]
    Three,
    /// One for each stage.
    #[serde(rename = "4")]
    Four,
}

/// What a thread does when there is nothing to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdleChoice {
    /// By the cores there are.
    #[default]
    Auto,
    /// Look again at once: lowest latency, a core each.
    Spin,
    /// Let others run, then look again.
    Yield,
    /// Spin for a moment, then sleep.
    Park,
}
