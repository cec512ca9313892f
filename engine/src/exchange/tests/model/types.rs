//! What the model is made of.

use engine::exchange::command::{AccountDefinition, InstrumentDefinition};

const MILLION: i128 = 1_000_000;

/// Where an order waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// For whoever comes: displayed, hidden, or both.
    Book,
    /// For a price.
    Stop,
    /// For an auction: auction-only orders, and market orders while orders collect.
    Cross,
}

/// The number of an order, or of its displayed part, and when it came to its queue: numbers begin anew with each day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name {
    pub number: u64,
    pub rank: u64,
}

/// An order that waits, or the incoming one.
#[derive(Debug, Clone)]
pub(crate) struct ModelOrder {
    pub session: u32,
    pub account: u32,
    pub user_ref: u32,
    pub name: Name,
    /// The rank of the chain's first order: its age within the account.
    pub age: u64,
    pub instrument: u16,
    pub is_buy: bool,
    pub is_market: bool,
    /// The limit; a market order's collar bound.
    pub price: u64,
    pub open: u32,
    /// Of these, what is shown in the book.
    pub displayed: u32,
    /// The feed's name of the displayed part.
    pub shown: Name,
    /// MaxFloor; 0 when the whole order is shown, or nothing of it.
    pub floor: u32,
    /// The price it waits for, or 0.
    pub stop: u64,
    pub place: Place,
    /// It binds money at its price. A market buy that does not wait pays as it goes.
    pub is_held: bool,
    pub executed: u32,
    pub executed_value: i128,
    /// Exact fees so far, millionths of a quote unit.
    pub exact_fees: i128,
    pub time_in_force: u8,
    pub display: u8,
    pub firm: [u8; 4],
    pub group: u16,
    pub capacity: u8,
    pub sweep: u8,
    pub cross_type: u8,
    pub cl_ord_id: [u8; 14],
    /// What happens when it comes in and meets its own account.
    pub mode: u8,
    /// When it ends by itself.
    pub ends: Option<u64>,
    /// Maker's and taker's, as they were when it entered or lost its place.
    pub fees: (i32, i32),
}

impl ModelOrder {
    /// What it was charged: the exact sum, rounded up.
    pub(crate) fn charged(&self) -> i128 {
        ceiling(self.exact_fees)
    }

    pub(crate) fn side(&self) -> u8 {
        if self.is_buy { b'B' } else { b'S' }
    }

    pub(crate) fn is_immediate(&self) -> bool {
        self.time_in_force == b'3'
    }

    /// What is not shown.
    pub(crate) fn reserve(&self) -> u32 {
        self.open - self.displayed
    }

    /// What the book shows of it once it is there.
    pub(super) fn to_show(&self) -> u32 {
        match (self.display, self.floor) {
            (b'N', _) => 0,
            (_, 0) => self.open,
            (_, floor) => self.open.min(floor),
        }
    }

    /// Takes lots away, those that are not shown first. Gives how many of the shown ones.
    pub(super) fn reduce(&mut self, lots: u32) -> u32 {
        let shown = lots.saturating_sub(self.reserve());
        self.displayed -= shown;
        self.open -= lots;
        shown
    }
}

/// What can be matched of an order at one place in a queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// The order's number.
    pub(super) number: u64,
    pub(super) price: u64,
    pub(super) lots: u32,
    pub(super) is_market: bool,
    /// Behind what is shown at the same price.
    pub(super) is_dark: bool,
    /// The feed has not seen it.
    pub(super) is_unseen: bool,
    pub(super) rank: u64,
}

/// An order that ended, and how: `F` or `C`.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub order: ModelOrder,
    pub state: u8,
}

#[derive(Debug, Clone)]
pub(crate) struct ModelAccount {
    pub definition: AccountDefinition,
    pub enabled: bool,
    /// By the operator.
    pub killed: bool,
    /// Available and held together, by asset.
    pub totals: Vec<i128>,
}

#[derive(Debug, Clone)]
pub(crate) struct ModelSession {
    pub account: u32,
    pub mark: u32,
    pub connected: bool,
    /// Nanoseconds of allowed rate that are used up, as of `charged_at`.
    pub(super) backlog: u64,
    pub(super) charged_at: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct ModelInstrument {
    pub definition: InstrumentDefinition,
    pub state: u8,
    /// Which auction it collects for.
    pub auction: u8,
    /// When a pause ends.
    pub reopens: Option<u64>,
    pub volatility_ppm: u32,
    pub pause_seconds: u32,
    pub last_price: u64,
    pub last_quantity: u32,
    pub last_match: u64,
    pub last_time: u64,
}

impl ModelInstrument {
    pub(crate) fn reference(&self) -> u64 {
        if self.last_price != 0 {
            self.last_price
        } else {
            u64::from(self.definition.reference_price)
        }
    }

    /// True when orders wait for a cross.
    pub(crate) fn collects(&self) -> bool {
        b"PAV".contains(&self.state)
    }

    /// True when the price is not further than the collar on the aggressive side of `reference`.
    pub(super) fn inside_collar(&self, is_buy: bool, price: u64, reference: u64) -> bool {
        let ppm = self.definition.collar_ppm;
        if reference == 0 || ppm == 0 {
            return true;
        }
        if is_buy {
            is_at_most(price, reference, ppm)
        } else {
            is_at_least(price, reference, ppm)
        }
    }
}

/// True when `price` is not above `reference` by more than `ppm`.
pub(super) fn is_at_most(price: u64, reference: u64, ppm: u32) -> bool {
    i128::from(price) * MILLION <= i128::from(reference) * (MILLION + i128::from(ppm))
}

/// True when `price` is not below `reference` by more than `ppm`.
pub(super) fn is_at_least(price: u64, reference: u64, ppm: u32) -> bool {
    i128::from(price) * MILLION >= i128::from(reference) * (MILLION - i128::from(ppm))
}

#[derive(Debug, Clone)]
pub(crate) struct ModelAsset {
    pub decimals: u8,
    pub deposited: i128,
    pub withdrawn: i128,
    pub fees: i128,
}

/// What an order asks, understood.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) is_market: bool,
    /// The limit, or the bound of a market order.
    pub(super) price: u64,
    pub(super) is_post_only: bool,
    pub(super) min_quantity: u32,
    pub(super) mode: u8,
    /// When it ends by itself.
    pub(super) ends: Option<u64>,
    /// The price it waits for, or 0.
    pub(super) stop: u64,
    pub(super) floor: u32,
    /// The most that it may cost, fees included.
    pub(super) funds: Option<i128>,
}

/// Millionths as whole units, rounded up.
pub(super) fn ceiling(millionths: i128) -> i128 {
    -((-millionths).div_euclid(MILLION))
}

/// True when a resting price is within the incoming order's.
pub(super) fn within(incoming: &ModelOrder, resting: u64) -> bool {
    if incoming.is_buy {
        resting <= incoming.price
    } else {
        resting >= incoming.price
    }
}

/// The better price is the lower key.
pub(super) fn price_key(is_buy: bool, price: u64) -> u64 {
    if is_buy { u64::MAX - price } else { price }
}
