//! Events for hftbacktest: price levels as they change (its Level-2), or orders one by one (its Level-3), and the trades.
//!
//! The values of `ev` are those that its documents list. A row is at once for the exchange's side and for the subscriber's.
//! The feed tells no time of receipt: the subscriber's is the exchange's plus a latency that the user names.

use super::npy::{Npy, Row};
use super::{Writer, failed, file_of};
use crate::cli::Failure;
use crate::cli::options::By;
use feed_handler::handler::{Handler, dispatch};
use feed_handler::ticker::Trade;
use feed_handler::{Market, Side, timestamp};
use protocol::market_data::messages::{
    AddOrder, AddOrderAttributed, OrderCancel, OrderDelete, OrderExecuted, OrderExecutedWithPrice,
    OrderReplace,
};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

const DEPTH: u64 = 1;
const TRADE: u64 = 2;
const ADD_ORDER: u64 = 10;
const CANCEL_ORDER: u64 = 11;
const MODIFY_ORDER: u64 = 12;
const FILL: u64 = 13;
/// Processed by the exchange's side, and by the subscriber's.
const BOTH: u64 = 1 << 31 | 1 << 30;
/// Of a buyer: a bid, an order to buy, or a trade whose initiator buys.
const BUY: u64 = 1 << 29;
const SELL: u64 = 1 << 28;

/// One instrument's file.
struct Output {
    path: PathBuf,
    npy: Npy,
    lots_per_unit: f64,
}

/// A resting order.
#[derive(Debug, Clone, Copy)]
struct Resting {
    locate: u16,
    side: Side,
    price: u32,
    quantity: u32,
}

/// What the rows are made from.
pub(super) struct Events {
    to: PathBuf,
    only: Option<[u8; 8]>,
    midnight_ns: i64,
    latency_ns: i64,
    by: By,
    outputs: HashMap<u16, Output>,
    orders: HashMap<u64, Resting>,
    /// Lots of each price.
    levels: HashMap<(u16, Side, u32), u64>,
    /// Time of the message being taken.
    now_ns: i64,
    failure: Option<Failure>,
}

fn side_flag(side: Side) -> u64 {
    match side {
        Side::Buy => BUY,
        Side::Sell => SELL,
    }
}

impl Events {
    pub(super) fn new(to: &Path, only: Option<[u8; 8]>, midnight_ns: i64, latency_ns: i64, by: By) -> Self {
        Self {
            to: to.to_owned(),
            only,
            midnight_ns,
            latency_ns,
            by,
            outputs: HashMap::new(),
            orders: HashMap::new(),
            levels: HashMap::new(),
            now_ns: 0,
            failure: None,
        }
    }

    /// A file for each instrument that is wanted, when the feed has named it.
    fn open(&mut self, market: &Market) -> Result<(), Failure> {
        for instrument in market.instruments() {
            let is_wanted = self.only.is_none_or(|only| only == instrument.symbol);
            if !is_wanted || self.outputs.contains_key(&instrument.locate) {
                continue;
            }
            let path = match self.to.extension().is_some_and(|extension| extension == "npy") {
                true => self.to.clone(),
                false => file_of(&self.to, instrument.symbol(), "npy"),
            };
            let npy = Npy::create(&path).map_err(|source| failed(&path, source))?;
            let output = Output {
                path,
                npy,
                lots_per_unit: instrument.lots_per_unit.into(),
            };
            self.outputs.insert(instrument.locate, output);
        }
        Ok(())
    }

    fn row(&mut self, locate: u16, ev: u64, price: u32, lots: u64, order_id: u64) {
        let Some(output) = self.outputs.get_mut(&locate) else {
            return;
        };
        let row = Row {
            ev: ev | BOTH,
            exch_ts: self.now_ns,
            local_ts: self.now_ns + self.latency_ns,
            px: f64::from(price) / 10_000.0,
            qty: lots as f64 / output.lots_per_unit,
            order_id,
        };
        if let Err(source) = output.npy.write(&row) {
            self.failure.get_or_insert_with(|| failed(&output.path, source));
        }
    }

    fn trade(&mut self, trade: &Trade) {
        // Hidden executions and crosses have no initiator.
        let side = trade.aggressor.map_or(0, side_flag);
        self.row(trade.locate, TRADE | side, trade.price, trade.quantity, 0);
    }

    /// The lots of a price become more or less.
    fn level(&mut self, order: &Resting, change: impl FnOnce(u64) -> u64) {
        let key = (order.locate, order.side, order.price);
        let lots = change(self.levels.remove(&key).unwrap_or(0));
        if lots > 0 {
            self.levels.insert(key, lots);
        }
        if self.by == By::Price {
            self.row(order.locate, DEPTH | side_flag(order.side), order.price, lots, 0);
        }
    }

