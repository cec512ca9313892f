//! The market maker: several quotes on both sides of every instrument, around what it takes for the fair price.
//!
//! Its price is that of the news, seen a little wrong. What it has bought it wants to sell: its quotes are lower the more it
//! holds (inventory skew), and higher the more it is short. When prices move farther than usual its quotes are wider apart.
//! A quote is replaced when the price has moved away from it or most of it is gone, the best ones first; while nothing
//! moves it changes the size of a quote, as those do who want to be seen. At the end one mass cancel takes everything back.

use super::draws::{Draws, Pieces};
use super::sizing::Sizing;
use super::{Intent, Market, Persona, on_grid};
use crate::instruments::{Instrument, Instruments};
use crate::orders::{Change, Order, OrderState, Orders, RequestKind, Update};
use crate::request::NewOrder;

/// Quotes on each side of an instrument, unless said otherwise.
pub const LEVELS: u64 = 4;
/// What the smallest quote is worth, in whole units of the quote asset.
const QUOTE_WORTH: f64 = 150.0;
/// Half of the spread at the first level in quiet times, as a part of the price: 1.2 basis points.
const HALF_SPREAD: f32 = 1.2e-4;
/// How wrong a look at the fair price is.
const ERROR: f32 = 1.5e-5;
/// A position worth so much moves the quotes by half of the spread.
const POSITION_WORTH: f64 = 20_000.0;
/// And no position moves them farther than this many halves.
const SKEW_MOST: f32 = 4.0;
/// Quotes looked at in one turn at most: most of those of a busy market maker wait for an answer.
const LOOKS_MAX: usize = 8;

/// A market maker.
#[derive(Debug)]
pub struct MarketMaker {
    draws: Draws,
    instruments: Vec<Traded>,
    /// The first level of all instruments, then the others.
    quotes: Vec<Standing>,
    /// How many belong to the first level.
    best: usize,
    /// Turns: every second one is of a best quote.
    turns: usize,
    /// The quote that the last intent is about.
    latest: usize,
    finished: bool,
}

#[derive(Debug)]
struct Traded {
    instrument: Instrument,
    sizing: Sizing,
    /// Lots bought, less those sold.
    position: i64,
}

/// One quote.
#[derive(Debug, Clone, Copy)]
struct Standing {
    instrument: usize,
    side: u8,
    level: u64,
    /// Its newest number; 0 = none.
    user_ref: u32,
    /// Its number of the day before, until it is told of; 0 = none.
    before: u32,
    /// Lots that were open when it was entered or replaced.
    lots: u32,
    /// Nothing was heard of that number yet. Known here, because most quotes of a busy market maker wait, and a look at
    /// the table of orders is a look at cold memory.
    waits: bool,
}

impl MarketMaker {
    /// Quotes all `instruments` with `levels` prices on each side.
    pub fn new(instruments: &Instruments, levels: u64, seed: u64) -> Self {
        let instruments: Vec<Traded> = instruments
            .iter()
            .map(|instrument| Traded {
                instrument: *instrument,
                sizing: Sizing::new(instrument),
                position: 0,
            })
            .collect();
        let mut quotes = Vec::new();
        for level in 0..levels {
            for instrument in 0..instruments.len() {
                for side in *b"BS" {
                    quotes.push(Standing {
                        instrument,
                        side,
                        level,
                        user_ref: 0,
                        before: 0,
                        lots: 0,
                        waits: false,
                    });
                }
            }
        }
        Self {
            draws: Draws::new(seed),
            best: 2 * instruments.len(),
            instruments,
            quotes,
            turns: 0,
            latest: 0,
            finished: false,
        }
    }

    /// The next quote in turn: now a best one, now one of the others.
    fn next_quote(&mut self) -> usize {
        self.turns += 1;
        let turn = self.turns / 2;
        let others = self.quotes.len() - self.best;
        if self.turns.is_multiple_of(2) || others == 0 {
            turn % self.best
        } else {
            self.best + turn % others
        }
    }

    /// Price of a quote now, and how far the market may move before it is replaced.
    fn target(&self, quote: Standing, market: &Market, pieces: &mut Pieces) -> Option<(u64, u64)> {
        let traded = &self.instruments[quote.instrument];
        let seen = market.quote(quote.instrument);
        if seen.fair == 0 {
            return None;
        }
        let instrument = &traded.instrument;
        let fair = seen.fair as f32;
        let half = (fair * HALF_SPREAD * seen.nervous.clamp(0.7, 5.0)).max(instrument.tick_size as f32 / 2.0);
        let lots = u32::try_from(traded.position.unsigned_abs()).unwrap_or(u32::MAX);
        let held = (traded.sizing.worth(seen.fair, lots) / POSITION_WORTH) as f32;
        let skew = half * held.min(SKEW_MOST) * -(traded.position.signum() as f32);
        let error = fair * ERROR * pieces.normal();
        // Farther levels are farther apart.
        let level = quote.level as f32;
        let distance = half * (1.0 + level * (1.0 + level / 8.0));
        let price = if quote.side == b'B' {
            on_grid(instrument, offset(seen.fair, skew + error - distance))
        } else {
            on_grid(instrument, offset(seen.fair, skew + error + distance)) + instrument.tick_size
        };
        Some((price, ((half / 3.0) as u64).max(instrument.tick_size)))
    }

    fn lots(&self, quote: Standing, price: u64, pieces: &mut Pieces) -> u32 {
        // Deeper in the book there is more.
        let worth =
            QUOTE_WORTH * (quote.level % LEVELS + 1) as f64 * f64::from(pieces.size().min(256)) / 16.0;
        self.instruments[quote.instrument].sizing.lots_worth(price, worth)
    }

