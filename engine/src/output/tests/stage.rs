//! The stage with sinks that remember: what leaves, in which order, to whom, and when.

use std::cell::{Cell as Flag, RefCell};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use protocol::authentication::{Key, LoginKeys, MacAlgorithm, MacSecret, Secret, open_packet};
use protocol::packet::{END_OF_SESSION, Packet, PacketKind};
use rtrb::{Producer, RingBuffer};

use super::{event, listing, order};
use crate::exchange::command::{Command, CommandKind};
use crate::exchange::event::{Event, EventKind};
use crate::output::window::{self, FEED_STREAM, Reader, Record};
use crate::output::{ENDING_NS, Encoder, HEARTBEAT_NS, OutputConfig, OutputGroups, OutputLinks, OutputStage};
use crate::runtime::Stage;
use crate::runtime::clock::Clock;
use crate::runtime::counters::Counter;
use crate::runtime::links::{Cell, Header, RecordKind, write_step};
use crate::runtime::seams::DatagramSink;

const LINE_A: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 192, 0, 1), 26477);
const LINE_B: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 192, 0, 2), 26477);
const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 1, 2, 3), 50_000);
const ELSEWHERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 1, 2, 4), 50_001);
const SEALED: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 1, 2, 5), 50_002);
const START_NS: u64 = 5_000 * HEARTBEAT_NS;
const SESSIONS: u32 = 200;

/// The key of what is sent to [`SEALED`].
fn key() -> Key {
    let secret = Secret::new([1; 32]);
    let algorithm = MacAlgorithm::Aes128Gmac;
    LoginKeys::derive(&MacSecret { algorithm, secret }, &[2; 16], b"O000070001").to_client
}

/// A datagram, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    to: SocketAddrV4,
    name: String,
    sequence: u64,
    count: u16,
    /// Type bytes of its messages.
    types: String,
    bytes: usize,
    /// Its send counter, where it is sealed.
    counter: Option<u64>,
}

impl Sent {
    fn parse(to: SocketAddrV4, datagram: &[u8]) -> Self {
        let opened = (to == SEALED).then(|| {
            let opened = open_packet(&key().mac(), datagram);
            opened.expect("what goes there is sealed")
        });
        let bytes = opened.map_or(datagram, |(_, packet)| packet);
        let packet = Packet::parse(bytes).expect("every datagram is a packet");
        Self {
            to,
            name: String::from_utf8(packet.session().to_vec()).expect("names are ASCII"),
            sequence: packet.sequence(),
            count: match packet.kind() {
                PacketKind::EndOfSession => END_OF_SESSION,
                PacketKind::Heartbeat | PacketKind::Messages => packet.count(),
            },
            types: packet.messages().map(|message| char::from(message[0])).collect(),
            bytes: datagram.len(),
            counter: opened.map(|(counter, _)| counter),
        }
    }
}

/// Both sinks write into one log, so that their order can be seen.
#[derive(Debug, Clone, Default)]
struct Wire {
    log: Rc<RefCell<Vec<Sent>>>,
    refusal: Rc<Flag<Option<io::ErrorKind>>>,
    /// Datagrams that are taken at once, unless it is one.
    together: Rc<Flag<usize>>,
    /// How many datagrams each burst had.
    bursts: Rc<RefCell<Vec<usize>>>,
}

impl DatagramSink for Wire {
    fn burst_max(&self) -> usize {
        self.together.get().max(1)
    }

    fn send_burst(&mut self, to: SocketAddrV4, bytes: &[u8], each: usize) -> io::Result<()> {
        let datagrams: Vec<_> = bytes.chunks(each).collect();
        assert!((1..=self.burst_max()).contains(&datagrams.len()));
        self.bursts.borrow_mut().push(datagrams.len());
        datagrams.iter().try_for_each(|datagram| self.send(to, datagram))
    }

    fn send(&mut self, to: SocketAddrV4, bytes: &[u8]) -> io::Result<()> {
        match self.refusal.get() {
            Some(kind) => Err(kind.into()),
            None => {
                self.log.borrow_mut().push(Sent::parse(to, bytes));
                Ok(())
            }
        }
    }
}

