//! At which price a cross happens: every price that matters is tried.

use std::cmp::Reverse;

use super::types::{Part, price_key};

/// What a cross comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clearing {
    pub(super) price: u64,
    /// Lots wanted and offered at the price.
    pub(super) bought: u64,
    pub(super) sold: u64,
}

impl Clearing {
    pub(super) fn volume(&self) -> u64 {
        self.bought.min(self.sold)
    }

    pub(super) fn imbalance(&self) -> u64 {
        self.bought.abs_diff(self.sold)
    }

    /// The price with the highest volume; of those the one with the least imbalance, the one that is closest to the
    /// reference, the lower. `None` when nothing would trade.
    pub(super) fn find(
        buys: &[Part],
        sells: &[Part],
        tick: u64,
        highest: u64,
        reference: u64,
    ) -> Option<Self> {
        // Between two limits nothing changes but the distance from the reference.
        let near = reference / tick * tick;
        let limits = buys.iter().chain(sells).map(|part| part.price);
        let mut prices: Vec<_> = limits
            .flat_map(|price| [price.saturating_sub(tick), price, price + tick])
            .chain([tick, near, near + tick, highest])
            .filter(|&price| (tick..=highest).contains(&price))
            .collect();
        prices.sort_unstable();
        prices.dedup();
        let tried = prices.into_iter().map(|price| Self::at(price, buys, sells));
        tried
            .filter(|clearing| clearing.volume() > 0)
            .min_by_key(|clearing| {
                (
                    Reverse(clearing.volume()),
                    clearing.imbalance(),
                    clearing.price.abs_diff(reference),
                    clearing.price,
                )
            })
    }

    /// What would be wanted and offered.
    pub(super) fn at(price: u64, buys: &[Part], sells: &[Part]) -> Self {
        let lots = |parts: &[Part], is_buy| {
            let takes_part = |part: &&Part| takes_part(part, is_buy, price);
            parts
                .iter()
                .filter(takes_part)
                .map(|part| u64::from(part.lots))
                .sum()
        };
        Self {
            price,
            bought: lots(buys, true),
            sold: lots(sells, false),
        }
    }
}

/// True when the order trades at the price.
fn takes_part(part: &Part, is_buy: bool, price: u64) -> bool {
    if is_buy {
        part.price >= price
    } else {
        part.price <= price
    }
}

/// Who trades at the price, in the order in which they do: market orders by time, then the better price; at one price
/// what is shown or waited for the auction, then what is not shown, each by time. Limits beyond the bound of the market order
/// whose turn it is go before it.
pub(super) fn queue(parts: &[Part], is_buy: bool, price: u64) -> Vec<Part> {
    let (mut markets, mut limits): (Vec<Part>, Vec<Part>) = parts
        .iter()
        .filter(|part| takes_part(part, is_buy, price))
        .partition(|part| part.is_market);
    let key = |part: &Part| price_key(is_buy, part.price);
    markets.sort_by_key(|part| part.rank);
    limits.sort_by_key(|part| (key(part), part.is_dark, part.rank));
    let mut limits = limits.into_iter().peekable();
    let mut queue = Vec::new();
    for market in markets {
        while let Some(limit) = limits.next_if(|limit| key(limit) < key(&market)) {
            queue.push(limit);
        }
        queue.push(market);
    }
    queue.extend(limits);
    queue
}
