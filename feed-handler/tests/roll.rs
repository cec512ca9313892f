//! The roll of the day at a subscriber, with losses around it: lines and a recovery service without sockets, whose
//! packets the test plans one by one.

mod support;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;

use feed_handler::receiver::Datagrams;
use feed_handler::recovery_link::Connect;
use feed_handler::{Capacity, Market, Side, State, Subscriber, SubscriberConfig};
use protocol::packet::Packer;
use protocol::soup::{ClientPacket, Decoder, REJECT_SESSION, encode};
use support::{added, directory, executed, state};

const MONDAY: [u8; 10] = *b"ITCH000001";
const TUESDAY: [u8; 10] = *b"ITCH000002";
const MILLISECOND: u64 = 1_000_000;
const CAPACITY: Capacity = Capacity {
    instruments: 4,
    orders: 64,
    levels: 64,
};

/// A line: what is on its way.
#[derive(Clone, Default)]
struct FakeLine(Rc<RefCell<VecDeque<Vec<u8>>>>);

impl Datagrams for FakeLine {
    fn receive<'a>(&mut self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        let Some(packet) = self.0.borrow_mut().pop_front() else {
            return Ok(None);
        };
        buffer[..packet.len()].copy_from_slice(&packet);
        Ok(Some(&buffer[..packet.len()]))
    }
}

/// Everything published, by session.
#[derive(Debug)]
struct Published {
    streams: BTreeMap<[u8; 10], Vec<Vec<u8>>>,
    today: [u8; 10],
    /// Logins: the session that each got, and from where.
    logins: Vec<([u8; 10], u64)>,
}

#[derive(Debug, Clone)]
struct Service(Rc<RefCell<Published>>);

#[derive(Debug)]
struct Conversation {
    published: Rc<RefCell<Published>>,
    decoder: Decoder,
    outgoing: Vec<u8>,
    at: Option<([u8; 10], usize)>,
    has_ended: bool,
}

impl Connect for Service {
    type Stream = Conversation;

    fn connect(&mut self) -> Result<Conversation, ErrorKind> {
        Ok(Conversation {
            published: Rc::clone(&self.0),
            decoder: Decoder::new(1_024),
            outgoing: Vec::new(),
            at: None,
            has_ended: false,
        })
    }

    fn is_up(&self, _stream: &Conversation) -> Result<bool, ErrorKind> {
        Ok(true)
    }
}

impl Write for Conversation {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.decoder.space()[..bytes.len()].copy_from_slice(bytes);
        self.decoder.filled(bytes.len());
        while let Some(packet) = self.decoder.next_from_client().expect("SoupBinTCP") {
            let ClientPacket::Login(login) = packet else {
                continue;
            };
            let mut published = self.published.borrow_mut();
            let names = [published.today, MONDAY];
            let mut buffer = [0; 64];
            let length = match names.into_iter().find(|name| login.asks_for(name)) {
                Some(name) => {
                    let first = login.requested_sequence.max(1);
                    published.logins.push((name, first));
                    self.at = Some((name, first as usize - 1));
                    encode::login_accepted(name, first, &mut buffer)
                }
                None => encode::login_rejected(REJECT_SESSION, &mut buffer),
            };
            self.outgoing
                .extend_from_slice(&buffer[..length.expect("it fits")]);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Conversation {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let published = self.published.borrow();
        if let Some((name, next)) = &mut self.at {
            let mut buffer = [0; 64];
            for message in &published.streams[name][*next..] {
                let length = encode::sequenced(message, &mut buffer).expect("it fits");
                self.outgoing.extend_from_slice(&buffer[..length]);
                *next += 1;
            }
            if *name != published.today && !self.has_ended {
                self.has_ended = true;
                self.outgoing.extend_from_slice(&encode::END_OF_SESSION);
            }
        }
        if self.outgoing.is_empty() {
            return if self.has_ended {
                Ok(0)
            } else {
                Err(ErrorKind::WouldBlock.into())
            };
        }
        let count = self.outgoing.len().min(into.len());
        into[..count].copy_from_slice(&self.outgoing[..count]);
        self.outgoing.drain(..count);
        Ok(count)
    }
}

/// Which lines a packet reaches.
#[derive(Clone, Copy)]
enum On {
    Both,
    A,
    B,
    Neither,
}

struct World {
    lines: [FakeLine; 2],
    published: Rc<RefCell<Published>>,
    subscriber: Subscriber<FakeLine, Service>,
    now_ns: u64,
}

/// A day of nine messages. Numbers of orders begin again each day.
fn day(lots: u32) -> Vec<Vec<u8>> {
    let mut messages = vec![directory(1, "SYM1", 10_000), state(1, b'T')];
    for number in 1..=5 {
        messages.push(added(1, number, Side::Buy, lots, 1_000_000 + number as u32));
    }
    messages.push(executed(1, 5, 1, 1));
    messages.push(executed(1, 1, lots, 2));
    messages
}

fn monday() -> Vec<Vec<u8>> {
    day(10)
}

fn tuesday() -> Vec<Vec<u8>> {
    day(77)
}

fn subscriber(lines: &[FakeLine; 2], published: &Rc<RefCell<Published>>) -> Subscriber<FakeLine, Service> {
    let config = SubscriberConfig {
        capacity: CAPACITY,
        held_max: 64,
        ..SubscriberConfig::default()
    };
    let service = Service(Rc::clone(published));
    Subscriber::over(&config, lines.clone().map(Some), Some(service))
}

impl World {
    fn new() -> Self {
        let lines = [FakeLine::default(), FakeLine::default()];
        let published = Rc::new(RefCell::new(Published {
            streams: BTreeMap::from([(MONDAY, Vec::new())]),
            today: MONDAY,
            logins: Vec::new(),
        }));
        Self {
            subscriber: subscriber(&lines, &published),
            lines,
            published,
            now_ns: 0,
        }
    }

