//! The end of a day and the roll to the next.

use engine::exchange::command::whole;
use engine::exchange::event::{CarriedText, Event, EventKind};

use super::Model;
use super::entering::{told_price, what};
use super::types::{ModelOrder, Name, Place, price_key};

impl Model {
    pub(super) fn system_event(&mut self, code: u8) {
        self.told = Some((code, self.now));
        self.events.push(Event {
            code,
            ..Event::new(EventKind::SystemEvent)
        });
        if code != b'M' {
            return;
        }
        let mut orders: Vec<_> = self
            .orders
            .iter()
            .filter(|order| is_for_the_day(order))
            .cloned()
            .collect();
        orders.sort_by_key(|order| (order.account, order.age));
        self.cancel_each(orders, b'E');
        if !self.orders.is_empty() {
            self.hit("orders that outlive the day");
        }
    }

    /// True when nothing is left of the day.
    pub(in super::super) fn may_roll(&self) -> bool {
        let are_closed = self.instruments.iter().all(|instrument| instrument.state == b'X');
        are_closed && !self.orders.iter().any(is_for_the_day)
    }

    pub(super) fn roll_day(&mut self) {
        if !self.may_roll() {
            return self.refuse_operation(1);
        }
        self.hit("day rolled");
        self.day += 1;
        self.events.push(Event {
            // The first day was 1.
            number: self.day + 1,
            ..Event::new(EventKind::DayRolled)
        });
        self.system_event(b'O');
        for locate in 1..=self.instruments.len() as u16 {
            let definition = &self.instrument(locate).definition;
            let lots = whole(definition.price_unit) / whole(definition.lot_size);
            self.events.push(Event {
                instrument: locate,
                quantity: u32::try_from(lots).unwrap_or(u32::MAX),
                number: u64::from_be_bytes(definition.symbol),
                ..Event::new(EventKind::InstrumentListed)
            });
            let event = self.trading_action(locate);
            self.events.push(event);
        }
        self.system_event(b'S');
        (self.order_number, self.match_number) = (0, 0);
        for session in &mut self.sessions {
            (session.mark, session.backlog, session.charged_at) = (0, 0, self.now);
            session.connected = false;
        }
        for instrument in &mut self.instruments {
            (instrument.last_match, instrument.last_time) = (0, 0);
        }
        let mut survivors = std::mem::take(&mut self.orders);
        survivors.sort_by_key(place_in_line);
        if survivors.len() > 85 {
            self.hit("roll longer than a step");
        }
        for order in survivors {
            self.carry(order);
        }
    }

    /// An order begins its new day: with a new number, and nothing executed.
    fn carry(&mut self, mut order: ModelOrder) {
        self.hit(format!("carried {} in {:?}", what(&order), order.place));
        if order.executed > 0 {
            self.hit("carried after executions");
        }
        let session = &mut self.sessions[order.session as usize];
        session.mark += 1;
        order.user_ref = session.mark;
        self.order_number += 1;
        self.rank += 1;
        // Everybody keeps the place in line. Where lines meet in a cross it is the numbers that count.
        let (number, rank) = (self.order_number, self.rank);
        order.shown = Name { number, rank };
        order.name = if order.place == Place::Book {
            Name { number, ..order.name }
        } else {
            order.shown
        };
        order.exact_fees -= order.charged() * 1_000_000;
        (order.executed, order.executed_value) = (0, 0);
        let text = CarriedText {
            cl_ord_id: order.cl_ord_id,
            time_in_force: order.time_in_force,
            display: order.display,
            capacity: order.capacity,
            sweep: order.sweep,
            cross_type: order.cross_type,
        };
        self.events.push(Event::carried_text(
            order.instrument,
            order.session,
            order.user_ref,
            &text,
        ));
        self.events.push(Event {
            code: b'L',
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity: order.open,
            price: told_price(&order),
            detail: u32::from(order.side()),
            number,
            ..Event::new(EventKind::Carried)
        });
        if order.displayed > 0 {
            self.added(&order);
        }
        self.orders.push(order);
    }
}

fn is_for_the_day(order: &ModelOrder) -> bool {
    matches!(order.time_in_force, b'0' | b'6')
}

/// Instrument by instrument: what is shown, what is not, stops, what waits for an auction; bids before asks, the best
/// first.
fn place_in_line(order: &ModelOrder) -> impl Ord + use<> {
    let (group, key, rank) = match order.place {
        Place::Book if order.displayed > 0 => (0, price_key(order.is_buy, order.price), order.shown.rank),
        Place::Book => (1, price_key(order.is_buy, order.price), order.name.rank),
        // The stop that is reached first.
        Place::Stop => (2, price_key(!order.is_buy, order.stop), order.name.rank),
        Place::Cross => {
            let kind = b"OCHN".iter().position(|&kind| kind == order.cross_type);
            let key = if order.is_market {
                0
            } else {
                price_key(order.is_buy, order.price)
            };
            (3 + kind.map_or(0, |kind| kind as u64), key, order.name.rank)
        }
    };
    (order.instrument, group, !order.is_buy, key, rank)
}
