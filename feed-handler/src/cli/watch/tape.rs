//! The latest trades of all instruments.

use feed_handler::Market;
use feed_handler::ticker::Trade;
use std::collections::VecDeque;

/// Trades kept: what a tall terminal shows of one of several instruments.
const KEPT: usize = 2_048;

/// Newest last.
#[derive(Debug)]
pub(super) struct Tape(VecDeque<Trade>);

impl Tape {
    pub(super) fn new() -> Self {
        Self(VecDeque::with_capacity(KEPT))
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// A message was applied.
    pub(super) fn message(&mut self, market: &Market) {
        let Some(trade) = market.trade() else { return };
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(trade);
    }

    /// Newest first; of one instrument, or of all.
    pub(super) fn trades(&self, locate: Option<u16>) -> impl Iterator<Item = &Trade> {
        self.0
            .iter()
            .rev()
            .filter(move |trade| locate.is_none_or(|locate| trade.locate == locate))
    }
}
