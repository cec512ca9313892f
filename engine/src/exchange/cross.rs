//! The price of a cross: at which price do the most lots trade, when all orders of both sides meet at once?
//!
//! The price with the largest volume; of those the one that leaves the least over; of those the closest to the reference;
//! of two equally close the lower. Levels are met from both ends, best against best, until they cross no more: that finds
//! the volume and the borders of the prices that have it, with one look at each level that trades and at two behind.
//! Nothing is changed, nothing is stored.

use super::book::Side;
use super::book::arena::NONE;
use super::book::ladder::{Ladder, Pools};

/// Most ladders that meet on one side: displayed orders, dark ones, auction-only ones, and the bounds of the market orders
/// that take part in any cross and in this one only.
pub(super) const LADDERS_MAX: usize = 5;

/// Where a cross would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clearing {
    pub(super) tick: u32,
    /// Lots that would be bought at this price.
    pub(super) demand: u64,
    /// Lots that would be sold at this price.
    pub(super) supply: u64,
}

impl Clearing {
    /// Lots that trade.
    pub(super) fn volume(&self) -> u64 {
        self.demand.min(self.supply)
    }

    /// Lots that would trade at this price and find nobody.
    pub(super) fn imbalance(&self) -> u64 {
        self.demand.abs_diff(self.supply)
    }
}

/// Price and lots of a level, or of what is left of it.
#[derive(Debug, Clone, Copy)]
struct Rest {
    tick: u32,
    quantity: u64,
}

/// The levels of several ladders of one side as one, best first.
struct Levels<'a> {
    pools: &'a Pools,
    side: Side,
    ladders: &'a [&'a Ladder],
    next: [u32; LADDERS_MAX],
}

