//! Books as a subscriber builds them: slow and plain, nothing shared with the exchange's own.

use std::collections::BTreeMap;

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
    pub(crate) symbols: BTreeMap<u16, [u8; 8]>,
    pub(crate) executions: u64,
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
                self.reduce(
                    executed.order_reference_number.get(),
                    executed.executed_shares.get(),
                );
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
                let order = self.orders.remove(&deleted.order_reference_number.get());
                assert!(order.is_some(), "deleted orders were there");
            }
            FeedMessage::OrderReplace(replaced) => {
                let old = self
                    .orders
                    .remove(&replaced.original_order_reference_number.get());
                let old = old.expect("replaced orders were there");
                let order = Order {
                    quantity: replaced.shares.get(),
                    price: replaced.price.get(),
                    ..old
                };
                self.add(replaced.new_order_reference_number.get(), order);
            }
            FeedMessage::SystemEvent(_)
            | FeedMessage::StockTradingAction(_)
            | FeedMessage::CrossTrade(_)
            | FeedMessage::Noii(_) => {}
            other => panic!("not expected in this feed: {other:?}"),
        }
    }

    fn add(&mut self, number: u64, order: Order) {
        assert!(
            self.symbols.contains_key(&order.locate),
            "instruments are listed first"
        );
        assert!(order.quantity > 0);
        assert!(
            self.orders.insert(number, order).is_none(),
            "order numbers are used once"
        );
    }

    fn reduce(&mut self, number: u64, by: u32) {
        let order = self.orders.get_mut(&number).expect("it was added before");
        order.quantity = order.quantity.checked_sub(by).expect("not more than rests");
        if order.quantity == 0 {
            self.orders.remove(&number);
        }
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
}
