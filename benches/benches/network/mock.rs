//! What the same traffic costs without an exchange: a server that answers each order with an acknowledgement and tells it in
//! market data, through the exchange's own sockets, and does nothing else. Its clients count instead of checking.
//!
//! Orders come one in a datagram. What leaves is packed in two ways: each answer in a datagram of its own, or as the exchange
//! packs: the answers of a receive batch to one client share datagrams, and so does its market data.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use benches::Spread;
use benches::document::Table;
use client_sim::cli::arguments::Rate;
use client_sim::cli::load::window;
use engine::config::Durability;
use engine::runtime::seams::{DatagramSink, DatagramSource};
use engine::sys::source::{Options, Source, open};
use engine::sys::udp::{MulticastOptions, MulticastSink, UdpSink};
use feed_handler::receiver::{DATAGRAM_BYTES_MAX, Datagrams, Receiver};

use crate::load::{self, Load, SESSIONS};

/// Bytes of a datagram with one order, as `client-sim` sends it.
const ORDER_BYTES: usize = 70;
/// Bytes of a packet's header, of an acknowledgement and of a message of market data with their lengths.
const HEADER_BYTES: usize = 20;
const ANSWER_BYTES: usize = 66;
const FEED_BYTES: usize = 38;
/// The longest packet.
const PACKET_BYTES: usize = 1_472;
/// Datagrams taken in one turn at most, as the engine does.
const DATAGRAMS_PER_TURN: usize = 512;
/// A client that hears nothing for so long takes what it sent for lost.
const LOST_AFTER: Duration = Duration::from_millis(50);
/// Rounds in which the contenders take turns.
const ROUNDS: u32 = 3;

/// How many answers share a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// None: a datagram for each.
    Alone,
    /// As many as fit.
    Shared,
}

/// What a run came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mocked {
    pub(crate) orders_per_second: f64,
    pub(crate) answered: u64,
    /// Orders or answers that the kernel dropped.
    pub(crate) lost: u64,
    /// Messages of market data that arrived on line A.
    pub(crate) told: u64,
}

/// Sends for `duration`, with as many orders under way as the exchange's clients have at most.
pub(crate) fn run(packing: Packing, duration: Duration) -> io::Result<Mocked> {
    let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let group = |last| -> io::Result<SocketAddrV4> {
        let group = Ipv4Addr::new(239, 192, 0, last);
        Ok(SocketAddrV4::new(
            group,
            UdpSocket::bind((group, 0))?.local_addr()?.port(),
        ))
    };
    let lines = [group(1)?, group(2)?];
    let receivers = lines.map(|line| Receiver::join(line, Ipv4Addr::LOCALHOST).map_err(io::Error::other));
    let (source, description) = open(any, &Options::with_offload()).map_err(io::Error::other)?;
    let stop = Arc::new(AtomicBool::new(false));
    let server = Server {
        sink: source.sink(true)?,
        feed: MulticastSink::open(&lines, &MulticastOptions::default()).map_err(io::Error::other)?,
        lines,
        packing,
        answers: Vec::new(),
        told: Vec::with_capacity(1 << 20),
    };
    let serving = {
        let stop = Arc::clone(&stop);
        thread::spawn(move || server.run(source, &stop))
    };
    let hearing = {
        let stop = Arc::clone(&stop);
        let [a, b] = receivers;
        let (a, b) = (a?, b?);
        thread::spawn(move || hear([a, b], &stop))
    };
    let asked = ask(description.address, packing, duration);
    stop.store(true, Ordering::Relaxed);
    let failed = |_| io::Error::other("a thread of the mock has panicked");
    serving.join().map_err(failed)??;
    let told = hearing.join().map_err(failed)??;
    let (answered, lost, seconds) = asked?;
    Ok(Mocked {
        orders_per_second: answered as f64 / seconds,
        answered,
        lost,
        told,
    })
}

struct Server {
    sink: UdpSink,
    feed: MulticastSink,
    lines: [SocketAddrV4; 2],
    packing: Packing,
    /// Of each client, what waits to leave.
    answers: Vec<(SocketAddrV4, Vec<u8>)>,
    told: Vec<u8>,
}

impl Server {
    fn run(mut self, mut source: Source, stop: &AtomicBool) -> io::Result<()> {
        let (answer, message) = match self.packing {
            Packing::Alone => (HEADER_BYTES + ANSWER_BYTES, HEADER_BYTES + FEED_BYTES),
            Packing::Shared => (ANSWER_BYTES, FEED_BYTES),
        };
        while !stop.load(Ordering::Relaxed) {
            let (answers, told) = (&mut self.answers, &mut self.told);
            let taken = source.poll(DATAGRAMS_PER_TURN, |from, bytes| {
                let place = answers.iter().position(|(client, _)| *client == from);
                let place = place.unwrap_or_else(|| {
                    answers.push((from, Vec::with_capacity(1 << 20)));
                    answers.len() - 1
                });
                let waiting = &mut answers[place].1;
                put(waiting, bytes, answer);
                put(told, bytes, message);
            });
            if taken == 0 {
                std::hint::spin_loop();
                continue;
            }
            self.leave(answer, message)?;
        }
        Ok(())
    }

    fn leave(&mut self, answer: usize, message: usize) -> io::Result<()> {
        let each = |bytes: usize| match self.packing {
            Packing::Alone => bytes,
            Packing::Shared => (PACKET_BYTES - HEADER_BYTES) / bytes * bytes,
        };
        for (client, waiting) in &mut self.answers {
            let datagram = each(answer);
            for burst in waiting.chunks(self.sink.burst_max() * datagram) {
                dropped_is_lost(self.sink.send_burst(*client, burst, datagram))?;
            }
            waiting.clear();
        }
        for packet in self.told.chunks(each(message)) {
            for line in self.lines {
                dropped_is_lost(self.feed.send(line, packet))?;
            }
        }
        self.told.clear();
        Ok(())
    }
}

