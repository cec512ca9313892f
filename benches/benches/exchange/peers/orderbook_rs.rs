//! `orderbook-rs`: made for many threads at once, so that one alone pays for locks and atomic counters. An immediate order
//! is a limit order whose rest is canceled at once.

use benches::fills::{Tape, Told, What};
use benches::operations::{Ask, Operation, Operations};
use engine::exchange::book::Side;
use orderbook_rs::{Id, OrderBook, TimeInForce};

use super::Peer;

pub(crate) struct Books {
    books: Vec<OrderBook<()>>,
}

impl Peer for Books {
    fn new(operations: &Operations) -> Self {
        Self {
            books: operations.ranges.iter().map(|_| OrderBook::new("BOOK")).collect(),
        }
    }

    fn apply(&mut self, operation: &Operation, tape: &mut Tape) {
        let book = &self.books[usize::from(operation.instrument) - 1];
        let id = Id::Sequential(u64::from(operation.number));
        if operation.ask == Ask::Cancel {
            book.cancel_order(id).expect("it can be canceled");
            return;
        }
        let side = match operation.side {
            Side::Buy => orderbook_rs::Side::Buy,
            Side::Sell => orderbook_rs::Side::Sell,
        };
        let (price, quantity) = (u128::from(operation.tick), u64::from(operation.quantity));
        let (_, trades) = book
            .add_limit_order_with_result(id, price, quantity, side, TimeInForce::Gtc, None)
            .expect("it is taken");
        let mut left = quantity;
        for trade in trades
            .iter()
            .flat_map(|trades| trades.match_result.trades().as_vec())
        {
            let Id::Sequential(maker) = trade.maker_order_id() else {
                unreachable!("all names are numbers");
            };
            left -= trade.quantity().as_u64();
            tape.write(Told {
                maker: maker as u32,
                tick: trade.price().as_u128() as u32,
                ..Told::of(operation, What::Filled, trade.quantity().as_u64() as u32)
            });
        }
        if operation.ask == Ask::Immediate && left > 0 {
            book.cancel_order(id).expect("it can be canceled");
        }
    }
}
