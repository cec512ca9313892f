//! What the recovery stage must know.

use std::collections::BTreeMap;

use protocol::authentication::MacSecret;

use super::credentials::{Credentials, MarketDataLogins};
use super::door::DoorConfig;
use super::re_request::ReRequestConfig;
use crate::exchange::Limits;
use crate::token::TokenMint;

/// What the recovery stage must know. Everything it sizes is allocated at start.
#[derive(Debug, Clone)]
pub struct RecoveryConfig {
    /// Capacities of the exchange, as the engine has them.
    pub limits: Limits,
    /// Secret of the replica's index, from the operating system's random source: see [`crate::exchange::Exchange`].
    pub hash_seed: u64,
    /// Bytes of the store of released messages. Older ones are made again by the archive, if there
    /// is a journal.
    pub store_bytes: usize,
    /// Finished orders, and as many replaced numbers, that are remembered for each account.
    pub finished_orders: usize,
    /// Logins of order-entry sessions.
    pub credentials: Credentials,
    /// What the datagrams of sessions are authenticated with; for those that are not named the token is enough.
    pub mac_secrets: BTreeMap<u32, MacSecret>,
    /// Logins of the gap-recovery service.
    pub market_data_logins: MarketDataLogins,
    /// Makes the tokens of bindings.
    pub tokens: TokenMint,
    /// The exchange's port for orders over UDP, told to who binds.
    pub udp_port: u16,
    /// Questions of one connection that may wait at once; then it is not read on.
    pub questions_max: usize,
    /// Limits of the order-entry door.
    pub order_entry: DoorConfig,
    /// Limits of the gap-recovery door.
    pub gap_recovery: DoorConfig,
    /// Limits on acknowledgements sent again over UDP.
    pub re_requests: ReRequestConfig,
    /// Window records taken in one turn.
    pub records_per_poll: usize,
    /// Steps of commands applied in one turn.
    pub steps_per_poll: usize,
    /// Nanoseconds between two snapshots.
    pub snapshot_interval_ns: u64,
    /// Commands that a snapshot must bring.
    pub snapshot_commands: u64,
}

impl RecoveryConfig {
    /// The usual limits, for an exchange of these capacities that nobody can log in to.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            hash_seed: 0,
            store_bytes: 256 * 1_024 * 1_024,
            finished_orders: 1_024,
            credentials: Credentials::default(),
            mac_secrets: BTreeMap::new(),
            market_data_logins: MarketDataLogins::Open,
            tokens: TokenMint::new(0),
            udp_port: 26_400,
            questions_max: 64,
            order_entry: DoorConfig::default(),
            gap_recovery: DoorConfig::default(),
            re_requests: ReRequestConfig::default(),
            records_per_poll: 4_096,
            steps_per_poll: 512,
            snapshot_interval_ns: 30_000_000_000,
            snapshot_commands: 1,
        }
    }
}