/// The stage in its surroundings.
struct Bench {
    stage: OutputStage<Wire, Wire>,
    wire: Wire,
    records: Producer<Cell>,
    released: Arc<CachePadded<AtomicU64>>,
    time: Arc<AtomicU64>,
    window: Reader,
    next_command: u64,
}

impl Bench {
    fn new() -> Self {
        Self::with(Some(LINE_B), 1472, 1 << 16)
    }

    /// BTC-USD is listed (command 1, feed message 1) and what that sent is forgotten.
    fn with(line_b: Option<SocketAddrV4>, datagram_bytes_max: usize, ring: usize) -> Self {
        let (records, consumer) = RingBuffer::new(ring);
        let (writer, window) = window::create(1 << 20);
        let released = Arc::new(CachePadded::new(AtomicU64::new(0)));
        let time = Arc::new(AtomicU64::new(START_NS));
        let wire = Wire::default();
        let config = OutputConfig {
            sessions: SESSIONS,
            day: 1,
            has_ended: false,
            line_a: LINE_A,
            line_b,
            datagram_bytes_max,
            replayed: 0,
        };
        let links = OutputLinks {
            records: consumer,
            released: Arc::clone(&released),
            window: writer,
        };
        let stage = OutputStage::new(
            config,
            links,
            Encoder::new(4, SESSIONS),
            Clock::Manual(Arc::clone(&time)),
            wire.clone(),
            wire.clone(),
        );
        let mut bench = Self {
            stage,
            wire,
            records,
            released,
            time,
            window,
            next_command: 1,
        };
        let (command, event) = listing();
        bench.step(command, &[event]);
        bench.release_all();
        bench.stage.poll();
        bench.sent();
        bench.windowed();
        bench
    }

    fn push(&mut self, cells: &[Cell]) {
        self.records.push_entire_slice(cells).expect("the ring has room");
    }

    /// A command with one step. Returns its number.
    fn step(&mut self, command: Command, events: &[Event]) -> u64 {
        self.part(command, true, events);
        self.next_command += 1;
        self.next_command - 1
    }

    /// One step of the command in progress.
    fn part(&mut self, command: Command, last: bool, events: &[Event]) {
        let command = Command {
            sequence: self.next_command,
            ..command
        };
        let mut cells = Vec::new();
        write_step(&mut cells, &command, last, events);
        self.push(&cells);
    }

    fn bind(&mut self, session: u32, address: SocketAddrV4) {
        let header = Header {
            session,
            ip: address.ip().to_bits(),
            port: u32::from(address.port()),
            ..Header::new(RecordKind::Bind)
        };
        self.push(&[zerocopy::transmute!(header)]);
    }

    fn bind_sealed(&mut self, session: u32) {
        let header = Header {
            session,
            ip: SEALED.ip().to_bits(),
            port: u32::from(SEALED.port()),
            ..Header::new(RecordKind::BindSealed)
        };
        self.push(&[zerocopy::transmute!(header), key().to_words()]);
    }

    fn unbind(&mut self, session: u32) {
        let header = Header {
            session,
            ..Header::new(RecordKind::Unbind)
        };
        self.push(&[zerocopy::transmute!(header)]);
    }

    fn release(&mut self, sequence: u64) {
        self.released.store(sequence, Ordering::Release);
    }

    fn release_all(&mut self) {
        self.release(self.next_command - 1);
    }

    fn pass(&mut self, ns: u64) {
        self.time.fetch_add(ns, Ordering::Relaxed);
    }

    /// What was sent since the last call.
    fn sent(&mut self) -> Vec<Sent> {
        self.wire.log.take()
    }

    /// What came through the window since the last call: stream, sequence, type; or a released number; days as `=`.
    fn windowed(&mut self) -> Vec<Result<(u32, u64, char), u64>> {
        let mut buffer = [0; window::MESSAGE_BYTES_MAX];
        let mut records = Vec::new();
        while let Some(record) = self.window.next(&mut buffer).expect("the window is large enough") {
            records.push(match record {
                Record::Message { stream, sequence, .. } => Ok((stream, sequence, char::from(buffer[0]))),
                Record::Released(command) => Err(command),
                Record::Day(day) => Ok((FEED_STREAM, u64::from(day), '=')),
            });
        }
        records
    }

