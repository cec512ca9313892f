//! The configuration's hash: FNV-1a over a fixed sequence of bytes, the same on every machine and in every version.

use super::{AccountPermissions, Config};

/// FNV-1a, 64 bits.
struct Fnv(u64);

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn number(&mut self, number: impl Into<i128>) {
        self.bytes(&number.into().to_le_bytes());
    }

    fn amount(&mut self, amount: u128) {
        self.bytes(&amount.to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        self.amount(count as u128);
    }
}

/// See [`Config::configuration_hash`].
pub(super) fn configuration(config: &Config) -> u64 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    let limits = &config.capacities.limits;
    for limit in [
        limits.assets,
        limits.instruments,
        limits.accounts,
        limits.sessions,
        limits.orders,
        limits.levels,
        limits.fee_schedules,
    ] {
        hash.number(limit);
    }
    hash.count(config.assets.len());
    for asset in &config.assets {
        hash.bytes(&asset.name.0);
        hash.number(asset.decimals);
    }
    hash.count(config.instruments.len());
    for instrument in &config.instruments {
        for name in [instrument.symbol, instrument.base, instrument.quote] {
            hash.bytes(&name.0);
        }
        for amount in [
            instrument.lot_size,
            instrument.price_unit,
            instrument.notional_max,
            instrument.fat_finger,
        ] {
            hash.amount(amount);
        }
        for number in [
            instrument.tick_size,
            instrument.price_max,
            instrument.quantity_max,
            instrument.collar_ppm,
            instrument.reference_price,
            instrument.volatility_ppm,
            instrument.pause_seconds,
        ] {
            hash.number(number);
        }
        hash.number(instrument.maker_fee_ppm);
        hash.number(instrument.taker_fee_ppm);
    }
    hash.count(config.accounts.len());
    for account in &config.accounts {
        hash.bytes(&account.name);
        hash.bytes(&account.firm);
        hash.number(account.open_orders_max);
        hash.number(account.quantity_max);
        hash.number(account.rate_per_second);
        hash.number(account.rate_burst);
        hash.bytes(&[
            account.self_match.byte(),
            account.cancel_on_disconnect.into(),
            account.fee_reports.into(),
        ]);
        // What everybody may is left out, as in versions that knew nothing else.
        if account.permissions != AccountPermissions::default() {
            hash.bytes(&[account.permissions.permissions() as u8]);
        }
        hash.count(account.sessions.len());
        for session in &account.sessions {
            hash.bytes(&session.username);
        }
        hash.count(account.deposits.len());
        for deposit in &account.deposits {
            hash.bytes(&deposit.asset.0);
            hash.amount(deposit.amount);
        }
    }
    hash.0
}
