//! The refusals, in the order of the wire contract: one condition, one reason, next rung. Nothing here changes anything.

use protocol::units::Price;

use super::Exchange;
use super::account::Account;
use super::book::Side;
use super::book::arena::{NONE, OrderSlot};
use super::book::ladder::Ladder;
use super::command::{Command, FLAG_LOW_SPACE, Order, OrderOptions, whole};
use super::instrument::{CrossKind, Instrument, State};
use super::money;
use zerocopy::FromZeros;

/// Why an order or a replacement is refused: the numbers of OUCH 5.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub(super) enum Reason {
    /// Destination Closed.
    Closed = 0x0002,
    /// Invalid Display.
    Display = 0x0003,
    /// Invalid Max Floor.
    MaxFloor = 0x0004,
    /// Fat Finger: the instrument's.
    FatFinger = 0x0006,
    /// Halted.
    Halted = 0x0007,
    /// Invalid Side.
    Side = 0x0009,
    /// Processing Error: capacity, disk nearly full.
    Capacity = 0x000A,
    /// Firm Not Authorized: order entry is disabled.
    Disabled = 0x000C,
    /// Invalid Min Quantity.
    MinQuantity = 0x000D,
    /// Other: time in force, options, open-order limit.
    Other = 0x000F,
    /// Pegging Not Allowed.
    Peg = 0x0011,
    /// Invalid Quantity.
    Quantity = 0x0013,
    /// Invalid Cross Order.
    Cross = 0x0014,
    /// Replace Not Allowed.
    Replace = 0x0015,
    /// Routing Not Allowed.
    Route = 0x0016,
    /// Invalid Symbol.
    Symbol = 0x0017,
    /// Invalid Price.
    Price = 0x001D,
    /// Exceeds Maximum Allowed Notional Value.
    Notional = 0x001F,
    /// Risk: Aggregate Exposure Exceeded: not enough funds or holdings.
    Funds = 0x0020,
    /// Risk: Fat Finger: outside the collar.
    Collar = 0x0026,
    /// Risk: Port Message Rate Restriction.
    Rate = 0x0029,
    /// Risk: Short Sell Not Allowed.
    ShortSell = 0x002B,
    /// Risk: Short Sell Exempt Not Allowed.
    ShortSellExempt = 0x002F,
    /// Risk: Max Quantity Exceeded: the account's.
    AccountQuantity = 0x0031,
}

/// OUCH time in force: day.
pub(super) const DAY: u8 = b'0';
/// OUCH time in force: immediate or cancel.
pub(super) const IMMEDIATE: u8 = b'3';
/// OUCH time in force: good till a time, with option 15.
pub(super) const GOOD_TILL_TIME: u8 = b'6';
/// Our time in force: good till canceled.
pub(super) const GOOD_TILL_CANCELED: u8 = b'G';

/// An order lives less than a day of seconds.
const EXPIRE_SECONDS_END: u32 = 86_400;

/// Most times that a reserve order's quantity is its floor: each refresh is a message to everybody.
const RESERVE_FLOORS_MAX: u64 = 256;

/// Most levels that one order may need: a reserve order that waits for its price.
const LEVELS_MAX: u32 = 3;

/// Values of one order stay below this, so that a product with a fee rate fits a u128.
pub(super) const NOTIONAL_BITS: u32 = 100;

/// What an order or replacement asks, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// Limit in ticks; the collar bound of a market order.
    pub(super) tick: u32,
    pub(super) is_market: bool,
    /// What does not execute at once is canceled.
    pub(super) is_immediate: bool,
    /// OUCH display.
    pub(super) display: u8,
    /// Nothing matches when it comes in: the instrument collects, or the order waits for a cross or a price.
    pub(super) is_passive: bool,
    /// It waits for a cross, in no book: an auction-only order, or a market order while the instrument collects.
    pub(super) waits: bool,
    /// The only cross it takes part in.
    pub(super) auction: Option<CrossKind>,
    /// A stop's price; else 0.
    pub(super) stop_tick: u32,
    /// The stop was not reached yet.
    pub(super) waits_for_price: bool,
    pub(super) wishes: Wishes,
}

