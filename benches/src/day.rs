//! A made-up trading day as ITCH 5.0 messages: the same bytes for the same seed, on every machine.
//!
//! Of 1,000 messages about 415 add an order, 370 delete one, 85 replace one, 20 cancel a part, 80 execute, 8 report hidden
//! trades. Some instruments are far busier than others, and four messages in ten follow one of the same instrument.
//! Order numbers ascend with little gaps. Most orders live briefly: three in five that leave are among the six
//! youngest of their book. Prices crowd near the touch, with a long tail; the touch moves by ticks of 0.01, and what stands
//! in its way is executed or deleted, oldest first at the best price. No book is ever crossed.

use std::collections::BTreeMap;

use protocol::layout::WireMessage;
use protocol::market_data::binary_file::write_record;
use protocol::market_data::messages::{
    AddOrder, AddOrderAttributed, OrderCancel, OrderDelete, OrderExecuted, OrderExecutedWithPrice,
    OrderReplace, StockDirectory, StockTradingAction, SystemEvent, Trade,
};
use protocol::testing::Random;
use protocol::units::U48;

/// One tick, in 0.0001.
const TICK: u32 = 100;
/// The trading hours, nanoseconds after midnight.
const HOURS: (u64, u64) = (34_200_000_000_000, 57_600_000_000_000);
/// "No order".
const NONE: u32 = u32::MAX;
/// Places of the table that instruments are drawn from.
const DRAWS: usize = 1 << 16;
/// Longest record.
const RECORD_BYTES_MAX: usize = 64;

/// What a day is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Another seed is another day.
    pub seed: u64,
    /// Messages, those that open the day included.
    pub messages: u64,
    /// Instruments, at least 1.
    pub instruments: u16,
    /// Orders that rest in a book on average.
    pub orders_a_book: u32,
}

