//! What the model is made of.

use engine::exchange::command::{AccountDefinition, InstrumentDefinition};

const MILLION: i128 = 1_000_000;

/// A resting order, or the incoming one.
#[derive(Debug, Clone)]
pub(crate) struct ModelOrder {
    pub session: u32,
    pub account: u32,
    pub user_ref: u32,
    pub number: u64,
    /// The number of the chain's first order: its age within the account.
    pub age: u64,
    pub instrument: u16,
    pub is_buy: bool,
    pub is_market: bool,
    /// The limit; a market order's collar bound.
    pub price: u64,
    pub open: u32,
    pub executed: u32,
    pub executed_value: i128,
    /// Exact fees so far, millionths of a quote unit.
    pub exact_fees: i128,
    pub attributed: bool,
    pub firm: [u8; 4],
    pub group: u16,
    pub capacity: u8,
    pub cross_type: u8,
    pub cl_ord_id: [u8; 14],
    /// When it ends by itself.
    pub ends: Option<u64>,
    /// Maker's and taker's, as they were when it got its number.
    pub fees: (i32, i32),
}

impl ModelOrder {
    /// What it was charged: the exact sum, rounded up.
    pub(crate) fn charged(&self) -> i128 {
        ceiling(self.exact_fees)
    }
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
    pub last_price: u64,
    pub last_quantity: u32,
    pub last_match: u64,
    pub last_time: u64,
    /// Best first, then by order number.
    pub bids: Vec<ModelOrder>,
    pub asks: Vec<ModelOrder>,
}

impl ModelInstrument {
    pub(crate) fn side(&self, is_buy: bool) -> &Vec<ModelOrder> {
        if is_buy { &self.bids } else { &self.asks }
    }

    pub(super) fn side_mut(&mut self, is_buy: bool) -> &mut Vec<ModelOrder> {
        if is_buy { &mut self.bids } else { &mut self.asks }
    }

    pub(super) fn reference(&self) -> u64 {
        if self.last_price != 0 {
            self.last_price
        } else {
            u64::from(self.definition.reference_price)
        }
    }

    /// True when the price is not further than the collar on the aggressive side.
    pub(super) fn inside_collar(&self, is_buy: bool, price: u64) -> bool {
        let (reference, ppm) = (
            i128::from(self.reference()),
            i128::from(self.definition.collar_ppm),
        );
        if reference == 0 || ppm == 0 {
            return true;
        }
        let scaled = i128::from(price) * MILLION;
        if is_buy {
            scaled <= reference * (MILLION + ppm)
        } else {
            scaled >= reference * (MILLION - ppm)
        }
    }
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
    pub(super) is_immediate: bool,
    pub(super) is_post_only: bool,
    pub(super) min_quantity: u32,
    pub(super) mode: u8,
    /// When it ends by itself.
    pub(super) ends: Option<u64>,
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