    /// An order as a message adds it, its side a byte of the wire.
    fn add(&mut self, number: u64, locate: u16, side: u8, price: u32, quantity: u32) {
        if let Some(side) = Side::from_byte(side) {
            let order = Resting {
                locate,
                side,
                price,
                quantity,
            };
            self.rest(number, order);
        }
    }

    fn rest(&mut self, number: u64, order: Resting) {
        if !self.outputs.contains_key(&order.locate) {
            return;
        }
        self.orders.insert(number, order);
        if self.by == By::Order {
            let ev = ADD_ORDER | side_flag(order.side);
            self.row(order.locate, ev, order.price, order.quantity.into(), number);
        }
        self.level(&order, |lots| lots + u64::from(order.quantity));
    }

    fn reduce(&mut self, number: u64, quantity: u32, is_executed: bool) {
        let Some(order) = self.orders.get(&number).copied() else {
            return;
        };
        let side = side_flag(order.side);
        if self.by == By::Order && is_executed {
            self.row(order.locate, FILL | side, order.price, quantity.into(), number);
        }
        let left = order.quantity.saturating_sub(quantity);
        if left == 0 {
            self.delete(number);
            return;
        }
        self.orders.insert(
            number,
            Resting {
                quantity: left,
                ..order
            },
        );
        if self.by == By::Order {
            self.row(
                order.locate,
                MODIFY_ORDER | side,
                order.price,
                left.into(),
                number,
            );
        }
        self.level(&order, |lots| lots.saturating_sub(quantity.into()));
    }

    /// Answers the order that was removed.
    fn delete(&mut self, number: u64) -> Option<Resting> {
        let order = self.orders.remove(&number)?;
        if self.by == By::Order {
            let ev = CANCEL_ORDER | side_flag(order.side);
            self.row(order.locate, ev, order.price, order.quantity.into(), number);
        }
        self.level(&order, |lots| lots.saturating_sub(order.quantity.into()));
        Some(order)
    }
}

impl Handler for Events {
    fn add_order(&mut self, message: &AddOrder) {
        self.add(
            message.order_reference_number.get(),
            message.stock_locate.get(),
            message.buy_sell_indicator,
            message.price.get(),
            message.shares.get(),
        );
    }

    fn add_order_attributed(&mut self, message: &AddOrderAttributed) {
        self.add(
            message.order_reference_number.get(),
            message.stock_locate.get(),
            message.buy_sell_indicator,
            message.price.get(),
            message.shares.get(),
        );
    }

    fn order_executed(&mut self, message: &OrderExecuted) {
        self.reduce(
            message.order_reference_number.get(),
            message.executed_shares.get(),
            true,
        );
    }

    fn order_executed_with_price(&mut self, message: &OrderExecutedWithPrice) {
        self.reduce(
            message.order_reference_number.get(),
            message.executed_shares.get(),
            true,
        );
    }

    fn order_cancel(&mut self, message: &OrderCancel) {
        self.reduce(
            message.order_reference_number.get(),
            message.cancelled_shares.get(),
            false,
        );
    }

    fn order_delete(&mut self, message: &OrderDelete) {
        self.delete(message.order_reference_number.get());
    }

    fn order_replace(&mut self, message: &OrderReplace) {
        if let Some(old) = self.delete(message.original_order_reference_number.get()) {
            let order = Resting {
                price: message.price.get(),
                quantity: message.shares.get(),
                ..old
            };
            self.rest(message.new_order_reference_number.get(), order);
        }
    }
}

impl Writer for Events {
    fn message(&mut self, message: &[u8], market: &Market) -> Result<(), Failure> {
        if message.first() == Some(&b'R') {
            self.open(market)?;
        }
        self.now_ns = self.midnight_ns + timestamp::of(message) as i64;
        // The trade, then what it left in the book.
        if let Some(trade) = market.trade() {
            self.trade(&trade);
        }
        // A malformed message is counted by the market.
        let _counted = dispatch(message, self);
        self.failure.take().map_or(Ok(()), Err)
    }

    fn finish(&mut self) -> Result<Vec<String>, Failure> {
        let mut told = Vec::new();
        for output in self.outputs.values_mut() {
            let rows: io::Result<u64> = output.npy.finish();
            let rows = rows.map_err(|source| failed(&output.path, source))?;
            told.push(format!("{}: {rows} rows", output.path.display()));
        }
        told.sort();
        Ok(told)
    }
}