/// Appends `length` bytes that begin as `bytes`.
fn put(buffer: &mut Vec<u8>, bytes: &[u8], length: usize) {
    let start = buffer.len();
    let copied = bytes.len().min(length);
    buffer.extend_from_slice(&bytes[..copied]);
    buffer.resize(start + length, 0);
}

fn dropped_is_lost(sent: io::Result<()>) -> io::Result<()> {
    match sent {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}

/// Takes both lines; how many messages came on the first.
fn hear(mut lines: [Receiver; 2], stop: &AtomicBool) -> io::Result<u64> {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    let mut messages = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut is_empty = true;
        for (index, line) in lines.iter_mut().enumerate() {
            for _ in 0..64 {
                let Some(datagram) = line.receive(&mut buffer)? else {
                    break;
                };
                is_empty = false;
                if index == 0 {
                    messages += datagram.len() / FEED_BYTES;
                }
            }
        }
        if is_empty {
            thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(messages as u64)
}

/// One client.
struct Client {
    source: Source,
    sink: UdpSink,
    under_way: u64,
    heard: Instant,
}

/// Answers, losses, seconds.
fn ask(server: SocketAddrV4, packing: Packing, duration: Duration) -> io::Result<(u64, u64, f64)> {
    let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let most = u64::from(window(Rate::Max, 1));
    let mut clients = Vec::new();
    for _ in 0..SESSIONS {
        let (source, _) = open(any, &Options::with_offload()).map_err(io::Error::other)?;
        clients.push(Client {
            sink: source.sink(true)?,
            source,
            under_way: 0,
            heard: Instant::now(),
        });
    }
    let orders = vec![7; ORDER_BYTES * clients[0].sink.burst_max()];
    let answer = match packing {
        Packing::Alone => HEADER_BYTES + ANSWER_BYTES,
        Packing::Shared => ANSWER_BYTES,
    };
    let (mut answered, mut lost) = (0, 0);
    let began = Instant::now();
    while began.elapsed() < duration {
        let mut work = 0;
        for client in &mut clients {
            let room = (most - client.under_way) as usize * ORDER_BYTES;
            let burst = &orders[..room.min(orders.len())];
            if !burst.is_empty() {
                dropped_is_lost(client.sink.send_burst(server, burst, ORDER_BYTES))?;
                client.under_way += (burst.len() / ORDER_BYTES) as u64;
                work += 1;
            }
            let mut answers = 0;
            work += client.source.poll(DATAGRAMS_PER_TURN, |_, bytes| {
                answers += (bytes.len() / answer) as u64;
            });
            answered += answers;
            client.under_way = client.under_way.saturating_sub(answers);
            if answers > 0 {
                client.heard = Instant::now();
            } else if client.under_way == most && client.heard.elapsed() > LOST_AFTER {
                lost += client.under_way;
                client.under_way = 0;
                client.heard = Instant::now();
            }
        }
        if work == 0 {
            thread::yield_now();
        }
    }
    Ok((answered, lost, began.elapsed().as_secs_f64()))
}

/// Both mocks and the exchange in turns.
pub(crate) fn compare(duration: Duration) -> Result<String, String> {
    let told = |error: io::Error| error.to_string();
    let names = [
        "bare mock, each answer in a datagram of its own",
        "bare mock, answers and market data packed as the exchange packs them",
        "exchange, durability none",
    ];
    let mut rates = [const { Vec::new() }; 3];
    let mut lost = [0; 3];
    for round in 1..=ROUNDS {
        for (index, packing) in [Packing::Alone, Packing::Shared].into_iter().enumerate() {
            let mocked = run(packing, duration).map_err(told)?;
            rates[index].push(mocked.orders_per_second);
            lost[index] += mocked.lost;
        }
        let outcome = load::run(&Load {
            durability: Durability::None,
            orders_per_datagram: 1,
            rate: 0,
            duration,
        })?;
        if !outcome.is_whole() {
            return Err(outcome.verdict());
        }
        rates[2].push(outcome.orders_per_second);
        lost[2] += outcome.never_applied;
        let last = rates.each_ref().map(|rates| rates[rates.len() - 1] as u64);
        eprintln!("mock, round {round} of {ROUNDS}: {last:?} orders/s");
    }
    let spreads = rates.map(|rates| Spread::of(rates.into_iter().map(|rate| rate / 1e3)));
    let mut table = Table::new(&[
        "one order a datagram",
        "thousand orders/s, median (least-most)",
        "exchange, part of it",
        "lost",
    ]);
    for ((name, spread), lost) in names.iter().zip(&spreads).zip(lost) {
        table.row([
            (*name).to_owned(),
            spread.to_string(),
            format!("{:.2}", spreads[2].median / spread.median),
            lost.to_string(),
        ]);
    }
    Ok(format!(
        "### One order a datagram\n\n{table}\nIn turns, {} s each; {SESSIONS} clients with up to {} orders under way each. The mock receives and sends through the exchange's own source and sinks, and its clients only count. Goal: 0.60.\n",
        duration.as_secs(),
        window(Rate::Max, 1),
    ))
}

/// Small runs of both.
pub(crate) fn smoke() {
    for packing in [Packing::Alone, Packing::Shared] {
        let mocked = run(packing, Duration::from_millis(200)).expect("loopback");
        assert!(mocked.answered > 0 && mocked.told > 0, "{packing:?}: {mocked:?}");
    }
}
