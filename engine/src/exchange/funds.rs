//! Option 130: a market buy for an amount of money. What it spends, fees included, stays within that and within what is
//! available.

use super::Exchange;
use super::book::arena::OrderSlot;

/// An amount that may be spent; [`u64::MAX`] is no limit.
#[inline(always)]
pub(super) fn limit_of(funds: u64) -> u128 {
    match funds {
        u64::MAX => u128::MAX,
        funds => u128::from(funds),
    }
}

impl Exchange {
    /// What an incoming order may still spend; [`u64::MAX`] = all there is.
    #[inline(always)]
    pub(super) fn funds_of(&self, handle: u32, slot: &OrderSlot) -> u64 {
        if slot.pays_as_it_goes() {
            self.arena.details(handle).funds
        } else {
            u64::MAX
        }
    }
}
