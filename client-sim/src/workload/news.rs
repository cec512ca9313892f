//! What moves prices: the fair price of each instrument, which everybody who cares learns of.
//!
//! A fair price wanders with a part that all instruments share and a part of its own, so that they are correlated. How far
//! it goes in a step changes slowly (quiet and nervous times), and now and then there is a jump. It is pulled back toward
//! where it began, so that a run of days stays in range. Time is counted in orders, not in seconds: the market looks the
//! same at any rate, and nervous when many orders come.

use super::draws::Draws;
use super::market::Market;
use crate::instruments::{Instrument, Instruments};

/// Orders between two steps.
const STEP_ORDERS: u32 = 16;
/// The usual step, as a part of the price.
const STEP: f32 = 3e-5;
/// Of a step: the part that all share, and each one's own. Their squares add up to 1: a correlation of 0.7.
const SHARED: f32 = 0.84;
const OWN: f32 = 0.54;
/// What is left of the distance to the beginning after a step: the price stays within about 2 % of it.
const PULL: f32 = 1.0 - 8e-6;
/// How nervous it is: what stays after a step, and what comes (the logarithm of the step's size).
const NERVES_STAY: f32 = 0.998;
const NERVES_COME: f32 = 0.055;
/// A jump in so many of 64 x 64 steps, and how many steps it is.
const JUMPS: usize = 4;
const JUMP: f32 = 12.0;
/// The farthest from the beginning.
const FARTHEST: f32 = 0.04;

/// The news.
#[derive(Debug)]
pub struct News {
    draws: Draws,
    instruments: Vec<Moving>,
    /// The logarithm of the step's size relative to the usual.
    nerves: f32,
    orders: u32,
}

#[derive(Debug)]
struct Moving {
    tick_size: u64,
    /// Where it began; 0 = not known yet.
    anchor: u64,
    /// How far it is from there, as a part of the price.
    distance: f32,
}

impl News {
    /// Fair prices that begin at `references` (0: where the market's middle is once it has one).
    pub fn new(instruments: &Instruments, references: &[u64], seed: u64) -> Self {
        let moving = |(index, instrument): (usize, &Instrument)| Moving {
            tick_size: instrument.tick_size,
            anchor: references.get(index).copied().unwrap_or(0),
            distance: 0.0,
        };
        Self {
            draws: Draws::new(seed),
            instruments: instruments.iter().enumerate().map(moving).collect(),
            nerves: 0.0,
            orders: STEP_ORDERS - 1,
        }
    }

    /// An order was sent: every so many there is news.
    pub fn order(&mut self, market: &mut Market) {
        self.orders += 1;
        if self.orders >= STEP_ORDERS {
            self.orders = 0;
            self.step(market);
        }
    }

    fn step(&mut self, market: &mut Market) {
        let mut pieces = self.draws.pieces();
        self.nerves = self.nerves * NERVES_STAY + NERVES_COME * pieces.normal();
        // The mean of a log-normal variable is above 1: without this the usual step would not be the usual one.
        let nervous = (self.nerves - 0.35).exp().clamp(0.2, 6.0);
        let jump = if pieces.below(4_096) < JUMPS { JUMP } else { 1.0 };
        let shared = SHARED * pieces.normal() * jump;
        for (index, moving) in self.instruments.iter_mut().enumerate() {
            if moving.anchor == 0 {
                let Some(middle) = market.quote(index).middle() else {
                    continue;
                };
                moving.anchor = middle;
            }
            let own = OWN * self.draws.pieces().normal();
            let step = STEP * nervous * (shared + own);
            moving.distance = (moving.distance * PULL + step).clamp(-FARTHEST, FARTHEST);
            let fair = (moving.anchor as f64 * f64::from(1.0 + moving.distance)) as u64;
            market.set_news(index, fair.max(moving.tick_size), nervous * jump.min(4.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruments::tests::reply;

    fn instruments() -> Instruments {
        ["BTC-USD", "ETH-USD"]
            .iter()
            .zip(1..)
            .map(|(symbol, locate)| Instrument::from_reply(&reply(symbol, locate)).expect("consistent"))
            .collect()
    }

    /// Fair prices of both after each step.
    fn path(seed: u64, steps: u32) -> Vec<(u64, u64)> {
        let mut news = News::new(&instruments(), &[600_000_000, 600_000_000], seed);
        let mut market = Market::new(2);
        (0..steps * STEP_ORDERS)
            .map(|_| {
                news.order(&mut market);
                (market.quote(0).fair, market.quote(1).fair)
            })
            .step_by(STEP_ORDERS as usize)
            .collect()
    }

    #[test]
    fn prices_move_together_and_stay_in_range() {
        let path = path(1, 100_000);
        let returns: Vec<(f64, f64)> = path
            .windows(2)
            .map(|pair| {
                let back = |now: u64, before: u64| now as f64 / before as f64 - 1.0;
                (back(pair[1].0, pair[0].0), back(pair[1].1, pair[0].1))
            })
            .collect();
        let sum = |of: fn(&(f64, f64)) -> f64| returns.iter().map(of).sum::<f64>();
        let correlation =
            sum(|both| both.0 * both.1) / (sum(|both| both.0 * both.0) * sum(|both| both.1 * both.1)).sqrt();
        assert!((0.5..0.9).contains(&correlation), "{correlation}");
        assert!(
            path.iter()
                .all(|(one, _)| one.abs_diff(600_000_000) <= 24_000_100)
        );
        let highest = path.iter().map(|(one, _)| *one).max();
        assert!(highest > Some(601_000_000), "{highest:?}");
    }

    #[test]
    fn the_seed_is_the_path() {
        assert_eq!(path(3, 1_000), path(3, 1_000));
        assert_ne!(path(3, 1_000), path(4, 1_000));
    }

    #[test]
    fn an_unknown_price_begins_at_the_market_s() {
        let mut news = News::new(&instruments(), &[], 1);
        let mut market = Market::new(2);
        news.order(&mut market);
        assert_eq!(market.quote(0).fair, 0);
        market.set_best(0, Some((1_000_000, 5)), Some((1_000_200, 5)));
        (0..STEP_ORDERS).for_each(|_| news.order(&mut market));
        assert!(market.quote(0).fair.abs_diff(1_000_100) < 2_000);
    }
}
