//! Orders go out: canceled, reduced, expired.

use engine::exchange::command::{Command, Order, OrderOptions};
use engine::exchange::event::{Event, EventKind};

use super::Model;
use super::entering::what;
use super::types::{ModelOrder, Place};

impl Model {
    /// Cancels an order that waits; the feed hears of it when it has seen some of it.
    pub(super) fn cancel_waiting(&mut self, mut order: ModelOrder, reason: u8) {
        self.take(order.name.number);
        if order.place != Place::Book || order.displayed < order.open {
            self.hit(format!("{} canceled {}", what(&order), char::from(reason)));
        }
        let (kind, number) = if order.displayed > 0 {
            (EventKind::CanceledDeleted, order.shown.number)
        } else {
            (EventKind::CanceledUnbooked, order.name.number)
        };
        self.canceled(kind, &order, reason, order.open, number);
        (order.open, order.displayed) = (0, 0);
        self.end(order, b'C');
    }

    pub(super) fn canceled(
        &mut self,
        kind: EventKind,
        order: &ModelOrder,
        reason: u8,
        quantity: u32,
        number: u64,
    ) {
        self.events.push(Event {
            code: reason,
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity,
            number,
            ..Event::new(kind)
        });
    }

    /// The feed has `lots` less of an order; its owner has heard of it otherwise.
    pub(super) fn reduced(&mut self, order: &ModelOrder, lots: u32) {
        if lots > 0 {
            self.events.push(Event {
                instrument: order.instrument,
                quantity: lots,
                number: order.shown.number,
                ..Event::new(EventKind::Reduced)
            });
        }
    }

    pub(super) fn cancel(&mut self, session: u32, request: &Order) {
        let Some(mut order) = self.find(session, request.user_ref) else {
            return self.hit("cancel of nothing live");
        };
        if self.refuse_cancel(&order) {
            return;
        }
        let total = order.executed + order.open;
        if request.quantity >= total {
            self.hit("cancel that raises");
        } else if request.quantity <= order.executed {
            if request.quantity > 0 {
                self.hit("partial cancel at or below executed");
            }
            self.cancel_waiting(order, b'U');
        } else {
            self.hit("partial cancel");
            let lots = total - request.quantity;
            let shown = order.reduce(lots);
            self.update(&order);
            self.hit_reduced("partial cancel", &order, lots, shown);
            if shown == lots {
                self.canceled(EventKind::CanceledReduced, &order, b'U', lots, order.shown.number);
            } else {
                self.canceled(EventKind::CanceledUnbooked, &order, b'U', lots, order.name.number);
                self.reduced(&order, shown);
            }
        }
    }

    pub(super) fn modify(&mut self, session: u32, request: &Order) {
        let Some(mut order) = self.find(session, request.user_ref) else {
            return;
        };
        if self.refuse_cancel(&order) {
            return;
        }
        let total = order.executed + order.open;
        if request.side != order.side() || request.quantity >= total {
            return self.hit("modify ignored");
        }
        if request.quantity <= order.executed {
            self.hit("modify to nothing");
            return self.cancel_waiting(order, b'U');
        }
        self.hit("modify");
        let lots = total - request.quantity;
        let shown = order.reduce(lots);
        self.update(&order);
        self.hit_reduced("modify", &order, lots, shown);
        self.events.push(Event {
            code: order.side(),
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity: order.open,
            ..Event::new(EventKind::Modified)
        });
        self.reduced(&order, shown);
    }

    /// Who may only view cancels and changes nothing.
    fn refuse_cancel(&mut self, order: &ModelOrder) -> bool {
        let is_refused = self.accounts[order.account as usize].definition.permissions == 2;
        if is_refused {
            self.hit("cancel or modify refused to who may only view");
            self.events.push(Event {
                session: order.session,
                user_ref: order.user_ref,
                ..Event::new(EventKind::CancelRefused)
            });
        }
        is_refused
    }

    fn hit_reduced(&mut self, how: &str, order: &ModelOrder, lots: u32, shown: u32) {
        if order.place != Place::Book {
            self.hit(format!("{how} in {:?}", order.place));
        } else if shown == 0 {
            self.hit(format!("{how} of what is not shown"));
        } else if shown < lots {
            self.hit(format!("{how} of a reserve and more"));
        }
    }

    /// Cancels waiting orders, oldest first.
    pub(super) fn cancel_matching(&mut self, reason: u8, matches: impl Fn(&ModelOrder) -> bool) {
        let mut orders: Vec<_> = self
            .orders
            .iter()
            .filter(|order| matches(order))
            .cloned()
            .collect();
        orders.sort_by_key(|order| order.age);
        self.cancel_each(orders, reason);
    }

    /// Cancels the orders whose time has come, the earliest first.
    pub(super) fn expire(&mut self) {
        let now = self.now;
        let is_over = |order: &&ModelOrder| order.ends.is_some_and(|ends| ends <= now);
        let mut orders: Vec<_> = self.orders.iter().filter(is_over).cloned().collect();
        orders.sort_by_key(|order| (order.ends, order.name.number));
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
            self.cancel_waiting(order, reason);
        }
    }

    pub(super) fn mass_cancel(&mut self, command: &Command, request: &Order) {
        let Some(account) = self.number_to_act(command, request) else {
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
            order.account == account
                && (command.instrument == 0 || command.instrument == order.instrument)
                && (!firm || options.firm == order.firm)
                && (!options.has(OrderOptions::HAS_GROUP) || options.group == order.group)
                && (!options.has(OrderOptions::HAS_SIDE) || options.side == order.side())
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
