//! What changes between and while the exchange runs: fees, protection and the day by configuration, orders by time.

use std::time::{SystemTime, UNIX_EPOCH};

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

/// A day whose times are so many seconds from now.
fn day(offsets: [i64; 6]) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let now = i64::try_from(now.as_secs()).expect("a small number");
    let keys = [
        "pre_open",
        "opening_auction",
        "open",
        "closing_auction",
        "close",
        "roll",
    ];
    let times = keys.iter().zip(offsets).map(|(key, offset)| {
        let second = (now + offset).rem_euclid(86_400);
        format!(
            "{key} = \"{:02}:{:02}:{:02}\"\n",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    });
    format!("\n[day]\n{}", times.collect::<String>())
}

#[test]
fn protection_and_the_day_come_from_the_file() {
    let directory = Directory::new();
    let file = directory.configuration(|text| {
        let protected = text.replace(
            "taker_fee = \"0%\"",
            "taker_fee = \"0%\"\nvolatility = \"5%\"\npause = \"1 s\"",
        );
        protected + &day([-30, -20, -10, 3_000, 3_100, 3_200])
    });
    let exchange = Exchange::start(&file);
    let mut client = Client::login(exchange.address("order_entry_tcp"), "T0", "secret", 1).expect("login");
    client.bind();
    let has_flag = |client: &Client, flag: u8| {
        let mut messages = client.messages.values();
        messages.any(|message| message[0] == b'E' && message[25] == flag)
    };
    // A sweep that would go too far pauses; after the second they meet in a cross.
    let orders = [
        client.order(b'S', 1, 600_000_000),
        client.order(b'S', 1, 640_000_000),
    ];
    client.send(&orders).expect("bound");
    client.receive(|client| client.is_answered(2)).expect("bound");
    let mut buyer = Client::login(exchange.address("order_entry_tcp"), "T1", "secret", 1).expect("login");
    buyer.bind();
    let sweep = buyer.order(b'B', 3, 650_000_000);
    buyer.send(&[sweep]).expect("bound");
    buyer.receive(|buyer| has_flag(buyer, b'H')).expect("bound");
    assert!(
        has_flag(&buyer, b'R') || has_flag(&buyer, b'O'),
        "the first of them traded before: continuously, or in the opening cross"
    );
    assert!(exchange.stop().contains("day: pre-open "));

    // Started again after the close: what was missed is done, and the order of the day ends.
    let file = directory.configuration(|text| text + &day([-60, -50, -40, -3, -2, 3_000]));
    let exchange = Exchange::start(&file);
    let mut buyer = Client::login(exchange.address("order_entry_tcp"), "T1", "secret", 1).expect("login");
    let has_ended = |buyer: &Client| {
        let mut messages = buyer.messages.values();
        messages.any(|message| message[0] == b'C' && message[17] == b'E')
    };
    buyer.receive(has_ended).expect("it is canceled");
    let told = exchange.stop();
    assert!(
        told.contains("configuration: 1 commands for what is new or changed"),
        "protection was taken away: {told}"
    );
}
