//! The ledger: who owns what. The only writer of balances.
//!
//! Invariant, per asset: the sum over accounts of available and held, plus fees, equals deposits less withdrawals.

use super::command::{halves, whole};
use crate::planted::{self, Bug};
use crate::sys::table::{prefetch_at, table};

/// What an account has of an asset, in smallest units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    /// Free to use.
    pub available: u128,
    /// Bound by open orders.
    pub held: u128,
}

impl Balance {
    /// Available and held.
    pub fn total(&self) -> u128 {
        self.available + self.held
    }
}

/// An asset and its totals, in smallest units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// Name, padded with spaces.
    pub name: [u8; 8],
    /// Decimals of its smallest unit.
    pub decimals: u8,
    /// All deposits since the first day.
    pub deposited: u128,
    /// All withdrawals since the first day.
    pub withdrawn: u128,
    /// The exchange's own: fees less rebates.
    pub fees: i128,
}

/// How a fill moves money.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settlement {
    pub(super) buyer: u32,
    pub(super) seller: u32,
    pub(super) base: u16,
    pub(super) quote: u16,
    /// Base units that change hands; the seller held them.
    pub(super) amount: u128,
    /// Quote units that change hands.
    pub(super) value: u128,
    /// What the buyer's hold shrinks by; 0 for a market order, which holds nothing.
    pub(super) buyer_hold_drop: u128,
    pub(super) buyer_fee: i128,
    pub(super) seller_fee: i128,
}

/// All balances, preallocated: accounts x assets.
#[derive(Debug)]
pub(super) struct Ledger {
    balances: Vec<Balance>,
    assets: Vec<Asset>,
    assets_max: usize,
}

impl Ledger {
    pub(super) fn new(accounts_max: usize, assets_max: usize) -> Self {
        Self {
            balances: table(accounts_max * assets_max, Balance::default()),
            assets: Vec::with_capacity(assets_max),
            assets_max,
        }
    }

    pub(super) fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// False when the table is full.
    pub(super) fn add_asset(&mut self, name: [u8; 8], decimals: u8) -> bool {
        if self.assets.len() == self.assets_max {
            return false;
        }
        self.assets.push(Asset {
            name,
            decimals,
            deposited: 0,
            withdrawn: 0,
            fees: 0,
        });
        true
    }

    /// An asset with its totals, as it was saved. There is room.
    pub(super) fn restore_asset(&mut self, asset: Asset) {
        assert!(
            self.assets.len() < self.assets_max,
            "there is room for every asset"
        );
        self.assets.push(asset);
    }

    /// A balance as it was saved.
    pub(super) fn restore_balance(&mut self, account: u32, asset: u16, balance: Balance) {
        *self.balance_mut(account, asset) = balance;
    }

    /// Where the balance is. (A wrong account or asset meets the table's bounds, so that nothing else is checked here.)
    #[inline(always)]
    fn place(&self, account: u32, asset: u16) -> usize {
        (account as usize)
            .wrapping_mul(self.assets_max)
            .wrapping_add(usize::from(asset))
    }

    #[inline(always)]
    pub(super) fn balance(&self, account: u32, asset: u16) -> Balance {
        self.balances[self.place(account, asset)]
    }

    #[inline(always)]
    fn balance_mut(&mut self, account: u32, asset: u16) -> &mut Balance {
        let place = self.place(account, asset);
        &mut self.balances[place]
    }

    /// Has an account's balance fetched before it is needed.
    #[inline(always)]
    pub(super) fn prefetch(&self, account: u32, asset: u16) {
        let place = account
            .wrapping_mul(self.assets_max as u32)
            .wrapping_add(u32::from(asset));
        prefetch_at(&self.balances, place);
    }

    /// All balances of an account.
    #[inline(always)]
    fn row_mut(&mut self, account: u32) -> &mut [Balance] {
        let begin = self.place(account, 0);
        &mut self.balances[begin..][..self.assets_max]
    }

