//! Auctions: what has collected is uncrossed, and each second it is told what that would bring.

use engine::exchange::event::{Event, EventKind};

use super::Model;
use super::clearing::{Clearing, queue};
use super::entering::what;
use super::types::{ModelOrder, Part, Place, price_key};

impl Model {
    /// The orders of a side that take part in a cross of a kind; `alone`: without the book.
    fn entrants(&self, locate: u16, is_buy: bool, kind: u8, alone: bool) -> Vec<Part> {
        let waits = |order: &&ModelOrder| {
            order.place == Place::Cross
                && order.instrument == locate
                && order.is_buy == is_buy
                && (order.cross_type == b'N' || order.cross_type == kind)
        };
        let mut entrants: Vec<_> = self
            .orders
            .iter()
            .filter(waits)
            .map(|order| Part {
                number: order.name.number,
                price: order.price,
                lots: order.open,
                is_market: order.is_market,
                is_dark: false,
                is_unseen: true,
                rank: order.name.rank,
            })
            .collect();
        if !alone {
            entrants.extend(self.parts(locate, is_buy));
        }
        entrants
    }

    fn clearing(&self, locate: u16, kind: u8, alone: bool) -> (Option<Clearing>, [Vec<Part>; 2]) {
        let sides = [true, false].map(|is_buy| self.entrants(locate, is_buy, kind, alone));
        let instrument = self.instrument(locate);
        let tick = u64::from(instrument.definition.tick_size);
        let highest = u64::from(instrument.definition.price_max) / tick * tick;
        let clearing = Clearing::find(&sides[0], &sides[1], tick, highest, instrument.reference());
        (clearing, sides)
    }

    /// Orders that have collected trade at one price, and the instrument is in its new state.
    pub(super) fn uncross(&mut self, locate: u16, state: u8, kind: u8) {
        let before = self.events.len();
        let collected = self.instrument(locate).collects();
        let (clearing, [buys, sells]) = self.clearing(locate, kind, false);
        if let Some(clearing) = clearing {
            self.hit_clearing(locate, kind, &clearing, &buys, &sells);
            let buyers = queue(&buys, true, clearing.price);
            let sellers = queue(&sells, false, clearing.price);
            self.pair(locate, kind, &clearing, buyers, sellers);
        } else if collected {
            self.hit(format!("cross {} without volume", char::from(kind)));
        }
        if clearing.is_some() || collected {
            let volume = clearing.map_or(0, |clearing| clearing.volume());
            self.match_number += u64::from(volume > 0);
            let number = if volume > 0 { self.match_number } else { 0 };
            self.events.push(Event {
                code: kind,
                instrument: locate,
                quantity: volume as u32,
                price: clearing.map_or(0, |clearing| clearing.price) as u32,
                detail: (volume >> 32) as u32,
                number,
                ..Event::new(EventKind::CrossDone)
            });
            if volume > 0 {
                // To the public the whole cross is one trade.
                let instrument = self.instrument_mut(locate);
                instrument.last_quantity = u32::try_from(volume).unwrap_or(u32::MAX);
                instrument.last_match = number;
            }
        }
        self.change_state(locate, state);
        // The cross has found a price: what it sets off is measured from that.
        self.references[usize::from(locate) - 1] = self.instrument(locate).reference();
        self.end_auction(locate, Some(kind));
        if self.events.len() - before > 256 {
            self.hit("cross longer than a step");
        }
    }

    /// Matches the heads of both queues until one is empty.
    fn pair(
        &mut self,
        locate: u16,
        kind: u8,
        clearing: &Clearing,
        mut buyers: Vec<Part>,
        mut sellers: Vec<Part>,
    ) {
        buyers.reverse();
        sellers.reverse();
        let price = clearing.price;
        while let (Some(buyer), Some(seller)) = (buyers.last_mut(), sellers.last_mut()) {
            let quantity = buyer.lots.min(seller.lots);
            let pair = [*buyer, *seller];
            buyer.lots -= quantity;
            seller.lots -= quantity;
            buyers.pop_if(|part| part.lots == 0);
            sellers.pop_if(|part| part.lots == 0);
            self.match_number += 1;
            self.events.push(Event {
                code: kind,
                instrument: locate,
                quantity,
                price: price as u32,
                number: self.match_number,
                ..Event::new(EventKind::CrossMatch)
            });
            for part in pair {
                self.cross_side(kind, part, price, quantity);
            }
            self.traded(locate, price, quantity);
        }
    }

    fn cross_side(&mut self, kind: u8, part: Part, price: u64, quantity: u32) {
        let mut order = self.order(part.number).clone();
        if !part.is_unseen {
            order.displayed -= quantity;
        }
        // Nobody was there first: both take.
        let rate = order.fees.1;
        let fee = self.settle(&mut order, price, quantity, rate);
        self.tell_fee(&order, fee);
        let (event, number) = if part.is_unseen {
            (EventKind::CrossExecutedUnseen, order.name.number)
        } else {
            (EventKind::CrossExecuted, order.shown.number)
        };
        self.executed(event, kind, &order, quantity, price, number);
        let how = if order.open == 0 { "filled" } else { "in part" };
        self.hit(format!("cross {}: {} {how}", char::from(kind), what(&order)));
        self.put_back(order, b'F');
    }