    /// Polls once, gives what was sent.
    fn poll(&mut self) -> Vec<Sent> {
        self.stage.poll();
        self.sent()
    }
}

/// An order that rests: one acknowledgement, one feed message.
fn enter(session: u32) -> (Command, [Event; 2]) {
    let command = Command::new(CommandKind::Enter).with_order(order());
    let on = |kind| {
        event(kind, |event| {
            event.instrument = 1;
            event.session = session;
        })
    };
    (command, [on(EventKind::Accepted), on(EventKind::Added)])
}

fn sent(to: SocketAddrV4, name: &str, sequence: u64, types: &str) -> Sent {
    Sent {
        to,
        name: name.to_owned(),
        sequence,
        count: types.len() as u16,
        types: types.to_owned(),
        bytes: 20
            + types
                .chars()
                .map(|message| match message {
                    'A' if name.starts_with('O') => 2 + 64,
                    'A' => 2 + 36,
                    'C' => 2 + 18,
                    'D' => 2 + 19,
                    'S' => 2 + 12,
                    _ => panic!("a message these tests do not make"),
                })
                .sum::<usize>(),
        counter: None,
    }
}

#[test]
fn nothing_leaves_before_it_is_released() {
    let mut bench = Bench::new();
    bench.bind(3, CLIENT);
    assert_eq!(
        bench.poll(),
        [sent(CLIENT, "O000030001", 1, "")],
        "the heartbeat of the binding"
    );
    let (command, events) = enter(3);
    let first = bench.step(command, &events);
    let second = bench.step(command, &events);
    assert_eq!(bench.poll(), []);
    assert_eq!(bench.windowed(), []);
    assert!(bench.stage.is_drained(), "what waits may not leave");
    bench.release(first);
    assert!(!bench.stage.is_drained());
    let expected = |sequence| {
        [
            sent(CLIENT, "O000030001", sequence, "A"),
            sent(LINE_A, "ITCH000001", sequence + 1, "A"),
            sent(LINE_B, "ITCH000001", sequence + 1, "A"),
        ]
    };
    assert_eq!(bench.poll(), expected(1));
    assert_eq!(
        bench.windowed(),
        [Ok((3, 1, 'A')), Ok((FEED_STREAM, 2, 'A')), Err(first)]
    );
    assert_eq!(bench.poll(), []);
    bench.release(second);
    assert_eq!(bench.poll(), expected(2));
    assert_eq!(
        bench.windowed(),
        [Ok((3, 2, 'A')), Ok((FEED_STREAM, 3, 'A')), Err(second)]
    );
    assert!(bench.stage.is_drained());
}

#[test]
fn all_acknowledgements_of_a_release_leave_before_its_market_data() {
    let mut bench = Bench::new();
    // More sessions than packets being filled at once, and more messages than one packet has room for.
    for session in 0..100 {
        bench.bind(session, CLIENT);
    }
    bench.release_all();
    assert_eq!(bench.poll().len(), 100);
    for round in 0..2 {
        for session in 0..100 {
            let (command, events) = enter(session);
            bench.step(command, &events);
        }
        let (command, _) = enter(round);
        bench.step(command, &[]);
    }
    bench.release_all();
    let sent = bench.poll();
    let first_feed = sent.iter().position(|sent| sent.name.starts_with('I'));
    let first_feed = first_feed.expect("there is market data");
    let (acknowledgements, feed) = sent.split_at(first_feed);
    assert_eq!(
        acknowledgements
            .iter()
            .map(|sent| usize::from(sent.count))
            .sum::<usize>(),
        200
    );
    for session in 0..100_u32 {
        let name = format!("O{session:05}0001");
        let of_session = acknowledgements.iter().filter(|sent| sent.name == name);
        let mut next = 1;
        for packet in of_session {
            assert_eq!(packet.sequence, next);
            next += u64::from(packet.count);
        }
        assert_eq!(next, 3);
    }
    assert!(feed.iter().all(|sent| sent.name == "ITCH000001"));
    assert_eq!(
        feed.iter().map(|sent| usize::from(sent.count)).sum::<usize>(),
        2 * 200
    );
}

