//! One trading day with everything in it: pre-open, opening auction, trading with hidden, reserve and stop orders, a
//! restart, a halt, a volatility pause, closing auction, end of messages. The whole exchange in one thread, with a clock
//! that the test turns.
//!
//! Every message type that the exchange may send must occur, in the feed and to the customers. The feed is read by our own
//! feed handler and by public decoders; nothing may be unknown, and no book crossed while its instrument trades. With
//! `DAY_FILE=FILE` the recorded feed is written there, for others to read.

mod checks;
mod customer;
mod script;
mod world;

use world::World;

#[test]
fn a_day_in_which_everything_occurs() {
    let mut world = World::start();
    script::play(&mut world);
    let day = world.end();
    checks::feed(&day);
    checks::streams(&day);
    checks::journal(&day);
    if let Some(path) = std::env::var_os("DAY_FILE") {
        std::fs::write(&path, day.file()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