    /// What was only for this auction goes, and so do market orders; when an instrument closes without one, only those.
    pub(super) fn end_auction(&mut self, locate: u16, kind: Option<u8>) {
        let is_over = |order: &&ModelOrder| {
            order.place == Place::Cross
                && order.instrument == locate
                && (Some(order.cross_type) == kind || order.cross_type == b'N')
        };
        let mut left: Vec<_> = self.orders.iter().filter(is_over).cloned().collect();
        left.sort_by_key(|order| {
            let price = if order.is_market {
                0
            } else {
                price_key(order.is_buy, order.price)
            };
            (
                order.cross_type == b'N',
                !order.is_buy,
                !order.is_market,
                price,
                order.name.rank,
            )
        });
        for order in left {
            let reason = if order.cross_type == b'N' { b'I' } else { b'H' };
            if order.executed > 0 {
                self.hit(format!(
                    "{} left over in part {}",
                    what(&order),
                    char::from(reason)
                ));
            }
            if kind.is_none() {
                self.hit("market order at a close without a cross");
            }
            self.cancel_waiting(order, reason);
        }
    }

    /// What the crosses would bring that instruments collect for.
    pub(super) fn tell_imbalances(&mut self) {
        self.imbalances = self.shows_imbalances().then_some(self.now + 1_000_000_000);
        for locate in 1..=self.instruments.len() as u16 {
            if b"AV".contains(&self.instrument(locate).state) {
                self.tell_imbalance(locate);
            }
        }
    }

    fn tell_imbalance(&mut self, locate: u16) {
        let kind = self.instrument(locate).auction;
        let (near, _) = self.clearing(locate, kind, false);
        let (far, _) = self.clearing(locate, kind, true);
        let reference = self.instrument(locate).reference();
        let near_price = near.map_or(0, |near| near.price);
        let direction = match near {
            None => b'O',
            Some(near) if near.bought > near.sold => b'B',
            Some(near) if near.bought < near.sold => b'S',
            Some(_) => b'N',
        };
        self.hit(format!("imbalance {}", char::from(direction)));
        if far.is_some() {
            self.hit("imbalance with a far price");
        }
        let variation = variation(near_price, reference);
        self.hit(format!("price variation {}", char::from(variation)));
        self.events.push(Event {
            code: kind,
            instrument: locate,
            user_ref: reference as u32,
            quantity: u32::from(variation),
            price: near_price as u32,
            detail: far.map_or(0, |far| far.price) as u32,
            number: near.map_or(0, |near| near.volume()),
            ..Event::new(EventKind::ImbalanceVolume)
        });
        self.events.push(Event {
            code: direction,
            instrument: locate,
            number: near.map_or(0, |near| near.imbalance()),
            ..Event::new(EventKind::ImbalanceSide)
        });
    }

    fn hit_clearing(&mut self, locate: u16, kind: u8, clearing: &Clearing, buys: &[Part], sells: &[Part]) {
        self.hit(format!("cross {} with volume", char::from(kind)));
        let instrument = self.instrument(locate);
        let tick = u64::from(instrument.definition.tick_size);
        let highest = u64::from(instrument.definition.price_max);
        let reference = instrument.reference();
        let limits = buys.iter().chain(sells).map(|part| part.price);
        let near = reference / tick * tick;
        let others: Vec<_> = limits
            .flat_map(|price| [price.saturating_sub(tick), price, price + tick])
            .chain([near, near + tick])
            .filter(|price| (tick..=highest).contains(price) && *price != clearing.price)
            .map(|price| Clearing::at(price, buys, sells))
            .filter(|other| other.volume() == clearing.volume())
            .collect();
        if others
            .iter()
            .any(|other| other.imbalance() > clearing.imbalance())
        {
            self.hit("cross decided by imbalance");
        }
        let balanced = others
            .iter()
            .filter(|other| other.imbalance() == clearing.imbalance());
        let distances: Vec<_> = balanced.map(|other| other.price.abs_diff(reference)).collect();
        let distance = clearing.price.abs_diff(reference);
        if distances.iter().any(|&other| other > distance) {
            self.hit("cross decided by the reference");
        }
        if distances.contains(&distance) {
            self.hit("cross decided by the lower price");
        }
        let markets = [buys, sells].map(|side| side.iter().any(|part| part.is_market));
        match markets {
            [true, true] => self.hit("cross with market orders on both sides"),
            [false, false] => {}
            _ => self.hit("cross with market orders on one side"),
        }
        let beyond = buys
            .iter()
            .any(|part| part.is_market && part.price < clearing.price)
            || sells
                .iter()
                .any(|part| part.is_market && part.price > clearing.price);
        if beyond {
            self.hit("market order bound short of the cross");
        }
    }
}

/// How far the price of the cross would be from the reference, as ITCH says it.
pub(super) fn variation(near: u64, reference: u64) -> u8 {
    if near == 0 || reference == 0 {
        return b' ';
    }
    match near.abs_diff(reference) * 100 / reference {
        0 => b'L',
        percent @ 1..=9 => b'0' + percent as u8,
        10..=19 => b'A',
        20..=29 => b'B',
        _ => b'C',
    }
}
