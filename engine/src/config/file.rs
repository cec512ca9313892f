//! The configuration file as written: keys, values and where they stand. What they mean is decided in `check.rs`.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use zeroize::Zeroizing;

use super::number::{Bytes, Number, PartsPerMillion, Seconds, TimeOfDay};
use super::{
    AccountPermissions, Durability, IdleChoice, LayoutChoice, LogLevel, PlainPasswords, ReceiveChoice,
    SelfMatch,
};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) assets: Vec<Spanned<Asset>>,
    #[serde(default)]
    pub(super) instruments: Vec<Spanned<Instrument>>,
    #[serde(default)]
    pub(super) accounts: Vec<Spanned<Account>>,
    #[serde(default, rename = "drop_copy")]
    pub(super) drop_copies: Vec<Spanned<DropCopy>>,
    pub(super) day: Option<Day>,
    #[serde(default)]
    pub(super) network: Network,
    #[serde(default)]
    pub(super) tls: Tls,
    #[serde(default)]
    pub(super) capacities: Capacities,
    #[serde(default)]
    pub(super) journal: Journal,
    #[serde(default)]
    pub(super) threads: Threads,
    #[serde(default)]
    pub(super) operating: Operating,
    #[serde(default)]
    pub(super) log: Log,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asset {
    pub(super) name: Spanned<String>,
    pub(super) decimals: Spanned<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Instrument {
    pub(super) symbol: Spanned<String>,
    pub(super) base: Spanned<String>,
    pub(super) quote: Spanned<String>,
    pub(super) tick_size: Spanned<Number>,
    pub(super) lot_size: Spanned<Number>,
    pub(super) price_unit: Option<Spanned<Number>>,
    pub(super) reference_price: Spanned<Number>,
    pub(super) max_price: Option<Spanned<Number>>,
    pub(super) max_quantity: Spanned<u32>,
    pub(super) max_notional: Spanned<Number>,
    pub(super) fat_finger: Option<Spanned<Number>>,
    pub(super) collar: Spanned<PartsPerMillion>,
    pub(super) maker_fee: Spanned<PartsPerMillion>,
    pub(super) taker_fee: Spanned<PartsPerMillion>,
    pub(super) volatility: Option<Spanned<PartsPerMillion>>,
    pub(super) pause: Option<Spanned<Seconds>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Account {
    pub(super) name: Spanned<String>,
    pub(super) firm: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) sessions: Vec<Spanned<Session>>,
    #[serde(default)]
    pub(super) deposits: BTreeMap<String, Spanned<Number>>,
    pub(super) max_open_orders: Option<Spanned<u32>>,
    pub(super) max_quantity: Option<Spanned<u32>>,
    pub(super) max_rate: Option<Spanned<u32>>,
    pub(super) max_burst: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) self_match: SelfMatch,
    #[serde(default)]
    pub(super) cancel_on_disconnect: bool,
    #[serde(default)]
    pub(super) fee_reports: bool,
    #[serde(default)]
    pub(super) permissions: AccountPermissions,
    pub(super) authentication: Option<Spanned<Authentication>>,
    pub(super) mac: Option<Spanned<Mac>>,
    pub(super) secret: Option<Spanned<SecretText>>,
    pub(super) secret_file: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Authentication {
    Token,
    Mac,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum Mac {
    #[serde(rename = "aes-128-gmac")]
    Aes128Gmac,
    #[serde(rename = "siphash-2-4-128")]
    SipHash24,
}

/// A secret or a password: neither printed nor left behind in memory.
#[derive(Deserialize)]
#[serde(from = "String")]
pub(super) struct SecretText(pub(super) Zeroizing<String>);

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Session {
    pub(super) username: Spanned<String>,
    pub(super) password: Option<Spanned<SecretText>>,
    pub(super) password_hash: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DropCopy {
    pub(super) username: Spanned<String>,
    pub(super) firm: Spanned<String>,
    pub(super) password: Option<Spanned<SecretText>>,
    pub(super) password_hash: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Day {
    pub(super) pre_open: Spanned<TimeOfDay>,
    pub(super) opening_auction: Spanned<TimeOfDay>,
    pub(super) open: Spanned<TimeOfDay>,
    pub(super) closing_auction: Spanned<TimeOfDay>,
    pub(super) close: Spanned<TimeOfDay>,
    pub(super) roll: Spanned<TimeOfDay>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Network {
    pub(super) order_entry_udp: Option<Spanned<String>>,
    pub(super) order_entry_tcp: Option<Spanned<String>>,
    pub(super) line_a: Option<Spanned<String>>,
    pub(super) line_b: Option<Spanned<String>>,
    pub(super) recovery_tcp: Option<Spanned<String>>,
    pub(super) snapshot_tcp: Option<Spanned<String>>,
    pub(super) retransmission_udp: Option<Spanned<String>>,
    pub(super) retransmission_networks: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) retransmission_bytes: Option<Spanned<Bytes>>,
    pub(super) retransmission_requests: Option<Spanned<u32>>,
    pub(super) retransmission_addresses: Option<Spanned<u32>>,
    pub(super) metrics: Option<Spanned<String>>,
    pub(super) plain_passwords: Option<PlainPasswords>,
    pub(super) interface: Option<Spanned<String>>,
    pub(super) multicast_ttl: Option<Spanned<u32>>,
    pub(super) datagram_size: Option<Spanned<Bytes>>,
    pub(super) receive: Option<ReceiveChoice>,
    pub(super) receive_offload: Option<bool>,
    pub(super) send_offload: Option<bool>,
    pub(super) receive_buffer: Option<Spanned<Bytes>>,
    pub(super) plain_tcp: Option<Spanned<PlainTcp>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PlainTcp {
    OnLoopback,
    IAcceptThatPasswordsTravelInTheClear,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) certificate: Option<Spanned<String>>,
    pub(super) key: Option<Spanned<String>>,
    pub(super) client_authority: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Capacities {
    pub(super) assets: Option<Spanned<u32>>,
    pub(super) instruments: Option<Spanned<u32>>,
    pub(super) accounts: Option<Spanned<u32>>,
    pub(super) sessions: Option<Spanned<u32>>,
    pub(super) orders: Option<Spanned<u32>>,
    pub(super) levels: Option<Spanned<u32>>,
    pub(super) fee_schedules: Option<Spanned<u32>>,
    pub(super) connections: Option<Spanned<u32>>,
    pub(super) connections_per_address: Option<Spanned<u32>>,
    pub(super) finished_orders: Option<Spanned<u32>>,
    pub(super) journal_ring: Option<Spanned<u32>>,
    pub(super) output_ring: Option<Spanned<Bytes>>,
    pub(super) replica_ring: Option<Spanned<u32>>,
    pub(super) window: Option<Spanned<Bytes>>,
    pub(super) store: Option<Spanned<Bytes>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    pub(super) directory: Option<String>,
    pub(super) durability: Option<Durability>,
    pub(super) segment_size: Option<Spanned<Bytes>>,
    pub(super) batch_size: Option<Spanned<Bytes>>,
    pub(super) snapshot_interval: Option<Spanned<u32>>,
    pub(super) snapshot_commands: Option<Spanned<u32>>,
    pub(super) keep_days: Option<Spanned<u32>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Threads {
    pub(super) layout: Option<LayoutChoice>,
    pub(super) idle: Option<IdleChoice>,
    pub(super) cores: Option<Spanned<Vec<usize>>>,
    pub(super) priority: Option<Spanned<u32>>,
    pub(super) lock_memory: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Operating {
    pub(super) socket: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    pub(super) level: Option<LogLevel>,
}
