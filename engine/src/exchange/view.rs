//! What can be read of the exchange: orders, balances, books. Nothing here changes anything.

use super::Exchange;
use super::account::{Account, Session};
use super::book::Side;
use super::book::arena::{FLAG_MARKET, FLAG_STOP, FLAG_WAITS, NONE, OrderSlot};
use super::book::ladder::Ladder;
use super::command::whole;
use super::instrument::Instrument;
use super::ledger::{Asset, Balance};
use super::money::{charged, notional};
use super::schedule::FeeSchedule;
use super::unseen::{Part, Unseen};
use protocol::units::Price;

/// An order as its owner would ask about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderView {
    /// Session index.
    pub session: u32,
    /// Account index.
    pub account: u32,
    /// The newest UserRefNum of its chain.
    pub user_ref: u32,
    /// Order reference number.
    pub number: u64,
    /// Stock locate.
    pub instrument: u16,
    /// `B` or `S`.
    pub side: u8,
    /// Lots: executed and open together.
    pub quantity: u32,
    /// Lots, over the whole chain.
    pub executed: u32,
    /// Lots that can still trade.
    pub open: u32,
    /// Those of them that are in the displayed book.
    pub displayed: u32,
    /// Order reference number under which the feed knows these: another one when a reserve order's were filled up.
    pub feed_number: u64,
    /// 0.0001 of the quote asset; [`Price::MARKET`] for a market order.
    pub price: u32,
    /// Quote units.
    pub executed_notional: u128,
    /// Quote units; negative is a rebate.
    pub fees: i128,
    /// As entered.
    pub cl_ord_id: [u8; 14],
}

/// An order that ends, as its owner will ask about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndedOrder {
    /// Session index.
    pub session: u32,
    /// Account index.
    pub account: u32,
    /// The newest UserRefNum of its chain.
    pub user_ref: u32,
    /// Order reference number.
    pub number: u64,
    /// Stock locate.
    pub instrument: u16,
    /// `B` or `S`.
    pub side: u8,
    /// Lots: executed, and what is still open in its slot.
    pub quantity: u32,
    /// Lots, over the whole chain.
    pub executed: u32,
    /// 0.0001 of the quote asset; [`Price::MARKET`] for a market order.
    pub price: u32,
    /// Quote units.
    pub executed_notional: u128,
    /// Quote units; negative is a rebate.
    pub fees: i128,
}

/// What was executed of an order, over its whole chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Executed {
    /// Lots.
    pub(super) quantity: u32,
    /// Quote units.
    pub(super) notional: u128,
    /// Quote units; negative is a rebate.
    pub(super) fees: i128,
}

impl Exchange {
    pub(super) fn view(&self, handle: u32) -> OrderView {
        let (slot, open) = (self.arena.get(handle), self.open_of(handle));
        let EndedOrder {
            session,
            account,
            user_ref,
            number,
            instrument,
            side,
            quantity,
            executed,
            price,
            executed_notional,
            fees,
        } = self.ended(handle, slot);
        OrderView {
            session,
            account,
            user_ref,
            number,
            instrument,
            side,
            quantity,
            executed,
            open,
            displayed: match self.part(handle) {
                Part::Displayed | Part::Shown(_) if !slot.is(FLAG_STOP | FLAG_WAITS) => slot.open,
                _ => 0,
            },
            feed_number: slot.number,
            price,
            executed_notional,
            fees,
            cl_ord_id: self.arena.details(handle).cl_ord_id,
        }
    }

    /// The part of a view that is told when the order ends. `slot` is the order's.
    #[inline(always)]
    pub(super) fn ended(&self, handle: u32, slot: &OrderSlot) -> EndedOrder {
        let totals = self.arena.totals(handle);
        let (mut executed_notional, mut fees) = (whole(totals.notional), whole(totals.fees) as i128);
        // Everything since the order came to rest was executed at its own price.
        let rested = slot.executed - totals.executed;
        if rested > 0 {
            let value = notional(slot.tick, rested, self.instrument_of(slot.instrument).tick_value);
            let maker_ppm = self.schedules.get(slot.schedule).maker_ppm;
            executed_notional += value;
            fees += charged(value, maker_ppm, totals.remainder, slot.fee_remainder);
        }
        let executed = Executed {
            quantity: slot.executed,
            notional: executed_notional,
            fees,
        };
        self.ended_by(handle, slot, self.open_of(handle), executed)
    }

