//! What a request costs on its way in, before it is a command that the exchange applies.
//!
//! `parse`: a datagram is checked and its requests are decoded, fields read. `door`: the whole engine stage up to the
//! decision to take a request: parse, token and address, clock, translation into a command with the look-up of its
//! symbol, rate at the door, repeat check. So that nothing is taken, every request was processed before: enters and
//! replaces repeat old numbers, cancels name orders that are gone or, being idle, cost one look into the index.
//!
//! `tag`: what `mac` authentication verifies before all that, by algorithm, for a datagram.
//!
//! Datagrams lie in 1,024 buffers of 2 KiB, as in a receive ring, and are lent again and again.

use std::cell::Cell;
use std::hint::black_box;
use std::net::SocketAddrV4;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use benches::{Mode, Options, Spread, Stream, Workload, bound, hash, machine, market, replay, request};
use engine::ingress::{EngineLinks, EngineStage};
use engine::runtime::Stage;
use engine::runtime::clock::Clock;
use engine::runtime::links::{RECORD_CELLS_MAX, Rouse};
use engine::runtime::seams::DatagramSource;
use engine::runtime::shutdown::Shutdown;
use protocol::authentication::{LoginKeys, Mac, MacAlgorithm, MacSecret, Secret, open_datagram};
use protocol::order_entry::{DatagramPacker, OrderDatagram, Request};

/// Datagrams in the receive ring.
const RING: usize = 1_024;
/// Bytes of one of its buffers.
const BUFFER: usize = 2_048;
/// Requests a datagram.
const SIZES: [usize; 2] = [1, 28];
/// Operations of the smoke test.
const SMOKE_OPERATIONS: u32 = 60_000;
/// Requests that a run decodes, per operation asked for: a request costs a small part of an operation.
const REQUESTS_AN_OPERATION: usize = 4;

/// The fields read from a ring of datagrams, on every machine: by requests a datagram.
const EXPECTED: [(usize, u64); 2] = [(1, 0x4eb1_0e35_442a_6a3f), (28, 0x9c08_37e4_00ed_ce79)];

fn main() -> ExitCode {
    Mode::run(smoke, |options| {
        measure(options);
        Ok(())
    })
}

/// The workload whose requests are used: it has the most symbols.
fn stream(operations: u32) -> Stream {
    let workload = Workload::named("multi").expect("there is one of that name");
    workload.reduced().stream(operations)
}

fn smoke() {
    let stream = stream(SMOKE_OPERATIONS);
    let mut found = Vec::new();
    for size in SIZES {
        let ring = Ring::of(&stream, size);
        found.push((size, ring.fields()));
        parse(&ring, RING);
        for algorithm in MacAlgorithm::ALL {
            tag(&ring, algorithm, RING);
        }
        door(&stream, &ring, RING);
    }
    assert!(
        found == EXPECTED,
        "other fields are read than before: {found:#x?}"
    );
}

fn measure(options: &Options) {
    println!("{}", machine::line());
    let stream = stream(SMOKE_OPERATIONS);
    println!("{} runs: median (least-most)", options.runs);
    println!(
        "{:<22}{:<24}{:<24}fields",
        "requests a datagram", "ns/request parse", "ns/request door"
    );
    for size in SIZES {
        let ring = Ring::of(&stream, size);
        let datagrams = (options.operations as usize * REQUESTS_AN_OPERATION).div_ceil(size);
        let each = |time: Duration| time.as_nanos() as f64 / (datagrams * size) as f64;
        let parsed = Spread::of((0..options.runs).map(|_| each(parse(&ring, datagrams))));
        let passed = Spread::of((0..options.runs).map(|_| each(door(&stream, &ring, datagrams))));
        println!(
            "{size:<22}{:<24}{:<24}{:016x}",
            parsed.to_string(),
            passed.to_string(),
            ring.fields()
        );
    }
    println!("{:<22}{:<18}ns/datagram tag", "requests a datagram", "algorithm");
    for size in SIZES {
        let ring = Ring::of(&stream, size);
        let datagrams = (options.operations as usize * REQUESTS_AN_OPERATION).div_ceil(size);
        let each = |time: Duration| time.as_nanos() as f64 / datagrams as f64;
        for algorithm in MacAlgorithm::ALL {
            let verified = Spread::of((0..options.runs).map(|_| each(tag(&ring, algorithm, datagrams))));
            println!("{size:<22}{:<18}{verified}", algorithm.name());
        }
    }
}

/// The time it takes to parse `datagrams` of the ring and to read their requests.
fn parse(ring: &Ring, datagrams: usize) -> Duration {
    let start = Instant::now();
    let mut sum = 0;
    for place in 0..datagrams {
        let datagram = OrderDatagram::parse(ring.datagram(place % RING)).expect("all are well formed");
        for request in datagram.requests() {
            sum += u64::from(summary(&request));
        }
    }
    black_box(sum);
    start.elapsed()
}

/// The time it takes to verify the tags of `datagrams` of the ring.
fn tag(ring: &Ring, algorithm: MacAlgorithm, datagrams: usize) -> Duration {
    let secret = Secret::new([1; 32]);
    let keys = LoginKeys::derive(&MacSecret { algorithm, secret }, &[2; 16], b"O000000001");
    let mac: Mac = keys.to_exchange.mac();
    let sealed: Vec<_> = (0..RING)
        .map(|place| {
            let bytes = ring.datagram(place);
            let number = OrderDatagram::number_of(bytes).expect("it has one");
            [bytes, &mac.tag(number, bytes)].concat()
        })
        .collect();
    let start = Instant::now();
    let verified = (0..datagrams)
        .filter(|place| open_datagram(&mac, &sealed[place % RING]).is_some())
        .count();
    assert_eq!(verified, datagrams, "every tag is right");
    start.elapsed()
}

