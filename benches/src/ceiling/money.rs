//! Who owns what, as small as it can be: two integers for each account and asset, no fees.

use engine::sys::table::{prefetch_at, table};

use crate::operations::Operations;

/// What money is asked while books trade. `ladder` is the instrument's number times 2, plus 1 for a sell.
pub trait Money {
    /// Enough of everything for everyone.
    fn new(operations: &Operations) -> Self;
    /// Has fetched what [`Money::hold`] will need.
    fn prefetch(&self, account: u32, ladder: u32);
    /// An order binds its value.
    fn hold(&mut self, account: u32, ladder: u32, tick: u32, quantity: u32);
    /// An order binds it no more.
    fn release(&mut self, account: u32, ladder: u32, tick: u32, quantity: u32);
    /// Taker (of `ladder`) and maker exchange at the maker's tick. Both are an account and its limit.
    fn settle(&mut self, taker: (u32, u32), maker: (u32, u32), ladder: u32, quantity: u32);
    /// True when nothing was made or lost.
    fn is_conserved(&self) -> bool;
}

/// None at all.
#[derive(Debug)]
pub struct NoMoney;

impl Money for NoMoney {
    fn new(_: &Operations) -> Self {
        Self
    }
    fn prefetch(&self, _: u32, _: u32) {}
    fn hold(&mut self, _: u32, _: u32, _: u32, _: u32) {}
    fn release(&mut self, _: u32, _: u32, _: u32, _: u32) {}
    fn settle(&mut self, _: (u32, u32), _: (u32, u32), _: u32, _: u32) {}
    fn is_conserved(&self) -> bool {
        true
    }
}

/// What one account has of one asset.
#[derive(Debug, Clone, Copy)]
struct Balance {
    available: u64,
    held: u64,
}

/// Value of a lot at one tick, as in the benches' market.
const TICK_VALUE: u64 = 100;
/// What everyone has of everything at first.
const DEPOSIT: u64 = 1 << 60;

/// Accounts times assets; asset 0 is what all prices are in.
#[derive(Debug)]
pub struct Balances {
    balances: Vec<Balance>,
    assets: usize,
}

impl Balances {
    fn at(&mut self, account: u32, asset: u32) -> &mut Balance {
        &mut self.balances[(account as usize)
            .wrapping_mul(self.assets)
            .wrapping_add(asset as usize)]
    }

    /// What an order of `ladder` binds: asset and amount. Both cases are reckoned and one chosen: no branch, since nobody
    /// can predict sides.
    fn bound(ladder: u32, tick: u32, quantity: u32) -> (u32, u64) {
        let is_sell = ladder & 1;
        let lots = u64::from(quantity);
        let value = value(tick, quantity);
        let keep = u64::from(is_sell).wrapping_sub(1);
        (
            is_sell.wrapping_neg() & (ladder / 2).wrapping_add(1),
            (value & keep) | (lots & !keep),
        )
    }
}

fn value(tick: u32, quantity: u32) -> u64 {
    u64::from(tick)
        .wrapping_mul(u64::from(quantity))
        .wrapping_mul(TICK_VALUE)
}

impl Money for Balances {
    fn new(operations: &Operations) -> Self {
        let assets = operations.ranges.len() + 1;
        let balance = Balance {
            available: DEPOSIT,
            held: 0,
        };
        Self {
            balances: table(operations.accounts as usize * assets, balance),
            assets,
        }
    }

    fn prefetch(&self, account: u32, ladder: u32) {
        let (asset, _) = Self::bound(ladder, 0, 0);
        prefetch_at(&self.balances, account * self.assets as u32 + asset);
    }

    fn hold(&mut self, account: u32, ladder: u32, tick: u32, quantity: u32) {
        let (asset, amount) = Self::bound(ladder, tick, quantity);
        let balance = self.at(account, asset);
        assert!(balance.available >= amount, "everyone has enough");
        balance.available = balance.available.wrapping_sub(amount);
        balance.held = balance.held.wrapping_add(amount);
    }

    fn release(&mut self, account: u32, ladder: u32, tick: u32, quantity: u32) {
        let (asset, amount) = Self::bound(ladder, tick, quantity);
        let balance = self.at(account, asset);
        balance.available = balance.available.wrapping_add(amount);
        balance.held = balance.held.wrapping_sub(amount);
    }

    fn settle(&mut self, taker: (u32, u32), maker: (u32, u32), ladder: u32, quantity: u32) {
        let is_sell = ladder as usize & 1;
        let both = [taker, maker];
        let (buyer, seller) = (both[is_sell], both[is_sell ^ 1]);
        let (base, lots) = ((ladder / 2).wrapping_add(1), u64::from(quantity));
        let cost = value(maker.1, quantity);
        let bound = value(buyer.1, quantity);
        // A buyer who bound more than it costs has the difference back at once.
        let money = self.at(buyer.0, 0);
        money.held = money.held.wrapping_sub(bound);
        money.available = money.available.wrapping_add(bound).wrapping_sub(cost);
        let goods = self.at(buyer.0, base);
        goods.available = goods.available.wrapping_add(lots);
        let goods = self.at(seller.0, base);
        goods.held = goods.held.wrapping_sub(lots);
        let money = self.at(seller.0, 0);
        money.available = money.available.wrapping_add(cost);
    }

    fn is_conserved(&self) -> bool {
        let expected = u128::from(DEPOSIT) * (self.balances.len() / self.assets) as u128;
        (0..self.assets).all(|asset| {
            let all = self.balances.iter().skip(asset).step_by(self.assets);
            all.map(|balance| u128::from(balance.available) + u128::from(balance.held))
                .sum::<u128>()
                == expected
        })
    }
}