    /// The same for an order whose executions are known, with so many lots open.
    #[inline(always)]
    pub(super) fn ended_by(
        &self,
        handle: u32,
        slot: &OrderSlot,
        open: u32,
        executed: Executed,
    ) -> EndedOrder {
        EndedOrder {
            session: slot.session,
            account: slot.account,
            user_ref: slot.user_ref,
            number: self.arena.number(handle),
            instrument: slot.instrument,
            side: slot.side.byte(),
            quantity: executed.quantity + open,
            executed: executed.quantity,
            price: if slot.is(FLAG_MARKET) {
                Price::MARKET.0 as u32
            } else {
                self.instrument_of(slot.instrument).price(slot.tick)
            },
            executed_notional: executed.notional,
            fees: executed.fees,
        }
    }

    /// Which cross an instrument collects orders for, while it does: `O`, `C` or `H`.
    pub fn auction_kind(&self, locate: u16) -> Option<u8> {
        let auction = self.auctions.get(usize::from(locate).checked_sub(1)?);
        auction.map(|auction| auction.kind as u8)
    }

    /// When an instrument pauses by itself: how far a match may be from the last price, parts per million (0 = anywhere),
    /// and how long it pauses, seconds. Zeros for an instrument that does not exist.
    pub fn protection(&self, locate: u16) -> (u32, u32) {
        self.instrument(locate).map_or((0, 0), |instrument| {
            (instrument.volatility_ppm, instrument.pause_seconds)
        })
    }

    /// The session, if there is one of that index.
    pub fn session(&self, session: u32) -> Option<&Session> {
        self.sessions.get(session as usize)
    }

    /// Sessions are 0 .. this.
    pub fn session_count(&self) -> u32 {
        self.sessions.len() as u32
    }

    /// The account, if there is one of that index.
    pub fn account(&self, account: u32) -> Option<&Account> {
        self.accounts.get(account as usize)
    }

    /// Accounts are 0 .. this.
    pub fn account_count(&self) -> u32 {
        self.accounts.len() as u32
    }

    /// The asset, if there is one of that index.
    pub fn asset(&self, asset: u32) -> Option<&Asset> {
        self.ledger.assets().get(asset as usize)
    }

    /// Assets are 0 .. this.
    pub fn asset_count(&self) -> u32 {
        self.ledger.assets().len() as u32
    }

    /// What the account has of the asset; nothing when either is unknown.
    pub fn balance(&self, account: u32, asset: u32) -> Balance {
        if account < self.account_count() && asset < self.asset_count() {
            self.ledger.balance(account, asset as u16)
        } else {
            Balance::default()
        }
    }

    /// The instrument of a stock locate.
    pub fn instrument(&self, locate: u16) -> Option<&Instrument> {
        self.instruments.get(usize::from(locate).checked_sub(1)?)
    }

    /// Locates are 1 ..= this.
    pub fn instrument_count(&self) -> u16 {
        self.instruments.len() as u16
    }

    /// All fee schedules there ever were.
    pub fn fee_schedules(&self) -> &[FeeSchedule] {
        self.schedules.all()
    }

    /// The locate of a symbol.
    pub fn find_instrument(&self, symbol: [u8; 8]) -> Option<u16> {
        let place = self
            .symbols
            .binary_search_by_key(&symbol, |&(symbol, _)| symbol)
            .ok()?;
        Some(self.symbols[place].1)
    }

    /// Best price and the quantity there.
    pub fn best(&self, locate: u16, side: Side) -> Option<(u32, u64)> {
        let level = self.pools.level(self.level_handles(locate, side).next()?);
        Some((self.instrument_of(locate).price(level.tick), level.quantity))
    }

    /// A resting order.
    pub fn order(&self, session: u32, user_ref: u32) -> Option<OrderView> {
        match self.find_order(session, user_ref) {
            NONE => None,
            handle => Some(self.view(handle)),
        }
    }

    /// True when the order rests.
    pub fn is_live(&self, session: u32, user_ref: u32) -> bool {
        self.find_order(session, user_ref) != NONE
    }

