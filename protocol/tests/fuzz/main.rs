//! Every decoder and session machine of the wire, given valid bytes that were changed a little: no panic, and what is taken
//! makes sense. `FUZZ_SECONDS=60 cargo test --release -p protocol --test fuzz -- --nocapture` runs each target for a minute.

mod corpus;
mod sessions;
mod targets;

use protocol::testing::fuzz::fuzz;

/// Executions of a target among all tests.
const USUAL: u64 = 40_000;

#[test]
fn requests() {
    fuzz("requests", USUAL, &corpus::requests(), targets::requests);
}

#[test]
fn responses() {
    fuzz("responses", USUAL, &corpus::responses(), targets::responses);
}

#[test]
fn options() {
    fuzz("options", USUAL, &corpus::options(), targets::options);
}

#[test]
fn order_datagrams() {
    fuzz(
        "order_datagrams",
        USUAL,
        &corpus::order_datagrams(),
        targets::order_datagrams,
    );
}

#[test]
fn feed_messages() {
    fuzz("feed_messages", USUAL, &corpus::feed(), targets::feed_messages);
}

#[test]
fn packets() {
    fuzz("packets", USUAL, &corpus::packets(), targets::packets);
}

#[test]
fn recorded_days() {
    fuzz(
        "recorded_days",
        USUAL,
        &corpus::recorded_day(),
        targets::recorded_days,
    );
}

#[test]
fn streams_in_pieces() {
    fuzz(
        "streams_in_pieces",
        USUAL / 4,
        &corpus::streams(),
        targets::streams_in_pieces,
    );
}
