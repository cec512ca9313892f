//! `matchcore`: an order's name is the number of the command that brought it, for each book by itself.

use benches::fills::{Tape, Told, What};
use benches::operations::{Ask, Operation, Operations};
use engine::exchange::book::Side;
use matchcore::{
    CancelCmd, Command, CommandKind, CommandMeta, CommandOutcome, CommandReport, LimitOrder, NewOrder,
    OrderBook, OrderFlags, OrderId, OrderKind, Price, Quantity, QuantityPolicy, SequenceNumber, SubmitCmd,
    TimeInForce, Timestamp,
};

use super::Peer;

pub(crate) struct Books {
    books: Vec<Book>,
    /// By our number.
    ids: Vec<u64>,
}

struct Book {
    book: OrderBook,
    /// By its number of a command: ours of the order.
    numbers: Vec<u32>,
}

impl Peer for Books {
    fn new(operations: &Operations) -> Self {
        let books = operations.ranges.iter().map(|_| Book {
            book: OrderBook::new("B"),
            numbers: Vec::with_capacity(operations.measured.len()),
        });
        Self {
            books: books.collect(),
            ids: vec![0; operations.numbers as usize + 1],
        }
    }

    fn apply(&mut self, operation: &Operation, tape: &mut Tape) {
        let book = &mut self.books[usize::from(operation.instrument) - 1];
        let sequence = book.numbers.len() as u64;
        let meta = CommandMeta {
            sequence_number: SequenceNumber(sequence),
            timestamp: Timestamp(0),
        };
        if operation.ask == Ask::Cancel {
            book.numbers.push(0);
            let order_id = OrderId(self.ids[operation.number as usize]);
            let kind = CommandKind::Cancel(CancelCmd {
                order_id,
                order_kind: OrderKind::Limit,
            });
            std::hint::black_box(book.book.execute(&Command { meta, kind }));
            return;
        }
        book.numbers.push(operation.number);
        self.ids[operation.number as usize] = sequence;
        let side = match operation.side {
            Side::Buy => matchcore::Side::Buy,
            Side::Sell => matchcore::Side::Sell,
        };
        let time_in_force = if operation.ask == Ask::Immediate {
            TimeInForce::Ioc
        } else {
            TimeInForce::Gtc
        };
        let quantity = Quantity(u64::from(operation.quantity));
        let order = LimitOrder::new(
            Price(u64::from(operation.tick)),
            QuantityPolicy::Standard { quantity },
            OrderFlags::new(side, false, time_in_force),
        );
        let kind = CommandKind::Submit(SubmitCmd {
            order: NewOrder::Limit(order),
        });
        let outcome = book.book.execute(&Command { meta, kind });
        if let CommandOutcome::Applied(CommandReport::Submit(effects)) = outcome
            && let Some(matched) = effects.target_order().match_result()
        {
            for trade in matched.trades() {
                tape.write(Told {
                    maker: book.numbers[trade.maker_order_id().0 as usize],
                    tick: trade.price().0 as u32,
                    ..Told::of(operation, What::Filled, trade.quantity().0 as u32)
                });
            }
        }
    }
}