    fn send(&self, packet: &[u8], on: On) {
        let reaches = match on {
            On::Both => [true, true],
            On::A => [true, false],
            On::B => [false, true],
            On::Neither => [false, false],
        };
        for (line, reaches) in self.lines.iter().zip(reaches) {
            if reaches {
                line.0.borrow_mut().push_back(packet.to_vec());
            }
        }
    }

    /// The next messages of a day in one packet.
    fn publish(&mut self, session: [u8; 10], messages: &[Vec<u8>], on: On) -> Vec<u8> {
        let next = {
            let mut published = self.published.borrow_mut();
            let stream = published.streams.entry(session).or_default();
            stream.extend_from_slice(messages);
            stream.len() - messages.len() + 1
        };
        let mut packer = Packer::new(session, next as u64, 1_472);
        for message in messages {
            assert!(packer.push(message));
        }
        let packet = packer.finish(None).expect("there are some").to_vec();
        self.send(&packet, on);
        self.turn(1);
        packet
    }

    fn end(&mut self, session: [u8; 10], on: On) {
        let next = self.published.borrow().streams[&session].len() as u64 + 1;
        let end = Packer::new(session, next, 1_472).end_of_session();
        self.send(&end, on);
        self.turn(1);
    }

    /// The service knows of the new day.
    fn roll(&mut self) {
        let mut published = self.published.borrow_mut();
        published.today = TUESDAY;
        published.streams.entry(TUESDAY).or_default();
    }

    fn turn(&mut self, milliseconds: u64) {
        for _ in 0..milliseconds {
            self.now_ns += MILLISECOND;
            while self.subscriber.poll(self.now_ns) > 0 {}
        }
    }

    /// The subscriber is in the new day, has all of it, and nothing of the old one.
    fn is_in_the_new_day(&mut self) {
        self.turn(100);
        let mut expected = Market::new(CAPACITY);
        for message in tuesday() {
            expected.apply(&message).expect("ITCH");
        }
        let market = self.subscriber.market();
        assert_eq!(self.subscriber.session(), Some(TUESDAY));
        assert_eq!(self.subscriber.next_sequence(), Some(10));
        assert_eq!(market.books().digest(), expected.books().digest());
        assert_eq!(market.statistics().error_count(), 0);
        assert_eq!(self.subscriber.state(), State::Live);
        assert_eq!(self.subscriber.behind(), 0);
        assert_eq!(self.subscriber.recovery_failure(), None);
    }

