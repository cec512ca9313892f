//! A made-up exchange for tests: random ITCH messages with a naive book beside them, a publisher, a recovery service.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file is a crate of its own and uses a part of this"
)]

pub mod exchange;
pub mod publisher;

use feed_handler::{Digest, Side};
use protocol::layout::WireMessage;
use protocol::market_data::messages::{
    AddOrder, BrokenTrade, CrossTrade, Noii, OrderCancel, OrderDelete, OrderExecuted, OrderExecutedWithPrice,
    OrderReplace, StockDirectory, StockTradingAction, SystemEvent, Trade,
};
use protocol::testing::Random;
use protocol::units::U48;

/// The session of all tests.
pub const SESSION: [u8; 10] = *b"ITCH000001";

/// An order of the naive book.
#[derive(Debug, Clone, Copy)]
pub struct Resting {
    pub locate: u16,
    pub side: Side,
    pub price: u32,
    pub number: u64,
    pub quantity: u32,
    /// Order of arrival.
    pub arrival: u64,
}

/// Makes messages that fit, and keeps the books in the most obvious way.
pub struct Script {
    pub random: Random,
    pub resting: Vec<Resting>,
    pub messages: Vec<Vec<u8>>,
    instruments: u16,
    next_number: u64,
    arrivals: u64,
    matches: u64,
}

impl Script {
    /// Begins a day with this many instruments, `SYM1` and up.
    pub fn new(seed: u64, instruments: u16) -> Self {
        let mut script = Self {
            random: Random::new(seed),
            resting: Vec::new(),
            messages: Vec::new(),
            instruments,
            next_number: 1,
            arrivals: 0,
            matches: 0,
        };
        script.messages.push(system_event(b'O'));
        for locate in 1..=instruments {
            script
                .messages
                .push(directory(locate, &format!("SYM{locate}"), 10_000));
            script.messages.push(state(locate, b'T'));
        }
        script
    }

    /// Makes this many further messages.
    pub fn run(&mut self, messages: usize) {
        for _ in 0..messages {
            let message = self.step();
            self.messages.push(message);
        }
    }

    /// The digest of one instrument's naive book.
    pub fn digest(&self, locate: u16) -> u64 {
        let mut digest = Digest::new();
        for side in [Side::Buy, Side::Sell] {
            let mut orders: Vec<_> = self
                .resting
                .iter()
                .filter(|order| order.locate == locate && order.side == side)
                .collect();
            orders.sort_by_key(|order| {
                let price = if side == Side::Buy {
                    u32::MAX - order.price
                } else {
                    order.price
                };
                (price, order.arrival)
            });
            for order in orders {
                digest.order(side, order.price, order.number, order.quantity);
            }
        }
        digest.finish()
    }

    fn step(&mut self) -> Vec<u8> {
        let choice = self.random.below(100);
        if self.resting.is_empty() || (choice < 45 && self.resting.len() < 2_000) {
            return self.add();
        }
        let index = self.random.below(self.resting.len() as u64) as usize;
        let order = self.resting[index];
        let some = self.random.between(1, u64::from(order.quantity)) as u32;
        match choice {
            0..65 => {
                self.take(index, some);
                self.matches += 1;
                executed(order.locate, order.number, some, self.matches)
            }
            65..75 if some < order.quantity => {
                self.take(index, some);
                canceled(order.locate, order.number, some)
            }
            65..85 => {
                self.resting.remove(index);
                deleted(order.locate, order.number)
            }
            _ => {
                self.resting.remove(index);
                let (number, price) = (self.number(), self.price(order.side));
                let replaced = replaced(order.locate, order.number, number, some, price);
                self.rest(Resting {
                    number,
                    price,
                    quantity: some,
                    ..order
                });
                replaced
            }
        }
    }

    fn add(&mut self) -> Vec<u8> {
        let side = *self.random.pick(&[Side::Buy, Side::Sell]);
        let order = Resting {
            locate: self.random.between(1, u64::from(self.instruments)) as u16,
            side,
            price: self.price(side),
            number: self.number(),
            quantity: self.random.between(1, 500) as u32,
            arrival: 0,
        };
        self.rest(order);
        added(order.locate, order.number, side, order.quantity, order.price)
    }

