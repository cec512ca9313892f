//! Incoming meets resting.

use engine::exchange::command::whole;
use engine::exchange::event::{Event, EventKind};

use super::Model;
use super::types::{ModelOrder, Part, Place, ceiling, price_key, within};

impl Model {
    /// What of a side's book is first: the better price, there what is shown, there the older.
    pub(super) fn best(&self, instrument: u16, is_buy: bool) -> Option<Part> {
        self.parts(instrument, is_buy)
            .min_by_key(|part| (price_key(is_buy, part.price), part.is_dark, part.rank))
    }

    /// What the orders in a side's book show and what they do not, in no particular order.
    pub(super) fn parts(&self, instrument: u16, is_buy: bool) -> impl Iterator<Item = Part> {
        self.orders
            .iter()
            .filter(move |order| {
                order.place == Place::Book && order.instrument == instrument && order.is_buy == is_buy
            })
            .flat_map(|order| {
                let part = |lots, is_dark, rank| Part {
                    number: order.name.number,
                    price: order.price,
                    lots,
                    is_market: false,
                    is_dark,
                    is_unseen: is_dark,
                    rank,
                };
                [
                    part(order.displayed, false, order.shown.rank),
                    part(order.reserve(), true, order.name.rank),
                ]
            })
            .filter(|part| part.lots > 0)
    }

