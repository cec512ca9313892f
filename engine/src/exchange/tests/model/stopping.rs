//! Orders that wait for a price.

use engine::exchange::event::{Event, EventKind};

use super::Model;
use super::entering::told_price;
use super::types::{Asked, ModelOrder, Place};

impl Model {
    /// True when the last trade has reached the order's stop price, and there is trading.
    pub(super) fn is_reached(&self, order: &ModelOrder) -> bool {
        let instrument = self.instrument(order.instrument);
        let last = instrument.last_price;
        instrument.state == b'T' && last != 0 && reaches(order, last, last)
    }

    /// What the executions of a command set off, one order after the other.
    pub(super) fn cascade(&mut self) {
        let before = self.events.len();
        let mut depth = 0;
        while let Some(stop) = self.next_stop() {
            depth += 1;
            self.trigger(stop);
        }
        if depth > 1 {
            self.hit("cascade of stops");
        }
        if depth > 3 {
            self.hit("cascade of more than three stops");
        }
        if self.events.len() - before > 256 {
            self.hit("cascade longer than a step");
        }
        if let Some((locate, low, high)) = self.extremes
            && self.instrument(locate).state == b'V'
            && self.waiting_stops(locate).any(|stop| reaches(stop, low, high))
        {
            self.hit("stops that wait on in a pause");
        }
    }

    fn waiting_stops(&self, locate: u16) -> impl Iterator<Item = &ModelOrder> {
        self.orders
            .iter()
            .filter(move |order| order.place == Place::Stop && order.instrument == locate)
    }

    /// Buys before sells; the stop price that prices come to first; the older order.
    fn next_stop(&self) -> Option<ModelOrder> {
        let (locate, low, high) = self.extremes?;
        if self.instrument(locate).state != b'T' {
            return None;
        }
        self.waiting_stops(locate)
            .filter(|stop| reaches(stop, low, high))
            .min_by_key(|stop| {
                let distance = if stop.is_buy {
                    stop.stop
                } else {
                    u64::MAX - stop.stop
                };
                (!stop.is_buy, distance, stop.name.rank)
            })
            .cloned()
    }

    fn trigger(&mut self, mut stop: ModelOrder) {
        self.hit("stop triggered");
        if stop.executed > 0 || stop.age != stop.name.rank {
            self.hit("replaced stop triggered");
        }
        if stop.fees != self.fees(stop.instrument) {
            self.hit("stop triggered under old fees");
        }
        self.take(stop.name.number);
        stop.name = self.take_name();
        self.events.push(Event {
            code: stop.display,
            instrument: stop.instrument,
            session: stop.session,
            user_ref: stop.user_ref,
            price: told_price(&stop),
            number: stop.name.number,
            ..Event::new(EventKind::PriorityUpdated)
        });
        let asked = Asked {
            is_market: stop.is_market,
            price: stop.price,
            is_post_only: false,
            min_quantity: 0,
            mode: stop.mode,
            ends: stop.ends,
            stop: stop.stop,
            floor: stop.floor,
            funds: None,
        };
        self.go(stop, asked);
    }

    /// Reserve orders that have nothing more to show show some again, in the order in which they ran out.
    pub(super) fn refresh(&mut self) {
        let mut count = 0;
        for number in std::mem::take(&mut self.ran_out) {
            let Some(mut order) = self
                .orders
                .iter()
                .find(|order| order.name.number == number)
                .cloned()
            else {
                self.hit("reserve gone before it was shown");
                continue;
            };
            count += 1;
            order.displayed = order.to_show();
            order.shown = self.take_name();
            self.events.push(Event {
                instrument: order.instrument,
                session: order.session,
                user_ref: order.user_ref,
                quantity: order.displayed,
                number: order.shown.number,
                ..Event::new(EventKind::Restated)
            });
            self.added(&order);
            self.update(&order);
        }
        match count {
            0 => {}
            1 => self.hit("reserve shown again"),
            _ => self.hit("several reserves shown again"),
        }
    }
}

fn reaches(stop: &ModelOrder, low: u64, high: u64) -> bool {
    if stop.is_buy {
        high >= stop.stop
    } else {
        low <= stop.stop
    }
}
