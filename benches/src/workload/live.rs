//! Which orders live, known from the events alone, as a client that sees every session's answers would know it.

use std::collections::HashMap;

use engine::exchange::book::Side;
use engine::exchange::command::{Command, CommandKind};
use engine::exchange::event::{Event, EventKind};

/// An order that rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveOrder {
    /// Owner's session; the account has the same index.
    pub session: u32,
    /// Its newest name.
    pub user_ref: u32,
    /// Stock locate.
    pub instrument: u16,
    /// Buy or sell.
    pub side: Side,
    /// 0.0001 of the quote asset.
    pub price: u32,
    /// Lots that can still trade.
    pub open: u32,
    /// Lots traded, over the whole chain of replacements.
    pub executed: u32,
}

/// All of them, in an order that depends on nothing but the events.
#[derive(Debug, Default)]
pub struct LiveOrders {
    orders: Vec<LiveOrder>,
    /// From (session, user ref) to the place in `orders`.
    places: HashMap<(u32, u32), usize>,
}

impl LiveOrders {
    /// How many.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// The order at a place, 0 to [`LiveOrders::len`].
    pub fn at(&self, place: usize) -> &LiveOrder {
        &self.orders[place]
    }

    /// Learns from all events of a command.
    ///
    /// # Panics
    /// When the events tell of an order that never came to rest: then they are not all here, or the exchange is wrong.
    pub fn observe(&mut self, command: &Command, events: &[Event]) {
        // What the incoming order's chain has executed, should it come to rest.
        let mut executed = 0;
        for event in events {
            let name = (event.session, event.user_ref);
            match event.kind() {
                EventKind::Replaced => {
                    debug_assert_eq!(command.kind, CommandKind::Replace as u8);
                    let old = self
                        .take((event.session, command.order().orig_user_ref))
                        .expect("what is replaced has rested");
                    executed = old.executed;
                    if event.code == b'L' {
                        self.insert(LiveOrder {
                            user_ref: event.user_ref,
                            price: event.price,
                            open: event.quantity,
                            ..old
                        });
                    }
                }
                // The replaced order left the book to match; it comes back as added if something is left.
                EventKind::Deleted => {
                    self.take((command.session, command.order().user_ref));
                }
                EventKind::Added => self.insert(LiveOrder {
                    session: event.session,
                    user_ref: event.user_ref,
                    instrument: event.instrument,
                    side: Side::from_byte(event.code).expect("an added order has a side"),
                    price: event.price,
                    open: event.quantity,
                    executed,
                }),
                EventKind::ExecutedResting => self.execute(name, event.quantity),
                EventKind::ExecutedIncoming => executed += event.quantity,
                EventKind::CanceledReduced | EventKind::SelfMatchReduced => {
                    let place = self.places[&name];
                    self.orders[place].open -= event.quantity;
                }
                EventKind::CanceledDeleted | EventKind::SelfMatchDeleted => {
                    let was_replaced_by_nothing = self.take(name).is_none();
                    assert!(
                        !was_replaced_by_nothing || name == (command.session, command.order().user_ref),
                        "what ends has rested"
                    );
                }
                _ => {}
            }
        }
    }

    fn insert(&mut self, order: LiveOrder) {
        let before = self
            .places
            .insert((order.session, order.user_ref), self.orders.len());
        assert!(before.is_none(), "a name means one order");
        self.orders.push(order);
    }

    fn take(&mut self, name: (u32, u32)) -> Option<LiveOrder> {
        let place = self.places.remove(&name)?;
        let order = self.orders.swap_remove(place);
        if let Some(moved) = self.orders.get(place) {
            self.places.insert((moved.session, moved.user_ref), place);
        }
        Some(order)
    }

    fn execute(&mut self, name: (u32, u32), quantity: u32) {
        let order = &mut self.orders[self.places[&name]];
        order.open -= quantity;
        order.executed += quantity;
        if order.open == 0 {
            self.take(name);
        }
    }
}
