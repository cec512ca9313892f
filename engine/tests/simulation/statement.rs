//! What a customer must have, by what it was told: every execution at its limit or better, money and holds to the unit.
//!
//! Reckoned from the customer's own stream with nothing of the exchange: a fee is known within one unit for each order
//! (it is rounded up on the order's sum), everything else exactly.

use std::collections::{BTreeMap, BTreeSet};

use engine::exchange::ledger::Balance;
use protocol::order_entry::Response;
use protocol::units::Price;

/// An instrument as the configuration has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) symbol: [u8; 8],
    /// Smallest quote units of a lot at a price of 0.0001.
    pub(crate) tick_value: i128,
    /// Smallest base units of a lot.
    pub(crate) lot: i128,
    pub(crate) maker_ppm: i128,
    pub(crate) taker_ppm: i128,
}

#[derive(Debug)]
struct Order {
    terms: usize,
    is_buy: bool,
    /// `None`: at the market.
    limit: Option<u64>,
    open: u32,
    is_stop: bool,
    is_charged: bool,
    /// Nanoseconds since midnight.
    expires: Option<u64>,
}

/// What follows from a stream. Assets: 0 is the quote asset of all instruments, `n` the base asset of instrument `n`.
#[derive(Debug)]
pub(crate) struct Statement {
    terms: Vec<Terms>,
    orders: BTreeMap<u32, Order>,
    /// Without fees.
    change: Vec<i128>,
    /// Exact, in millionths.
    fees_ppm: i128,
    /// Orders that were charged: each adds less than a unit.
    charged: i128,
    matches: BTreeSet<u64>,
}

