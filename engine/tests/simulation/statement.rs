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
}

/// What the sides of a match pay, parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rates {
    pub(crate) maker_ppm: i128,
    pub(crate) taker_ppm: i128,
}

/// Which fees there were when.
#[derive(Debug, Default)]
pub(crate) struct Fees {
    /// Day, time, place of the instrument, in the order in which they came.
    changes: Vec<((u32, u64), usize, Rates)>,
}

impl Fees {
    /// From a command of this day and time on; the same as before is no change.
    pub(crate) fn set(&mut self, day: u32, time: u64, place: usize, rates: Rates) -> bool {
        let last = self.changes.iter().rev().find(|(_, other, _)| *other == place);
        if last.is_some_and(|(_, _, before)| *before == rates) {
            return false;
        }
        self.changes.push(((day, time), place, rates));
        true
    }

    /// What an order pays that got its number then.
    fn at(&self, day: u32, time: u64, place: usize) -> Rates {
        let mut changes = self.changes.iter().rev();
        let change = changes.find(|(since, other, _)| *other == place && *since <= (day, time));
        change.expect("an instrument has fees before it trades").2
    }
}

#[derive(Debug, Clone)]
struct Order {
    terms: usize,
    /// Those under which it got its number.
    rates: Rates,
    number: u64,
    cl_ord_id: [u8; 14],
    is_buy: bool,
    /// `None`: at the market.
    limit: Option<u64>,
    open: u32,
    /// Today, by all numbers that it had.
    executed: u32,
    outlives_day: bool,
    is_stop: bool,
    is_charged: bool,
    /// Nanoseconds since midnight.
    expires: Option<u64>,
    /// What took the last of it was an execution.
    is_filled: bool,
}

/// What an order is, as its owner knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// The newest of its numbers.
    pub(crate) user_ref: u32,
    /// As question `s` says it.
    pub(crate) state: u8,
    pub(crate) open: u32,
    pub(crate) executed: u32,
}

/// What follows from a stream. Assets: 0 is the quote asset of all instruments, `n` the base asset of instrument `n`.
#[derive(Debug)]
pub(crate) struct Statement<'a> {
    terms: &'a [Terms],
    fees: &'a Fees,
    day: u32,
    orders: BTreeMap<u32, Order>,
    /// Numbers that were replaced, and by which.
    replaced: BTreeMap<u32, u32>,
    rejected: BTreeSet<u32>,
    /// Orders of the day before that have not been told of yet.
    to_be_carried: BTreeMap<[u8; 14], Order>,
    carried: u32,
    /// Without fees.
    change: Vec<i128>,
    /// Exact, in millionths.
    fees_ppm: i128,
    /// Orders that were charged: each adds less than a unit.
    charged: i128,
    matches: BTreeSet<u64>,
}

impl<'a> Statement<'a> {
    /// Of nothing, before the first day.
    pub(crate) fn new(terms: &'a [Terms], fees: &'a Fees) -> Self {
        Self {
            terms,
            fees,
            day: 0,
            orders: BTreeMap::new(),
            replaced: BTreeMap::new(),
            rejected: BTreeSet::new(),
            to_be_carried: BTreeMap::new(),
            carried: 0,
            change: vec![0; terms.len() + 1],
            fees_ppm: 0,
            charged: 0,
            matches: BTreeSet::new(),
        }
    }

    /// A day begins: only orders that are good till canceled are left, and each of them is told of first.
    pub(crate) fn begin_day(&mut self, day: u32) {
        self.end_carrying();
        self.day = day;
        let orders = std::mem::take(&mut self.orders);
        for (user_ref, order) in orders.into_iter().filter(|(_, order)| order.open > 0) {
            assert!(
                order.outlives_day,
                "order {user_ref} was good for the day, and is open when day {day} begins"
            );
            let before = self.to_be_carried.insert(order.cl_ord_id, order);
            assert!(before.is_none(), "each order has a ClOrdID of its own");
        }
        self.carried = 0;
        self.replaced.clear();
        self.rejected.clear();
        self.matches.clear();
    }

    /// Nothing more of the day before is told.
    pub(crate) fn end_carrying(&self) {
        assert!(
            self.to_be_carried.is_empty(),
            "day {} begins without orders that were open: {:?}",
            self.day,
            self.to_be_carried
        );
    }

    /// The next message of the day.
    pub(crate) fn take(&mut self, message: &[u8]) {
        self.response(&Response::decode(message).expect("OUCH"));
    }

    /// What is known of a number.
    pub(crate) fn known(&self, user_ref: u32) -> Option<Known> {
        let mut newest = user_ref;
        while let Some(next) = self.replaced.get(&newest) {
            newest = *next;
        }
        let of = |state, open, executed| Known {
            user_ref: newest,
            state,
            open,
            executed,
        };
        if let Some(order) = self.orders.get(&newest) {
            let state = match (order.open, order.is_filled) {
                (0, true) => b'F',
                (0, false) => b'C',
                _ => b'L',
            };
            return Some(of(state, order.open, order.executed));
        }
        self.rejected.contains(&newest).then(|| of(b'R', 0, 0))
    }