#[test]
fn packets_are_filled_up_to_the_configured_size() {
    for size in [512, 1000, 1472] {
        let mut bench = Bench::with(None, size, 1 << 16);
        bench.bind(7, CLIENT);
        bench.poll();
        let (command, events) = enter(7);
        for _ in 0..200 {
            bench.step(command, &events);
        }
        bench.release_all();
        let sent = bench.poll();
        let mut next = [1, 2];
        let per_packet = [(size - 20) / 66, (size - 20) / 38];
        for packet in &sent {
            let stream = usize::from(packet.to == LINE_A);
            assert!(packet.bytes <= size);
            assert_eq!(packet.sequence, next[stream]);
            next[stream] += u64::from(packet.count);
            let left = 200 + [1, 2][stream] - packet.sequence;
            assert_eq!(usize::from(packet.count), per_packet[stream].min(left as usize));
        }
        assert_eq!(next, [201, 202]);
    }
}

#[test]
fn acknowledgements_of_a_release_leave_in_bursts_of_one_size() {
    for (together, expected) in [(44, [31, 1, 6].as_slice()), (10, &[10, 10, 10, 1, 1, 6])] {
        let mut bench = Bench::with(None, 512, 1 << 16);
        bench.wire.together.set(together);
        bench.bind(7, CLIENT);
        let beside = SocketAddrV4::new(Ipv4Addr::new(10, 1, 2, 4), 50_000);
        bench.bind(8, beside);
        bench.poll();
        // 7 acknowledgements of 66 bytes fill a packet of 512.
        let (command, events) = enter(7);
        let (other, its_events) = enter(8);
        bench.step(other, &its_events);
        for _ in 0..36 * 7 + 3 {
            bench.step(command, &events);
        }
        bench.release_all();
        let sent = bench.poll();
        let mine: Vec<_> = sent.iter().filter(|sent| sent.to == CLIENT).collect();
        let (last, full) = mine.split_last().expect("there are some");
        assert!(full.iter().all(|packet| packet.bytes == 512 && packet.count == 7));
        assert!(last.bytes < 512, "the last is as short as it is");
        let mut next = 1;
        for packet in mine {
            assert_eq!(packet.sequence, next);
            next += u64::from(packet.count);
        }
        assert_eq!(*bench.wire.bursts.borrow(), expected);
    }
}

#[test]
fn sealed_packets_are_counted_and_have_the_size_of_others() {
    for together in [1, 44] {
        let mut bench = Bench::with(None, 512, 1 << 16);
        bench.wire.together.set(together);
        bench.bind_sealed(7);
        bench.bind(8, CLIENT);
        let greetings = bench.poll();
        assert_eq!(
            (greetings[0].to, greetings[0].bytes, greetings[0].counter),
            (SEALED, 44, Some(1))
        );
        assert_eq!((greetings[1].to, greetings[1].bytes), (CLIENT, 20));
        // 7 acknowledgements of 66 bytes fill a packet of 512, and one of 488 too.
        for session in [7, 8] {
            let (command, events) = enter(session);
            for _ in 0..7 * 7 + 3 {
                bench.step(command, &events);
            }
        }
        bench.release_all();
        let mut sent = bench.poll();
        bench.pass(HEARTBEAT_NS);
        sent.extend(bench.poll());
        let sealed: Vec<_> = sent.iter().filter(|sent| sent.to == SEALED).collect();
        let counters: Vec<_> = sealed.iter().filter_map(|sent| sent.counter).collect();
        assert_eq!(counters, (2..2 + sealed.len() as u64).collect::<Vec<_>>());
        let (mut next, mut sizes) = (1, Vec::new());
        for packet in &sealed {
            assert_eq!(packet.sequence, next);
            next += u64::from(packet.count);
            sizes.push((packet.count, packet.bytes));
        }
        let full = if together == 1 { 20 + 7 * 66 + 24 } else { 512 };
        let expected = [[(7, full); 7].as_slice(), &[(3, 20 + 3 * 66 + 24), (0, 44)]].concat();
        assert_eq!(sizes, expected);
        bench.unbind(7);
        bench.bind(7, CLIENT);
        assert!(bench.poll().iter().all(|sent| sent.counter.is_none()));
    }
}

