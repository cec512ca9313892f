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

/// Most levels that one order may need: a reserve order that rests.
const LEVELS_MAX: u32 = 2;

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
    /// Nothing matches when it comes in: the instrument collects, or the order waits for a cross.
    pub(super) is_passive: bool,
    /// It waits for a cross, in no book: an auction-only order, or a market order while the instrument collects.
    pub(super) waits: bool,
    /// The only cross it takes part in.
    pub(super) auction: Option<CrossKind>,
    pub(super) wishes: Wishes,
}

/// What options ask of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) is_post_only: bool,
    /// Lots that must execute at once, 0 = any.
    pub(super) min_quantity: u32,
    /// Most lots displayed at once, as asked; 0 = not asked.
    pub(super) max_floor: u32,
    pub(super) self_match: u8,
    /// Seconds that the order lives, 0 = till it is canceled.
    pub(super) lifetime_seconds: u32,
}

impl Wishes {
    const NONE: Self = Self {
        is_post_only: false,
        min_quantity: 0,
        max_floor: 0,
        self_match: 0,
        lifetime_seconds: 0,
    };
}

impl Terms {
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

    /// True when what is left of the order stays, in the book or out of it.
    pub(super) fn rests(&self) -> bool {
        self.waits || (!self.is_market && !self.is_immediate)
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

/// From time in force to notional. `executed`: lots the chain has executed before (a replacement's quantity includes
/// them).
#[inline(always)]
pub(super) fn terms(
    instrument: &Instrument,
    account: &Account,
    side: Side,
    order: &Order,
    command: &Command,
    executed: u32,
) -> Result<Terms, Reason> {
    let is_immediate = order.time_in_force == IMMEDIATE;
    let is_market = is_market(instrument, order.price);
    let auction = CrossKind::from_byte(order.cross_type);
    let collects = instrument.state != State::Trading;
    let waits = auction.is_some() || (collects && is_market);
    let is_plain = matches!(order.time_in_force, DAY | IMMEDIATE | GOOD_TILL_CANCELED);
    let wishes = if is_plain && !command.is_extended() {
        // PERF: most orders have no options; their rungs are one.
        cross_and_display(order, &OrderOptions::new_zeroed())?;
        Wishes {
            self_match: account.definition.self_match,
            ..Wishes::NONE
        }
    } else {
        let never_rests = (is_immediate || is_market) && !waits;
        let open = order.quantity.saturating_sub(executed);
        wishes(account, order, &command.options(), never_rests, open)?
    };
    if order.quantity == 0 || order.quantity > instrument.definition.quantity_max {
        return Err(Reason::Quantity);
    }
    if account.definition.quantity_max > 0 && order.quantity > account.definition.quantity_max {
        return Err(Reason::AccountQuantity);
    }
    let tick = tick(instrument, side, order.price, is_market)?;
    let open = order.quantity.saturating_sub(executed);
    notional(instrument, tick, open, is_market)?;
    Ok(Terms {
        tick,
        is_market,
        is_immediate,
        display: order.display,
        is_passive: collects || waits,
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

/// From time in force to MaxFloor, for an order with options. `open`: lots it would have.
#[inline(never)]
fn wishes(
    account: &Account,
    order: &Order,
    options: &OrderOptions,
    never_rests: bool,
    open: u32,
) -> Result<Wishes, Reason> {
    let lifetime_seconds = lifetime(order, options)?;
    cross_and_display(order, options)?;
    let is_post_only = options.post_only == b'P';
    if !options_are_defined(options) || (is_post_only && never_rests) {
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
    if min_quantity > 0 && (!never_rests || min_quantity > open) {
        return Err(Reason::MinQuantity);
    }
    let max_floor = options.max_floor;
    if options.has(OrderOptions::HAS_MAX_FLOOR) {
        let displayed_most = u64::from(max_floor) * RESERVE_FLOORS_MAX;
        let is_sound = (1..=open).contains(&max_floor) && u64::from(open) <= displayed_most;
        if !is_sound || never_rests || order.display == b'N' {
            return Err(Reason::MaxFloor);
        }
    }
    Ok(Wishes {
        is_post_only,
        min_quantity,
        max_floor,
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

/// The door has looked at sizes and values; stop and funds orders are refused here until there are such orders.
#[inline]
fn options_are_defined(options: &OrderOptions) -> bool {
    [
        OrderOptions::MALFORMED,
        OrderOptions::HAS_STOP_PRICE,
        OrderOptions::HAS_FUNDS,
    ]
    .iter()
    .all(|&mask| !options.has(mask))
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

/// The limit in ticks, inside price range and collar; a market order's collar bound.
#[inline(always)]
fn tick(instrument: &Instrument, side: Side, price: u64, is_market: bool) -> Result<u32, Reason> {
    if is_market {
        let (high, low) = instrument.collar();
        return Ok(match side {
            Side::Buy => high,
            Side::Sell => low,
        });
    }
    let definition = &instrument.definition;
    let price = match u32::try_from(price) {
        Ok(price) if price > 0 && price <= definition.price_max => price,
        _ => return Err(Reason::Price),
    };
    let tick = price / definition.tick_size;
    if tick * definition.tick_size != price {
        return Err(Reason::Price);
    }
    if instrument.is_beyond_collar(side, price) {
        Err(Reason::Collar)
    } else {
        Ok(tick)
    }
}

/// The instrument's limits on the value of one order. A market order is valued at the reference price.
#[inline(always)]
fn notional(instrument: &Instrument, tick: u32, open: u32, is_market: bool) -> Result<(), Reason> {
    let tick = if is_market {
        instrument.reference() / instrument.definition.tick_size
    } else {
        tick
    };
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
        let is_new = |ladder: &Ladder| u32::from(ladder.find(&self.pools, terms.tick) == NONE);
        let dark = self.unseen[usize::from(locate) - 1].dark.side(side);
        let levels = match terms.floor(open) {
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
