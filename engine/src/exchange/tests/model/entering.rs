//! Orders come in.

use engine::exchange::command::{Command, Order, OrderOptions};
use engine::exchange::event::{Event, EventKind};

use super::types::{Asked, ModelOrder, Place, within};
use super::{MARKET, Model};

impl Model {
    pub(super) fn enter(&mut self, command: &Command, order: &Order) {
        let Some(account) = self.number_consumed(command, order) else {
            return;
        };
        let (asked, is_buy) = match self.refuse_enter(command, order, account) {
            Ok(good) => good,
            Err(reason) => return self.reject(command.session, order.user_ref, reason),
        };
        let options = command.options();
        let firm = if options.has(OrderOptions::HAS_FIRM) {
            options.firm
        } else {
            self.accounts[account as usize].definition.firm
        };
        let name = self.coming_name();
        let mut incoming = ModelOrder {
            session: command.session,
            account,
            user_ref: order.user_ref,
            name,
            age: name.rank,
            instrument: command.instrument,
            is_buy,
            is_market: asked.is_market,
            price: asked.price,
            open: order.quantity,
            displayed: 0,
            shown: name,
            floor: asked.floor,
            stop: asked.stop,
            place: Place::Book,
            is_held: true,
            executed: 0,
            executed_value: 0,
            exact_fees: 0,
            time_in_force: order.time_in_force,
            display: order.display,
            firm,
            group: options.group,
            capacity: order.capacity,
            sweep: order.sweep,
            cross_type: order.cross_type,
            cl_ord_id: order.cl_ord_id,
            mode: asked.mode,
            ends: asked.ends,
            fees: self.fees(command.instrument),
        };
        incoming.is_held = self.is_held(&incoming);
        if let Err(reason) = self.refuse_room(command, &incoming) {
            return self.reject(command.session, order.user_ref, reason);
        }
        let (asset, needed) = self.hold(&incoming);
        if needed > self.available(account, asset) {
            return self.reject(command.session, order.user_ref, 0x0020);
        }
        self.take_name();
        let waits = self.waits(&incoming);
        let dies = waits.is_none() && asked.is_post_only && self.crosses(&incoming);
        self.events.push(Event {
            code: if dies { b'D' } else { b'L' },
            instrument: incoming.instrument,
            session: incoming.session,
            user_ref: incoming.user_ref,
            quantity: incoming.open,
            price: told_price(&incoming),
            number: incoming.name.number,
            ..Event::new(EventKind::Accepted)
        });
        self.hit_entered(&incoming, waits);
        match waits {
            Some(place) => self.rest(incoming, place),
            None if dies => {
                self.hit("post-only dead");
                self.cancel_rest(incoming, b'G');
            }
            None => self.go(incoming, asked),
        }
    }

    /// Where an order goes without looking at the other side; nowhere when it is to match.
    pub(super) fn waits(&self, order: &ModelOrder) -> Option<Place> {
        let instrument = self.instrument(order.instrument);
        if order.cross_type != b'N' {
            return Some(Place::Cross);
        }
        if order.stop > 0 && !self.is_reached(order) {
            return Some(Place::Stop);
        }
        match (instrument.collects(), order.is_market) {
            (true, true) => Some(Place::Cross),
            (true, false) => Some(Place::Book),
            _ => None,
        }
    }

    /// True when the order binds money at its price: all but market orders that do not wait.
    pub(super) fn is_held(&self, order: &ModelOrder) -> bool {
        !order.is_market || order.stop > 0 || self.waits(order).is_some()
    }

    /// True when the best opposite order is within the order's price.
    pub(super) fn crosses(&self, order: &ModelOrder) -> bool {
        self.best(order.instrument, !order.is_buy)
            .is_some_and(|best| within(order, best.price))
    }

    /// What an order does that is to match: fails its minimum, or matches and rests or not.
    pub(super) fn go(&mut self, mut incoming: ModelOrder, asked: Asked) {
        if asked.min_quantity > 0 && !self.reaches_minimum(&incoming, asked) {
            return self.cancel_rest(incoming, b'I');
        }
        let reason = self.sweep(&mut incoming, asked.funds, usize::MAX);
        if incoming.open == 0 {
            return;
        }
        if incoming.is_market || incoming.is_immediate() {
            let what = match (incoming.is_market, incoming.stop > 0) {
                (true, true) => "stop-market",
                (true, false) => "market",
                (false, true) => "immediate stop-limit",
                (false, false) => "immediate",
            };
            let funds = if asked.funds.is_some() { " with funds" } else { "" };
            self.hit(format!("{what}{funds} remainder {}", char::from(reason)));
            return self.cancel_rest(incoming, reason);
        }
        if incoming.stop > 0 {
            self.hit("stop-limit that rests");
        }
        self.rest(incoming, Place::Book);
    }

    /// Lets an order wait; the feed hears of what is shown.
    pub(super) fn rest(&mut self, mut order: ModelOrder, place: Place) {
        order = self.placed(order, place);
        if order.displayed > 0 {
            self.added(&order);
        }
        self.orders.push(order);
    }

    /// The order as it waits there.
    pub(super) fn placed(&self, mut order: ModelOrder, place: Place) -> ModelOrder {
        order.place = place;
        order.shown = order.name;
        if place == Place::Book {
            order.displayed = order.to_show();
            order.stop = 0;
        } else {
            order.displayed = 0;
        }
        order
    }

    pub(super) fn added(&mut self, order: &ModelOrder) {
        self.events.push(Event {
            code: order.side(),
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity: order.displayed,
            price: order.price as u32,
            detail: if order.display == b'A' {
                u32::from_le_bytes(order.firm)
            } else {
                0
            },
            number: order.shown.number,
            ..Event::new(EventKind::Added)
        });
    }

    /// Cancels what is left of an order that waits nowhere.
    pub(super) fn cancel_rest(&mut self, mut order: ModelOrder, reason: u8) {
        self.canceled(
            EventKind::CanceledUnbooked,
            &order,
            reason,
            order.open,
            order.name.number,
        );
        order.open = 0;
        self.end(order, b'C');
    }

    fn hit_entered(&mut self, order: &ModelOrder, waits: Option<Place>) {
        if order.cross_type != b'N' {
            self.hit(format!("order for cross {}", char::from(order.cross_type)));
        }
        let state = char::from(self.instrument(order.instrument).state);
        let what = what(order);
        match waits {
            Some(place) => self.hit(format!("{what} waits in {place:?}, state {state}")),
            None if order.stop > 0 => self.hit(format!("{what} already reached")),
            None if order.display == b'N' || order.floor > 0 => self.hit(format!("{what} comes in")),
            None => {}
        }
    }
}

/// What kind of order it is, for the list of cases.
pub(super) fn what(order: &ModelOrder) -> String {
    let kind = match (order.is_market, order.stop > 0) {
        (true, true) => "stop-market",
        (false, true) => "stop-limit",
        (true, false) => "market",
        (false, false) => "limit",
    };
    let shown = match (order.display, order.floor) {
        (b'N', _) if !order.is_market && order.cross_type == b'N' => "hidden ",
        (_, floor) if floor > 0 => "reserve ",
        _ => "",
    };
    let cross = if order.cross_type == b'N' {
        ""
    } else {
        "auction-only "
    };
    format!("{cross}{shown}{kind}")
}

/// A price as events have it.
pub(super) fn told_price(order: &ModelOrder) -> u32 {
    if order.is_market {
        MARKET
    } else {
        order.price as u32
    }
}
