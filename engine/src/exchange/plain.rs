//! The short way in, for new orders as most of them are: a displayed limit or market order, for the day or immediate or
//! cancel, without options.
//!
//! It knows the same rungs as the long way (`entering`, `checks`), but not their order and not their reasons: an order that
//! passes all of them is accepted here and now; of any other nothing is changed, and it goes the long way, which names the
//! reason. A rung that is added there is added here; a forgotten one the random run against the model finds
//! (`cargo model`): most of its orders are plain, with everything wrong that can be.
//!
//! PERF: conditions are joined instead of branched on, and the order's line is written once, when all its links are known;
//! `docs/decisions/0031-a-short-way-for-plain-orders.md` says what that brought.

use super::account::Account;
use super::book::Side;
use super::book::arena::{FLAG_LISTED, FLAG_MARKET, NONE, OrderSlot};
use super::checks::{DAY, IMMEDIATE};
use super::command::{Command, FLAG_LOW_SPACE, Order};
use super::entering::{Client, details};
use super::event::{Event, EventKind};
use super::instrument::{Instrument, State};
use super::money;
use super::sink::{Progress, Sink, Step};
use super::{Exchange, Outlook};
use protocol::units::Price;

const BUY: u64 = Order::kind_word(b'B', DAY, b'Y', b'N');
const SELL: u64 = Order::kind_word(b'S', DAY, b'Y', b'N');
/// What makes an order for the day an immediate one.
const HURRY: u64 = Order::kind_word(0, DAY ^ IMMEDIATE, 0, 0);

/// What the rungs found out.
struct Plain {
    side: Side,
    /// The limit; of a market order the collar's bound.
    tick: u32,
    is_market: bool,
    /// When the session's rate bucket is worked off with this order in it.
    worked_off: u64,
    asset: u16,
    hold: u128,
}

impl Exchange {
    /// Takes the order if it is plain and nothing is wrong with it. `None`: nothing was changed.
    #[inline(always)]
    pub(super) fn enter_plain<S: Sink>(
        &mut self,
        command: &Command,
        order: &Order,
        outlook: &Outlook,
        client: Client,
        step: &mut Step<'_, S>,
    ) -> Option<Progress> {
        let account = &self.accounts[client.account as usize];
        let place = usize::from(command.instrument).wrapping_sub(1);
        let instrument = self.instruments.get(place)?;
        let name = self.place_of(outlook, client.session, order.user_ref);
        if !outlook.is_fetched() {
            self.index.prefetch(name);
            let side = if order.side == b'B' { Side::Buy } else { Side::Sell };
            self.ledger.prefetch(client.account, instrument.asset(side));
        }
        let plain = self.admit_plain(command, order, client, account, instrument)?;
        let Plain {
            side,
            tick,
            is_market,
            ..
        } = plain;
        let (firm, schedule) = (account.definition.firm, instrument.schedule);
        let best = instrument.book.side(side.opposite()).best();
        let takes = best != NONE && side.crosses(tick, self.pools.level(best).tick);
        if !self.ledger.hold(client.account, plain.asset, plain.hold) {
            return None;
        }

        self.sessions[client.session as usize].bucket.worked_off = plain.worked_off;
        self.order_number += 1;
        let number = self.order_number;
        let (user_ref, quantity, price) = (order.user_ref, order.quantity, order.price as u32);
        step.emit(Event {
            code: b'L',
            instrument: command.instrument,
            session: client.session,
            user_ref,
            quantity,
            price,
            number,
            ..Event::new(EventKind::Accepted)
        });
        let handle = self.arena.take();
        let mut slot = OrderSlot {
            open: quantity,
            account: client.account,
            session: client.session,
            user_ref,
            number,
            tick,
            instrument: command.instrument,
            side,
            time_in_force: order.time_in_force,
            self_match: self.accounts[client.account as usize].definition.self_match,
            schedule,
            flags: if is_market { FLAG_MARKET } else { 0 },
            ..OrderSlot::EMPTY
        };
        *self.arena.details_mut(handle) = details(order, firm);
        // What meets nobody and can not rest is canceled there.
        if takes | is_market | (order.time_in_force == IMMEDIATE) {
            *self.arena.get_mut(handle) = slot;
            return Some(self.cross(handle, step));
        }

        let bucket = self.bucket_of(outlook, self.instruments[place].book.side(side), tick);
        let book = &mut self.instruments[place].book;
        let (level, tail) = book.join(&mut self.pools, bucket, side, tick, quantity, handle);
        if tail != NONE {
            self.arena.get_mut(tail).next = handle;
        }
        let owner = &mut self.accounts[client.account as usize];
        owner.open_orders += 1;
        (slot.level, slot.prev, slot.flags) = (level, tail, FLAG_LISTED);
        slot.place = self.roster.push(&mut owner.list, handle);
        slot.chain = self.index.insert(name, handle);
        *self.arena.get_mut(handle) = slot;
        step.emit(Event {
            code: side.byte(),
            instrument: command.instrument,
            session: client.session,
            user_ref,
            quantity,
            price,
            number,
            ..Event::new(EventKind::Added)
        });
        Some(Progress::Done)
    }

