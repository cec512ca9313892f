//! A market maker in forty lines: logs in, quotes both sides, moves the quotes, takes them back, knows the fate of each.
//!
//! ```sh
//! cargo run --release -p engine --bin exchange -- run --data /tmp/exchange
//! cargo run --release -p client-sim --example quote -- 127.0.0.1:26400
//! ```

use std::error::Error;
use std::net::SocketAddrV4;

use client_sim::connection::{ClientConfig, Event, Limit, OrderEntryClient, Phase};
use client_sim::request::NewOrder;
use feed_handler::clock::Clock;
use protocol::units::Symbol;

fn main() -> Result<(), Box<dyn Error>> {
    let server = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:26400".to_owned());
    quote(server.parse()?)
}

/// Quotes BTC-USD once around 60,000.
pub(crate) fn quote(server: SocketAddrV4) -> Result<(), Box<dyn Error>> {
    let clock = Clock::new();
    let limit = Some(Limit {
        per_second: 1_000,
        burst: 100,
    });
    let config = ClientConfig {
        limit,
        ..ClientConfig::new(server, "MAKER1", "demo")
    };
    let mut client = OrderEntryClient::new(config, clock.now_ns())?;
    wait(&mut client, &clock, OrderEntryClient::is_ready)?;

    let symbol = Symbol::new("BTC-USD").ok_or("a symbol has 8 characters at most")?;
    let instrument = *client
        .orders()
        .instruments()
        .find(symbol)
        .ok_or("BTC-USD is not traded")?;
    let lots = instrument.lots("0.5".parse()?)?;
    let price = |text: &str| -> Result<u64, Box<dyn Error>> { Ok(instrument.price(text.parse()?)?.0) };
    let order = |side, price| NewOrder {
        post_only: true,
        ..NewOrder::limit(symbol, side, lots, price)
    };

    // The times: when it was meant to be sent, and now. They differ for who measures an open loop.
    let now = clock.now_ns();
    let bid = client.enter(&order(b'B', price("59990")?), now, now)?;
    let ask = client.enter(&order(b'S', price("60010")?), now, now)?;
    wait(&mut client, &clock, OrderEntryClient::is_settled)?;

    // The quantity is the order's total, what was executed included.
    let now = clock.now_ns();
    client.replace(bid, lots, price("59995.50")?, now, now)?;
    client.replace(ask, lots, price("60015.50")?, now, now)?;
    wait(&mut client, &clock, OrderEntryClient::is_settled)?;

    for quote in [bid, ask] {
        // Who was filled meanwhile is not live any more: nothing to cancel.
        let _gone = client.cancel(quote, 0, clock.now_ns());
    }
    wait(&mut client, &clock, OrderEntryClient::is_settled)?;
    client.logout(clock.now_ns(), &mut |_: u64, _: Event<'_>| {});
    Ok(())
}

/// Sends what was begun, and polls until `done`; tells each change of an order.
fn wait(
    client: &mut OrderEntryClient,
    clock: &Clock,
    done: fn(&OrderEntryClient) -> bool,
) -> Result<(), Box<dyn Error>> {
    client.flush(clock.now_ns());
    while !done(client) {
        client.poll(clock.now_ns(), &mut |_: u64, event: Event<'_>| {
            if let Event::Order(update) = event {
                println!("order {}: {:?}", update.order.user_ref, update.change);
            }
        });
        if let Phase::Ended(reason) = client.phase() {
            return Err(reason.into());
        }
        std::thread::yield_now();
    }
    Ok(())
}