/// What the order is, whose rungs are climbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chain {
    /// A new one.
    New,
    /// The replacement of one that has executed so many lots; with the stop price of one that waits, or 0.
    Replacement { executed: u32, stop_tick: u32 },
}

impl Chain {
    /// Lots executed before: a replacement's quantity includes them.
    fn executed(self) -> u32 {
        match self {
            Self::New => 0,
            Self::Replacement { executed, .. } => executed,
        }
    }

    /// The stop price that it has when it names none; 0 = none.
    fn stop_tick(self) -> u32 {
        match self {
            Self::New => 0,
            Self::Replacement { stop_tick, .. } => stop_tick,
        }
    }
}

/// What options ask of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) is_post_only: bool,
    /// Lots that must execute at once, 0 = any.
    pub(super) min_quantity: u32,
    /// Most lots displayed at once, as asked; 0 = not asked.
    pub(super) max_floor: u32,
    /// Quote units that a market buy may spend.
    pub(super) funds: u64,
    pub(super) self_match: u8,
    /// Seconds that the order lives, 0 = till it is canceled.
    pub(super) lifetime_seconds: u32,
}

impl Wishes {
    const NONE: Self = Self {
        is_post_only: false,
        min_quantity: 0,
        max_floor: 0,
        funds: u64::MAX,
        self_match: 0,
        lifetime_seconds: 0,
    };
}

impl Terms {
    /// The price that a stop waits for; 0 for all that do not wait for one.
    pub(super) fn awaited_tick(&self) -> u32 {
        if self.waits_for_price { self.stop_tick } else { 0 }
    }

    /// Attributed: ITCH `F`.
    pub(super) fn is_attributed(&self) -> bool {
        self.display == b'A'
    }

    /// Nothing of it is displayed.
    pub(super) fn is_hidden(&self) -> bool {
        self.display == b'N'
    }

    /// Most lots that are displayed at once of a reserve order with so many open; 0 when all of it is displayed.
    pub(super) fn floor(&self, open: u32) -> u32 {
        match self.wishes.max_floor {
            floor if floor < open => floor,
            _ => 0,
        }
    }

    /// True when what is left of the order stays, in a book or waiting.
    pub(super) fn rests(&self) -> bool {
        self.waits || self.waits_for_price || (!self.is_market && !self.is_immediate)
    }

    /// True for a market order that executes at once: it holds nothing.
    pub(super) fn pays_as_it_goes(&self) -> bool {
        self.is_market && self.stop_tick == 0 && !self.waits
    }

    /// Levels that an order of `open` lots may need beside the one where it waits for its price.
    fn levels_later(&self, open: u32) -> u32 {
        match self.floor(open) {
            _ if self.is_market => 0,
            0 => 1,
            _ => 2,
        }
    }
}

/// The side, and its refusals.
#[inline(always)]
pub(super) fn side(byte: u8) -> Result<Side, Reason> {
    match byte {
        b'T' => Err(Reason::ShortSell),
        b'E' => Err(Reason::ShortSellExempt),
        other => Side::from_byte(other).ok_or(Reason::Side),
    }
}

/// The instrument's state. While it collects it takes nothing that makes sense at once only.
#[inline(always)]
pub(super) fn state(instrument: &Instrument, order: &Order, command: &Command) -> Result<(), Reason> {
    match instrument.state {
        State::Trading => Ok(()),
        State::Closed => Err(Reason::Closed),
        State::Halted | State::CancelOnly => Err(Reason::Halted),
        State::PreOpen | State::Auction | State::VolatilityPause => {
            let options = command.options();
            let is_at_once = order.time_in_force == IMMEDIATE
                || options.post_only == b'P'
                || options.has(OrderOptions::HAS_FUNDS);
            if is_at_once { Err(Reason::Cross) } else { Ok(()) }
        }
    }
}

