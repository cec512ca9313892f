//! One round: start, reconcile everybody with what was known before, trade, `kill -9` at a random moment.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use protocol::order_entry::response::Response;
use protocol::testing::Random;

use crate::client::Client;
use crate::exchange::{DEPOSITS, Exchange, SESSIONS};
use crate::feed::Feed;

/// Messages that all clients together get before the process is killed: from the first to the second.
const MESSAGES_BEFORE: (u64, u64) = (50, 8_000);
/// Smallest units of a lot of BTC, and of USD for a lot at a price of 0.0001.
const LOT: u128 = 10_000;

/// What everybody knows.
pub(crate) struct Knowledge {
    customers: Vec<Known>,
    feed: Vec<Vec<u8>>,
    /// Starts that began with a snapshot.
    snapshots_used: u32,
}

impl Knowledge {
    /// Nobody knows anything.
    pub(crate) fn none() -> Self {
        Self {
            customers: (0..SESSIONS).map(|_| Known::default()).collect(),
            feed: Vec::new(),
            snapshots_used: 0,
        }
    }

    /// Starts that began with a snapshot.
    pub(crate) fn snapshots_used(&self) -> u32 {
        self.snapshots_used
    }

    /// The market data that somebody was sent.
    pub(crate) fn feed(&self) -> &[Vec<u8>] {
        &self.feed
    }
}

/// What a customer knows.
#[derive(Default)]
struct Known {
    messages: BTreeMap<u64, Vec<u8>>,
    user_ref: u32,
}

/// Starts, compares what is there with what was known, trades, kills. Gives what is known then.
pub(crate) fn crash(file: &Path, seed: u64, known: &Knowledge) -> Knowledge {
    let mut random = Random::new(seed);
    let exchange = Exchange::start(file);
    let clients = reconcile(&exchange, known);
    let feed = Feed::follow(&exchange, known.feed());
    let received = Arc::new(AtomicU64::new(0));
    let killed = Arc::new(AtomicBool::new(false));
    let mut traders = Vec::new();
    for mut client in clients {
        if random.chance(1, 2) {
            client.bind();
        }
        client.gone = Arc::clone(&killed);
        let received = Arc::clone(&received);
        let random = random.split();
        traders.push(thread::spawn(move || trade(client, random, &received)));
    }
    let until = random.between(MESSAGES_BEFORE.0, MESSAGES_BEFORE.1);
    while received.load(Ordering::Relaxed) < until {
        assert!(
            !traders.iter().any(thread::JoinHandle::is_finished),
            "a customer gave up"
        );
        thread::yield_now();
    }
    exchange.signal("KILL");
    let told = exchange.ended().errors;
    let is_from_snapshot = told.lines().any(|line| line.starts_with("snapshot: "));
    killed.store(true, Ordering::Release);
    Knowledge {
        customers: traders
            .into_iter()
            .map(|trader| trader.join().expect("a customer found something wrong"))
            .collect(),
        feed: feed.ended(),
        snapshots_used: known.snapshots_used + u32::from(is_from_snapshot),
    }
}

/// Everybody logs in from the first message on and finds what was known; all money is there.
pub(crate) fn reconcile(exchange: &Exchange, known: &Knowledge) -> Vec<Client> {
    let mut totals = [0; 2];
    let mut clients = Vec::new();
    for (session, known) in known.customers.iter().enumerate() {
        let mut client = recover(exchange, session, known);
        totals[0] += client.balance("USD").0;
        totals[1] += client.balance("BTC").0;
        clients.push(client);
    }
    assert_eq!(totals, DEPOSITS.map(|deposit| deposit * SESSIONS as u128));
    clients
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