    fn replace(&mut self, index: usize, order: &Order, price: u64, pieces: &mut Pieces) -> Intent {
        self.latest = index;
        let lots = self.lots(self.quotes[index], price, pieces);
        self.quotes[index].lots = lots;
        let mut quantity = order.executed.saturating_add(lots);
        if order.price == price && order.quantity == quantity {
            quantity = quantity.saturating_add(1);
        }
        Intent::Replace {
            user_ref: order.user_ref,
            quantity,
            price,
        }
    }
}

/// `price` moved by `by`; not below zero.
fn offset(price: u64, by: f32) -> u64 {
    price.saturating_add_signed(by as i64)
}

impl Persona for MarketMaker {
    fn name(&self) -> &'static str {
        "market maker"
    }

    fn next(&mut self, market: &Market, orders: &Orders) -> Option<Intent> {
        let mut steady = None;
        for _ in 0..self.quotes.len().min(LOOKS_MAX) {
            let index = self.next_quote();
            let quote = self.quotes[index];
            if quote.waits {
                continue;
            }
            let standing = orders.newest(quote.user_ref);
            if standing.is_some_and(|order| order.state == OrderState::Pending || order.cancel_is_open()) {
                continue;
            }
            let mut pieces = self.draws.pieces();
            let Some((price, slack)) = self.target(quote, market, &mut pieces) else {
                continue;
            };
            match standing {
                Some(order) if order.state == OrderState::Live => {
                    let has_moved = order.price.abs_diff(price) >= slack;
                    let is_nearly_gone = order.open < quote.lots / 2;
                    if has_moved || is_nearly_gone {
                        return Some(self.replace(index, order, price, &mut pieces));
                    }
                    // Which of them is chance: the first one would be a best quote too often.
                    if steady.is_none() || pieces.is(16) {
                        steady = Some((index, order));
                    }
                }
                _ => {
                    self.latest = index;
                    let symbol = self.instruments[quote.instrument].instrument.symbol;
                    let lots = self.lots(quote, price, &mut pieces);
                    self.quotes[index].lots = lots;
                    return Some(Intent::Enter(NewOrder {
                        post_only: true,
                        tag: index as u64,
                        ..NewOrder::limit(symbol, quote.side, lots, price)
                    }));
                }
            }
        }
        let (index, order) = steady?;
        let mut pieces = self.draws.pieces();
        Some(self.replace(index, order, order.price, &mut pieces))
    }

    fn numbered(&mut self, intent: &Intent, user_ref: u32) {
        if matches!(intent, Intent::Enter(_) | Intent::Replace { .. }) {
            let quote = &mut self.quotes[self.latest];
            (quote.user_ref, quote.waits) = (user_ref, true);
        }
    }

    fn day_ended(&mut self) {
        for quote in &mut self.quotes {
            quote.before = std::mem::take(&mut quote.user_ref);
            quote.waits = false;
        }
    }

    fn update(&mut self, update: &Update) {
        // An order's mark is the place of its quote, and stays so through replacements.
        let marked = usize::try_from(update.order.tag).ok();
        if let Some(quote) = marked.and_then(|index| self.quotes.get_mut(index))
            && quote.user_ref == update.order.user_ref
        {
            quote.waits = false;
        }
        match update.change {
            Change::Executed { quantity, .. } => {
                let index = update.order.instrument.map(usize::from);
                if let Some(traded) = index.and_then(|index| self.instruments.get_mut(index)) {
                    let lots = i64::from(quantity);
                    traded.position += if update.order.side == b'B' { lots } else { -lots };
                }
            }
            Change::Carried { before } => {
                for quote in self.quotes.iter_mut().filter(|quote| quote.before == before) {
                    (quote.user_ref, quote.before) = (update.order.user_ref, 0);
                }
            }
            // A replacement that was refused or lost leaves the original standing.
            Change::Rejected { .. } | Change::NotApplied if update.order.kind == RequestKind::Replace => {
                for quote in &mut self.quotes {
                    if quote.user_ref == update.order.user_ref {
                        quote.user_ref = update.order.original;
                    }
                }
            }
            _ => {}
        }
    }

    fn trade(&mut self, _instrument: usize, _price: u64, _quantity: u32) {}

    fn finish(&mut self, _orders: &Orders) -> Option<Intent> {
        (!std::mem::replace(&mut self.finished, true)).then_some(Intent::MassCancel(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instruments::tests::bitcoin;

    /// Prices of the best bid and ask that a market maker wants, without its error, when it holds `position` lots.
    fn wanted(position: i64, nervous: f32) -> (u64, u64) {
        let instruments: Instruments = [bitcoin()].into_iter().collect();
        let mut maker = MarketMaker::new(&instruments, 2, 1);
        maker.instruments[0].position = position;
        let mut market = Market::new(1);
        market.set_news(0, 60_000_000, nervous);
        let side = |index: usize| {
            let sum: u64 = (0..64)
                .map(|_| {
                    let mut pieces = Draws::new(9).pieces();
                    maker
                        .target(maker.quotes[index], &market, &mut pieces)
                        .expect("there is news")
                        .0
                })
                .sum();
            sum / 64
        };
        (side(0), side(1))
    }

    #[test]
    fn quotes_are_lower_for_who_holds_and_wider_for_who_is_nervous() {
        let (bid, ask) = wanted(0, 1.0);
        assert!(bid < 60_000_000 && 60_000_000 < ask);
        let (lower_bid, lower_ask) = wanted(100_000, 1.0);
        assert!(lower_bid < bid && lower_ask < ask, "{lower_bid} {lower_ask}");
        let (higher_bid, higher_ask) = wanted(-100_000, 1.0);
        assert!(higher_bid > bid && higher_ask > ask);
        let (low, high) = wanted(0, 4.0);
        assert!(high - low > 3 * (ask - bid), "{low} {high}");
    }
}