#[test]
fn both_lines_carry_the_same_and_line_b_may_be_off() {
    for line_b in [Some(LINE_B), None] {
        let mut bench = Bench::with(line_b, 1472, 1 << 16);
        let (command, events) = enter(0);
        for _ in 0..100 {
            bench.step(command, &events);
        }
        bench.release_all();
        let sent = bench.poll();
        let on = |line| -> Vec<_> {
            sent.iter()
                .filter(|sent| sent.to == line)
                .map(|sent| (sent.sequence, sent.types.clone(), sent.bytes))
                .collect()
        };
        assert_eq!(on(LINE_A).len(), 3);
        assert_eq!(on(LINE_B), if line_b.is_some() { on(LINE_A) } else { vec![] });
    }
}

#[test]
fn acknowledgements_follow_the_binding_in_the_order_of_records() {
    let mut bench = Bench::new();
    let (command, events) = enter(3);
    let enter = |bench: &mut Bench| {
        bench.step(command, &events[..1]);
    };
    // Unbound: for the window alone.
    enter(&mut bench);
    bench.bind(3, CLIENT);
    enter(&mut bench);
    enter(&mut bench);
    bench.bind(3, ELSEWHERE);
    enter(&mut bench);
    bench.unbind(3);
    enter(&mut bench);
    // A second unbind changes nothing.
    bench.unbind(3);
    bench.release_all();
    assert_eq!(
        bench.poll(),
        [
            sent(CLIENT, "O000030001", 2, ""),
            sent(CLIENT, "O000030001", 2, "AA"),
            sent(ELSEWHERE, "O000030001", 4, ""),
            sent(ELSEWHERE, "O000030001", 4, "A"),
        ]
    );
    let mut expected: Vec<_> = (1..=5).map(|sequence| Ok((3, sequence, 'A'))).collect();
    expected.push(Err(bench.next_command - 1));
    assert_eq!(bench.windowed(), expected);
    let counters = bench.stage.counters().acknowledgements;
    assert_eq!(
        (
            counters.messages.get(),
            counters.heartbeats.get(),
            counters.datagrams.get()
        ),
        (3, 2, 4)
    );
    bench.pass(10 * HEARTBEAT_NS);
    assert!(
        bench
            .poll()
            .iter()
            .all(|sent| sent.to != CLIENT && sent.to != ELSEWHERE)
    );
}

#[test]
fn silent_streams_send_heartbeats() {
    let mut bench = Bench::with(None, 1472, 1 << 16);
    bench.bind(3, CLIENT);
    bench.poll();
    bench.pass(HEARTBEAT_NS / 2);
    bench.bind(4, ELSEWHERE);
    bench.poll();
    bench.pass(HEARTBEAT_NS / 2 - 1);
    assert_eq!(bench.poll(), [], "silent for a second less a nanosecond");
    bench.pass(1);
    assert_eq!(
        bench.poll(),
        [
            sent(LINE_A, "ITCH000001", 2, ""),
            sent(CLIENT, "O000030001", 1, "")
        ]
    );
    bench.pass(HEARTBEAT_NS / 2);
    assert_eq!(bench.poll(), [sent(ELSEWHERE, "O000040001", 1, "")]);
    // Messages count as signs of life.
    let (command, events) = enter(3);
    bench.step(command, &events);
    bench.release_all();
    assert_eq!(bench.poll().len(), 2);
    bench.pass(HEARTBEAT_NS - 1);
    assert_eq!(bench.poll(), []);
    // Walks over the sessions are a millisecond apart.
    bench.pass(HEARTBEAT_NS / 1_000);
    assert_eq!(
        bench.poll(),
        [
            sent(LINE_A, "ITCH000001", 3, ""),
            sent(CLIENT, "O000030001", 2, ""),
            sent(ELSEWHERE, "O000040001", 1, ""),
        ]
    );
    let counters = bench.stage.counters();
    assert_eq!(counters.feed.heartbeats.get(), 2);
    assert_eq!(counters.acknowledgements.heartbeats.get(), 2 + 4);
}