    fn response(&mut self, response: &Response<'_>) {
        if !self.to_be_carried.is_empty() {
            let Response::Accepted(accepted, _) = response else {
                return self.end_carrying();
            };
            let Some(order) = self.to_be_carried.remove(&accepted.cl_ord_id) else {
                return self.end_carrying();
            };
            self.carried += 1;
            let terms = self.terms_of(accepted.symbol);
            assert_eq!(
                (
                    accepted.user_ref_num.get(),
                    terms,
                    accepted.side == b'B',
                    limit(accepted.price.get()),
                    accepted.quantity.get(),
                    accepted.time_in_force
                ),
                (
                    self.carried,
                    order.terms,
                    order.is_buy,
                    order.limit,
                    order.open,
                    b'G'
                ),
                "an order is another one on the next day"
            );
            let order = Order {
                number: accepted.order_reference_number.get(),
                executed: 0,
                is_charged: false,
                ..order
            };
            self.orders.insert(self.carried, order);
            return;
        }
        match response {
            Response::Accepted(accepted, options) => {
                let terms = self.terms_of(accepted.symbol);
                let order = Order {
                    terms,
                    rates: self.fees.at(self.day, accepted.timestamp.get(), terms),
                    number: accepted.order_reference_number.get(),
                    cl_ord_id: accepted.cl_ord_id,
                    is_buy: accepted.side == b'B',
                    limit: limit(accepted.price.get()),
                    open: accepted.quantity.get(),
                    executed: 0,
                    outlives_day: accepted.time_in_force == b'G',
                    is_stop: options.stop_price().is_some(),
                    is_charged: false,
                    expires: expiry(
                        accepted.time_in_force,
                        accepted.timestamp.get(),
                        options.expire_time(),
                    ),
                    is_filled: false,
                };
                let before = self.orders.insert(accepted.user_ref_num.get(), order);
                assert!(before.is_none(), "an order is accepted once");
            }
            Response::Replaced(replaced, options) => {
                let user_ref = replaced.orig_user_ref_num.get();
                let old = self.orders.remove(&user_ref).expect("what is replaced was there");
                let number = replaced.order_reference_number.get();
                let order = Order {
                    // With its place it keeps its fees.
                    rates: match number == old.number {
                        true => old.rates,
                        false => self.fees.at(self.day, replaced.timestamp.get(), old.terms),
                    },
                    number,
                    cl_ord_id: replaced.cl_ord_id,
                    limit: limit(replaced.price.get()),
                    open: replaced.quantity.get(),
                    outlives_day: replaced.time_in_force == b'G',
                    is_stop: old.is_stop || options.stop_price().is_some(),
                    expires: expiry(
                        replaced.time_in_force,
                        replaced.timestamp.get(),
                        options.expire_time(),
                    ),
                    ..old
                };
                self.replaced.insert(user_ref, replaced.user_ref_num.get());
                self.orders.insert(replaced.user_ref_num.get(), order);
            }
            Response::Rejected(rejected, _) => {
                self.rejected.insert(rejected.user_ref_num.get());
            }
            Response::PriorityUpdate(updated, _) => {
                self.order(updated.user_ref_num.get()).number = updated.order_reference_number.get();
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
                let user_ref = canceled.user_ref_num.get();
                self.reduce(user_ref, canceled.quantity.get());
                let ends_with_day = canceled.reason != b'E' || !self.order(user_ref).outlives_day;
                assert!(
                    ends_with_day,
                    "order {user_ref} was good till canceled, and ended with the day"
                );
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
        order.is_filled = false;
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
        order.executed += quantity;
        order.is_filled = order.open == 0;
        let rates = order.rates;
        let is_first = !std::mem::replace(&mut order.is_charged, true);
        let (place, sign) = (order.terms, if order.is_buy { 1 } else { -1 });
        let terms = self.terms[place];
        let value = i128::from(quantity) * i128::from(price) * terms.tick_value;
        self.change[0] -= sign * value;
        self.change[place + 1] += sign * i128::from(quantity) * terms.lot;
        // Who was there pays the maker's fee; in a cross nobody was.
        let rate = if b"AJu".contains(&flag) {
            rates.maker_ppm
        } else {
            rates.taker_ppm
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

    /// Compares with what the exchange says: a balance for each asset, what was paid in and not out, who it is.
    pub(crate) fn compare(&self, who: &str, deposits: &[i128], balances: &[Balance]) {
        for (asset, balance) in balances.iter().enumerate() {
            let expected = deposits[asset] + self.change[asset];
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
                    fees_ppm += value * order.rates.maker_ppm.max(order.rates.taker_ppm).max(0);
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
