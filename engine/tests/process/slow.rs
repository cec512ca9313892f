//! A subscriber at the gap-recovery door of the real program that asks for everything and reads nothing: it goes when its time is
//! over, and the one beside it notices nothing.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use protocol::soup::encode;
use socket2::{Domain, Socket, Type};

use crate::client::{Client, Said};
use crate::exchange::{Directory, Exchange};

/// Orders that are entered and taken back: a feed of more bytes than the kernel keeps for who does not read.
const ORDERS: u32 = 70_000;
/// Of one batch.
const BATCH: u32 = 100;
/// Who takes nothing for so long is closed; the protocol's page says so.
const STUCK: Duration = Duration::from_secs(15);
/// Nothing in this test takes that long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody who logs in for message 1 and will not read; the kernel takes little for him.
fn deaf(door: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    socket.connect(&door.into()).expect("the door is open");
    let mut stream = TcpStream::from(socket);
    let mut login = [0; 64];
    let length = encode::login("", "", "", 1, None, &mut login).expect("it fits");
    stream.write_all(&login[..length]).expect("it was accepted");
    stream
}

/// Enters orders and takes them back.
fn trade(trader: &mut Client) {
    for batch in 1..=ORDERS / BATCH {
        let mut requests = Vec::new();
        for _ in 0..BATCH {
            requests.push(trader.order(b'B', 1, 590_000_000));
            requests.push(Client::cancel(trader.user_ref));
        }
        trader.send(&requests).expect("connected");
        let answers = (2 * BATCH * batch) as usize;
        trader
            .receive(|trader| trader.messages.len() >= answers)
            .expect("it is answered");
    }
}

#[test]
fn who_never_reads_is_dropped_in_its_time_and_harms_nobody() {
    let directory = Directory::new();
    let file =
        directory.configuration(|text| text.replace("[journal]\n", "[journal]\ndurability = \"none\"\n"));
    let exchange = Exchange::start(&file);
    let login = |name| Client::login(exchange.address("order_entry_tcp"), name, "secret", 1);
    trade(&mut login("T0").expect("it is an account"));

    let door = exchange.address("recovery_tcp");
    let mut deaf = deaf(door);
    let began = Instant::now();
    let mut feed = Client::login(door, "", "", 1).expect("it is open");
    let messages = 2 * ORDERS as usize;
    feed.receive(|feed| feed.messages.len() >= messages)
        .expect("everything comes");
    // What happens now comes too, while the deaf one is still there.
    let mut trader = login("T1").expect("it is an account");
    let order = trader.order(b'B', 1, 590_000_000);
    let before = feed.messages.len();
    trader.send(&[order]).expect("connected");
    feed.receive(|feed| feed.messages.len() > before)
        .expect("it comes");
    let stuck = || exchange.metric("exchange_gap_recovery_stuck_total");
    assert!(
        stuck() == 0 && began.elapsed() < STUCK,
        "all that took {:?}",
        began.elapsed()
    );

    // He says heartbeats, one for each of the exchange's to the other: he is not silent, he takes nothing.
    while stuck() == 0 {
        assert!(began.elapsed() < PATIENCE, "he is still there");
        while !matches!(feed.next().expect("it stays"), Said::Other) {}
        feed.send(&[b"?".to_vec()]).expect("it stays");
        // The last one may come too late.
        let _gone = deaf.write_all(&encode::CLIENT_HEARTBEAT);
    }
    assert!(began.elapsed() >= STUCK, "dropped after {:?}", began.elapsed());
    assert_eq!(exchange.metric("exchange_gap_recovery_silent_total"), 0);
    // What was said to him may take a second more to leave.
    while exchange.metric("exchange_gap_recovery_open") > 1 {
        assert!(began.elapsed() < PATIENCE, "his connection is still there");
        std::thread::yield_now();
    }
    // Trading goes on, and the other hears of it. (The first trader has been silent for too long.)
    let mut trader = login("T2").expect("it is an account");
    let order = trader.order(b'B', 1, 590_000_000);
    let before = feed.messages.len();
    trader.send(&[order]).expect("connected");
    feed.receive(|feed| feed.messages.len() > before)
        .expect("it comes");
    exchange.stop();
}