#[test]
fn many_sessions_get_their_heartbeats_a_portion_at_a_time() {
    let mut bench = Bench::with(None, 1472, 1 << 16);
    for session in 0..SESSIONS {
        bench.bind(session, CLIENT);
    }
    // The walk that the bindings start ends with these polls.
    for _ in 0..5 {
        bench.stage.poll();
    }
    bench.sent();
    bench.pass(HEARTBEAT_NS);
    let mut heard = vec![0; SESSIONS as usize];
    for poll in 0..10 {
        let sent = bench.poll();
        assert!(sent.len() <= 65, "bounded work");
        if poll == 1 {
            // Moves the last session to the place of one that the walk has passed.
            bench.unbind(0);
        }
        for packet in sent.iter().filter(|sent| sent.to == CLIENT) {
            heard[packet.name[1..6].parse::<usize>().expect("five digits")] += 1;
        }
    }
    assert_eq!(heard, vec![1; SESSIONS as usize]);
}

#[test]
fn records_may_wrap_around_the_ring_and_come_in_pieces() {
    let mut bench = Bench::with(None, 1472, 300);
    let (command, events) = enter(0);
    let many: Vec<Event> = (0..200).map(|index| events[index % 2]).collect();
    let mut feed_messages = 0;
    for round in 0..50 {
        let count = (round * 37) % 200;
        let command = Command {
            sequence: bench.next_command,
            ..command
        };
        let mut cells = Vec::new();
        write_step(&mut cells, &command, true, &many[..count]);
        bench.release(bench.next_command);
        let (first, second) = cells.split_at(cells.len() / 2);
        bench.push(first);
        assert_eq!(bench.poll(), [], "a record that is not whole");
        bench.push(second);
        feed_messages += bench
            .poll()
            .iter()
            .map(|sent| usize::from(sent.count))
            .sum::<usize>();
        bench.next_command += 1;
    }
    let expected: usize = (0..50).map(|round| (round * 37) % 200 / 2).sum();
    assert_eq!(feed_messages, expected);
    assert_eq!(bench.stage.encoder().feed_next(), expected as u64 + 2);
}

#[test]
fn a_poll_is_bounded_and_goes_on_where_it_stopped() {
    let mut bench = Bench::with(None, 1472, 1 << 16);
    let (command, events) = enter(0);
    let many = [events[1]; 256];
    for _ in 0..40 {
        bench.step(command, &many);
    }
    bench.release_all();
    let mut polls = 0;
    let mut next = 2;
    while !bench.stage.is_drained() {
        let sent = bench.poll();
        let messages: u64 = sent.iter().map(|sent| u64::from(sent.count)).sum();
        assert!((1..=4096).contains(&messages));
        assert_eq!(sent[0].sequence, next);
        next += messages;
        polls += 1;
    }
    assert_eq!((polls, next), (3, 2 + 10_240));
}

#[test]
fn the_window_says_released_only_between_commands() {
    let mut bench = Bench::new();
    let (command, events) = enter(0);
    let before = bench.step(command, &events[..1]);
    // A long command of three steps; two of them are there when it is released.
    bench.part(command, false, &events[..1]);
    bench.part(command, false, &events[..1]);
    let long = bench.next_command;
    bench.release(long);
    bench.poll();
    assert_eq!(
        bench.windowed(),
        [Ok((0, 1, 'A')), Err(before), Ok((0, 2, 'A')), Ok((0, 3, 'A'))]
    );
    bench.step(command, &events[..1]);
    bench.poll();
    assert_eq!(bench.windowed(), [Ok((0, 4, 'A')), Err(long)]);
}

