//! Books as a subscriber builds them: slow and plain, nothing shared with the exchange's own. What a feed must not say is
//! noticed here: an order executed before one that is in front of it, a number used twice, more executed than rests.

use std::collections::{BTreeMap, VecDeque};

use feed_handler::{Digest, Side};
use protocol::market_data::FeedMessage;

/// Lots by price, for one side.
pub(crate) type Ladder = BTreeMap<u32, u64>;

#[derive(Debug, Clone)]
struct Order {
    locate: u16,
    side: u8,
    quantity: u32,
    price: u32,
}

/// Every order of the feed, by number.
#[derive(Debug, Default)]
pub(crate) struct Books {
    orders: BTreeMap<u64, Order>,
    /// Numbers in the order in which they came, by instrument, side and price.
    queues: BTreeMap<(u16, u8, u32), VecDeque<u64>>,
    pub(crate) symbols: BTreeMap<u16, [u8; 8]>,
    /// Code of each instrument's trading state.
    states: BTreeMap<u16, u8>,
    pub(crate) executions: u64,
    /// Crosses with a volume, imbalances told, pauses.
    pub(crate) crosses: u64,
    pub(crate) imbalances: u64,
    pub(crate) pauses: u64,
}

impl Books {
    /// Takes the feed's next message.
    pub(crate) fn message(&mut self, bytes: &[u8]) {
        match FeedMessage::decode(bytes).expect("ITCH") {
            FeedMessage::StockDirectory(listed) => {
                let before = self.symbols.insert(listed.stock_locate.get(), listed.stock);
                assert_eq!(before, None, "an instrument is listed once");
            }
            FeedMessage::AddOrder(added) => self.add(
                added.order_reference_number.get(),
                Order {
                    locate: added.stock_locate.get(),
                    side: added.buy_sell_indicator,
                    quantity: added.shares.get(),
                    price: added.price.get(),
                },
            ),
            FeedMessage::AddOrderAttributed(added) => self.add(
                added.order_reference_number.get(),
                Order {
                    locate: added.stock_locate.get(),
                    side: added.buy_sell_indicator,
                    quantity: added.shares.get(),
                    price: added.price.get(),
                },
            ),
            FeedMessage::OrderExecuted(executed) => {
                self.executions += 1;
                let number = executed.order_reference_number.get();
                self.check_priority(number);
                self.reduce(number, executed.executed_shares.get());
            }
            // A cross tells each displayed order's part, and the volume once.
            FeedMessage::OrderExecutedWithPrice(executed) => {
                assert_eq!(executed.printable, b'N');
                self.reduce(
                    executed.order_reference_number.get(),
                    executed.executed_shares.get(),
                );
            }
            // Of what is not displayed only the trade is told.
            FeedMessage::Trade(traded) => {
                assert_eq!(traded.order_reference_number.get(), 0);
                self.executions += 1;
            }
            FeedMessage::OrderCancel(canceled) => {
                self.reduce(
                    canceled.order_reference_number.get(),
                    canceled.cancelled_shares.get(),
                );
            }
            FeedMessage::OrderDelete(deleted) => {
                self.remove(deleted.order_reference_number.get());
            }
            FeedMessage::OrderReplace(replaced) => {
                let old = self.remove(replaced.original_order_reference_number.get());
                let order = Order {
                    quantity: replaced.shares.get(),
                    price: replaced.price.get(),
                    ..old
                };
                self.add(replaced.new_order_reference_number.get(), order);
            }
            FeedMessage::StockTradingAction(action) => {
                self.pauses += u64::from(action.trading_state == b'P');
                self.states
                    .insert(action.stock_locate.get(), action.trading_state);
            }
            FeedMessage::CrossTrade(cross) => self.crosses += u64::from(cross.shares.get() > 0),
            FeedMessage::Noii(_) => self.imbalances += 1,
            FeedMessage::SystemEvent(_) => {}
            other => panic!("not expected in this feed: {other:?}"),
        }
    }

    fn add(&mut self, number: u64, order: Order) {
        assert!(
            self.symbols.contains_key(&order.locate),
            "instruments are listed first"
        );
        assert!(order.quantity > 0);
        let queue = (order.locate, order.side, order.price);
        self.queues.entry(queue).or_default().push_back(number);
        assert!(
            self.orders.insert(number, order).is_none(),
            "order numbers are used once"
        );
    }

    fn reduce(&mut self, number: u64, by: u32) {
        let order = self.orders.get_mut(&number).expect("it was added before");
        order.quantity = order.quantity.checked_sub(by).expect("not more than rests");
        if order.quantity == 0 {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) -> Order {
        let order = self.orders.remove(&number).expect("what ends was there");
        let key = (order.locate, order.side, order.price);
        let queue = self.queues.get_mut(&key).expect("it has a queue");
        queue.retain(|other| *other != number);
        if queue.is_empty() {
            self.queues.remove(&key);
        }
        order
    }

    /// Prices of a side with orders, best first.
    fn prices(&self, locate: u16, side: u8) -> impl Iterator<Item = u32> + '_ {
        let range = (locate, side, 0)..=(locate, side, u32::MAX);
        let mut ascending = self.queues.range(range).map(|((_, _, price), _)| *price);
        std::iter::from_fn(move || match side {
            b'B' => ascending.next_back(),
            _ => ascending.next(),
        })
    }

    /// What is executed is the first at the best price.
    fn check_priority(&self, number: u64) {
        let Order {
            locate, side, price, ..
        } = self.orders[&number];
        assert_eq!(
            self.prices(locate, side).next(),
            Some(price),
            "order {number} is executed, and there is a better price"
        );
        assert_eq!(
            self.queues[&(locate, side, price)].front(),
            Some(&number),
            "order {number} is executed, and another was there before"
        );
    }

    /// No instrument that trades has a bid at or above its best offer. To be asked between commands.
    pub(crate) fn check_crossed(&self) {
        for (&locate, &state) in &self.states {
            let best = |side| self.prices(locate, side).next();
            if let (b'T', Some(bid), Some(ask)) = (state, best(b'B'), best(b'S')) {
                assert!(bid < ask, "instrument {locate}: bid {bid}, offer {ask}");
            }
        }
    }

    /// What rests, in priority order at each price: instrument, side, price, lots.
    pub(crate) fn lines(&self) -> Vec<(u16, u8, u32, u32)> {
        let queues = self.queues.iter();
        queues
            .flat_map(|((locate, side, price), numbers)| {
                let lots = numbers.iter().map(|number| self.orders[number].quantity);
                lots.map(|lots| (*locate, *side, *price, lots))
            })
            .collect()
    }

    pub(crate) fn ladder(&self, locate: u16, side: u8) -> Ladder {
        let mut ladder = Ladder::new();
        for order in self.orders.values() {
            if order.locate == locate && order.side == side {
                *ladder.entry(order.price).or_default() += u64::from(order.quantity);
            }
        }
        ladder
    }

    /// As [`feed_handler::digest`] defines a market's.
    pub(crate) fn digest(&self) -> u64 {
        let mut market = Digest::new();
        for &locate in self.symbols.keys() {
            let mut book = Digest::new();
            for (side, byte) in [(Side::Buy, b'B'), (Side::Sell, b'S')] {
                for price in self.prices(locate, byte) {
                    for number in &self.queues[&(locate, byte, price)] {
                        book.order(side, price, *number, self.orders[number].quantity);
                    }
                }
            }
            if book != Digest::new() {
                market.book(locate, book.finish());
            }
        }
        market.finish()
    }
}