    fn abandoned(&self) -> u64 {
        self.subscriber.statistics().stream.abandoned
    }
}

#[test]
fn the_end_is_heard_and_the_new_day_begins() {
    let mut world = World::new();
    world.publish(MONDAY, &monday(), On::Both);
    world.end(MONDAY, On::Both);
    assert!(world.subscriber.is_complete());
    assert_eq!(world.subscriber.state(), State::Ended);
    world.roll();
    world.publish(TUESDAY, &tuesday(), On::Both);
    world.is_in_the_new_day();
    assert!(!world.subscriber.is_complete());
    let statistics = world.subscriber.statistics();
    assert_eq!(
        (
            statistics.stream.sessions,
            statistics.stream.delivered,
            statistics.stream.abandoned
        ),
        (2, 18, 0)
    );
    // What began the replay before the lines were heard was not needed again.
    assert_eq!(statistics.gaps.gaps, 0);
}

/// Nothing of the new day comes through, and the end of the old one is told beside it all the time: the old books are
/// nothing that is live.
#[test]
fn the_end_is_no_sign_of_the_new_day() {
    let mut world = World::new();
    world.publish(MONDAY, &monday(), On::Both);
    world.turn(200);
    assert_eq!(world.subscriber.state(), State::Live);
    world.roll();
    world.publish(TUESDAY, &tuesday(), On::Neither);
    for _ in 0..5 {
        world.end(MONDAY, On::A);
        assert_eq!(world.subscriber.state(), State::Ended);
        assert_eq!(world.subscriber.session(), Some(MONDAY));
        world.turn(999);
        assert_eq!(world.subscriber.state(), State::Ended);
    }
    // The lines fall silent.
    world.turn(2_001);
    assert_eq!(world.subscriber.state(), State::Stale);
    let heartbeat = Packer::new(TUESDAY, 10, 1_472).heartbeat();
    world.send(&heartbeat, On::A);
    world.is_in_the_new_day();
}

/// What comes behind the end takes it back.
#[test]
fn a_message_behind_the_end_is_live() {
    let mut world = World::new();
    world.publish(MONDAY, &monday()[..7], On::Both);
    world.end(MONDAY, On::Both);
    assert_eq!(world.subscriber.state(), State::Ended);
    world.publish(MONDAY, &monday()[7..8], On::Both);
    assert_eq!(world.subscriber.state(), State::Live);
    assert!(!world.subscriber.is_complete());
    world.publish(MONDAY, &monday()[8..], On::Neither);
    world.end(MONDAY, On::Both);
    assert!(!world.subscriber.is_complete(), "one is missing");
    world.turn(100);
    assert_eq!(world.subscriber.state(), State::Ended);
    assert_eq!(world.subscriber.next_sequence(), Some(10));
}

#[test]
fn the_end_is_lost_on_one_line_or_on_both() {
    for on in [On::A, On::B, On::Neither] {
        let mut world = World::new();
        world.publish(MONDAY, &monday(), On::Both);
        world.end(MONDAY, on);
        world.roll();
        world.publish(TUESDAY, &tuesday(), On::Both);
        world.is_in_the_new_day();
        assert_eq!(world.abandoned(), 0);
    }
}

/// The last messages of the day are lost, and the end tells that there were some: they are read from the old stream,
/// though the service is in the new day already.
#[test]
fn the_end_tells_what_is_missing() {
    for rolls_before in [false, true] {
        let mut world = World::new();
        let (most, last) = (&monday()[..7], &monday()[7..]);
        world.publish(MONDAY, most, On::Both);
        world.turn(200);
        world.publish(MONDAY, last, On::Neither);
        if rolls_before {
            world.roll();
        }
        world.end(MONDAY, On::B);
        world.turn(100);
        assert!(world.subscriber.is_complete());
        assert_eq!(world.subscriber.statistics().stream.delivered, 9);
        world.roll();
        world.publish(TUESDAY, &tuesday(), On::Both);
        world.is_in_the_new_day();
        assert_eq!(world.abandoned(), 0);
        assert_eq!(world.subscriber.statistics().gaps.gaps, 1);
    }
}

/// A hole of the old day that nobody fills before the new one begins is counted, and left.
#[test]
fn a_gap_of_the_old_day_ends_with_it() {
    let mut world = World::new();
    world.publish(MONDAY, &monday()[..4], On::Both);
    world.turn(200);
    world.publish(MONDAY, &monday()[4..6], On::Neither);
    let hole_ends = world.publish(MONDAY, &monday()[6..], On::Both);
    assert_eq!(world.subscriber.behind(), 5);
    world.roll();
    world.publish(TUESDAY, &tuesday(), On::Both);
    // Old packets that come now are of no use to anybody.
    world.send(&hole_ends, On::Both);
    world.is_in_the_new_day();
    assert_eq!(world.abandoned(), 2);
    let statistics = world.subscriber.statistics();
    assert_eq!(statistics.lines[0].foreign + statistics.lines[1].foreign, 2);
    let asked_for_monday = |(name, _): &&([u8; 10], u64)| *name == MONDAY;
    let published = world.published.borrow();
    let before = published.logins.iter().filter(asked_for_monday).count();
    assert!(before <= 2, "{:?}", published.logins);
}

#[test]
fn the_new_day_is_heard_before_the_end_of_the_old_one() {
    let mut world = World::new();
    world.publish(MONDAY, &monday(), On::Both);
    world.roll();
    world.publish(TUESDAY, &tuesday()[..4], On::A);
    world.end(MONDAY, On::B);
    assert_eq!(world.subscriber.session(), Some(TUESDAY));
    assert!(!world.subscriber.is_complete(), "that was another session");
    world.publish(TUESDAY, &tuesday()[4..], On::Both);
    world.is_in_the_new_day();
    assert_eq!(world.subscriber.statistics().lines[1].foreign, 1);
}

/// One line is a day ahead of the other: the newer one is followed, the other comes after.
#[test]
fn the_lines_are_in_different_sessions() {
    let mut world = World::new();
    let mut late = Vec::new();
    for message in monday() {
        late.push(world.publish(MONDAY, &[message], On::A));
    }
    world.end(MONDAY, On::A);
    world.roll();
    for (message, old) in tuesday().into_iter().zip(late) {
        world.send(&old, On::B);
        let new = world.publish(TUESDAY, &[message], On::A);
        world.turn(1);
        world.send(&new, On::Neither);
    }
    world.end(MONDAY, On::B);
    world.is_in_the_new_day();
    let statistics = world.subscriber.statistics();
    // The first of the old packets came before the line knew of the new day.
    assert!(statistics.lines[1].foreign >= 9, "{:?}", statistics.lines[1]);
    assert_eq!(statistics.stream.delivered, 18);
    // The late line comes over.
    let next = world.published.borrow().streams[&TUESDAY].len() as u64 + 1;
    world.send(&Packer::new(TUESDAY, next, 1_472).heartbeat(), On::B);
    world.is_in_the_new_day();
    assert_eq!(world.subscriber.statistics().lines[1].lost, 0);
}

/// The first packets of the new day are lost: they are recovered from the new stream, whatever the link was at.
#[test]
fn the_beginning_of_the_new_day_is_lost() {
    let mut world = World::new();
    world.publish(MONDAY, &monday()[..7], On::Both);
    world.publish(MONDAY, &monday()[7..8], On::Neither);
    world.publish(MONDAY, &monday()[8..], On::Both);
    // The link is at the old day's gap.
    world.turn(2);
    world.roll();
    world.publish(TUESDAY, &tuesday()[..6], On::Neither);
    world.publish(TUESDAY, &tuesday()[6..], On::Both);
    world.is_in_the_new_day();
    let published = world.published.borrow();
    assert_eq!(
        published.logins.last(),
        Some(&(TUESDAY, 1)),
        "{:?}",
        published.logins
    );
}

/// Without lines the stream comes over TCP alone, and goes over to the next day by itself.
#[test]
fn recovery_alone_goes_over() {
    let mut world = World::new();
    world.publish(MONDAY, &monday(), On::Neither);
    world.turn(50);
    assert_eq!(world.subscriber.next_sequence(), Some(10));
    world.roll();
    world.publish(TUESDAY, &tuesday(), On::Neither);
    world.turn(100);
    assert_eq!(world.subscriber.session(), Some(TUESDAY));
    assert_eq!(world.subscriber.next_sequence(), Some(10));
    let published = world.published.borrow();
    assert_eq!(published.logins, [(MONDAY, 1), (TUESDAY, 1)]);
}

#[test]
fn who_joins_late_sees_the_new_day_only() {
    let mut world = World::new();
    world.publish(MONDAY, &monday(), On::Both);
    world.end(MONDAY, On::Both);
    world.roll();
    world.publish(TUESDAY, &tuesday()[..8], On::Both);
    let lines = [FakeLine::default(), FakeLine::default()];
    world.subscriber = subscriber(&lines, &world.published);
    world.lines = lines;
    world.turn(10);
    world.publish(TUESDAY, &tuesday()[8..], On::Both);
    world.is_in_the_new_day();
    let statistics = world.subscriber.statistics();
    assert_eq!((statistics.stream.sessions, statistics.stream.delivered), (1, 9));
}