/// From time in force to notional.
#[inline(always)]
pub(super) fn terms(
    instrument: &Instrument,
    account: &Account,
    side: Side,
    order: &Order,
    command: &Command,
    chain: Chain,
) -> Result<Terms, Reason> {
    let is_immediate = order.time_in_force == IMMEDIATE;
    let is_market = is_market(instrument, order.price);
    let auction = CrossKind::from_byte(order.cross_type);
    let collects = instrument.state != State::Trading;
    let is_stop = || command.options().has(OrderOptions::HAS_STOP_PRICE) || chain.stop_tick() > 0;
    let waits = auction.is_some() || (collects && is_market && !is_stop());
    let is_plain = matches!(order.time_in_force, DAY | IMMEDIATE | GOOD_TILL_CANCELED);
    let open = order.quantity.saturating_sub(chain.executed());
    let is_plain = is_plain && !command.is_extended() && chain.stop_tick() == 0;
    let wishes = if is_plain {
        // PERF: most orders have no options; their rungs are one.
        cross_and_display(order, &OrderOptions::new_zeroed())?;
        Wishes {
            self_match: account.definition.self_match,
            ..Wishes::NONE
        }
    } else {
        let asked = Asked {
            order,
            options: &command.options(),
            chain,
            open,
            is_market,
            waits,
            is_buy: side == Side::Buy,
        };
        wishes(account, &asked)?
    };
    if order.quantity == 0 || order.quantity > instrument.definition.quantity_max {
        return Err(Reason::Quantity);
    }
    if account.definition.quantity_max > 0 && order.quantity > account.definition.quantity_max {
        return Err(Reason::AccountQuantity);
    }
    let stop_tick = if is_plain {
        0
    } else {
        stop_tick(instrument, &command.options(), chain)?
    };
    // What the collar is measured from.
    let measure = match stop_tick {
        0 => instrument.reference(),
        stop_tick => instrument.price(stop_tick),
    };
    let tick = tick(instrument, side, order.price, is_market, measure)?;
    let valued_at = if is_market {
        measure / instrument.definition.tick_size
    } else {
        tick
    };
    notional(instrument, valued_at, open)?;
    let waits_for_price = stop_tick > 0 && !instrument.has_reached(side, stop_tick);
    Ok(Terms {
        tick,
        stop_tick,
        waits_for_price,
        is_market,
        is_immediate,
        display: order.display,
        is_passive: collects || waits || waits_for_price,
        waits,
        auction,
        wishes,
    })
}

/// Cross type and display. What waits for its cross can neither take at once nor be sure not to.
#[inline(always)]
fn cross_and_display(order: &Order, options: &OrderOptions) -> Result<(), Reason> {
    if order.cross_type != b'N' {
        let is_at_once = order.time_in_force == IMMEDIATE
            || options.post_only == b'P'
            || options.min_quantity > 0
            || options.has(OrderOptions::HAS_STOP_PRICE);
        if is_at_once || CrossKind::from_byte(order.cross_type).is_none() {
            return Err(Reason::Cross);
        }
    }
    if !matches!(order.display, b'Y' | b'A' | b'N') {
        return Err(Reason::Display);
    }
    Ok(())
}

/// An order with options, before it is understood.
struct Asked<'a> {
    order: &'a Order,
    options: &'a OrderOptions,
    chain: Chain,
    /// Lots it would have.
    open: u32,
    is_market: bool,
    /// It waits for a cross, in no book.
    waits: bool,
    is_buy: bool,
}