#[test]
fn a_command_without_events_is_reported_too() {
    let mut bench = Bench::new();
    let silent = bench.step(Command::new(CommandKind::Deposit), &[]);
    bench.release_all();
    assert_eq!(bench.poll(), []);
    assert_eq!(bench.windowed(), [Err(silent)]);
}

#[test]
fn what_can_not_be_sent_is_counted_and_stays_in_the_window() {
    let mut bench = Bench::new();
    bench.bind(3, CLIENT);
    bench.poll();
    let before = bench.stage.counters().feed.datagrams.get();
    for (kind, expected) in [
        (io::ErrorKind::WouldBlock, (1, 0, 2, 0)),
        (io::ErrorKind::NetworkUnreachable, (1, 1, 2, 2)),
    ] {
        bench.wire.refusal.set(Some(kind));
        let (command, events) = enter(3);
        bench.step(command, &events);
        bench.release_all();
        assert_eq!(bench.poll(), []);
        assert_eq!(bench.windowed().len(), 3);
        let counters = bench.stage.counters();
        assert_eq!(
            (
                counters.acknowledgements.dropped.get(),
                counters.acknowledgements.failed.get(),
                counters.feed.dropped.get(),
                counters.feed.failed.get()
            ),
            expected
        );
        assert_eq!(counters.feed.datagrams.get(), before);
    }
    bench.wire.refusal.set(None);
    let (command, events) = enter(3);
    bench.step(command, &events);
    bench.release_all();
    assert_eq!(
        bench.poll()[0],
        sent(CLIENT, "O000030001", 3, "A"),
        "the numbers go on"
    );
}

#[test]
fn counters_add_up() {
    let mut bench = Bench::new();
    bench.bind(3, CLIENT);
    let counters = bench.stage.counters();
    let stage = |counters: &OutputGroups| {
        let stage = &counters.stage;
        [&stage.records, &stage.events, &stage.releases].map(Counter::get)
    };
    let feed = |counters: &OutputGroups| {
        let feed = &counters.feed;
        [&feed.messages, &feed.datagrams, &feed.bytes].map(Counter::get)
    };
    let (stage_before, feed_before) = (stage(&counters), feed(&counters));
    let (command, events) = enter(3);
    for _ in 0..5 {
        bench.step(command, &events);
    }
    bench.release_all();
    let sent = bench.poll();
    let more = |now: [u64; 3], before: [u64; 3]| std::array::from_fn(|place| now[place] - before[place]);
    assert_eq!(more(stage(&counters), stage_before), [6, 10, 1]);
    let [messages, datagrams, bytes] = more(feed(&counters), feed_before);
    assert_eq!((messages, datagrams), (5, 2));
    assert_eq!(counters.acknowledgements.messages.get(), 5);
    assert_eq!(counters.acknowledgements.datagrams.get(), 2);
    let bytes = counters.acknowledgements.bytes.get() + bytes;
    assert_eq!(bytes, sent.iter().map(|sent| sent.bytes as u64).sum::<u64>());
}

