//! The retransmission door of the real program: who is answered there, and how much he gets.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use protocol::packet::{Packet, RequestPacket};

use crate::client::Client;
use crate::exchange::{Directory, Exchange};

/// Nothing in these tests takes that long.
const PATIENCE: Duration = Duration::from_secs(60);
const SESSION: &[u8; 10] = b"ITCH000001";
const BYTES_A_SECOND: usize = 65_536;

/// A counter of the door, as the metrics have it.
fn counted(exchange: &Exchange, counter: &str) -> u64 {
    exchange.metric(&format!("exchange_retransmission_{counter}_total"))
}

/// Waits until it is so.
fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not {what} within {PATIENCE:?}");
        std::thread::yield_now();
    }
}

/// Somebody with a UDP socket.
struct Asker {
    socket: UdpSocket,
}

impl Asker {
    fn new(exchange: &Exchange) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket
            .connect(exchange.address("retransmission_udp"))
            .expect("loopback is there");
        Self { socket }
    }

    fn ask(&self, from: u64, count: u16) {
        let request = RequestPacket::new(*SESSION, from, count).to_bytes();
        self.socket.send(&request).expect("loopback takes it");
    }

    /// The next answer, waited for.
    fn answer(&self) -> Vec<u8> {
        self.socket.set_nonblocking(false).expect("a socket");
        self.socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut buffer = [0; 2_048];
        let length = self.socket.recv(&mut buffer).expect("it is answered");
        buffer[..length].to_vec()
    }

    /// Bytes of all answers that are there.
    fn received(&self) -> usize {
        self.socket.set_nonblocking(true).expect("a socket");
        let (mut buffer, mut bytes) = ([0; 2_048], 0);
        loop {
            match self.socket.recv(&mut buffer) {
                Ok(length) => bytes += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return bytes,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// An exchange with a hundred orders; `networks` are those that are answered.
fn exchange(directory: &Directory, networks: &str) -> Exchange {
    let keys =
        format!("[network]\nretransmission_networks = {networks}\nretransmission_bytes = {BYTES_A_SECOND}\n");
    let file = directory.configuration(|text| text.replace("[network]\n", &keys));
    let exchange = Exchange::start(&file);
    let mut client =
        Client::login(exchange.address("order_entry_tcp"), "T0", "secret", 1).expect("an account");
    let orders: Vec<_> = (0..100)
        .map(|away| client.order(b'B', 1, 590_000_000 + away * 100))
        .collect();
    client.send(&orders).expect("connected");
    client
        .receive(|client| client.is_answered(100))
        .expect("they are answered");
    exchange
}

/// The whole feed over TCP, from somebody who stays logged in.
fn subscriber(door: SocketAddr) -> Client {
    let mut feed = Client::login(door, "", "", 1).expect("it is open");
    feed.receive(|feed| feed.messages.len() >= 100).expect("it comes");
    feed
}

#[test]
fn strangers_get_no_byte_and_those_who_are_logged_in_get_messages_again() {
    let directory = Directory::new();
    let exchange = exchange(&directory, "[]");
    let asker = Asker::new(&exchange);
    for _ in 0..10 {
        asker.ask(1, 100);
        asker.socket.send(b"please").expect("loopback takes it");
    }
    wait("refused", || {
        counted(&exchange, "strangers") == 10 && counted(&exchange, "malformed") == 10
    });
    assert_eq!(asker.received(), 0, "a stranger was answered");
    let feed = subscriber(exchange.address("recovery_tcp"));
    asker.ask(7, 20);
    let answer = asker.answer();
    let packet = Packet::parse(&answer).expect("MoldUDP64");
    assert_eq!(
        (packet.session(), packet.sequence(), packet.count()),
        (*SESSION, 7, 20)
    );
    for (sequence, message) in packet.numbered() {
        assert_eq!(feed.messages.get(&sequence).map(Vec::as_slice), Some(message));
    }
    // What is not there, and what is no session, is not answered.
    asker.ask(1_000_000, 1);
    asker
        .socket
        .send(&RequestPacket::new(*b"ITCH000009", 1, 1).to_bytes())
        .expect("loopback takes it");
    wait("looked at", || {
        counted(&exchange, "not_stored") == 1 && counted(&exchange, "unknown_session") == 1
    });
    drop(feed);
    wait("a stranger again", || {
        asker.ask(7, 1);
        counted(&exchange, "strangers") > 10
    });
    asker.received();
    let strangers = counted(&exchange, "strangers");
    asker.ask(7, 1);
    wait("refused", || counted(&exchange, "strangers") > strangers);
    assert_eq!(asker.received(), 0);
    exchange.stop();
}

#[test]
fn an_address_that_had_its_bytes_gets_nothing_until_the_next_second() {
    let directory = Directory::new();
    let exchange = exchange(&directory, "[\"127.0.0.1/32\"]");
    let asker = Asker::new(&exchange);
    let mut spent = None;
    // Seconds are the exchange's: one of several storms falls into one second as a whole.
    for _ in 0..20 {
        let before = (counted(&exchange, "answered"), counted(&exchange, "requests"));
        let began = Instant::now();
        for _ in 0..200 {
            asker.ask(1, 100);
        }
        wait("looked at", || counted(&exchange, "requests") >= before.1 + 200);
        let answered = counted(&exchange, "answered") - before.0;
        let bytes = asker.received();
        let seconds = began.elapsed().as_secs() as usize + 2;
        assert!(bytes <= seconds * BYTES_A_SECOND, "{bytes} bytes in {seconds} s");
        if answered == 0 {
            spent = Some(bytes);
            break;
        }
    }
    assert_eq!(spent, Some(0), "one storm found the second's bytes spent");
    assert!(counted(&exchange, "over_budget") > 0);
    // It comes back, and trading never noticed.
    wait("answered again", || {
        asker.ask(1, 1);
        asker.received() > 0
    });
    let mut client =
        Client::login(exchange.address("order_entry_tcp"), "T1", "secret", 1).expect("an account");
    let order = client.order(b'B', 1, 590_000_000);
    client.send(&[order]).expect("connected");
    client.receive(|client| client.is_answered(1)).expect("answered");
    exchange.stop();
}

#[test]
fn the_door_can_be_off() {
    let directory = Directory::new();
    let file = directory.configuration(|text| {
        text.replace(
            "retransmission_udp = \"127.0.0.1:0\"",
            "retransmission_udp = \"off\"",
        )
    });
    let exchange = Exchange::start(&file);
    let errors = exchange.stop();
    assert!(!errors.contains("retransmission"), "{errors}");
}
