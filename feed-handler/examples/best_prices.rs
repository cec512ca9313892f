//! Follows the feed and prints the best prices of each instrument once the books are whole.
//! `cargo run --example best_prices [LINE_A LINE_B RECOVERY]`; without addresses those of an exchange on this host.

use feed_handler::{State, Subscriber, SubscriberConfig, book::PriceLevel, clock::Clock, decimal};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut config = SubscriberConfig::default();
    if let [_, a, b, recovery] = &std::env::args().collect::<Vec<_>>()[..] {
        (config.line_a, config.line_b, config.recovery) =
            (a.parse()?, Some(b.parse()?), Some(recovery.parse()?));
    }
    let clock = Clock::new();
    let mut subscriber = Subscriber::new(&config)?;
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
        let price = |level: Option<PriceLevel>| {
            level.map_or("-".to_owned(), |level| decimal::price(level.price).to_string())
        };
        println!(
            "{}: bid {}, ask {}",
            quote.instrument.symbol(),
            price(quote.bid),
            price(quote.ask)
        );
    }
    Ok(())
}
