//! Orders come in, or take another's place.

use engine::exchange::command::{Command, FLAG_LOW_SPACE, Order, OrderOptions};
use engine::exchange::event::{Event, EventKind};

use super::types::{Asked, ModelOrder, within};
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
        let incoming = ModelOrder {
            session: command.session,
            account,
            user_ref: order.user_ref,
            number: self.order_number + 1,
            age: self.order_number + 1,
            instrument: command.instrument,
            is_buy,
            is_market: asked.is_market,
            price: if asked.is_market {
                self.bound(command.instrument, is_buy)
            } else {
                order.price
            },
            open: order.quantity,
            executed: 0,
            executed_value: 0,
            exact_fees: 0,
            attributed: order.display == b'A',
            firm,
            group: options.group,
            capacity: order.capacity,
            cross_type: order.cross_type,
            cl_ord_id: order.cl_ord_id,
            ends: asked.ends,
            fees: self.fees(command.instrument),
        };
        let (asset, needed) = self.hold(&incoming);
        if needed > self.available(account, asset) {
            return self.reject(command.session, order.user_ref, 0x0020);
        }
        self.order_number += 1;
        let takes = self.crosses(&incoming);
        let dies = asked.is_post_only && takes;
        self.events.push(Event {
            code: if dies { b'D' } else { b'L' },
            instrument: incoming.instrument,
            session: incoming.session,
            user_ref: incoming.user_ref,
            quantity: incoming.open,
            price: if asked.is_market {
                MARKET
            } else {
                incoming.price as u32
            },
            number: incoming.number,
            ..Event::new(EventKind::Accepted)
        });
        self.go(incoming, asked, dies);
    }

    /// True when the best opposite order is within the order's price.
    pub(super) fn crosses(&self, order: &ModelOrder) -> bool {
        let book = &self.instruments[usize::from(order.instrument) - 1];
        book.side(!order.is_buy)
            .first()
            .is_some_and(|best| within(order, best.price))
    }

    /// What an accepted order does: dies as post-only, fails its minimum, or matches and rests or not.
    pub(super) fn go(&mut self, mut incoming: ModelOrder, asked: Asked, dies: bool) {
        if dies {
            self.hit("post-only dead");
            return self.cancel_rest(incoming, b'G');
        }
        if asked.min_quantity > 0 && !self.reaches_minimum(&incoming, asked) {
            return self.cancel_rest(incoming, b'I');
        }
        let reason = self.sweep(&mut incoming, asked);
        if incoming.open == 0 {
            return;
        }
        if asked.is_market || asked.is_immediate {
            self.hit(format!(
                "{} remainder {}",
                if asked.is_market { "market" } else { "immediate" },
                char::from(reason)
            ));
            return self.cancel_rest(incoming, reason);
        }
        self.events.push(Event {
            code: if incoming.is_buy { b'B' } else { b'S' },
            instrument: incoming.instrument,
            session: incoming.session,
            user_ref: incoming.user_ref,
            quantity: incoming.open,
            price: incoming.price as u32,
            detail: if incoming.attributed {
                u32::from_le_bytes(incoming.firm)
            } else {
                0
            },
            number: incoming.number,
            ..Event::new(EventKind::Added)
        });
        self.rest(incoming);
    }

    pub(super) fn rest(&mut self, order: ModelOrder) {
        let side = self.instruments[usize::from(order.instrument) - 1].side_mut(order.is_buy);
        side.push(order);
        side.sort_by_key(|order| {
            let price = if order.is_buy {
                u64::MAX - order.price
            } else {
                order.price
            };
            (price, order.number)
        });
    }

    pub(super) fn replace(&mut self, command: &Command, request: &Order) {
        let Some(account) = self.number_consumed(command, request) else {
            return;
        };
        if let Err(reason) = self.try_replace(command, request, account) {
            self.reject(command.session, request.user_ref, reason);
        }
    }

    pub(super) fn try_replace(
        &mut self,
        command: &Command,
        request: &Order,
        account: u32,
    ) -> Result<(), u16> {
        self.refuse_client(command.session, account)?;
        let old = self
            .find(command.session, request.orig_user_ref)
            .ok_or(0x0015_u16)?;
        self.refuse_state(old.instrument)?;
        let inherited = Order {
            cross_type: old.cross_type,
            ..*request
        };
        let options = command.options();
        let asked = self.refuse_terms(
            old.instrument,
            account,
            old.is_buy,
            &inherited,
            &options,
            old.executed,
        )?;
        let mut new = ModelOrder {
            user_ref: request.user_ref,
            ..old.clone()
        };
        if request.quantity <= old.executed {
            self.hit("replace at or below executed");
            self.replaced(&new, b'D');
            self.take(old.number);
            self.rest(new.clone());
            self.cancel_resting(new, b'U');
            return Ok(());
        }
        if command.flags & FLAG_LOW_SPACE != 0 {
            return Err(0x000A);
        }
        self.refuse_level(&asked, old.instrument, old.is_buy, request.price)?;
        new.open = request.quantity - old.executed;
        new.is_market = asked.is_market;
        new.price = if asked.is_market {
            self.bound(old.instrument, old.is_buy)
        } else {
            request.price
        };
        new.attributed = request.display == b'A';
        new.cl_ord_id = request.cl_ord_id;
        new.ends = asked.ends;
        let rests = !asked.is_market && !asked.is_immediate;
        let same_display = new.attributed == old.attributed;
        let keeps = rests && new.price == old.price && new.open <= old.open && same_display;
        if !keeps {
            new.fees = self.fees(old.instrument);
        }
        let place = if keeps { "in its place" } else { "anew" };
        match (old.ends, new.ends) {
            (None, Some(_)) => self.hit(format!("replace that makes the order end, {place}")),
            (Some(_), None) => self.hit(format!("replace that keeps the order from ending, {place}")),
            (Some(_), Some(_)) => self.hit(format!("replace that moves the order's end, {place}")),
            (None, None) => {}
        }
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
            if self.crosses(&new) {
                self.hit("replace across the spread that needs the old hold");
            }
        }
        if keeps {
            self.hit("replace that keeps its place");
            self.replaced(&new, b'L');
            if new.open < old.open {
                self.events.push(Event {
                    instrument: old.instrument,
                    quantity: old.open - new.open,
                    number: old.number,
                    ..Event::new(EventKind::Reduced)
                });
            }
            self.update(&new);
            return Ok(());
        }
        self.take(old.number);
        self.order_number += 1;
        new.number = self.order_number;
        let crosses = self.crosses(&new);
        let dies = asked.is_post_only && crosses;
        self.replaced(&new, if dies { b'D' } else { b'L' });
        if rests && !crosses && same_display {
            self.hit("replace that rests whole");
            self.events.push(Event {
                instrument: old.instrument,
                number: old.number,
                ..Event::new(EventKind::BookReplaced)
            });
            self.rest(new);
            return Ok(());
        }
        if crosses {
            self.hit("replace that crosses");
        }
        if old.executed > 0 && crosses {
            self.hit("replace that crosses after executions");
        }
        self.events.push(Event {
            instrument: old.instrument,
            number: old.number,
            ..Event::new(EventKind::Deleted)
        });
        self.go(new, asked, dies);
        Ok(())
    }

    pub(super) fn replaced(&mut self, order: &ModelOrder, state: u8) {
        let side = if order.is_buy { b'B' } else { b'S' };
        self.events.push(Event {
            code: state,
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity: order.open,
            price: if order.is_market {
                MARKET
            } else {
                order.price as u32
            },
            detail: u32::from_le_bytes([side, order.capacity, order.cross_type, 0]),
            number: order.number,
            ..Event::new(EventKind::Replaced)
        });
    }

    /// Cancels what is left of an order that is not in the book.
    pub(super) fn cancel_rest(&mut self, mut order: ModelOrder, reason: u8) {
        self.events.push(Event {
            code: reason,
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity: order.open,
            number: order.number,
            ..Event::new(EventKind::CanceledUnbooked)
        });
        order.open = 0;
        self.end(order, b'C');
    }
}
