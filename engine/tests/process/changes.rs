//! What changes between and while the exchange runs: fees by configuration, orders by time.

use crate::client::Client;
use crate::exchange::{Directory, Exchange, run};

/// A lot at this price is worth 500,000,000 units.
const PRICE: u64 = 500_000_000;
const VALUE: u128 = 500_000_000;

#[test]
fn a_changed_fee_is_for_orders_that_come() {
    let directory = Directory::new();
    let file = directory.configuration(|text| text);
    let exchange = Exchange::start(&file);
    let order = |exchange: &Exchange, user_ref: u32| {
        let mut client =
            Client::login(exchange.address("order_entry_tcp"), "T0", "secret", 1).expect("login");
        client.bind();
        client.user_ref = user_ref - 1;
        let order = client.order(b'B', 1, PRICE);
        client.send(&[order]).expect("bound");
        client
            .receive(|client| client.is_answered(user_ref))
            .expect("bound");
        client.balance("USD").1
    };
    assert_eq!(order(&exchange, 1), VALUE);
    exchange.stop();

    let file = directory.configuration(|text| text.replace("taker_fee = \"0%\"", "taker_fee = \"1%\""));
    let exchange = Exchange::start(&file);
    // The first order holds what it held.
    assert_eq!(order(&exchange, 2), 2 * VALUE + VALUE / 100);
    let told = exchange.stop();
    assert!(
        told.contains("configuration: 1 commands for what is new or changed"),
        "{told}"
    );

    // With the same file there is nothing to do, and the state is what it was.
    let exchange = Exchange::start(&file);
    assert_eq!(order(&exchange, 3), 3 * VALUE + 2 * VALUE / 100);
    assert!(!exchange.stop().contains("configuration: "));
    let data = directory.path().join("data");
    let (code, _, errors) = run(&["verify", "--data", data.to_str().expect("text")]);
    assert_eq!(code, Some(0), "{errors}");
}

#[test]
fn an_order_expires_by_the_exchanges_clock_and_again_in_the_replay() {
    let directory = Directory::new();
    let file = directory.configuration(|text| text);
    let exchange = Exchange::start(&file);
    let mut client = Client::login(exchange.address("order_entry_tcp"), "T0", "secret", 1).expect("login");
    client.bind();
    let till = |mut order: Vec<u8>, seconds: u8| {
        // Time in force, and the option: its length, its number, the seconds.
        order[26] = b'6';
        order[46] = 6;
        order.extend([5, 15, 0, 0, 0, seconds]);
        order
    };
    let long = client.order(b'B', 1, PRICE);
    let short = client.order(b'B', 1, PRICE);
    client.send(&[till(long, 200), till(short, 1)]).expect("bound");
    let has_expired = |client: &Client, user_ref: u8| {
        let mut messages = client.messages.values();
        messages.any(|message| message[0] == b'C' && message[12] == user_ref && message[17] == b'T')
    };
    client.receive(|client| has_expired(client, 2)).expect("bound");
    assert!(!has_expired(&client, 1));
    assert_eq!(client.balance("USD").1, VALUE);
    let messages = client.messages.clone();
    exchange.stop();

    let exchange = Exchange::start(&file);
    let mut client = Client::login(exchange.address("order_entry_tcp"), "T0", "secret", 1).expect("login");
    let last = *messages.keys().last().expect("there are some");
    client
        .receive(|client| client.messages.contains_key(&last))
        .expect("the stream is there");
    assert_eq!(client.messages, messages);
    assert_eq!(client.balance("USD").1, VALUE);
    exchange.stop();
}
