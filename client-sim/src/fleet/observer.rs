//! What the customers hear of the feed.

use feed_handler::{Market as FeedMarket, Observer, Side};
use protocol::market_data::FeedMessage;
use protocol::text::SessionName;

use super::{FeedJoin, Member, Shared};
use crate::workload::Market;

/// The number of the order that a message puts into the book.
pub fn new_order(message: &FeedMessage<'_>) -> Option<u64> {
    match message {
        FeedMessage::AddOrder(added) => Some(added.order_reference_number.get()),
        FeedMessage::OrderReplace(replaced) => Some(replaced.new_order_reference_number.get()),
        _ => None,
    }
}

/// Listens to the ordered stream for all members.
pub struct FeedEars<'a> {
    market: &'a mut Market,
    members: &'a mut [Member],
    shared: &'a mut Shared,
    now_ns: u64,
}

impl<'a> FeedEars<'a> {
    pub(super) fn new(
        market: &'a mut Market,
        members: &'a mut [Member],
        shared: &'a mut Shared,
        now_ns: u64,
    ) -> Self {
        Self {
            market,
            members,
            shared,
            now_ns,
        }
    }

    fn position(&self, locate: u16) -> Option<usize> {
        self.shared
            .instruments
            .iter()
            .position(|instrument| instrument.locate == locate)
    }
}

impl Observer for FeedEars<'_> {
    /// A new day begins with empty books, and with order number 1.
    fn session(&mut self, _session: SessionName) {
        for index in 0..self.market.len() {
            self.market.set_best(index, None, None);
        }
        self.shared.feed.forget();
    }

    fn message(&mut self, _sequence: u64, message: &[u8], feed: &FeedMarket) {
        // What can not be read was counted by the market.
        if let FeedJoin::Here(joined) = &mut self.shared.feed
            && let Some(number) = FeedMessage::decode(message)
                .ok()
                .and_then(|message| new_order(&message))
        {
            joined.seen(number, self.now_ns);
        }
        let touched = feed.touched();
        if touched != 0
            && let Some(index) = self.position(touched)
        {
            let book = feed.book(touched);
            let best = |side| {
                book.best(side)
                    .map(|level| (u64::from(level.price), level.quantity))
            };
            self.market.set_best(index, best(Side::Buy), best(Side::Sell));
        }
        if let Some(trade) = feed.trade()
            && let Some(index) = self.position(trade.locate)
        {
            let quantity = u32::try_from(trade.quantity).unwrap_or(u32::MAX);
            self.market.set_last(index, u64::from(trade.price), quantity);
            for member in &mut *self.members {
                member.trade(index, u64::from(trade.price), quantity);
            }
        }
    }
}