    /// Matches as far as book, price, protection and funds reach, meeting no more than `looks` orders. Returns why it
    /// ended, for what is left.
    pub(super) fn sweep(&mut self, incoming: &mut ModelOrder, funds: Option<i128>, looks: usize) -> u8 {
        let before = self.events.len();
        let paid_before = paid(incoming);
        let mut looks = looks;
        let reason = loop {
            if incoming.open == 0 {
                self.end(incoming.clone(), b'F');
                break b'F';
            }
            let Some(best) = self.best(incoming.instrument, !incoming.is_buy) else {
                break b'I';
            };
            if !within(incoming, best.price) {
                break if incoming.is_market { b'K' } else { b'I' };
            }
            if looks == 0 {
                break b'I';
            }
            looks -= 1;
            let resting = self.order(best.number).clone();
            if resting.account == incoming.account {
                self.meet_oneself(incoming, resting, best);
                if incoming.open == 0 {
                    break b'Q';
                }
                continue;
            }
            if !self.is_inside_protection(incoming.instrument, best.price) {
                self.pause(incoming);
                break if incoming.is_market { b'K' } else { b'I' };
            }
            let wanted = incoming.open.min(best.lots);
            let left = funds.map(|funds| funds - (paid(incoming) - paid_before));
            let quantity = self.affordable(incoming, best.price, wanted, left);
            if quantity > 0 {
                self.fill(incoming, resting, best, quantity);
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

    /// The most lots, up to `wanted`, that an order can pay at `price` with the fee when nothing is held for it.
    fn affordable(&mut self, incoming: &ModelOrder, price: u64, wanted: u32, left: Option<i128>) -> u32 {
        if incoming.is_held || !incoming.is_buy {
            return wanted;
        }
        let quote = u32::from(self.instrument(incoming.instrument).definition.quote);
        let available = self.available(incoming.account, quote);
        let funds = left.map_or(available, |left| left.min(available));
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
        if good < u64::from(wanted) && left.is_some_and(|left| left < available) {
            self.hit("funds of option 130 end");
        }
        good as u32
    }

    /// Lots change hands: one side of an execution. Gives what it costs in fees.
    pub(super) fn settle(&mut self, order: &mut ModelOrder, price: u64, quantity: u32, rate: i32) -> i128 {
        let definition = self.instrument(order.instrument).definition;
        let value = self.value(order.instrument, price, quantity);
        let amount = i128::from(quantity) * whole(definition.lot_size) as i128;
        let before = order.charged();
        order.exact_fees += value * i128::from(rate);
        let fee = order.charged() - before;
        order.open -= quantity;
        order.executed += quantity;
        order.executed_value += value;
        let totals = &mut self.accounts[order.account as usize].totals;
        let sign = if order.is_buy { 1 } else { -1 };
        totals[usize::from(definition.base)] += sign * amount;
        totals[usize::from(definition.quote)] -= sign * value + fee;
        self.assets[usize::from(definition.quote)].fees += fee;
        fee
    }

    /// What an execution cost, for those who want to know.
    pub(super) fn tell_fee(&mut self, order: &ModelOrder, fee: i128) {
        if self.accounts[order.account as usize].definition.fee_reports != 0 {
            self.events.push(Event {
                session: order.session,
                user_ref: order.user_ref,
                number: fee as u64,
                ..Event::new(EventKind::Fee)
            });
        }
    }

    fn fill(&mut self, incoming: &mut ModelOrder, mut maker: ModelOrder, best: Part, quantity: u32) {
        self.match_number += 1;
        if quantity < best.lots {
            self.hit("partial fill of resting");
        }
        if quantity < incoming.open {
            self.hit("partial fill of incoming");
        }
        if incoming.is_buy && incoming.is_held && best.price < incoming.price {
            self.hit("price improvement");
            if incoming.fees.1 > 0 {
                self.hit("price improvement with fees");
            }
        }
        if maker.fees != incoming.fees {
            self.hit("match of an order with old fees");
        }
        if best.is_dark {
            let kind = if maker.display == b'N' {
                "hidden"
            } else {
                "reserve"
            };
            self.hit(format!("match with a {kind} order's unseen part"));
            if maker.display != b'N' && self.ran_out.contains(&maker.name.number) {
                self.hit("reserve traded in the command that used up what was shown");
            }
        } else {
            maker.displayed -= quantity;
        }
        let rates = (maker.fees.0, incoming.fees.1);
        let maker_fee = self.settle(&mut maker, best.price, quantity, rates.0);
        let taker_fee = self.settle(incoming, best.price, quantity, rates.1);
        if maker_fee < 0 {
            self.hit("rebate");
        }
        if incoming.stop > 0 && taker_fee > 0 {
            self.hit("stop that pays a fee");
        }
        if incoming.stop > 0 && maker.floor > 0 {
            self.hit("stop that meets a reserve order");
        }
        let (kind, code, number) = if best.is_dark {
            (EventKind::ExecutedUnseen, b'J', maker.name.number)
        } else {
            (EventKind::ExecutedResting, b'A', maker.shown.number)
        };
        self.tell_fee(&maker, maker_fee);
        self.executed(kind, code, &maker, quantity, best.price, number);
        self.tell_fee(incoming, taker_fee);
        let number = self.match_number;
        self.executed(
            EventKind::ExecutedIncoming,
            b'R',
            incoming,
            quantity,
            best.price,
            number,
        );
        self.traded(incoming.instrument, best.price, quantity);
        self.put_back(maker, b'F');
    }

    pub(super) fn executed(
        &mut self,
        kind: EventKind,
        code: u8,
        order: &ModelOrder,
        quantity: u32,
        price: u64,
        number: u64,
    ) {
        self.events.push(Event {
            code,
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity,
            price: price as u32,
            number,
            ..Event::new(kind)
        });
    }

    /// The last trade, and how far prices went in this command.
    pub(super) fn traded(&mut self, instrument: u16, price: u64, quantity: u32) {
        let (low, high) = self.extremes.map_or((price, price), |(_, low, high)| (low, high));
        self.extremes = Some((instrument, low.min(price), high.max(price)));
        let (now, match_number) = (self.now, self.match_number);
        let instrument = self.instrument_mut(instrument);
        instrument.last_price = price;
        instrument.last_quantity = quantity;
        instrument.last_match = match_number;
        instrument.last_time = now;
    }

    /// Writes a matched order back, or ends it when nothing of it is left. One that has nothing more to show but a
    /// reserve is remembered.
    pub(super) fn put_back(&mut self, order: ModelOrder, state: u8) {
        let before = self.order(order.name.number).displayed;
        if order.open == 0 {
            self.take(order.name.number);
            return self.end(order, state);
        }
        if before > 0 && order.displayed == 0 {
            self.ran_out.push(order.name.number);
        }
        self.update(&order);
    }

    /// Prevents a match of the account with itself.
    fn meet_oneself(&mut self, incoming: &mut ModelOrder, mut own: ModelOrder, best: Part) {
        let mode = incoming.mode;
        let met = match (best.is_dark, own.display) {
            (true, b'N') => " with a hidden order",
            (true, _) => " with a reserve",
            (false, _) if own.reserve() > 0 => " with a reserve order",
            _ => "",
        };
        self.hit(format!("self match {}{met}", char::from(mode)));
        if incoming.stop > 0 {
            self.hit("self match of a stop");
        }
        let prevented = incoming.open.min(own.open);
        let (from_own, from_incoming) = match mode {
            b'O' => (own.open, 0),
            b'W' => (0, incoming.open),
            b'D' => (prevented, prevented),
            b'B' => (own.open, incoming.open),
            other => panic!("self-match mode {other}"),
        };
        let report = |kind, order: &ModelOrder, quantity, number| Event {
            code: mode,
            instrument: order.instrument,
            session: order.session,
            user_ref: order.user_ref,
            quantity,
            price: best.price as u32,
            detail: prevented,
            number,
            ..Event::new(kind)
        };
        if from_own > 0 {
            let was_shown = own.displayed > 0;
            let shown = own.reduce(from_own);
            let (kind, number) = match (was_shown, own.open) {
                (true, 0) => (EventKind::SelfMatchDeleted, own.shown.number),
                (true, _) if shown == from_own => (EventKind::SelfMatchReduced, own.shown.number),
                _ => (EventKind::SelfMatchUnseen, own.name.number),
            };
            self.events.push(report(kind, &own, from_own, number));
            if kind == EventKind::SelfMatchUnseen {
                self.reduced(&own, shown);
            }
            self.put_back(own, b'C');
        }
        if from_incoming > 0 {
            incoming.open -= from_incoming;
            self.events.push(report(
                EventKind::SelfMatchIncoming,
                incoming,
                from_incoming,
                incoming.name.number,
            ));
            if incoming.open == 0 {
                self.end(incoming.clone(), b'C');
            }
        }
    }
}

/// What a buyer has paid, fees included.
fn paid(order: &ModelOrder) -> i128 {
    order.executed_value + order.charged()
}