impl<'a> Levels<'a> {
    fn new(pools: &'a Pools, side: Side, ladders: &'a [&'a Ladder]) -> Self {
        let mut next = [NONE; LADDERS_MAX];
        for (next, ladder) in next.iter_mut().zip(ladders) {
            *next = ladder.best();
        }
        Self {
            pools,
            side,
            ladders,
            next,
        }
    }

    /// The next level; at the end one without lots that crosses nothing.
    fn take(&mut self) -> Rest {
        let mut rest = Rest {
            tick: match self.side {
                Side::Buy => 0,
                Side::Sell => u32::MAX,
            },
            quantity: 0,
        };
        for &level in self.next.iter().filter(|&&level| level != NONE) {
            let tick = self.pools.level(level).tick;
            if self.side.is_better(tick, rest.tick) {
                rest.tick = tick;
            }
        }
        for (next, ladder) in self.next.iter_mut().zip(self.ladders) {
            if *next != NONE {
                let level = self.pools.level(*next);
                if level.tick == rest.tick {
                    rest.quantity += level.quantity;
                    *next = ladder.behind(self.pools, *next);
                }
            }
        }
        rest
    }
}

/// Where the orders of these ladders would cross; `None` when nothing would trade. `reference` is a price, `tick_size` in
/// the same units.
pub(super) fn clearing(
    pools: &Pools,
    bids: &[&Ladder],
    asks: &[&Ladder],
    reference: u32,
    tick_size: u32,
) -> Option<Clearing> {
    let mut bids = Levels::new(pools, Side::Buy, bids);
    let mut asks = Levels::new(pools, Side::Sell, asks);
    let (mut bid, mut ask) = (bids.take(), asks.take());
    // All prices from `low` to `high` have the volume.
    let (mut volume, mut low, mut high) = (0, 0, 0);
    while bid.tick >= ask.tick {
        let met = bid.quantity.min(ask.quantity);
        volume += met;
        (low, high) = (ask.tick, bid.tick);
        bid.quantity -= met;
        ask.quantity -= met;
        if bid.quantity == 0 {
            bid = bids.take();
        }
        if ask.quantity == 0 {
            ask = asks.take();
        }
    }
    if volume == 0 {
        return None;
    }
    // Up to the first bid that is left over there is too much demand, from the first ask on too much supply. Between the
    // two everything meets.
    let (mut first, mut last) = (low.max(bid.tick + 1), high.min(ask.tick - 1));
    if first > last {
        // Of what is left over the better part: down to the next bid, or up to the next ask, it is the same.
        let is_bid_nearer = bid.tick >= low && (ask.tick > high || bid.quantity <= ask.quantity);
        let is_ask_nearer = ask.tick <= high && (bid.tick < low || ask.quantity <= bid.quantity);
        first = if is_bid_nearer {
            low.max(bids.take().tick + 1)
        } else {
            ask.tick
        };
        last = if is_ask_nearer {
            high.min(asks.take().tick - 1)
        } else {
            bid.tick
        };
    }
    let tick = nearest(first, last, reference, tick_size);
    Some(Clearing {
        tick,
        demand: volume + if tick <= bid.tick { bid.quantity } else { 0 },
        supply: volume + if tick >= ask.tick { ask.quantity } else { 0 },
    })
}

/// The tick from `first` to `last` whose price is the nearest to `reference`; the lower one of two.
fn nearest(first: u32, last: u32, reference: u32, tick_size: u32) -> u32 {
    let below = (reference / tick_size).clamp(first, last);
    let above = below.saturating_add(1).clamp(first, last);
    let distance = |tick| (u64::from(tick) * u64::from(tick_size)).abs_diff(u64::from(reference));
    if distance(above) < distance(below) {
        above
    } else {
        below
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::testing::Random;
    use std::collections::BTreeMap;

    const TICK_MAX: u32 = 40;

    /// Lots at each tick, of each side.
    type Lots = [[u64; TICK_MAX as usize + 1]; 2];

    /// What decided between the best price and the second best.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    enum Decided {
        /// There was no other.
        Alone,
        ByVolume,
        ByImbalance,
        ByReference,
        /// Two were equally close to the reference: the lower.
        ByTick,
    }

    /// Looks at every price.
    fn exhaustive(lots: &Lots, reference: u32, tick_size: u32) -> Option<(Clearing, Decided)> {
        let mut all: Vec<_> = (1..=TICK_MAX)
            .map(|tick| Clearing {
                tick,
                demand: (tick..=TICK_MAX).map(|tick| lots[0][tick as usize]).sum(),
                supply: (1..=tick).map(|tick| lots[1][tick as usize]).sum(),
            })
            .filter(|clearing| clearing.volume() > 0)
            .map(|clearing| {
                let distance = (clearing.tick * tick_size).abs_diff(reference);
                let volume = std::cmp::Reverse(clearing.volume());
                ((volume, clearing.imbalance(), distance, clearing.tick), clearing)
            })
            .collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        let &(best, clearing) = all.first()?;
        let decided = match all.get(1).map(|(key, _)| *key) {
            None => Decided::Alone,
            Some(second) if second.0 != best.0 => Decided::ByVolume,
            Some(second) if second.1 != best.1 => Decided::ByImbalance,
            Some(second) if second.2 != best.2 => Decided::ByReference,
            Some(_) => Decided::ByTick,
        };
        Some((clearing, decided))
    }

    struct Market {
        pools: Pools,
        ladders: [Vec<Ladder>; 2],
        lots: Lots,
    }

    impl Market {
        fn new(ladders: u32) -> Self {
            let pools = Pools::new(500, 2 * ladders, 3);
            let side = |side, first| {
                (0..ladders)
                    .map(|place| Ladder::new(side, first + place, TICK_MAX))
                    .collect()
            };
            let ladders = [side(Side::Buy, 0), side(Side::Sell, ladders)];
            Self {
                pools,
                ladders,
                lots: [[0; TICK_MAX as usize + 1]; 2],
            }
        }

        fn add(&mut self, side: Side, ladder: usize, tick: u32, quantity: u64) {
            let ladder = &mut self.ladders[side as usize][ladder];
            let bucket = ladder.bucket(&self.pools, tick);
            let level = ladder.find_or_insert(&mut self.pools, bucket, tick);
            self.pools.level_mut(level).quantity += quantity;
            self.lots[side as usize][tick as usize] += quantity;
        }

        fn clearing(&self, reference: u32, tick_size: u32) -> Option<Clearing> {
            let [bids, asks] = &self.ladders;
            let bids: Vec<_> = bids.iter().collect();
            let asks: Vec<_> = asks.iter().collect();
            clearing(&self.pools, &bids, &asks, reference, tick_size)
        }
    }

    /// Few prices and few lots, so that every tie is there many times.
    #[test]
    fn agrees_with_a_look_at_every_price() {
        let mut random = Random::new(1);
        let mut decided = BTreeMap::new();
        for round in 0..40_000 {
            let ladders = 1 + round % LADDERS_MAX as u32;
            let mut market = Market::new(ladders);
            let span = 2 + random.below(u64::from(TICK_MAX) - 1);
            for _ in 0..random.below(14) {
                let side = *random.pick(&[Side::Buy, Side::Sell]);
                let tick = 1 + random.below(span.min(u64::from(TICK_MAX))) as u32;
                let ladder = random.below(u64::from(ladders)) as usize;
                market.add(side, ladder, tick, 1 + random.below(3));
            }
            let mut tick_size = 1 + random.below(5) as u32;
            let mut reference = random.below(u64::from(TICK_MAX * tick_size) + 3) as u32;
            if random.chance(1, 4) {
                // In the middle between two prices.
                tick_size *= 2;
                reference = (1 + random.below(span) as u32) * tick_size + tick_size / 2;
            }
            let best = exhaustive(&market.lots, reference, tick_size);
            assert_eq!(
                market.clearing(reference, tick_size),
                best.map(|(clearing, _)| clearing),
                "{:?} around {reference} by {tick_size}",
                market.lots
            );
            *decided.entry(best.map(|(_, decided)| decided)).or_insert(0_u32) += 1;
        }
        for (least, how) in [
            (5_000, None),
            (500, Some(Decided::Alone)),
            (500, Some(Decided::ByVolume)),
            (500, Some(Decided::ByImbalance)),
            (500, Some(Decided::ByReference)),
            (500, Some(Decided::ByTick)),
        ] {
            let times = decided.get(&how).copied().unwrap_or(0);
            assert!(times >= least, "{how:?} {times} times: {decided:?}");
        }
    }

    #[test]
    fn nothing_trades_when_nothing_crosses() {
        let mut market = Market::new(1);
        assert_eq!(market.clearing(10, 1), None);
        market.add(Side::Buy, 0, 10, 5);
        assert_eq!(market.clearing(10, 1), None);
        market.add(Side::Sell, 0, 11, 5);
        assert_eq!(market.clearing(10, 1), None);
    }

    #[test]
    fn of_equal_prices_the_one_closest_to_the_reference() {
        let mut market = Market::new(1);
        market.add(Side::Buy, 0, 30, 5);
        market.add(Side::Sell, 0, 10, 5);
        let tick = |reference, size| market.clearing(reference, size).map(|clearing| clearing.tick);
        assert_eq!(tick(0, 1), Some(10));
        assert_eq!(tick(17, 1), Some(17));
        assert_eq!(tick(35, 1), Some(30));
        assert_eq!(tick(35, 2), Some(17), "34 and 36 are equally close: the lower");
        assert_eq!(tick(u32::MAX, 1), Some(30));
    }
}