impl Statement {
    pub(crate) fn of<'a>(terms: &[Terms], stream: impl Iterator<Item = &'a Vec<u8>>) -> Self {
        let mut statement = Self {
            terms: terms.to_vec(),
            orders: BTreeMap::new(),
            change: vec![0; terms.len() + 1],
            fees_ppm: 0,
            charged: 0,
            matches: BTreeSet::new(),
        };
        for message in stream {
            statement.take(&Response::decode(message).expect("OUCH"));
        }
        statement
    }

    fn take(&mut self, response: &Response<'_>) {
        match response {
            Response::Accepted(accepted, options) => {
                let order = Order {
                    terms: self.terms_of(accepted.symbol),
                    is_buy: accepted.side == b'B',
                    limit: limit(accepted.price.get()),
                    open: accepted.quantity.get(),
                    is_stop: options.stop_price().is_some(),
                    is_charged: false,
                    expires: expiry(
                        accepted.time_in_force,
                        accepted.timestamp.get(),
                        options.expire_time(),
                    ),
                };
                let before = self.orders.insert(accepted.user_ref_num.get(), order);
                assert!(before.is_none(), "an order is accepted once");
            }
            Response::Replaced(replaced, options) => {
                let old = self
                    .orders
                    .remove(&replaced.orig_user_ref_num.get())
                    .expect("what is replaced was there");
                let order = Order {
                    limit: limit(replaced.price.get()),
                    open: replaced.quantity.get(),
                    is_stop: old.is_stop || options.stop_price().is_some(),
                    expires: expiry(
                        replaced.time_in_force,
                        replaced.timestamp.get(),
                        options.expire_time(),
                    ),
                    ..old
                };
                self.orders.insert(replaced.user_ref_num.get(), order);
            }
            Response::Executed(executed, _) => {
                let is_cross = !b"ARJu".contains(&executed.liquidity_flag);
                let is_new = self.matches.insert(executed.match_number.get());
                assert!(is_new || is_cross, "a customer traded with itself");
                self.executed(
                    executed.user_ref_num.get(),
                    executed.quantity.get(),
                    executed.price.get(),
                    executed.liquidity_flag,
                );
            }
            Response::Canceled(canceled, _) => {
                self.reduce(canceled.user_ref_num.get(), canceled.quantity.get());
            }
            Response::AiqCanceled(canceled, _) => {
                self.reduce(canceled.user_ref_num.get(), canceled.decrement_shares.get());
            }
            Response::Modified(modified, _) => {
                let order = self.order(modified.user_ref_num.get());
                assert!(modified.quantity.get() <= order.open, "modifying only reduces");
                order.open = modified.quantity.get();
            }
            _ => {}
        }
    }

    fn terms_of(&self, symbol: [u8; 8]) -> usize {
        let place = self.terms.iter().position(|terms| terms.symbol == symbol);
        place.expect("the exchange has this instrument")
    }

    fn order(&mut self, user_ref: u32) -> &mut Order {
        self.orders
            .get_mut(&user_ref)
            .unwrap_or_else(|| panic!("nothing is known of order {user_ref}"))
    }

    fn reduce(&mut self, user_ref: u32, by: u32) {
        let order = self.order(user_ref);
        let left = order.open.checked_sub(by);
        order.open = left.unwrap_or_else(|| panic!("order {user_ref}: {by} of {} open", order.open));
    }

    fn executed(&mut self, user_ref: u32, quantity: u32, price: u64, flag: u8) {
        self.reduce(user_ref, quantity);
        let order = self.order(user_ref);
        if let Some(limit) = order.limit {
            let is_within = if order.is_buy {
                price <= limit
            } else {
                price >= limit
            };
            assert!(
                is_within,
                "order {user_ref} was executed at {price}, its limit is {limit}"
            );
        }
        let is_first = !std::mem::replace(&mut order.is_charged, true);
        let (place, sign) = (order.terms, if order.is_buy { 1 } else { -1 });
        let terms = self.terms[place];
        let value = i128::from(quantity) * i128::from(price) * terms.tick_value;
        self.change[0] -= sign * value;
        self.change[place + 1] += sign * i128::from(quantity) * terms.lot;
        // Who was there pays the maker's fee; in a cross nobody was.
        let rate = if b"AJu".contains(&flag) {
            terms.maker_ppm
        } else {
            terms.taker_ppm
        };
        self.fees_ppm += value * rate;
        self.charged += i128::from(is_first);
    }

    /// Orders that are open, and how many lots.
    pub(crate) fn open(&self) -> BTreeMap<u32, u32> {
        let open = self.orders.iter().filter(|(_, order)| order.open > 0);
        open.map(|(user_ref, order)| (*user_ref, order.open)).collect()
    }

    /// No order is open whose time ended before `now`.
    pub(crate) fn check_expiries(&self, who: &str, now: u64) {
        for (user_ref, order) in &self.orders {
            let is_late = order.open > 0 && order.expires.is_some_and(|expires| expires < now);
            assert!(
                !is_late,
                "{who}: order {user_ref} is open, and its time ended long ago"
            );
        }
    }

    /// Compares with what the exchange says: a balance for each asset, what was deposited, who it is.
    pub(crate) fn compare(&self, who: &str, deposits: &[u128], balances: &[Balance]) {
        for (asset, balance) in balances.iter().enumerate() {
            let expected = deposits[asset] as i128 + self.change[asset];
            let fees = expected - balance.total() as i128;
            if asset > 0 {
                assert_eq!(
                    fees, 0,
                    "{who}, asset {asset}: what it has follows from its executions"
                );
                continue;
            }
            let rounded_ppm = fees * 1_000_000 - self.fees_ppm;
            assert!(
                (0..=self.charged * 1_000_000).contains(&rounded_ppm),
                "{who}: paid fees of {fees} for exactly {} millionths, {} orders",
                self.fees_ppm,
                self.charged
            );
        }
        self.compare_holds(who, balances);
    }

    /// For limit orders the hold follows from what is open; others hold by rules of their own.
    fn compare_holds(&self, who: &str, balances: &[Balance]) {
        let open = || self.orders.values().filter(|order| order.open > 0);
        if open().any(|order| order.is_stop || order.limit.is_none()) {
            return;
        }
        let mut held = vec![0_i128; self.change.len()];
        let (mut fees_ppm, mut buys) = (0, 0);
        for order in open() {
            let terms = self.terms[order.terms];
            let open = i128::from(order.open);
            match order.limit {
                Some(limit) if order.is_buy => {
                    let value = open * i128::from(limit) * terms.tick_value;
                    held[0] += value;
                    fees_ppm += value * terms.maker_ppm.max(terms.taker_ppm).max(0);
                    buys += 1;
                }
                _ => held[order.terms + 1] += open * terms.lot,
            }
        }
        for (asset, balance) in balances.iter().enumerate() {
            let held_for_fees = balance.held as i128 - held[asset];
            if asset > 0 {
                assert_eq!(
                    held_for_fees, 0,
                    "{who}, asset {asset}: what is held follows from its orders"
                );
                continue;
            }
            // Rounding up adds, what earlier fills were charged in advance takes off, less than a unit for each order.
            assert!(
                (held_for_fees * 1_000_000 - fees_ppm).abs() <= buys * 1_000_000,
                "{who}: {held_for_fees} are held for fees of {fees_ppm} millionths of {buys} orders"
            );
        }
    }
}

/// When an order ends by itself.
fn expiry(time_in_force: u8, timestamp: u64, seconds: Option<u32>) -> Option<u64> {
    let seconds = seconds.filter(|_| time_in_force == b'6')?;
    Some(timestamp + u64::from(seconds) * 1_000_000_000)
}

fn limit(price: u64) -> Option<u64> {
    (price < Price::MARKET_THRESHOLD.0).then_some(price)
}