/// From time in force to MaxFloor, for an order with options.
#[inline(never)]
fn wishes(account: &Account, asked: &Asked<'_>) -> Result<Wishes, Reason> {
    let &Asked {
        order,
        options,
        open,
        is_market,
        ..
    } = asked;
    let lifetime_seconds = lifetime(order, options)?;
    cross_and_display(order, options)?;
    let is_post_only = options.post_only == b'P';
    let is_stop = options.has(OrderOptions::HAS_STOP_PRICE) || asked.chain.stop_tick() > 0;
    let takes_only = (order.time_in_force == IMMEDIATE || is_market) && !asked.waits;
    if options.has(OrderOptions::MALFORMED)
        || (is_post_only && (takes_only || is_stop))
        || !stop_is_allowed(asked)
        || !funds_are_allowed(asked, is_stop)
    {
        return Err(Reason::Other);
    }
    if options.has(OrderOptions::HAS_PEG)
        || (options.has(OrderOptions::HAS_PRICE_TYPE) && options.price_type != b'L')
    {
        return Err(Reason::Peg);
    }
    if options.has(OrderOptions::HAS_DISCRETION) {
        return Err(Reason::Other);
    }
    if options.has(OrderOptions::HAS_ROUTE) {
        return Err(Reason::Route);
    }
    let min_quantity = options.min_quantity;
    if min_quantity > 0 && (!takes_only || is_stop || min_quantity > open) {
        return Err(Reason::MinQuantity);
    }
    let max_floor = options.max_floor;
    if options.has(OrderOptions::HAS_MAX_FLOOR) {
        let displayed_most = u64::from(max_floor) * RESERVE_FLOORS_MAX;
        let is_sound = (1..=open).contains(&max_floor) && u64::from(open) <= displayed_most;
        if !is_sound || takes_only || asked.waits || order.display == b'N' {
            return Err(Reason::MaxFloor);
        }
    }
    Ok(Wishes {
        is_post_only,
        min_quantity,
        max_floor,
        funds: if options.has(OrderOptions::HAS_FUNDS) {
            options.funds
        } else {
            u64::MAX
        },
        self_match: if options.has(OrderOptions::HAS_SELF_MATCH) {
            options.self_match
        } else {
            account.definition.self_match
        },
        lifetime_seconds,
    })
}

/// Time in force, and the seconds an order that is good till a time lives. With another time in force option 15 says
/// nothing, as others that have no meaning here.
fn lifetime(order: &Order, options: &OrderOptions) -> Result<u32, Reason> {
    match order.time_in_force {
        DAY | IMMEDIATE | GOOD_TILL_CANCELED => Ok(0),
        // The option that was not sent reads 0.
        GOOD_TILL_TIME if (1..EXPIRE_SECONDS_END).contains(&options.expire_time) => Ok(options.expire_time),
        _ => Err(Reason::Other),
    }
}

/// Only what waits for its price already can be replaced with a stop.
fn stop_is_allowed(asked: &Asked<'_>) -> bool {
    let names_stop = asked.options.has(OrderOptions::HAS_STOP_PRICE);
    !names_stop || asked.chain == Chain::New || asked.chain.stop_tick() > 0
}

/// Funds limit what a market buy spends that executes at once.
fn funds_are_allowed(asked: &Asked<'_>, is_stop: bool) -> bool {
    let executes_at_once = asked.is_market && !is_stop && asked.order.cross_type == b'N';
    !asked.options.has(OrderOptions::HAS_FUNDS)
        || (executes_at_once && asked.is_buy && asked.options.funds > 0)
}

/// Room on the disk, as the journal saw it when the command was taken.
#[inline(always)]
pub(super) fn space(command: &Command) -> Result<(), Reason> {
    if command.flags & FLAG_LOW_SPACE != 0 {
        Err(Reason::Capacity)
    } else {
        Ok(())
    }
}

/// The sentinels always mean market; 200,000.0000 and more do unless the instrument trades there.
#[inline(always)]
fn is_market(instrument: &Instrument, price: u64) -> bool {
    let price = Price(price);
    let trades_above = instrument.definition.price_max() > Price::MARKET_THRESHOLD;
    price.is_market_sentinel() || (price >= Price::MARKET_THRESHOLD && !trades_above)
}

/// A price in ticks, when it is one.
#[inline(always)]
fn valid_tick(instrument: &Instrument, price: u64) -> Result<u32, Reason> {
    let definition = &instrument.definition;
    let price = match u32::try_from(price) {
        Ok(price) if price > 0 && price <= definition.price_max => price,
        _ => return Err(Reason::Price),
    };
    let tick = price / definition.tick_size;
    if tick * definition.tick_size == price {
        Ok(tick)
    } else {
        Err(Reason::Price)
    }
}

/// The stop price in ticks, as named or as it was; 0 = none.
fn stop_tick(instrument: &Instrument, options: &OrderOptions, chain: Chain) -> Result<u32, Reason> {
    if options.has(OrderOptions::HAS_STOP_PRICE) {
        valid_tick(instrument, options.stop_price)
    } else {
        Ok(chain.stop_tick())
    }
}