    /// False, and nothing changed, when a total would not fit.
    pub(super) fn deposit(&mut self, account: u32, asset: u16, amount: [u64; 2]) -> bool {
        let amount = whole(amount);
        // Fees are i128: all of an asset together stays below that, so that no sum of balances can overflow.
        let Some(deposited) = self.assets[usize::from(asset)].deposited.checked_add(amount) else {
            return false;
        };
        if deposited > i128::MAX as u128 {
            return false;
        }
        self.assets[usize::from(asset)].deposited = deposited;
        self.balance_mut(account, asset).available += amount;
        true
    }

    /// False, and nothing changed, when less is available.
    pub(super) fn withdraw(&mut self, account: u32, asset: u16, amount: [u64; 2]) -> bool {
        let amount = whole(amount);
        let balance = self.balance_mut(account, asset);
        if balance.available < amount {
            return false;
        }
        if !planted::is(Bug::WithdrawalKept) {
            balance.available -= amount;
        }
        self.assets[usize::from(asset)].withdrawn += amount;
        true
    }

    /// Available to held. False, and nothing changed, when less is available.
    #[inline(always)]
    pub(super) fn hold(&mut self, account: u32, asset: u16, amount: u128) -> bool {
        let balance = self.balance_mut(account, asset);
        let Some(available) = balance.available.checked_sub(amount) else {
            return false;
        };
        balance.available = available;
        balance.held += amount;
        true
    }

    /// Holds `new` instead of `old`. False, and nothing changed, when less is available.
    pub(super) fn hold_instead(&mut self, account: u32, asset: u16, old: u128, new: u128) -> bool {
        let balance = self.balance_mut(account, asset);
        let Some(available) = (balance.available + old).checked_sub(new) else {
            return false;
        };
        balance.available = available;
        balance.held = balance.held - old + new;
        true
    }

    /// Held to available.
    #[inline(always)]
    pub(super) fn release(&mut self, account: u32, asset: u16, amount: u128) {
        let balance = self.balance_mut(account, asset);
        balance.held -= amount;
        balance.available += amount;
    }

    /// Settles both sides of a fill.
    #[inline(always)]
    pub(super) fn settle(&mut self, fill: &Settlement) {
        let (base, quote) = (usize::from(fill.base), usize::from(fill.quote));
        // A rebate is below the value, and a fee at most the value: the sums stay between nothing and twice the value.
        let cost = fill.value.wrapping_add_signed(fill.buyer_fee);
        let proceeds = fill.value.wrapping_add_signed(-fill.seller_fee);
        let buyer = self.row_mut(fill.buyer);
        buyer[quote].held -= fill.buyer_hold_drop;
        // Never negative: the hold drops by at least the cost, and a market order's quantity was cut to the funds.
        buyer[quote].available = buyer[quote].available + fill.buyer_hold_drop - cost;
        buyer[base].available += fill.amount;
        let seller = self.row_mut(fill.seller);
        seller[base].held -= fill.amount;
        seller[quote].available += proceeds;

        self.assets[usize::from(fill.quote)].fees += fill.buyer_fee + fill.seller_fee;
    }

    /// Feeds everything to `mix`, for the state hash.
    pub(super) fn visit(&self, accounts: u32, mut mix: impl FnMut(u64)) {
        for account in 0..accounts {
            for asset in 0..self.assets.len() {
                let balance = self.balances[account as usize * self.assets_max + asset];
                for half in halves(balance.available).into_iter().chain(halves(balance.held)) {
                    mix(half);
                }
            }
        }
        for asset in &self.assets {
            mix(u64::from_le_bytes(asset.name));
            mix(u64::from(asset.decimals));
            for total in [asset.deposited, asset.withdrawn, asset.fees as u128] {
                for half in halves(total) {
                    mix(half);
                }
            }
        }
    }
}
