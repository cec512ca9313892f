//! Incoming meets resting.

use engine::exchange::command::whole;
use engine::exchange::event::{Event, EventKind};

use super::Model;
use super::types::{Asked, ModelOrder, ceiling, within};

impl Model {
    /// Matches as far as book, price and funds reach. Returns why it ended, for what is left.
    pub(super) fn sweep(&mut self, incoming: &mut ModelOrder, asked: Asked) -> u8 {
        let before = self.events.len();
        let reason = loop {
            if incoming.open == 0 {
                self.end(incoming.clone(), b'F');
                break b'F';
            }
            let book = &self.instruments[usize::from(incoming.instrument) - 1];
            let Some(best) = book.side(!incoming.is_buy).first().cloned() else {
                break b'I';
            };
            if !within(incoming, best.price) {
                break if asked.is_market { b'K' } else { b'I' };
            }
            if best.account == incoming.account {
                self.meet_oneself(incoming, best, asked.mode);
                if incoming.open == 0 {
                    break b'Q';
                }
                continue;
            }
            let wanted = incoming.open.min(best.open);
            let quantity = self.affordable(incoming, best.price, wanted);
            if quantity > 0 {
                self.fill(incoming, best, quantity);
            }
            if quantity < wanted {
                break b'Z';
            }
        };
        if self.events.len() - before > 256 {
            let side = if incoming.is_buy { "buy" } else { "sell" };
            self.hit(format!("{side} sweep longer than a step"));
        }
        reason
    }

    /// The most lots, up to `wanted`, that a market buyer can pay at `price` with the fee: all for everybody else.
    pub(super) fn affordable(&self, incoming: &ModelOrder, price: u64, wanted: u32) -> u32 {
        if !(incoming.is_market && incoming.is_buy) {
            return wanted;
        }
        let definition = &self.instruments[usize::from(incoming.instrument) - 1].definition;
        let funds = self.available(incoming.account, u32::from(definition.quote));
        let fits = |quantity| {
            let value = self.value(incoming.instrument, price, quantity);
            let exact = incoming.exact_fees + value * i128::from(incoming.fees.1);
            value + ceiling(exact) - incoming.charged() <= funds
        };
        let (mut good, mut bad) = (0, u64::from(wanted) + 1);
        while bad - good > 1 {
            let middle = good.midpoint(bad);
            if fits(middle as u32) {
                good = middle;
            } else {
                bad = middle;
            }
        }
        good as u32
    }

    pub(super) fn fill(&mut self, incoming: &mut ModelOrder, best: ModelOrder, quantity: u32) {
        let definition = self.instruments[usize::from(incoming.instrument) - 1].definition;
        let value = self.value(incoming.instrument, best.price, quantity);
        let amount = i128::from(quantity) * whole(definition.lot_size) as i128;
        let mut maker = best.clone();
        self.match_number += 1;
        if quantity < best.open {
            self.hit("partial fill of resting");
        }
        if quantity < incoming.open {
            self.hit("partial fill of incoming");
        }
        if incoming.is_buy && !incoming.is_market && best.price < incoming.price {
            self.hit("price improvement");
            if incoming.fees.1 > 0 {
                self.hit("price improvement with fees");
            }
        }
        let mut fees = [0; 2];
        if best.fees != incoming.fees {
            self.hit("match of an order with old fees");
        }
        let rates = (best.fees.0, incoming.fees.1);
        for (fee, (order, rate)) in fees
            .iter_mut()
            .zip([(&mut maker, rates.0), (&mut *incoming, rates.1)])
        {
            let before = order.charged();
            order.exact_fees += value * i128::from(rate);
            *fee = order.charged() - before;
            order.open -= quantity;
            order.executed += quantity;
            order.executed_value += value;
            let totals = &mut self.accounts[order.account as usize].totals;
            let sign = if order.is_buy { 1 } else { -1 };
            totals[usize::from(definition.base)] += sign * amount;
            totals[usize::from(definition.quote)] -= sign * value + *fee;
            self.assets[usize::from(definition.quote)].fees += *fee;
        }
        if fees[0] < 0 {
            self.hit("rebate");
        }
        for (kind, code, number, fee, order) in [
            (EventKind::ExecutedResting, b'A', maker.number, fees[0], &maker),
            (
                EventKind::ExecutedIncoming,
                b'R',
                self.match_number,
                fees[1],
                &*incoming,
            ),
        ] {
            if self.accounts[order.account as usize].definition.fee_reports != 0 {
                self.events.push(Event {
                    session: order.session,
                    user_ref: order.user_ref,
                    number: fee as u64,
                    ..Event::new(EventKind::Fee)
                });
            }
            self.events.push(Event {
                code,
                instrument: order.instrument,
                session: order.session,
                user_ref: order.user_ref,
                quantity,
                price: best.price as u32,
                number,
                ..Event::new(kind)
            });
        }
        let now = self.now;
        let match_number = self.match_number;
        let book = &mut self.instruments[usize::from(incoming.instrument) - 1];
        book.last_price = best.price;
        book.last_quantity = quantity;
        book.last_match = match_number;
        book.last_time = now;
        self.put_first(maker, b'F');
    }

    /// Writes the best opposite order back, or ends it when nothing of it is left.
    pub(super) fn put_first(&mut self, order: ModelOrder, state: u8) {
        let side = self.instruments[usize::from(order.instrument) - 1].side_mut(order.is_buy);
        if order.open == 0 {
            side.remove(0);
            self.end(order, state);
        } else {
            side[0] = order;
        }
    }

    pub(super) fn meet_oneself(&mut self, incoming: &mut ModelOrder, mut best: ModelOrder, mode: u8) {
        self.hit(format!("self match {}", char::from(mode)));
        let prevented = incoming.open.min(best.open);
        let (from_best, from_incoming) = match mode {
            b'O' => (best.open, 0),
            b'W' => (0, incoming.open),
            b'D' => (prevented, prevented),
            b'B' => (best.open, incoming.open),
            other => panic!("self-match mode {other}"),
        };
        let price = best.price as u32;
        let report = |kind, order: &ModelOrder, quantity| Event {
            code: mode,
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity,
            price,
            detail: prevented,
            number: order.number,
            ..Event::new(kind)
        };
        if from_best > 0 {
            best.open -= from_best;
            let kind = if best.open == 0 {
                EventKind::SelfMatchDeleted
            } else {
                EventKind::SelfMatchReduced
            };
            self.events.push(report(kind, &best, from_best));
            self.put_first(best, b'C');
        }
        if from_incoming > 0 {
            incoming.open -= from_incoming;
            self.events
                .push(report(EventKind::SelfMatchIncoming, incoming, from_incoming));
            if incoming.open == 0 {
                self.end(incoming.clone(), b'C');
            }
        }
    }
}