    fn rest(&mut self, order: Resting) {
        self.arrivals += 1;
        self.resting.push(Resting {
            arrival: self.arrivals,
            ..order
        });
    }

    fn take(&mut self, index: usize, quantity: u32) {
        self.resting[index].quantity -= quantity;
        if self.resting[index].quantity == 0 {
            self.resting.remove(index);
        }
    }

    fn number(&mut self) -> u64 {
        self.next_number += self.random.between(1, 3);
        self.next_number
    }

    /// Mostly near the best, sometimes far away; the sides do not cross.
    fn price(&mut self, side: Side) -> u32 {
        let width = if self.random.chance(1, 20) { 900_000 } else { 30 };
        let away = self.random.below(width) as u32;
        match side {
            Side::Buy => 1_000_000 - away,
            Side::Sell => 1_000_001 + away,
        }
    }
}

pub fn bytes(message: &impl WireMessage) -> Vec<u8> {
    let mut buffer = [0; 64];
    let length = message
        .write(&mut buffer)
        .expect("ITCH messages have at most 50 bytes");
    buffer[..length].to_vec()
}

fn symbol(text: &str) -> [u8; 8] {
    protocol::units::Symbol::new(text)
        .expect("test symbols are short")
        .0
}

pub fn directory(locate: u16, name: &str, lots_per_unit: u32) -> Vec<u8> {
    bytes(&StockDirectory {
        message_type: b'R',
        stock_locate: locate.into(),
        tracking_number: 0.into(),
        timestamp: U48::new(1),
        stock: symbol(name),
        market_category: b' ',
        financial_status_indicator: b' ',
        round_lot_size: lots_per_unit.into(),
        round_lots_only: b'N',
        issue_classification: b'C',
        issue_sub_type: *b"Z ",
        authenticity: b'T',
        short_sale_threshold_indicator: b' ',
        ipo_flag: b' ',
        luld_reference_price_tier: b' ',
        etp_flag: b' ',
        etp_leverage_factor: 0.into(),
        inverse_indicator: b'N',
    })
}

pub fn added(locate: u16, number: u64, side: Side, quantity: u32, price: u32) -> Vec<u8> {
    bytes(&AddOrder {
        message_type: b'A',
        stock_locate: locate.into(),
        tracking_number: 0.into(),
        timestamp: U48::new(2),
        order_reference_number: number.into(),
        buy_sell_indicator: side.to_byte(),
        shares: quantity.into(),
        stock: symbol(&format!("SYM{locate}")),
        price: price.into(),
    })
}

pub fn executed(locate: u16, number: u64, quantity: u32, match_number: u64) -> Vec<u8> {
    bytes(&OrderExecuted {
        message_type: b'E',
        stock_locate: locate.into(),
        tracking_number: 0.into(),
        timestamp: U48::new(3),
        order_reference_number: number.into(),
        executed_shares: quantity.into(),
        match_number: match_number.into(),
    })
}

pub fn canceled(locate: u16, number: u64, quantity: u32) -> Vec<u8> {
    bytes(&OrderCancel {
        message_type: b'X',
        stock_locate: locate.into(),
        tracking_number: 0.into(),
        timestamp: U48::new(4),
        order_reference_number: number.into(),
        cancelled_shares: quantity.into(),
    })
}

pub fn deleted(locate: u16, number: u64) -> Vec<u8> {
    bytes(&OrderDelete {
        message_type: b'D',
        stock_locate: locate.into(),
        tracking_number: 0.into(),
        timestamp: U48::new(5),
        order_reference_number: number.into(),
    })
}

pub fn replaced(locate: u16, number: u64, new_number: u64, quantity: u32, price: u32) -> Vec<u8> {
    bytes(&OrderReplace {
        message_type: b'U',
        stock_locate: locate.into(),
        tracking_number: 0.into(),
        timestamp: U48::new(6),
        original_order_reference_number: number.into(),
        new_order_reference_number: new_number.into(),
        shares: quantity.into(),
        price: price.into(),
    })
}