impl Plan {
    /// A day with 150 orders a book.
    pub fn new(messages: u64, instruments: u16) -> Self {
        Self {
            seed: 20_250_102,
            messages,
            instruments,
            orders_a_book: 150,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Order {
    number: u64,
    price: u32,
    quantity: u32,
    side: u8,
    /// Position among its instrument's orders.
    place: u32,
    /// Neighbors at its price.
    next: u32,
    previous: u32,
}

#[derive(Debug, Clone, Copy)]
struct Queue {
    head: u32,
    tail: u32,
}

#[derive(Debug)]
struct Instrument {
    /// The lowest ask that is allowed, ticks; bids are below it.
    touch: u32,
    live: Vec<u32>,
    target: usize,
    /// Bids, asks by price.
    sides: [BTreeMap<u32, Queue>; 2],
}

/// A day being told.
#[derive(Debug)]
pub struct Day {
    plan: Plan,
    random: Random,
    instruments: Vec<Instrument>,
    draws: Vec<u16>,
    current: u16,
    orders: Vec<Order>,
    free: Vec<u32>,
    number: u64,
    matches: u64,
    time: u64,
    told: u64,
    step_ns: u64,
    record: [u8; RECORD_BYTES_MAX],
}

impl Day {
    /// Before its first message.
    ///
    /// # Panics
    /// Without an instrument.
    pub fn new(plan: Plan) -> Self {
        assert!(plan.instruments > 0, "a day has instruments");
        let mut random = Random::new(plan.seed);
        let count = usize::from(plan.instruments);
        // The busiest instruments are anywhere in the table.
        let mut ranks: Vec<usize> = (0..count).collect();
        for place in (1..count).rev() {
            ranks.swap(place, random.below(place as u64 + 1) as usize);
        }
        let weights: Vec<f64> = ranks.iter().map(|rank| 1.0 / (*rank as f64 + 20.0)).collect();
        let all: f64 = weights.iter().sum();
        let mut draws = Vec::with_capacity(DRAWS + count);
        for (place, weight) in weights.iter().enumerate() {
            let share = (weight / all * DRAWS as f64) as usize;
            draws.extend(std::iter::repeat_n(place as u16, share.max(1)));
        }
        let roots: f64 = weights.iter().map(|weight| weight.sqrt()).sum();
        let instruments = weights
            .iter()
            .map(|weight| Instrument {
                touch: random.between(500, 50_000) as u32,
                live: Vec::new(),
                target: (weight.sqrt() / roots * count as f64 * f64::from(plan.orders_a_book)) as usize + 2,
                sides: Default::default(),
            })
            .collect();
        Self {
            plan,
            random,
            instruments,
            draws,
            current: 0,
            orders: Vec::new(),
            free: Vec::new(),
            number: 0,
            matches: 0,
            time: HOURS.0,
            told: 0,
            step_ns: 2 * (HOURS.1 - HOURS.0) / plan.messages.max(1),
            record: [0; RECORD_BYTES_MAX],
        }
    }

    /// The next record: u16 length, message. `None` when the day is over.
    pub fn next_record(&mut self) -> Option<&[u8]> {
        if self.told >= self.plan.messages {
            return None;
        }
        let length = self.tell();
        self.told += 1;
        Some(&self.record[..length])
    }

    /// Orders that rest now.
    pub fn resting(&self) -> usize {
        self.orders.len() - self.free.len()
    }

    fn tell(&mut self) -> usize {
        let count = u64::from(self.plan.instruments);
        match self.told {
            0 => self.event(b'Q'),
            told if told <= count => self.directory(told as u16),
            told if told <= 2 * count => self.state((told - count) as u16),
            _ => self.act(),
        }
    }

    /// One message of trading.
    fn act(&mut self) -> usize {
        self.time += self.random.below(self.step_ns + 1);
        if !self.random.chance(4, 10) {
            self.current = self.draws[self.random.below(self.draws.len() as u64) as usize];
        }
        if let Some(slot) = self.in_the_way() {
            return if self.random.chance(35, 100) {
                self.execute(slot, true)
            } else {
                self.delete(slot)
            };
        }
        let (live, target) = {
            let instrument = self.instrument();
            (instrument.live.len(), instrument.target)
        };
        if live < 2 {
            return self.add();
        }
        match self.random.below(1_000) {
            0..14 => {
                self.shift();
                self.add()
            }
            14..59 => match self.best() {
                Some(slot) => self.execute(slot, false),
                None => self.add(),
            },
            59..79 => self.cancel(),
            79..87 => self.hidden(),
            87..172 => self.replace(),
            _ => {
                // The fuller the book, the more orders leave it.
                let lack = (target as i64 - live as i64) * 1_000 / target as i64;
                if self.random.below(1_000) < (530 + lack).clamp(100, 900) as u64 {
                    self.add()
                } else {
                    let slot = self.any();
                    self.delete(slot)
                }
            }
        }
    }

    fn instrument(&self) -> &Instrument {
        &self.instruments[usize::from(self.current)]
    }

    /// The touch moves by one tick.
    fn shift(&mut self) {
        let is_up = self.random.chance(1, 2);
        let instrument = &mut self.instruments[usize::from(self.current)];
        instrument.touch = match is_up {
            true => instrument.touch + 1,
            false => (instrument.touch - 1).max(400),
        };
    }

    /// The oldest order at the best price of a side that the touch has reached.
    fn in_the_way(&self) -> Option<u32> {
        let instrument = self.instrument();
        let touch = instrument.touch * TICK;
        let bid = instrument.sides[0]
            .last_key_value()
            .filter(|(price, _)| **price >= touch);
        let ask = instrument.sides[1]
            .first_key_value()
            .filter(|(price, _)| **price < touch);
        bid.or(ask).map(|(_, queue)| queue.head)
    }

    /// The oldest order at the best price of some side.
    fn best(&mut self) -> Option<u32> {
        let is_bid = self.random.chance(1, 2);
        let sides = &self.instrument().sides;
        let (bid, ask) = (sides[0].last_key_value(), sides[1].first_key_value());
        let found = if is_bid { bid.or(ask) } else { ask.or(bid) };
        found.map(|(_, queue)| queue.head)
    }

    /// Any order of the instrument, probably a young one.
    fn any(&mut self) -> u32 {
        let live = self.instrument().live.len() as u64;
        let from_end = if self.random.chance(3, 5) {
            self.random.below(live.min(6))
        } else {
            self.random.below(live)
        };
        self.instrument().live[(live - 1 - from_end) as usize]
    }

    fn price(&mut self, side: u8) -> u32 {
        let distance = match self.random.below(100) {
            0..40 => self.geometric(4),
            40..85 => self.geometric(25),
            _ => self.random.below(500),
        };
        let touch = self.instrument().touch;
        let distance = distance as u32;
        TICK * match side {
            b'B' => touch.saturating_sub(1 + distance).max(1),
            _ => touch + distance,
        }
    }

    fn geometric(&mut self, mean: u64) -> u64 {
        let mut steps = 0;
        while steps < 400 && !self.random.chance(1, mean + 1) {
            steps += 1;
        }
        steps
    }

    fn quantity(&mut self) -> u32 {
        let lots = match self.random.below(10) {
            0..6 => 1,
            6..9 => self.random.between(2, 10),
            _ => self.random.between(10, 200),
        };
        (100 * lots) as u32
    }

    fn add(&mut self) -> usize {
        let side = if self.random.chance(1, 2) { b'B' } else { b'S' };
        let (price, quantity) = (self.price(side), self.quantity());
        let number = self.enter(side, price, quantity);
        let plain = AddOrder {
            message_type: b'A',
            stock_locate: self.locate().into(),
            tracking_number: 0.into(),
            timestamp: U48::new(self.time),
            order_reference_number: number.into(),
            buy_sell_indicator: side,
            shares: quantity.into(),
            stock: symbol(self.locate()),
            price: price.into(),
        };
        if !self.random.chance(3, 100) {
            return self.write(&plain);
        }
        self.write(&AddOrderAttributed {
            message_type: b'F',
            stock_locate: plain.stock_locate,
            tracking_number: plain.tracking_number,
            timestamp: plain.timestamp,
            order_reference_number: plain.order_reference_number,
            buy_sell_indicator: side,
            shares: plain.shares,
            stock: plain.stock,
            price: plain.price,
            attribution: *b"FIRM",
        })
    }

    fn execute(&mut self, slot: u32, is_whole: bool) -> usize {
        let order = self.orders[slot as usize];
        let quantity = if is_whole || self.random.chance(1, 2) {
            order.quantity
        } else {
            self.random.between(1, u64::from(order.quantity)) as u32
        };
        self.take(slot, quantity);
        self.matches += 1;
        if self.random.chance(98, 100) {
            return self.write(&OrderExecuted {
                message_type: b'E',
                stock_locate: self.locate().into(),
                tracking_number: 0.into(),
                timestamp: U48::new(self.time),
                order_reference_number: order.number.into(),
                executed_shares: quantity.into(),
                match_number: self.matches.into(),
            });
        }
        self.write(&OrderExecutedWithPrice {
            message_type: b'C',
            stock_locate: self.locate().into(),
            tracking_number: 0.into(),
            timestamp: U48::new(self.time),
            order_reference_number: order.number.into(),
            executed_shares: quantity.into(),
            match_number: self.matches.into(),
            printable: b'Y',
            execution_price: order.price.into(),
        })
    }

    fn cancel(&mut self) -> usize {
        let slot = self.any();
        let order = self.orders[slot as usize];
        if order.quantity == 1 {
            return self.delete(slot);
        }
        let quantity = self.random.between(1, u64::from(order.quantity) - 1) as u32;
        self.take(slot, quantity);
        self.write(&OrderCancel {
            message_type: b'X',
            stock_locate: self.locate().into(),
            tracking_number: 0.into(),
            timestamp: U48::new(self.time),
            order_reference_number: order.number.into(),
            cancelled_shares: quantity.into(),
        })
    }

    fn delete(&mut self, slot: u32) -> usize {
        let number = self.leave(slot).number;
        self.write(&OrderDelete {
            message_type: b'D',
            stock_locate: self.locate().into(),
            tracking_number: 0.into(),
            timestamp: U48::new(self.time),
            order_reference_number: number.into(),
        })
    }

    fn replace(&mut self) -> usize {
        let slot = self.any();
        let old = self.leave(slot);
        let (price, quantity) = (self.price(old.side), self.quantity());
        let number = self.enter(old.side, price, quantity);
        self.write(&OrderReplace {
            message_type: b'U',
            stock_locate: self.locate().into(),
            tracking_number: 0.into(),
            timestamp: U48::new(self.time),
            original_order_reference_number: old.number.into(),
            new_order_reference_number: number.into(),
            shares: quantity.into(),
            price: price.into(),
        })
    }

    fn hidden(&mut self) -> usize {
        let quantity = self.quantity();
        self.matches += 1;
        self.write(&Trade {
            message_type: b'P',
            stock_locate: self.locate().into(),
            tracking_number: 0.into(),
            timestamp: U48::new(self.time),
            order_reference_number: 0.into(),
            buy_sell_indicator: b'B',
            shares: quantity.into(),
            stock: symbol(self.locate()),
            price: (self.instrument().touch * TICK).into(),
            match_number: self.matches.into(),
        })
    }

    fn event(&mut self, event_code: u8) -> usize {
        self.write(&SystemEvent {
            message_type: b'S',
            stock_locate: 0.into(),
            tracking_number: 0.into(),
            timestamp: U48::new(self.time),
            event_code,
        })
    }

    fn directory(&mut self, locate: u16) -> usize {
        self.write(&StockDirectory {
            message_type: b'R',
            stock_locate: locate.into(),
            tracking_number: 0.into(),
            timestamp: U48::new(self.time),
            stock: symbol(locate),
            market_category: b'Q',
            financial_status_indicator: b'N',
            round_lot_size: 100.into(),
            round_lots_only: b'N',
            issue_classification: b'C',
            issue_sub_type: *b"Z ",
            authenticity: b'P',
            short_sale_threshold_indicator: b'N',
            ipo_flag: b'N',
            luld_reference_price_tier: b'1',
            etp_flag: b'N',
            etp_leverage_factor: 0.into(),
            inverse_indicator: b'N',
        })
    }

    fn state(&mut self, locate: u16) -> usize {
        self.write(&StockTradingAction {
            message_type: b'H',
            stock_locate: locate.into(),
            tracking_number: 0.into(),
            timestamp: U48::new(self.time),
            stock: symbol(locate),
            trading_state: b'T',
            reserved: b' ',
            reason: *b"    ",
        })
    }

    fn locate(&self) -> u16 {
        self.current + 1
    }

    fn write(&mut self, message: &impl WireMessage) -> usize {
        write_record(message.as_bytes(), &mut self.record).expect("no message is longer")
    }

    /// A new order at the end of its price; answers its number.
    fn enter(&mut self, side: u8, price: u32, quantity: u32) -> u64 {
        self.number += self.random.between(1, 3);
        let slot = self.free.pop().unwrap_or(self.orders.len() as u32);
        let instrument = &mut self.instruments[usize::from(self.current)];
        let queue = instrument.sides[usize::from(side == b'S')]
            .entry(price)
            .or_insert(Queue {
                head: slot,
                tail: NONE,
            });
        let order = Order {
            number: self.number,
            price,
            quantity,
            side,
            place: instrument.live.len() as u32,
            next: NONE,
            previous: queue.tail,
        };
        if let Some(last) = self.orders.get_mut(queue.tail as usize) {
            last.next = slot;
        }
        queue.tail = slot;
        instrument.live.push(slot);
        match self.orders.get_mut(slot as usize) {
            Some(place) => *place = order,
            None => self.orders.push(order),
        }
        self.number
    }

    /// Takes lots off an order; the last lot removes it.
    fn take(&mut self, slot: u32, quantity: u32) {
        if quantity == self.orders[slot as usize].quantity {
            self.leave(slot);
        } else {
            self.orders[slot as usize].quantity -= quantity;
        }
    }

    /// Removes an order of the current instrument.
    fn leave(&mut self, slot: u32) -> Order {
        let order = self.orders[slot as usize];
        let instrument = &mut self.instruments[usize::from(self.current)];
        instrument.live.swap_remove(order.place as usize);
        if let Some(moved) = instrument.live.get(order.place as usize) {
            self.orders[*moved as usize].place = order.place;
        }
        let side = &mut instrument.sides[usize::from(order.side == b'S')];
        let queue = side.get_mut(&order.price).expect("an order has a queue");
        match self.orders.get_mut(order.previous as usize) {
            Some(previous) => previous.next = order.next,
            None => queue.head = order.next,
        }
        match self.orders.get_mut(order.next as usize) {
            Some(next) => next.previous = order.previous,
            None => queue.tail = order.previous,
        }
        if queue.head == NONE {
            side.remove(&order.price);
        }
        self.free.push(slot);
        order
    }
}

/// `S0001` and so on.
fn symbol(locate: u16) -> [u8; 8] {
    let mut symbol = *b"S00000  ";
    let mut rest = locate;
    for digit in symbol[1..6].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    symbol
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::mix;

    fn hash(plan: Plan) -> u64 {
        let mut day = Day::new(plan);
        let mut hash = 0;
        while let Some(record) = day.next_record() {
            hash = mix(hash, record);
        }
        hash
    }

    #[test]
    fn a_seed_is_a_day() {
        let plan = Plan::new(20_000, 20);
        assert_eq!(hash(plan), hash(plan));
        assert_ne!(hash(plan), hash(Plan { seed: 1, ..plan }));
    }

    #[test]
    fn books_keep_their_size() {
        let mut day = Day::new(Plan::new(300_000, 20));
        while day.next_record().is_some() {}
        let resting = day.resting();
        assert!((2_000..4_500).contains(&resting), "{resting}");
    }
}
