//! `rust_ob`: prices and quantities are decimals. An immediate order is a limit order whose rest is canceled at once.

use benches::fills::{Tape, Told, What};
use benches::operations::{Ask, Operation, Operations};
use engine::exchange::book::Side;
use rust_decimal::prelude::ToPrimitive;
use rust_ob::{Decimal, OrderBook};

use super::Peer;

pub(crate) struct Books {
    books: Vec<OrderBook<u32>>,
}

impl Peer for Books {
    fn new(operations: &Operations) -> Self {
        Self {
            books: operations.ranges.iter().map(|_| OrderBook::new()).collect(),
        }
    }

    fn apply(&mut self, operation: &Operation, tape: &mut Tape) {
        let book = &mut self.books[usize::from(operation.instrument) - 1];
        if operation.ask == Ask::Cancel {
            // One that is not there is not worse than an answer nobody reads.
            let _ = book.cancel_order(operation.number);
            return;
        }
        let side = match operation.side {
            Side::Buy => rust_ob::Side::Buy,
            Side::Sell => rust_ob::Side::Sell,
        };
        let matches = book
            .process_limit_order(
                operation.number,
                side,
                Decimal::from(operation.tick),
                Decimal::from(operation.quantity),
            )
            .expect("numbers are used once");
        let mut left = operation.quantity;
        // The last one is the incoming order's own sum; of the others the cost tells the price.
        for matched in matches.iter().filter(|matched| matched.order != operation.number) {
            let quantity = matched.quantity.to_u32().expect("lots are whole");
            let tick = (matched.cost / matched.quantity).abs().to_u32();
            left -= quantity;
            tape.write(Told {
                maker: matched.order,
                tick: tick.expect("ticks are whole"),
                ..Told::of(operation, What::Filled, quantity)
            });
        }
        if operation.ask == Ask::Immediate && left > 0 {
            // It rests, because something is left of it.
            let _ = book.cancel_order(operation.number);
        }
    }
}
