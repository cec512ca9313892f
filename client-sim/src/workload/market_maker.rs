//! The market maker: several quotes on both sides of every instrument, around a fair price that wanders; replaces them
//! in turn, and takes everything back with one mass cancel at the end.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{Intent, Market, Persona, lots_worth, on_grid};
use crate::instruments::{Instrument, Instruments};
use crate::orders::{Change, OrderState, Orders, RequestKind, Update};
use crate::request::NewOrder;

/// Quotes on each side of an instrument, unless said otherwise.
pub const LEVELS: u64 = 4;
/// What a quote is worth, in whole units of the quote asset.
const QUOTE_WORTH: u64 = 500;
/// Half of the spread at the first level, in parts of the price (1/4000 = 2.5 basis points).
const HALF_SPREAD: u64 = 4_000;
/// How far the fair price may wander from where it began: 1/200 of it, but a few ticks in any case.
const WANDER: u64 = 200;
/// Quotes looked at in one turn at most: most of those of a busy market maker wait for an answer.
const LOOKS_MAX: usize = 8;
/// Those ticks.
const WANDER_TICKS: u64 = 5;

/// A market maker.
#[derive(Debug)]
pub struct MarketMaker {
    random: Pcg64Mcg,
    instruments: Vec<Instrument>,
    /// Where each fair price began; 0 = not known yet.
    anchors: Vec<u64>,
    fair: Vec<u64>,
    quotes: Vec<Standing>,
    turn: usize,
    finished: bool,
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
}

impl MarketMaker {
    /// Quotes all `instruments` with `levels` prices on each side, starting around `references` (0: waits until the
    /// market shows a price).
    pub fn new(instruments: &Instruments, references: &[u64], levels: u64, seed: u64) -> Self {
        let instruments: Vec<Instrument> = instruments.iter().copied().collect();
        let anchors: Vec<u64> = (0..instruments.len())
            .map(|index| references.get(index).copied().unwrap_or(0))
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
                    });
                }
            }
        }
        Self {
            random: Pcg64Mcg::seed_from_u64(seed),
            fair: anchors.clone(),
            anchors,
            instruments,
            quotes,
            turn: 0,
            finished: false,
        }
    }

    /// Moves the fair price of `instrument` a little, back toward its anchor when far away.
    fn wander(&mut self, instrument: usize, market: &Market) {
        if self.anchors[instrument] == 0 {
            let Some(middle) = market.quote(instrument).middle() else {
                return;
            };
            self.anchors[instrument] = middle;
            self.fair[instrument] = middle;
        }
        let anchor = self.anchors[instrument];
        let step = (anchor / 20_000).max(self.instruments[instrument].tick_size);
        let moved = self.random.random_range(0..=2 * step);
        let fair = (self.fair[instrument] + moved).saturating_sub(step);
        let tick = self.instruments[instrument].tick_size;
        let range = (anchor / WANDER).max(WANDER_TICKS * tick);
        self.fair[instrument] = fair.clamp(anchor.saturating_sub(range).max(tick), anchor + range);
    }

    /// Price and lots of a quote now.
    fn target(&mut self, quote: Standing) -> Option<(u64, u32)> {
        let instrument = &self.instruments[quote.instrument];
        let fair = self.fair[quote.instrument];
        if fair == 0 {
            return None;
        }
        let half = (fair / HALF_SPREAD).max(instrument.tick_size);
        let jitter = self.random.random_range(0..=half / 2);
        let distance = half * (quote.level + 1) + jitter;
        let price = if quote.side == b'B' {
            on_grid(instrument, fair.saturating_sub(distance))
        } else {
            on_grid(instrument, fair + distance) + instrument.tick_size
        };
        let worth = QUOTE_WORTH * (quote.level % LEVELS + 1);
        Some((price, lots_worth(instrument, price, worth)))
    }
}

impl Persona for MarketMaker {
    fn name(&self) -> &'static str {
        "market maker"
    }

    fn next(&mut self, market: &Market, orders: &Orders) -> Option<Intent> {
        for _ in 0..self.quotes.len().min(LOOKS_MAX) {
            let quote = self.quotes[self.turn];
            self.turn = (self.turn + 1) % self.quotes.len();
            let standing = orders.newest(quote.user_ref);
            if standing.is_some_and(|order| order.state == OrderState::Pending || order.cancel_is_open()) {
                continue;
            }
            if quote.side == b'B' {
                self.wander(quote.instrument, market);
            }
            let Some((price, lots)) = self.target(quote) else {
                continue;
            };
            match standing {
                Some(order) if order.state == OrderState::Live => {
                    let quantity = order.executed.saturating_add(lots);
                    if order.price == price && order.quantity == quantity {
                        continue;
                    }
                    return Some(Intent::Replace {
                        user_ref: order.user_ref,
                        quantity,
                        price,
                    });
                }
                _ => {
                    let symbol = self.instruments[quote.instrument].symbol;
                    return Some(Intent::Enter(NewOrder {
                        post_only: true,
                        tag: quote.level,
                        ..NewOrder::limit(symbol, quote.side, lots, price)
                    }));
                }
            }
        }
        None
    }

    fn numbered(&mut self, intent: &Intent, user_ref: u32) {
        let previous = (self.turn + self.quotes.len() - 1) % self.quotes.len();
        if matches!(intent, Intent::Enter(_) | Intent::Replace { .. }) {
            self.quotes[previous].user_ref = user_ref;
        }
    }

    fn day_ended(&mut self) {
        for quote in &mut self.quotes {
            quote.before = std::mem::take(&mut quote.user_ref);
        }
    }

    fn update(&mut self, update: &Update) {
        if let Change::Carried { before } = update.change {
            for quote in self.quotes.iter_mut().filter(|quote| quote.before == before) {
                (quote.user_ref, quote.before) = (update.order.user_ref, 0);
            }
            return;
        }
        // A replacement that was refused or lost leaves the original standing.
        let failed = matches!(update.change, Change::Rejected { .. } | Change::NotApplied);
        if failed && update.order.kind == RequestKind::Replace {
            for quote in &mut self.quotes {
                if quote.user_ref == update.order.user_ref {
                    quote.user_ref = update.order.original;
                }
            }
        }
    }

    fn trade(&mut self, _instrument: usize, _price: u64, _quantity: u32) {}

    fn finish(&mut self, _orders: &Orders) -> Option<Intent> {
        (!std::mem::replace(&mut self.finished, true)).then_some(Intent::MassCancel(None))
    }
}
