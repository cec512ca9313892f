//! MinQty: would so many lots execute at once? The match is played through beforehand, and nothing is changed.

use super::Exchange;
use super::book::Side;
use super::book::arena::OrderSlot;
use super::funds::limit_of;
use super::money;
use super::unseen::Part;

/// Most resting orders looked at for one minimum, the account's own included. One look is a cache line, mostly from
/// memory. The bound keeps an order that changes nothing below the cost of a sweep's few steps, whatever others have
/// put into the book; an order that needs more of them to reach its minimum is canceled.
const LOOKS_MAX: usize = 1_024;

/// What a market buyer can still pay with: it holds nothing beforehand.
struct Purse {
    funds: u128,
    tick_value: u64,
    rate_ppm: i32,
    remainder: money::FeeRemainder,
}

impl Purse {
    /// Pays for as many of `wanted` lots at `tick` as it can, as an execution would; returns how many.
    fn pay(&mut self, tick: u32, wanted: u32) -> u32 {
        let (tick_value, rate, remainder) = (self.tick_value, self.rate_ppm, self.remainder);
        let mut quantity = wanted;
        let mut cost = money::cost(tick, quantity, tick_value, rate, remainder);
        if cost > self.funds {
            quantity = money::affordable(self.funds, wanted, tick, tick_value, rate, remainder);
            cost = money::cost(tick, quantity, tick_value, rate, remainder);
        }
        self.funds -= cost;
        (_, self.remainder) = money::fee(money::notional(tick, quantity, tick_value), rate, remainder);
        quantity
    }
}

impl Exchange {
    /// True when the incoming order executes at least `minimum` lots if it goes on, with no more than `funds`. See [`LOOKS_MAX`].
    #[inline(never)]
    pub(super) fn can_fill(&self, incoming: &OrderSlot, minimum: u32, funds: u64) -> bool {
        let mut purse = self.purse(incoming, funds);
        let (mut open, mut executed) = (incoming.open, 0);
        let opposite = incoming.side.opposite();
        let band = self.new_band(usize::from(incoming.instrument) - 1);
        // The account's own orders lose their reserves when their displayed parts are met.
        let is_met = |&handle: &u32| {
            let is_own = self.arena.get(handle).account == incoming.account;
            !(is_own && matches!(self.part(handle), Part::Reserve(_)))
        };
        for handle in self
            .meeting_handles(incoming.instrument, opposite)
            .filter(is_met)
            .take(LOOKS_MAX)
        {
            let resting = self.arena.get(handle);
            if !incoming.side.crosses(incoming.tick, resting.tick) {
                return false;
            }
            let is_own = resting.account == incoming.account;
            let met = open.min(if is_own {
                self.open_of(handle)
            } else {
                resting.open
            });
            if is_own {
                match incoming.self_match {
                    b'W' | b'B' => return false,
                    b'D' => open -= met,
                    _ => {}
                }
            } else {
                if !band.contains(resting.tick) {
                    return false;
                }
                let paid = purse.as_mut().map_or(met, |purse| purse.pay(resting.tick, met));
                (open, executed) = (open - paid, executed + paid);
                if executed >= minimum {
                    return true;
                }
                if paid < met {
                    return false;
                }
            }
            if executed + open < minimum {
                return false;
            }
        }
        false
    }

    /// `None` for an order that has bound what it needs.
    fn purse(&self, incoming: &OrderSlot, funds: u64) -> Option<Purse> {
        if !incoming.pays_as_it_goes() || incoming.side == Side::Sell {
            return None;
        }
        let instrument = self.instrument_of(incoming.instrument);
        let quote = instrument.definition.quote;
        Some(Purse {
            funds: self
                .ledger
                .balance(incoming.account, quote)
                .available
                .min(limit_of(funds)),
            tick_value: instrument.tick_value,
            rate_ppm: self.schedules.get(incoming.schedule).taker_ppm,
            remainder: incoming.fee_remainder,
        })
    }
}
