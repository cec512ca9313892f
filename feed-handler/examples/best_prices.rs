//! Follows the feed and prints the best prices of each instrument once the books are whole.

use feed_handler::{State, Subscriber, SubscriberConfig, clock::Clock, decimal};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock = Clock::new();
    let mut subscriber = Subscriber::new(&SubscriberConfig::default())?;
    while !matches!(subscriber.state(), State::Live | State::Ended) {
        subscriber.poll(clock.now_ns());
        if subscriber.state() == State::Stale {
            return Err("nobody publishes: start the exchange with `exchange run`".into());
        }
    }
    let market = subscriber.market();
    for quote in market
        .instruments()
        .filter_map(|instrument| market.quote(instrument.locate))
    {
        let price =
            |level: Option<feed_handler::book::PriceLevel>| level.map(|level| decimal::price(level.price));
        println!(
            "{} bid {:?} ask {:?}",
            quote.instrument.symbol(),
            price(quote.bid),
            price(quote.ask)
        );
    }
    Ok(())
}