    /// All rungs but funds; `None` when one does not hold, or when only the long way can tell.
    #[inline(always)]
    fn admit_plain(
        &self,
        command: &Command,
        order: &Order,
        client: Client,
        account: &Account,
        instrument: &Instrument,
    ) -> Option<Plain> {
        let definition = &instrument.definition;
        let is_immediate = order.time_in_force == IMMEDIATE;
        let kind = command.kind_word() ^ (HURRY * u64::from(is_immediate));
        let is_buy = kind == BUY;
        let side = if is_buy { Side::Buy } else { Side::Sell };
        let asset = instrument.asset(side);
        let is_plain = (is_buy | (kind == SELL)) & !command.is_extended();

        // A limit of 0 is none: less one, it is above all that there can be.
        let limits = &account.definition;
        let lots = order.quantity.wrapping_sub(1);
        let may = account.order_entry_enabled
            & !account.is_killed
            & !self.all_killed
            & account.may_trade()
            & (instrument.state == State::Trading)
            & !instrument.has_dark(side.opposite())
            & (command.flags & FLAG_LOW_SPACE == 0)
            & (lots < definition.quantity_max)
            & (lots <= limits.quantity_max.wrapping_sub(1))
            & (account.open_orders <= limits.open_orders_max.wrapping_sub(1))
            & !self.arena.is_full()
            & self.pools.has_room();

        if !(is_plain & may) {
            return None;
        }

        // Other prices that mean a market order go the long way.
        let is_market = order.price == Price::MARKET.0;
        let (tick, valued_at) = if is_market {
            let reference = instrument.reference();
            let (high, low) = instrument.collar_of(reference);
            (if is_buy { high } else { low }, reference / definition.tick_size)
        } else {
            let price = order.price as u32;
            let tick = price / definition.tick_size;
            let is_price = (order.price.wrapping_sub(1) < instrument.gate.price_max)
                & (tick.wrapping_mul(definition.tick_size) == price);
            if !is_price || instrument.is_beyond_collar(side, price) {
                return None;
            }
            (tick, tick)
        };

        let value = money::notional(valued_at, order.quantity, instrument.tick_value);
        if value > instrument.gate.value_max {
            return None;
        }

        let mut bucket = self.sessions[client.session as usize].bucket;
        if !bucket.charge(self.now, limits.rate_per_second, limits.rate_burst) {
            return None;
        }
        let hold = if is_market & is_buy {
            0 // It pays as it goes.
        } else if is_buy {
            money::hold_for(value, instrument.gate.rate_max_ppm, 0)
        } else {
            u128::from(order.quantity) * instrument.lot_size
        };
        Some(Plain {
            side,
            tick,
            is_market,
            worked_off: bucket.worked_off,
            asset,
            hold,
        })
    }
}
