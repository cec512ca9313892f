//! A book for reading: best prices, levels, orders, digest.

use crate::digest::Digest;
use crate::ladder::Ladders;
use crate::orders::{Level, Orders};
use crate::side::Side;

/// One price of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceLevel {
    /// 0.0001 of the quote asset.
    pub price: u32,
    /// Lots of all orders.
    pub quantity: u64,
    /// Orders.
    pub orders: u32,
}

/// One resting order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestingOrder {
    /// Order number (ITCH order reference number).
    pub number: u64,
    /// Side.
    pub side: Side,
    /// 0.0001 of the quote asset.
    pub price: u32,
    /// Lots still open.
    pub quantity: u32,
    /// The firm, blank unless the order came as ITCH `F`.
    pub attribution: [u8; 4],
}

/// One instrument's book, for reading.
#[derive(Debug, Clone, Copy)]
pub struct BookView<'a> {
    orders: &'a Orders,
    ladders: &'a Ladders,
    locate: u16,
    is_damaged: bool,
}

impl<'a> BookView<'a> {
    pub(crate) fn new(orders: &'a Orders, ladders: &'a Ladders, locate: u16, is_damaged: bool) -> Self {
        Self {
            orders,
            ladders,
            locate,
            is_damaged,
        }
    }

    /// The best price of a side.
    pub fn best(&self, side: Side) -> Option<PriceLevel> {
        self.levels(side).next()
    }

    /// The price levels of a side, best first; `.take(n)` for the first n.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = PriceLevel> + use<'a> {
        self.level_nodes(side).map(|(_, level)| PriceLevel {
            price: level.price,
            quantity: level.quantity,
            orders: level.orders,
        })
    }

    /// The orders of a side in price-time order.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = RestingOrder> + use<'a> {
        let orders = self.orders;
        self.level_nodes(side).flat_map(move |(node, level)| {
            let within = move |next: u32| (next != node).then_some(next);
            core::iter::successors(within(level.head), move |order| within(orders.order(*order).next)).map(
                move |order| {
                    let order = orders.order(order);
                    RestingOrder {
                        number: order.number,
                        side,
                        price: level.price,
                        quantity: order.quantity,
                        attribution: order.attribution,
                    }
                },
            )
        })
    }

    /// The digest of both sides; see [`crate::digest`].
    pub fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        for order in self.orders(Side::Buy).chain(self.orders(Side::Sell)) {
            digest.order(order.side, order.price, order.number, order.quantity);
        }
        digest.finish()
    }

    /// True when the best bid is at or above the best offer.
    pub fn is_crossed(&self) -> bool {
        match (self.best(Side::Buy), self.best(Side::Sell)) {
            (Some(bid), Some(ask)) => bid.price >= ask.price,
            _ => false,
        }
    }

    /// True once a message did not fit this book: it may be wrong until it is rebuilt.
    pub fn is_damaged(&self) -> bool {
        self.is_damaged
    }

    fn level_nodes(&self, side: Side) -> impl Iterator<Item = (u32, Level)> + use<'a> {
        let orders = self.orders;
        self.ladders.rows(self.locate, side).map(move |row| {
            let node = orders.level_of(row);
            (node, orders.level(node))
        })
    }
}
