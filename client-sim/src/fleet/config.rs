//! What a fleet is made of: who takes part, and how.

use std::net::SocketAddrV4;

use protocol::authentication::MacSecret;
use protocol::units::Symbol;

use crate::connection::{ConfigError, Door, EndReason, Timing};
use crate::pacer::Arrivals;
use crate::workload::Role;

/// Who takes part.
#[derive(Debug, Clone)]
pub struct Participant {
    /// Login name.
    pub username: String,
    /// Password.
    pub password: String,
    /// Sessions with the same account share one balance.
    pub account: String,
    /// What it does.
    pub role: Role,
}

/// How many orders of ten come from whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix {
    /// Market makers.
    pub makers: u32,
    /// Traders.
    pub traders: u32,
    /// Investors.
    pub investors: u32,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            makers: 6,
            traders: 3,
            investors: 1,
        }
    }
}

impl Mix {
    pub(super) fn weight(&self, role: Role) -> u32 {
        match role {
            Role::MarketMaker => self.makers,
            Role::Trader => self.traders,
            Role::Investor => self.investors,
        }
    }
}

/// Settings of a fleet.
#[derive(Debug, Clone)]
pub struct FleetConfig {
    /// The order-entry door.
    pub server: SocketAddrV4,
    /// Whom the clients believe, where the exchange's TCP doors are under TLS.
    pub trust: Option<tls::Trust>,
    /// Who takes part.
    pub participants: Vec<Participant>,
    /// Orders a second of all together; 0 = as fast as possible.
    pub rate: u64,
    /// How those orders are spread over the time.
    pub arrivals: Arrivals,
    /// Seed of everything that looks random.
    pub seed: u64,
    /// Who sends how much.
    pub mix: Mix,
    /// Which door orders go through.
    pub door: Door,
    /// What the datagrams of all of them are authenticated with; `None`: the token is enough.
    pub mac: Option<MacSecret>,
    /// 1 to 28.
    pub orders_per_datagram: u16,
    /// One size for all datagrams.
    pub pad_to: Option<usize>,
    /// Datagrams lost on purpose, of a million, in each direction.
    pub loss_per_million: u32,
    /// A price to begin with, for instruments that have none yet.
    pub references: Vec<(Symbol, u64)>,
    /// Quotes of a market maker on each side of an instrument.
    pub levels: u64,
    /// Unfinished orders of a session at most.
    pub orders: usize,
    /// Requests of a session without an answer at most.
    pub window: u32,
    /// Market makers that leave their quotes in the book at the end.
    pub stay: usize,
    /// Orders that rest are good till canceled: they outlive the day.
    pub outlive_day: bool,
    /// Trading that is not measured, before that which is; nanoseconds.
    pub warm_up_ns: u64,
    /// Patience of the clients.
    pub timing: Timing,
}

impl FleetConfig {
    /// The usual settings for `participants`.
    pub fn new(server: SocketAddrV4, participants: Vec<Participant>) -> Self {
        Self {
            server,
            trust: None,
            participants,
            rate: 5_000,
            arrivals: Arrivals::Even,
            seed: 1,
            mix: Mix::default(),
            door: Door::Udp,
            mac: None,
            orders_per_datagram: crate::connection::ORDERS_PER_DATAGRAM_MAX,
            pad_to: None,
            loss_per_million: 0,
            references: Vec::new(),
            levels: crate::workload::LEVELS,
            orders: 8_192,
            window: 2_048,
            stay: 0,
            outlive_day: false,
            warm_up_ns: 0,
            timing: Timing::default(),
        }
    }
}

/// A fleet can not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FleetError {
    /// A setting can not work.
    #[error("{0}: {1}")]
    Config(String, ConfigError),
    /// A customer's connection ended for good.
    #[error("{name}: {reason} (last trouble: {trouble})")]
    Ended {
        /// The customer.
        name: String,
        /// Why.
        reason: EndReason,
        /// What was seen before.
        trouble: String,
    },
    /// Nobody takes part.
    #[error("no participants")]
    Empty,
}
