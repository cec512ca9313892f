//! `lobster`: an immediate order is a limit order whose rest is canceled at once.

use benches::fills::{Tape, Told, What};
use benches::operations::{Ask, Operation, Operations};
use engine::exchange::book::Side;
use lobster::{OrderBook, OrderEvent, OrderType};

use super::Peer;

pub(crate) struct Books {
    books: Vec<OrderBook>,
}

impl Peer for Books {
    fn new(operations: &Operations) -> Self {
        let room = operations.live_most as usize / operations.ranges.len();
        Self {
            books: operations
                .ranges
                .iter()
                .map(|_| OrderBook::new(room, 16, false))
                .collect(),
        }
    }

    fn apply(&mut self, operation: &Operation, tape: &mut Tape) {
        let book = &mut self.books[usize::from(operation.instrument) - 1];
        let id = u128::from(operation.number);
        if operation.ask == Ask::Cancel {
            book.execute(OrderType::Cancel { id });
            return;
        }
        let event = book.execute(OrderType::Limit {
            id,
            side: match operation.side {
                Side::Buy => lobster::Side::Bid,
                Side::Sell => lobster::Side::Ask,
            },
            qty: u64::from(operation.quantity),
            price: u64::from(operation.tick),
        });
        let is_filled = matches!(event, OrderEvent::Filled { .. });
        if let OrderEvent::Filled { fills, .. } | OrderEvent::PartiallyFilled { fills, .. } = event {
            for fill in fills {
                tape.write(Told {
                    maker: fill.order_2 as u32,
                    tick: fill.price as u32,
                    ..Told::of(operation, What::Filled, fill.qty as u32)
                });
            }
        }
        if operation.ask == Ask::Immediate && !is_filled {
            book.execute(OrderType::Cancel { id });
        }
    }
}
