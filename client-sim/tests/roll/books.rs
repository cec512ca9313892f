//! What the exchange has left against what a subscriber knows.

use engine::assembly::Final;
use engine::exchange::book::Side as EngineSide;
use feed_handler::{Digest, Market, Side};

/// The exchange adds up, and the market has the same displayed orders in the same places; how many there are.
pub(crate) fn are_equal(last: &Final, market: &Market) -> usize {
    assert!(last.is_equal(), "the replica has the engine's state");
    let exchange = &last.exchange;
    exchange.check_conservation().expect("money is conserved");
    exchange.check_invariants().expect("it adds up");
    let statistics = market.statistics();
    let wrong = statistics.error_count() + statistics.malformed + statistics.unknown;
    assert_eq!(wrong, 0, "{statistics:?}");
    let mut count = 0;
    for locate in 1..=exchange.instrument_count() {
        let mut digest = Digest::new();
        for (side, name) in [(EngineSide::Buy, Side::Buy), (EngineSide::Sell, Side::Sell)] {
            for order in exchange.resting(locate, side) {
                digest.order(name, order.price, order.feed_number, order.displayed);
                count += 1;
            }
        }
        assert_eq!(
            market.book(locate).digest(),
            digest.finish(),
            "the book of instrument {locate}"
        );
    }
    count
}