/// Nothing but a roll ends the streams of acknowledgements; those of market data end with the end of messages.
#[test]
fn streams_end_with_the_day() {
    let end = |to, name, sequence| Sent {
        count: END_OF_SESSION,
        ..sent(to, name, sequence, "")
    };
    let mut bench = Bench::new();
    bench.bind(3, CLIENT);
    bench.bind(5, ELSEWHERE);
    let (command, events) = enter(3);
    bench.step(command, &events);
    bench.release_all();
    while bench.stage.poll() > 0 {}
    assert!(bench.sent().iter().all(|sent| sent.count != END_OF_SESSION));

    let event = |kind, code, number| Event {
        code,
        number,
        ..Event::new(kind)
    };
    let over = Command::new(CommandKind::SystemEvent).with_state(b'C');
    bench.step(over, &[event(EventKind::SystemEvent, b'C', 0)]);
    bench.release_all();
    bench.stage.poll();
    assert_eq!(
        bench.sent(),
        [
            sent(LINE_A, "ITCH000001", 3, "S"),
            sent(LINE_B, "ITCH000001", 3, "S"),
            end(LINE_A, "ITCH000001", 4),
            end(LINE_B, "ITCH000001", 4),
        ]
    );
    bench.pass(HEARTBEAT_NS);
    bench.stage.poll();
    let again = bench.sent();
    assert!(again.contains(&end(LINE_A, "ITCH000001", 4)), "{again:?}");
    assert!(again.contains(&sent(CLIENT, "O000030001", 2, "")), "{again:?}");

    bench.step(
        Command::new(CommandKind::RollDay),
        &[
            event(EventKind::DayRolled, 0, 2),
            event(EventKind::SystemEvent, b'O', 0),
        ],
    );
    bench.release_all();
    bench.stage.poll();
    assert_eq!(
        bench.sent(),
        [
            end(CLIENT, "O000030001", 2),
            end(ELSEWHERE, "O000050001", 1),
            end(LINE_A, "ITCH000001", 4),
            end(LINE_B, "ITCH000001", 4),
            sent(LINE_A, "ITCH000002", 1, "S"),
            sent(LINE_B, "ITCH000002", 1, "S"),
        ]
    );
    // Nobody is bound, the new day has its heartbeats, and the old one's end is told for the rest of its time.
    bench.pass(HEARTBEAT_NS);
    bench.stage.poll();
    assert_eq!(
        bench.sent(),
        [
            end(LINE_A, "ITCH000001", 4),
            end(LINE_B, "ITCH000001", 4),
            sent(LINE_A, "ITCH000002", 2, ""),
            sent(LINE_B, "ITCH000002", 2, ""),
        ]
    );
    bench.pass(ENDING_NS);
    bench.stage.poll();
    assert_eq!(
        bench.sent(),
        [
            sent(LINE_A, "ITCH000002", 2, ""),
            sent(LINE_B, "ITCH000002", 2, ""),
        ]
    );
    bench.bind(3, CLIENT);
    bench.release_all();
    bench.stage.poll();
    assert_eq!(bench.sent(), [sent(CLIENT, "O000030002", 1, "")]);
}

#[test]
fn a_restarted_stage_continues_its_streams() {
    struct Nowhere;
    impl crate::output::MessageSink for Nowhere {
        fn feed(&mut self, _sequence: u64, _message: &[u8]) {}
        fn session(&mut self, _session: u32, _sequence: u64, _message: &[u8]) {}
    }
    let mut encoder = Encoder::new(4, SESSIONS);
    let (command, event) = listing();
    encoder.encode(&command, &[event], &mut Nowhere);
    let (command, events) = enter(3);
    encoder.encode(&command, &events, &mut Nowhere);

    let (mut records, consumer) = RingBuffer::new(64);
    let (writer, mut window) = window::create(1 << 16);
    let wire = Wire::default();
    let config = OutputConfig {
        sessions: SESSIONS,
        day: 1,
        has_ended: false,
        line_a: LINE_A,
        line_b: None,
        datagram_bytes_max: 1472,
        replayed: 2,
    };
    let links = OutputLinks {
        records: consumer,
        released: Arc::new(CachePadded::new(AtomicU64::new(3))),
        window: writer,
    };
    let clock = Clock::Manual(Arc::new(AtomicU64::new(START_NS)));
    let mut stage = OutputStage::new(config, links, encoder, clock, wire.clone(), wire.clone());
    let mut buffer = [0; window::MESSAGE_BYTES_MAX];
    assert_eq!(window.next(&mut buffer), Ok(Some(Record::Released(2))));
    stage.poll();
    assert_eq!(wire.log.take(), [sent(LINE_A, "ITCH000001", 3, "")]);
    let mut cells = Vec::new();
    write_step(
        &mut cells,
        &Command {
            sequence: 3,
            ..command
        },
        true,
        &events,
    );
    records.push_entire_slice(&cells).expect("the ring has room");
    stage.poll();
    assert_eq!(wire.log.take(), [sent(LINE_A, "ITCH000001", 3, "A")]);
}
