//! `kill -9` under load: everything acknowledged is there after the next start, byte for byte, and no money is lost.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use protocol::order_entry::response::Response;
use protocol::testing::Random;

use crate::client::Client;
use crate::exchange::{DEPOSITS, Directory, Exchange, SESSIONS, run};

/// Messages that all clients together get before the process is killed.
const MESSAGES_BEFORE: u64 = 4_000;
/// Smallest units of a lot of BTC, and of USD for a lot at a price of 0.0001.
const LOT: u128 = 10_000;

#[test]
fn kill_9_under_load_loses_nothing_acknowledged_and_no_money() {
    let directory = Directory::new();
    let file = directory.configuration(|text| text);
    let mut known: Vec<_> = (0..SESSIONS).map(|_| Known::default()).collect();
    for round in 0..3 {
        known = crash(&file, round, &known);
    }
    let exchange = Exchange::start(&file);
    for (session, known) in known.iter().enumerate() {
        recover(&exchange, session, known);
    }
    exchange.stop();
    let data = directory.path().join("data");
    let (code, report, errors) = run(&["verify", "--data", data.to_str().expect("text")]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{report}");
}

/// What a customer knows.
#[derive(Default)]
struct Known {
    messages: std::collections::BTreeMap<u64, Vec<u8>>,
    user_ref: u32,
}

/// Starts, compares what is there with what was known, trades, kills. Gives what is known then.
fn crash(file: &Path, round: u64, known: &[Known]) -> Vec<Known> {
    let exchange = Exchange::start(file);
    let received = Arc::new(AtomicU64::new(0));
    let killed = Arc::new(AtomicBool::new(false));
    let mut totals = [0; 2];
    let mut clients = Vec::new();
    for (session, known) in known.iter().enumerate() {
        let mut client = recover(&exchange, session, known);
        totals[0] += client.balance("USD").0;
        totals[1] += client.balance("BTC").0;
        if session % 2 == 1 {
            client.bind();
        }
        client.gone = Arc::clone(&killed);
        clients.push(client);
    }
    assert_eq!(totals, DEPOSITS.map(|deposit| deposit * SESSIONS as u128));
    let mut traders = Vec::new();
    for (session, client) in (0..).zip(clients) {
        let received = Arc::clone(&received);
        let random = Random::new(round << 8 | session);
        traders.push(thread::spawn(move || trade(client, random, &received)));
    }
    while received.load(Ordering::Relaxed) < MESSAGES_BEFORE {
        assert!(
            !traders.iter().any(thread::JoinHandle::is_finished),
            "a customer gave up"
        );
        thread::yield_now();
    }
    exchange.signal("KILL");
    exchange.ended();
    killed.store(true, Ordering::Release);
    traders
        .into_iter()
        .map(|trader| trader.join().expect("a customer found something wrong"))
        .collect()
}

/// Orders that meet each other, and cancels, until the exchange is gone.
fn trade(mut client: Client, mut random: Random, received: &AtomicU64) -> Known {
    let run = |client: &mut Client, random: &mut Random| -> std::io::Result<()> {
        loop {
            let mut requests = Vec::new();
            for _ in 0..8 {
                let side = if random.below(2) == 0 { b'B' } else { b'S' };
                let price = 600_000_000 + 100 * random.below(40) - 2_000;
                let quantity = 1 + random.below(50) as u32;
                requests.push(client.order(side, quantity, price));
            }
            let last = client.user_ref;
            requests.push(Client::cancel(
                last - random.below(40).min(u64::from(last) - 1) as u32,
            ));
            client.send(&requests)?;
            let before = client.messages.len();
            client.receive(|client| client.is_answered(last))?;
            received.fetch_add((client.messages.len() - before) as u64, Ordering::Relaxed);
        }
    };
    // It ends with the exchange; what an error says about a killed peer differs by door.
    let error = run(&mut client, &mut random).expect_err("it trades as long as it can");
    assert!(
        client.gone.load(Ordering::Acquire) || error.kind() != std::io::ErrorKind::TimedOut,
        "{error}"
    );
    Known {
        messages: client.messages,
        user_ref: client.user_ref,
    }
}

/// Logs in from the first message on; checks the stream against what was known, and the balances against the stream.
fn recover(exchange: &Exchange, session: usize, known: &Known) -> Client {
    let username = format!("T{session}");
    let mut client = Client::login(exchange.address("order_entry_tcp"), &username, "secret", 1)
        .expect("the login is right");
    let reflects = client.reflected();
    client
        .receive(|client| client.messages.len() as u64 >= reflects)
        .expect("the stream is there");
    for (sequence, message) in &known.messages {
        assert_eq!(
            client.messages.get(sequence),
            Some(message),
            "{username}, message {sequence}"
        );
    }
    let expected = Expected::from(&client);
    let usd = client.balance("USD");
    let bitcoin = client.balance("BTC");
    assert_eq!(
        [
            usd.0 as i128 - DEPOSITS[0] as i128,
            bitcoin.0 as i128 - DEPOSITS[1] as i128
        ],
        expected.change,
        "{username}: what it has follows from its executions"
    );
    assert_eq!(
        [usd.1, bitcoin.1],
        expected.held,
        "{username}: what is held follows from its open orders"
    );
    // Numbers that were sent and not answered are used up for us; gaps are allowed.
    client.user_ref = known.user_ref;
    client
}

/// What follows from the stream.
struct Expected {
    change: [i128; 2],
    held: [u128; 2],
}

impl Expected {
    fn from(client: &Client) -> Self {
        struct Order {
            side: u8,
            price: u128,
            open: u32,
        }
        let mut orders: HashMap<u32, Order> = HashMap::new();
        let mut change = [0; 2];
        for message in client.messages.values() {
            match Response::decode(message).expect("OUCH") {
                Response::Accepted(accepted, _) => {
                    let order = Order {
                        side: accepted.side,
                        price: u128::from(accepted.price.get()),
                        open: accepted.quantity.get(),
                    };
                    orders.insert(accepted.user_ref_num.get(), order);
                }
                Response::Executed(executed, _) => {
                    let order = orders
                        .get_mut(&executed.user_ref_num.get())
                        .expect("it was accepted");
                    let quantity = executed.quantity.get();
                    order.open -= quantity;
                    let sign = if order.side == b'B' { 1 } else { -1 };
                    change[0] -= sign * i128::from(quantity) * i128::from(executed.price.get());
                    change[1] += sign * i128::from(quantity) * LOT as i128;
                }
                Response::Canceled(canceled, _) => {
                    let order = orders
                        .get_mut(&canceled.user_ref_num.get())
                        .expect("it was accepted");
                    order.open -= canceled.quantity.get();
                }
                Response::AiqCanceled(canceled, _) => {
                    let order = orders
                        .get_mut(&canceled.user_ref_num.get())
                        .expect("it was accepted");
                    order.open -= canceled.decrement_shares.get();
                }
                Response::SystemEvent(..) => {}
                other => panic!("nobody asked for this: {other:?}"),
            }
        }
        let mut held = [0; 2];
        for order in orders.values() {
            let open = u128::from(order.open);
            match order.side {
                b'B' => held[0] += open * order.price,
                _ => held[1] += open * LOT,
            }
        }
        Self { change, held }
    }
}