/// The limit in ticks, inside price range and the collar around `measure`; a market order's collar bound.
#[inline(always)]
fn tick(
    instrument: &Instrument,
    side: Side,
    price: u64,
    is_market: bool,
    measure: u32,
) -> Result<u32, Reason> {
    if is_market {
        let (high, low) = instrument.collar_of(measure);
        return Ok(match side {
            Side::Buy => high,
            Side::Sell => low,
        });
    }
    let tick = valid_tick(instrument, price)?;
    // The price fits: it is valid.
    if instrument.is_beyond_collar_of(measure, side, price as u32) {
        Err(Reason::Collar)
    } else {
        Ok(tick)
    }
}

/// The instrument's limits on the value of one order. A market order is valued at the price that its collar is measured
/// from.
#[inline(always)]
fn notional(instrument: &Instrument, tick: u32, open: u32) -> Result<(), Reason> {
    let value = money::notional(tick, open, instrument.tick_value);
    let maximum = whole(instrument.definition.notional_max);
    if value >> NOTIONAL_BITS != 0 || (maximum > 0 && value > maximum) {
        return Err(Reason::Notional);
    }
    let fat_finger = whole(instrument.definition.fat_finger);
    if fat_finger > 0 && value > fat_finger {
        return Err(Reason::FatFinger);
    }
    Ok(())
}

impl Exchange {
    /// The account's limit of open orders, for what may rest.
    #[inline(always)]
    pub(super) fn check_open_orders(&self, account: &Account, terms: &Terms) -> Result<(), Reason> {
        let maximum = account.definition.open_orders_max;
        let is_over = terms.rests() && maximum > 0 && account.open_orders >= maximum;
        if is_over { Err(Reason::Other) } else { Ok(()) }
    }

    /// Room in the arena and the ladders for a new order of `open` lots.
    #[inline(always)]
    pub(super) fn check_room(&self, locate: u16, side: Side, terms: &Terms, open: u32) -> Result<(), Reason> {
        let slots = if terms.floor(open) > 0 { 2 } else { 1 };
        if !self.arena.has_room_for(slots) {
            return Err(Reason::Capacity);
        }
        self.check_level_room(locate, side, terms, open)
    }

    /// Room for the levels the order may rest at.
    #[inline(always)]
    pub(super) fn check_level_room(
        &self,
        locate: u16,
        side: Side,
        terms: &Terms,
        open: u32,
    ) -> Result<(), Reason> {
        if terms.waits {
            let has_room = self.has_room_to_wait(locate, side, terms);
            return if has_room { Ok(()) } else { Err(Reason::Capacity) };
        }
        let ladder = self.instrument_of(locate).book.side(side);
        if !terms.rests() || ladder.has_room_for(&self.pools, LEVELS_MAX) {
            return Ok(());
        }
        let unseen = &self.unseen[usize::from(locate) - 1];
        let is_new_at = |ladder: &Ladder, tick| u32::from(ladder.find(&self.pools, tick) == NONE);
        let is_new = |ladder| is_new_at(ladder, terms.tick);
        let (dark, stops) = (unseen.dark.side(side), unseen.stops.side(side.opposite()));
        let levels = match terms.floor(open) {
            _ if terms.waits_for_price => is_new_at(stops, terms.stop_tick) + terms.levels_later(open),
            0 if terms.is_hidden() => is_new(dark),
            0 => is_new(ladder),
            _ => is_new(ladder) + is_new(dark),
        };
        if ladder.has_room_for(&self.pools, levels) {
            Ok(())
        } else {
            Err(Reason::Capacity)
        }
    }

    /// Funds or holdings for what `slot` would bind, which has all open lots; `freed` of it are bound already.
    pub(super) fn check_funds(&self, slot: &OrderSlot, freed: u128) -> Result<(), Reason> {
        let (asset, needed) = self.hold_of(slot, slot.open);
        if needed > self.ledger.balance(slot.account, asset).available + freed {
            return Err(Reason::Funds);
        }
        Ok(())
    }
}
