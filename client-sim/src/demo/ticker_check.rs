//! Compares, while trading goes on, what the exchange says about best prices (question `t`) with what the books rebuilt
//! from the feed said at the same sequence number.

use std::collections::VecDeque;

use feed_handler::{Market, Observer};
use protocol::order_entry::own::Ticker;

use crate::best::Best;

/// Changes remembered of each instrument.
const HISTORY: usize = 8_192;
/// Answers that wait until the feed has come that far.
const WAITING_MAX: usize = 64;

/// The comparison.
#[derive(Debug, Default)]
pub(super) struct TickerCheck {
    /// By locate: sequence number and the best prices from it on.
    history: Vec<VecDeque<(u64, Best)>>,
    waiting: VecDeque<(u16, Ticker)>,
    equal: u64,
    different: u64,
}

impl TickerCheck {
    /// Answers that agreed.
    pub(super) fn equal(&self) -> u64 {
        self.equal
    }

    /// Answers that did not.
    pub(super) fn different(&self) -> u64 {
        self.different
    }

    /// Takes an answer about the instrument `locate`.
    pub(super) fn answered(&mut self, locate: u16, ticker: Ticker) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push_back((locate, ticker));
        }
    }

    /// Compares the answers that the feed, applied up to before `next`, has come up to.
    pub(super) fn compare(&mut self, next: u64) {
        while let Some((locate, ticker)) = self.waiting.front() {
            let sequence = ticker.as_of_sequence.get();
            if sequence >= next {
                return;
            }
            if let Some(best) = self.at(*locate, sequence) {
                if Best::told(ticker) == best {
                    self.equal += 1;
                } else {
                    self.different += 1;
                }
            }
            self.waiting.pop_front();
        }
    }

    /// The best prices after message `sequence`; `None` when that is too long ago.
    fn at(&self, locate: u16, sequence: u64) -> Option<Best> {
        let history = self.history.get(usize::from(locate))?;
        let after = history.partition_point(|(changed, _)| *changed <= sequence);
        after.checked_sub(1).map(|index| history[index].1)
    }
}

impl Observer for TickerCheck {
    fn message(&mut self, sequence: u64, _message: &[u8], market: &Market) {
        let locate = market.touched();
        if locate == 0 {
            return;
        }
        let index = usize::from(locate);
        if index >= self.history.len() {
            self.history.resize_with(index + 1, VecDeque::new);
        }
        let best = Best::rebuilt(market, locate);
        let history = &mut self.history[index];
        if history.back().is_some_and(|(_, before)| *before == best) {
            return;
        }
        if history.len() == HISTORY {
            history.pop_front();
        }
        history.push_back((sequence, best));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use feed_handler::Capacity;
    use protocol::market_data::messages::AddOrder;
    use protocol::units::U48;
    use zerocopy::{FromZeros, IntoBytes};

    fn add(number: u64, side: u8, price: u32, shares: u32) -> AddOrder {
        AddOrder {
            message_type: b'A',
            stock_locate: 1.into(),
            tracking_number: 0.into(),
            timestamp: U48::new(0),
            order_reference_number: number.into(),
            buy_sell_indicator: side,
            shares: shares.into(),
            stock: *b"BTC-USD ",
            price: price.into(),
        }
    }

    fn ticker(as_of: u64, bid: (u64, u64)) -> Ticker {
        Ticker {
            as_of_sequence: as_of.into(),
            bid_price: bid.0.into(),
            bid_quantity: bid.1.into(),
            ..Ticker::new_zeroed()
        }
    }

    #[test]
    fn answers_are_compared_with_the_book_of_their_moment() {
        let mut market = Market::new(Capacity {
            instruments: 4,
            orders: 16,
            levels: 16,
        });
        let mut check = TickerCheck::default();
        for (sequence, message) in [(10, add(1, b'B', 100, 5)), (12, add(2, b'B', 110, 7))] {
            market.apply(message.as_bytes()).expect("well formed");
            check.message(sequence, message.as_bytes(), &market);
        }
        // Before the first change is remembered nothing can be said.
        check.answered(1, ticker(9, (100, 5)));
        check.answered(1, ticker(10, (100, 5)));
        check.answered(1, ticker(11, (100, 5)));
        check.answered(1, ticker(12, (110, 7)));
        check.answered(1, ticker(12, (110, 8)));
        check.answered(1, ticker(13, (110, 7)));
        check.compare(13);
        assert_eq!((check.equal(), check.different()), (3, 1));
        check.compare(14);
        assert_eq!((check.equal(), check.different()), (4, 1));
    }
}
