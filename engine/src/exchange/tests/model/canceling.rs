//! Orders go out: canceled, reduced, expired.

use engine::exchange::command::{Command, Order, OrderOptions};
use engine::exchange::event::{Event, EventKind};

use super::Model;
use super::types::ModelOrder;

impl Model {
    pub(super) fn cancel_resting(&mut self, mut order: ModelOrder, reason: u8) {
        self.take(order.number);
        self.events.push(Event {
            code: reason,
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity: order.open,
            number: order.number,
            ..Event::new(EventKind::CanceledDeleted)
        });
        order.open = 0;
        self.end(order, b'C');
    }

    pub(super) fn cancel(&mut self, session: u32, request: &Order) {
        let Some(mut order) = self.find(session, request.user_ref) else {
            return self.hit("cancel of nothing live");
        };
        let total = order.executed + order.open;
        if request.quantity >= total {
            self.hit("cancel that raises");
        } else if request.quantity <= order.executed {
            if request.quantity > 0 {
                self.hit("partial cancel at or below executed");
            }
            self.cancel_resting(order, b'U');
        } else {
            self.hit("partial cancel");
            let removed = total - request.quantity;
            order.open -= removed;
            self.update(&order);
            self.events.push(Event {
                code: b'U',
                instrument: order.instrument,
                session: order.session,
                user_ref: order.user_ref,
                quantity: removed,
                number: order.number,
                ..Event::new(EventKind::CanceledReduced)
            });
        }
    }

    pub(super) fn modify(&mut self, session: u32, request: &Order) {
        let Some(mut order) = self.find(session, request.user_ref) else {
            return;
        };
        let side = if order.is_buy { b'B' } else { b'S' };
        let total = order.executed + order.open;
        if request.side != side || request.quantity >= total {
            return self.hit("modify ignored");
        }
        if request.quantity <= order.executed {
            self.hit("modify to nothing");
            return self.cancel_resting(order, b'U');
        }
        self.hit("modify");
        let removed = total - request.quantity;
        order.open -= removed;
        self.update(&order);
        self.events.push(Event {
            code: side,
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity: order.open,
            ..Event::new(EventKind::Modified)
        });
        self.events.push(Event {
            instrument: order.instrument,
            quantity: removed,
            number: order.number,
            ..Event::new(EventKind::Reduced)
        });
    }

    /// Cancels resting orders, oldest first.
    pub(super) fn cancel_matching(&mut self, reason: u8, matches: impl Fn(&ModelOrder) -> bool) {
        let mut orders: Vec<_> = self.resting().filter(|order| matches(order)).cloned().collect();
        orders.sort_by_key(|order| order.age);
        self.cancel_each(orders, reason);
    }

    /// Cancels the orders whose time has come, the earliest first.
    pub(super) fn expire(&mut self) {
        let now = self.now;
        let is_over = |order: &&ModelOrder| order.ends.is_some_and(|ends| ends <= now);
        let mut orders: Vec<_> = self.resting().filter(is_over).cloned().collect();
        orders.sort_by_key(|order| (order.ends, order.number));
        self.cancel_each(orders, b'T');
    }

    pub(super) fn cancel_each(&mut self, orders: Vec<ModelOrder>, reason: u8) {
        if orders.len() > 256 {
            self.hit(format!("cancels longer than a step {}", char::from(reason)));
        }
        if !orders.is_empty() {
            self.hit(format!("orders canceled together {}", char::from(reason)));
        }
        for order in orders {
            self.cancel_resting(order, reason);
        }
    }

    pub(super) fn mass_cancel(&mut self, command: &Command, request: &Order) {
        let Some(account) = self.number_consumed(command, request) else {
            return;
        };
        self.answer(EventKind::MassCanceled, command.session, request.user_ref);
        let options = command.options();
        if options.has(OrderOptions::MALFORMED) {
            return;
        }
        let firm = options.has(OrderOptions::HAS_FIRM) && options.firm != *b"    ";
        let before = self.events.len();
        self.cancel_matching(b'U', |order| {
            let side = if order.is_buy { b'B' } else { b'S' };
            order.account == account
                && (command.instrument == 0 || command.instrument == order.instrument)
                && (!firm || options.firm == order.firm)
                && (!options.has(OrderOptions::HAS_GROUP) || options.group == order.group)
                && (!options.has(OrderOptions::HAS_SIDE) || options.side == side)
        });
        let takes = self.events.len() > before;
        for (is_there, by) in [
            (command.instrument != 0, "symbol"),
            (firm, "firm"),
            (options.has(OrderOptions::HAS_GROUP), "group"),
            (options.has(OrderOptions::HAS_SIDE), "side"),
        ] {
            if is_there && takes {
                self.hit(format!("mass cancel by {by}"));
            }
        }
    }
}