pub fn state(locate: u16, trading_state: u8) -> Vec<u8> {
    bytes(&StockTradingAction {
        message_type: b'H',
        stock_locate: locate.into(),
        tracking_number: 0.into(),
        timestamp: U48::new(1),
        stock: symbol(&format!("SYM{locate}")),
        trading_state,
        reserved: b' ',
        reason: *b"    ",
    })
}

/// An opening auction in which `paired` lots would trade at `near`, and `imbalance` more are for sale.
pub fn imbalance(locate: u16, paired: u64, imbalance: u64, near: u32) -> Vec<u8> {
    bytes(&Noii {
        message_type: b'I',
        stock_locate: locate.into(),
        tracking_number: 0.into(),
        timestamp: U48::new(7),
        paired_shares: paired.into(),
        imbalance_shares: imbalance.into(),
        imbalance_direction: if near == 0 { b'O' } else { b'S' },
        stock: symbol(&format!("SYM{locate}")),
        far_price: (near / 2).into(),
        near_price: near.into(),
        current_reference_price: 100_0000.into(),
        cross_type: b'O',
        price_variation_indicator: if near == 0 { b' ' } else { b'1' },
    })
}

pub fn executed_in_cross(locate: u16, number: u64, quantity: u32, price: u32, match_number: u64) -> Vec<u8> {
    bytes(&OrderExecutedWithPrice {
        message_type: b'C',
        stock_locate: locate.into(),
        tracking_number: 0.into(),
        timestamp: U48::new(8),
        order_reference_number: number.into(),
        executed_shares: quantity.into(),
        match_number: match_number.into(),
        printable: b'N',
        execution_price: price.into(),
    })
}

pub fn cross(locate: u16, quantity: u64, price: u32, match_number: u64) -> Vec<u8> {
    bytes(&CrossTrade {
        message_type: b'Q',
        stock_locate: locate.into(),
        tracking_number: 0.into(),
        timestamp: U48::new(8),
        shares: quantity.into(),
        stock: symbol(&format!("SYM{locate}")),
        cross_price: price.into(),
        match_number: match_number.into(),
        cross_type: b'O',
    })
}

pub fn hidden_trade(locate: u16, quantity: u32, price: u32, match_number: u64) -> Vec<u8> {
    bytes(&Trade {
        message_type: b'P',
        stock_locate: locate.into(),
        tracking_number: 0.into(),
        timestamp: U48::new(9),
        order_reference_number: 0.into(),
        buy_sell_indicator: b'B',
        shares: quantity.into(),
        stock: symbol(&format!("SYM{locate}")),
        price: price.into(),
        match_number: match_number.into(),
    })
}

pub fn broken(locate: u16, match_number: u64) -> Vec<u8> {
    bytes(&BrokenTrade {
        message_type: b'B',
        stock_locate: locate.into(),
        tracking_number: 0.into(),
        timestamp: U48::new(10),
        match_number: match_number.into(),
    })
}

/// The message with another time, nanoseconds.
pub fn at(mut message: Vec<u8>, timestamp: u64) -> Vec<u8> {
    message[5..11].copy_from_slice(&timestamp.to_be_bytes()[2..]);
    message
}

pub fn system_event(event_code: u8) -> Vec<u8> {
    bytes(&SystemEvent {
        message_type: b'S',
        stock_locate: 0.into(),
        tracking_number: 0.into(),
        timestamp: U48::new(0),
        event_code,
    })
}

/// Writes a recorded day; answers its path.
pub fn record(path: &std::path::Path, messages: &[Vec<u8>]) -> std::path::PathBuf {
    let records: Vec<u8> = messages
        .iter()
        .flat_map(|message| [&(message.len() as u16).to_be_bytes()[..], message].concat())
        .collect();
    std::fs::write(path, records).expect("the directory of the test is there");
    path.to_owned()
}

/// What a program wrote to its standard output.
pub fn stdout_of(output: &std::process::Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("output is text")
}