    /// The account's open orders, oldest first: those that rest and those that wait.
    pub fn open_orders(&self, account: u32) -> impl Iterator<Item = OrderView> + '_ {
        self.handles_of(account).map(|handle| self.view(handle))
    }

    pub(super) fn handles_of(&self, account: u32) -> impl Iterator<Item = u32> + '_ {
        let mut handle = self
            .accounts
            .get(account as usize)
            .map_or(NONE, |account| self.oldest_of(account));
        std::iter::from_fn(move || {
            let here = handle;
            if here == NONE {
                return None;
            }
            handle = self.behind(here);
            Some(here)
        })
    }

    /// One side's levels, best first: price, lots, orders.
    pub fn levels(&self, locate: u16, side: Side) -> impl Iterator<Item = (u32, u64, u32)> + '_ {
        self.level_handles(locate, side).map(move |index| {
            let level = self.pools.level(index);
            (
                self.instrument_of(locate).price(level.tick),
                level.quantity,
                self.queue(index).count() as u32,
            )
        })
    }

    /// One side's displayed orders in price-time order.
    pub fn resting(&self, locate: u16, side: Side) -> impl Iterator<Item = OrderView> + '_ {
        self.resting_handles(locate, side).map(|handle| self.view(handle))
    }

    /// One side's dark orders in price-time order: hidden ones, and reserve orders for their reserves.
    pub fn dark(&self, locate: u16, side: Side) -> impl Iterator<Item = OrderView> + '_ {
        self.dark_handles(locate, side)
            .map(|handle| self.view(self.order_of(handle)))
    }

    /// The orders that wait for crosses: of the opening one, the closing one, those after a halt, then the market orders
    /// for any; of each the buyers, then the sellers; of these the market orders, then the limits.
    pub fn waiting(&self, locate: u16) -> impl Iterator<Item = OrderView> + '_ {
        self.waiting_handles(locate).map(|handle| self.view(handle))
    }

    pub(super) fn resting_handles(&self, locate: u16, side: Side) -> impl Iterator<Item = u32> + '_ {
        let instrument = self.instrument(locate);
        self.orders_of(instrument.map(|instrument| instrument.book.side(side)))
    }

    /// A ladder's orders in price-time order.
    pub(super) fn orders_of<'a>(&'a self, ladder: Option<&'a Ladder>) -> impl Iterator<Item = u32> + 'a {
        self.levels_of(ladder).flat_map(|level| self.queue(level))
    }

    pub(super) fn dark_handles(&self, locate: u16, side: Side) -> impl Iterator<Item = u32> + '_ {
        let ladder = self.unseen_of(locate).map(|unseen| unseen.dark.side(side));
        self.orders_of(ladder)
    }

    /// The stops that buy, or sell: the first first that prices would reach.
    pub fn stops(&self, locate: u16, side: Side) -> impl Iterator<Item = OrderView> + '_ {
        self.stop_handles(locate, side).map(|handle| self.view(handle))
    }

    pub(super) fn stop_handles(&self, locate: u16, side: Side) -> impl Iterator<Item = u32> + '_ {
        let unseen = self.unseen_of(locate);
        let ladder = unseen.map(|unseen| unseen.stops.side(side.opposite()));
        self.levels_of(ladder).flat_map(|level| self.queue(level))
    }

    fn unseen_of(&self, locate: u16) -> Option<&Unseen> {
        self.unseen.get(usize::from(locate).checked_sub(1)?)
    }

    /// A level's orders, the first first.
    pub(super) fn queue(&self, level: u32) -> impl Iterator<Item = u32> + '_ {
        self.queue_from(self.pools.level(level).head)
    }

    /// An order and those behind it in its line.
    pub(super) fn queue_from(&self, mut handle: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::from_fn(move || {
            if handle == NONE {
                return None;
            }
            let here = handle;
            handle = self.arena.get(handle).next;
            Some(here)
        })
    }

    pub(super) fn level_handles(&self, locate: u16, side: Side) -> impl Iterator<Item = u32> + '_ {
        let instrument = self.instrument(locate);
        self.levels_of(instrument.map(|instrument| instrument.book.side(side)))
    }

    /// A ladder's levels, best first.
    pub(super) fn levels_of<'a>(&'a self, ladder: Option<&'a Ladder>) -> impl Iterator<Item = u32> + 'a {
        let mut index = ladder.map_or(NONE, |ladder| ladder.best());
        std::iter::from_fn(move || {
            let here = index;
            if here == NONE {
                return None;
            }
            index = ladder.map_or(NONE, |ladder| ladder.behind(&self.pools, here));
            Some(here)
        })
    }
}
