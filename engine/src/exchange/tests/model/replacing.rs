//! Orders take another's place.

use engine::exchange::command::{Command, FLAG_LOW_SPACE, Order, OrderOptions};
use engine::exchange::event::{Event, EventKind};

use super::Model;
use super::entering::{told_price, what};
use super::refusing::slots_of;
use super::types::{ModelOrder, Place};

impl Model {
    pub(super) fn replace(&mut self, command: &Command, request: &Order) {
        let Some(account) = self.number_consumed(command, request) else {
            return;
        };
        if let Err(reason) = self.try_replace(command, request, account) {
            self.reject(command.session, request.user_ref, reason);
        }
    }

    fn try_replace(&mut self, command: &Command, request: &Order, account: u32) -> Result<(), u16> {
        self.refuse_client(command.session, account)?;
        let old = self
            .find(command.session, request.orig_user_ref)
            .ok_or(0x0015_u16)?;
        let options = command.options();
        self.refuse_state(old.instrument, request, &options)?;
        let inherited = Order {
            cross_type: old.cross_type,
            ..*request
        };
        let asked = self.refuse_terms(
            old.instrument,
            account,
            old.is_buy,
            &inherited,
            &options,
            Some(&old),
        )?;
        let mut new = ModelOrder {
            user_ref: request.user_ref,
            ..old.clone()
        };
        if request.quantity <= old.executed {
            self.hit("replace at or below executed");
            self.replaced(&new, b'D');
            self.update(&new);
            self.cancel_waiting(new, b'U');
            return Ok(());
        }
        if command.flags & FLAG_LOW_SPACE != 0 {
            return Err(0x000A);
        }
        new.open = request.quantity - old.executed;
        new.is_market = asked.is_market;
        new.price = asked.price;
        new.time_in_force = request.time_in_force;
        new.display = request.display;
        new.sweep = request.sweep;
        new.floor = asked.floor;
        new.stop = asked.stop;
        new.mode = asked.mode;
        new.cl_ord_id = request.cl_ord_id;
        new.ends = asked.ends;
        new.is_held = self.is_held(&new);
        let waits = self.waits(&new);
        let may_rest = !new.is_market && !new.is_immediate();
        // Where it would be if it met nobody.
        let place = waits.or(may_rest.then_some(Place::Book));
        self.refuse_levels(&new, place)?;
        let has_reserve = slots_of(&old) > 1;
        if new.floor > 0 && !has_reserve && self.slots() >= self.orders_max {
            self.hit("no room for a reserve");
            return Err(0x000A);
        }
        let same_display = new.display == old.display && new.floor == old.floor;
        let same_stop = new.stop == old.stop && new.is_market == old.is_market;
        let keeps = place == Some(old.place)
            && same_stop
            && (new.price == old.price || new.is_market)
            && new.open <= old.open
            && same_display;
        if keeps {
            // One at market keeps the bound that it came with.
            new.price = old.price;
        } else {
            new.fees = self.fees(old.instrument);
        }
        self.hit_ends(&old, &new, keeps);
        if keeps && old.fees != self.fees(old.instrument) {
            self.hit("replace that keeps its place and old fees");
        }
        let (asset, needed) = self.hold(&new);
        let (_, freed) = self.hold(&old);
        let available = self.available(account, asset);
        if needed > available + freed {
            let as_before = ModelOrder {
                fees: old.fees,
                ..new
            };
            if self.hold(&as_before).1 <= available + freed {
                self.hit("replace refused for the higher fees of its time");
            }
            return Err(0x0020);
        }
        if needed > available {
            self.hit("replace that needs the old hold");
            if waits.is_none() && self.crosses(&new) {
                self.hit("replace across the spread that needs the old hold");
            }
        }
        let when = if self.instrument(old.instrument).collects() {
            "while orders collect"
        } else {
            "in trading"
        };
        let change = if what(&old) == what(&new) {
            what(&old)
        } else {
            format!("{} by {}", what(&old), what(&new))
        };
        self.hit(format!("replace of {change} {when}"));
        if options.has(OrderOptions::HAS_STOP_PRICE) {
            self.hit("replace with a stop price");
        }
        if keeps {
            self.keep_place(&old, new);
            return Ok(());
        }
        self.take(old.name.number);
        new.name = self.take_name();
        new.shown = new.name;
        new.displayed = 0;
        let crosses = waits.is_none() && self.crosses(&new);
        let dies = asked.is_post_only && crosses;
        self.replaced(&new, if dies { b'D' } else { b'L' });
        if old.place == Place::Stop && waits.is_none() {
            self.hit("replaced stop enters at once");
        }
        if let Some(place) = place
            && !crosses
        {
            self.hit("replace that rests whole");
            self.rest_anew(&old, new, place);
            return Ok(());
        }
        if crosses {
            self.hit("replace that crosses");
        }
        if old.executed > 0 && crosses {
            self.hit("replace that crosses after executions");
        }
        self.unshow(&old);
        if dies {
            self.hit("post-only dead");
            self.cancel_rest(new, b'G');
        } else {
            self.go(new, asked);
        }
        Ok(())
    }

    /// The order stays where it is, under its number.
    fn keep_place(&mut self, old: &ModelOrder, mut new: ModelOrder) {
        self.hit("replace that keeps its place");
        if old.place != Place::Book {
            self.hit(format!("replace that keeps its place in {:?}", old.place));
        }
        if old.reserve() > 0 && old.displayed > 0 {
            self.hit("replace that keeps its place, with a reserve");
        }
        let less = old.open - new.open;
        new.open = old.open;
        let shown = new.reduce(less);
        self.replaced(&new, b'L');
        self.reduced(&new, shown);
        self.update(&new);
    }

    /// The order leaves its old place and waits in a new one; as one message of the feed where that has one.
    fn rest_anew(&mut self, old: &ModelOrder, new: ModelOrder, place: Place) {
        let new = self.placed(new, place);
        // ITCH U inherits attribution, and its quantity is the one that was told to the client.
        let as_one = old.displayed > 0 && new.displayed == new.open && new.display == old.display;
        if as_one {
            self.events.push(Event {
                instrument: old.instrument,
                number: old.shown.number,
                ..Event::new(EventKind::BookReplaced)
            });
        } else {
            self.unshow(old);
            if new.displayed > 0 {
                self.added(&new);
            }
        }
        self.orders.push(new);
    }

    /// The feed no longer has what it has seen of an order; its owner hears nothing.
    fn unshow(&mut self, old: &ModelOrder) {
        if old.displayed > 0 {
            self.events.push(Event {
                instrument: old.instrument,
                number: old.shown.number,
                ..Event::new(EventKind::Deleted)
            });
        }
    }

    fn replaced(&mut self, order: &ModelOrder, state: u8) {
        self.events.push(Event {
            code: state,
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity: order.open,
            price: told_price(order),
            detail: u32::from_le_bytes([order.side(), order.capacity, order.cross_type, 0]),
            number: order.name.number,
            ..Event::new(EventKind::Replaced)
        });
    }

    fn hit_ends(&mut self, old: &ModelOrder, new: &ModelOrder, keeps: bool) {
        let place = if keeps { "in its place" } else { "anew" };
        match (old.ends, new.ends) {
            (None, Some(_)) => self.hit(format!("replace that makes the order end, {place}")),
            (Some(_), None) => self.hit(format!("replace that keeps the order from ending, {place}")),
            (Some(_), Some(_)) => self.hit(format!("replace that moves the order's end, {place}")),
            (None, None) => {}
        }
    }
}