/// A little of what the request says.
fn summary(request: &Request<'_>) -> u32 {
    match request {
        Request::Enter(message, _) => message.quantity.get() ^ message.price.get() as u32,
        Request::Replace(message, _) => message.quantity.get() ^ message.price.get() as u32,
        Request::Cancel(message, _) => message.user_ref_num.get() ^ message.quantity.get(),
        _ => 0,
    }
}

/// The time the engine stage takes for `datagrams` of the ring when it takes none of their requests.
fn door(stream: &Stream, ring: &Ring, datagrams: usize) -> Duration {
    let mut exchange = replay::prepared(stream);
    let mut events = Vec::new();
    for command in &stream.measured {
        events.clear();
        replay::apply(&mut exchange, command, &mut events);
    }
    let requests = ring.size * datagrams;
    let (mut inbound, from_recovery) = rtrb::RingBuffer::new(2 * market::ACCOUNTS as usize);
    // The stage keeps to its links; those below only have to be there and to have room.
    let (notes, _recovery) = rtrb::RingBuffer::new(2 * market::ACCOUNTS as usize);
    let (journal, _journal) = rtrb::RingBuffer::new(2 * market::ACCOUNTS as usize);
    let (output, _output) = rtrb::RingBuffer::new(16 * market::ACCOUNTS as usize + 2 * RECORD_CELLS_MAX);
    let links = EngineLinks {
        inbound: from_recovery,
        notes,
        rouse: Rouse::default(),
        journal,
        output,
        low_space: Arc::new(AtomicBool::new(false)),
        shutdown: Shutdown::default(),
    };
    let left = Rc::new(Cell::new(0));
    let source = RingSource {
        ring,
        next: 0,
        left: Rc::clone(&left),
    };
    let mut stage = EngineStage::new(bound::engine_config(), links, exchange, source, Clock::system());
    bound::bind(market::ACCOUNTS, &mut inbound);
    while stage.poll() > 0 {}

    left.set(datagrams);
    let start = Instant::now();
    while left.get() > 0 {
        stage.poll();
    }
    let time = start.elapsed();

    let counters = stage.counters();
    assert_eq!(
        counters.datagrams.get(),
        datagrams as u64,
        "every datagram was lent"
    );
    assert_eq!(
        counters.repeats.get() + counters.idle_cancels.get(),
        requests as u64,
        "every request went as far as the decision, and none was taken"
    );
    assert_eq!(counters.commands.get(), u64::from(market::ACCOUNTS), "the logins");
    time
}

/// Datagrams of one size, one session each.
struct Ring {
    /// Requests a datagram.
    size: usize,
    bytes: Box<[u8]>,
    /// Of each datagram its length and session.
    datagrams: Vec<(usize, u32)>,
}

impl Ring {
    /// The stream's measured commands as requests, `size` of one session a datagram, sessions in turn. A session whose
    /// requests have been used up begins again.
    fn of(stream: &Stream, size: usize) -> Self {
        let mut requests = vec![Vec::new(); market::ACCOUNTS as usize];
        for command in &stream.measured {
            requests[command.session as usize].push(request::bytes(command));
        }
        let mut requests: Vec<_> = requests.iter().map(|own| own.iter().cycle()).collect();
        let mut packer = DatagramPacker::default();
        let mut bytes = vec![0; RING * BUFFER].into_boxed_slice();
        let mut datagrams = Vec::with_capacity(RING);
        for (place, buffer) in bytes.chunks_exact_mut(BUFFER).enumerate() {
            let session = place as u32 % market::ACCOUNTS;
            packer.start(bound::token(session), place as u64 + 1);
            for request in requests[session as usize].by_ref().take(size) {
                assert!(packer.push(request), "{size} requests fit a datagram");
            }
            assert_eq!(
                usize::from(packer.message_count()),
                size,
                "every session has requests"
            );
            let datagram = packer.finish(None);
            buffer[..datagram.len()].copy_from_slice(datagram);
            datagrams.push((datagram.len(), session));
        }
        Self {
            size,
            bytes,
            datagrams,
        }
    }

    fn datagram(&self, place: usize) -> &[u8] {
        &self.bytes[place * BUFFER..][..self.datagrams[place].0]
    }

    /// A hash over what is read from all requests.
    fn fields(&self) -> u64 {
        let mut fields = 0;
        for place in 0..RING {
            let datagram = OrderDatagram::parse(self.datagram(place)).expect("all are well formed");
            for request in datagram.requests() {
                fields = hash::mix(fields, &summary(&request).to_le_bytes());
            }
        }
        fields
    }
}

/// A session's token: spread like the random ones that the exchange gives.
/// Lends datagrams of the ring until none is left.
struct RingSource<'a> {
    ring: &'a Ring,
    next: usize,
    left: Rc<Cell<usize>>,
}

impl DatagramSource for RingSource<'_> {
    fn poll(&mut self, max: usize, mut take: impl FnMut(SocketAddrV4, &[u8])) -> usize {
        let count = self.left.get().min(max);
        for _ in 0..count {
            let (_, session) = self.ring.datagrams[self.next];
            take(bound::address(session), self.ring.datagram(self.next));
            self.next = (self.next + 1) % RING;
        }
        self.left.set(self.left.get() - count);
        count
    }
}
