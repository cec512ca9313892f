//! The feed handler that people use, on simulated lines: its books are compared with the feed's at many places, and it
//! must never be silently wrong.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};

use engine::runtime::sim_net::{SimConnector, SimSocket, SimStream, Switchboard};
use feed_handler::receiver::Datagrams;
use feed_handler::recovery::Credentials;
use feed_handler::recovery_link::Connect;
use feed_handler::{Capacity, Digest, Market, Observer, State, Subscriber, SubscriberConfig};
use protocol::testing::Random;
use protocol::text::SessionName;

use crate::coverage::Coverage;
use crate::customer::number_of;
use crate::world::{Announced, Place};

/// Subscribers say that they are stale after three heartbeats; a turn more is granted.
const STALE_NS: u64 = 4_000_000_000;

/// Some begin so many turns late, or earlier, by a snapshot.
const LATE_MAX: u64 = 3_000;

/// A door as it is now: it is another one after each start.
pub(crate) type Door = Arc<Mutex<SimConnector>>;

struct Lines(SimSocket);

impl Datagrams for Lines {
    fn receive<'a>(&mut self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        let Some((_, bytes)) = self.0.receive() else {
            return Ok(None);
        };
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        Ok(Some(&buffer[..length]))
    }
}

struct ToDoor {
    door: Door,
    from: SocketAddrV4,
}

impl Connect for ToDoor {
    type Stream = SimStream;

    fn connect(&mut self) -> Result<SimStream, ErrorKind> {
        let door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        door.connect(self.from).map_err(|error| error.kind())
    }

    fn is_up(&self, _stream: &SimStream) -> Result<bool, ErrorKind> {
        Ok(true)
    }
}

/// Keeps what was delivered as hashes: every message of each day in its place.
#[derive(Default)]
struct Delivered {
    days: Vec<Day>,
    /// The first day begins with a snapshot.
    is_late: bool,
}

struct Day {
    number: u32,
    /// Messages that were in the snapshot; `None` while nobody knows.
    before: Option<u64>,
    hashes: Vec<u64>,
}

impl Delivered {
    /// Day, and messages of its feed.
    fn place(&self) -> Place {
        let last = self.days.last();
        last.map_or((0, 0), |day| {
            (day.number, day.before.unwrap_or(0) + day.hashes.len() as u64)
        })
    }

    /// The last day's next message has this number.
    fn goes_on_with(&mut self, next: u64) {
        if let Some(day) = self.days.last_mut() {
            let taken = day.hashes.len() as u64;
            day.before.get_or_insert(next - 1 - taken);
        }
    }
}

impl Observer for Delivered {
    fn session(&mut self, session: SessionName) {
        let (number, before) = (number_of(session), self.place().0);
        assert!(number > before, "day {number} behind day {before}");
        let is_whole = !self.is_late || !self.days.is_empty();
        self.days.push(Day {
            number,
            before: is_whole.then_some(0),
            hashes: Vec::new(),
        });
    }

    fn message(&mut self, sequence: u64, message: &[u8], _market: &Market) {
        self.goes_on_with(sequence);
        let day = self.days.last_mut().expect("a session begins first");
        day.hashes.push(crate::hash_of(message));
        assert_eq!(
            Some(sequence),
            day.before.map(|before| before + day.hashes.len() as u64)
        );
    }
}

pub(crate) struct Handler {
    subscriber: Subscriber<Lines, ToDoor>,
    address: SocketAddrV4,
    delivered: Delivered,
    /// Turns until it begins.
    sleeps: u64,
    /// Its market's digest when it had taken so many messages.
    samples: Vec<(Place, u64)>,
    states: [u64; 4],
    /// How long it said days had been at their end, when the next one had begun long ago.
    ended: BTreeMap<u32, u64>,
    random: Random,
}

impl Handler {
    pub(crate) fn new(
        network: &Switchboard,
        address: SocketAddrV4,
        lines: [SocketAddrV4; 2],
        door: &Door,
        glimpse: &Door,
        mut random: Random,
    ) -> Self {
        let join = |line: SocketAddrV4| {
            let socket = network.bind(SocketAddrV4::new(*address.ip(), line.port()));
            socket.join(*line.ip());
            Lines(socket)
        };
        let [a, b] = lines.map(join);
        let config = SubscriberConfig {
            capacity: Capacity {
                orders: 4_096,
                levels: 1_024,
                instruments: 8,
            },
            held_max: *random.pick(&[4, 64, 1_024]),
            ..SubscriberConfig::default()
        };
        let recovery = ToDoor {
            door: Arc::clone(door),
            from: address,
        };
        // Some have one line only.
        let b = random.chance(3, 4).then_some(b);
        let mut subscriber = Subscriber::over(&config, [Some(a), b], Some(recovery));
        let is_late = random.chance(1, 3);
        if is_late {
            let snapshot = ToDoor {
                door: Arc::clone(glimpse),
                from: address,
            };
            subscriber = subscriber.join_by(snapshot, Credentials::default());
        }
        Self {
            subscriber,
            address,
            delivered: Delivered {
                is_late,
                ..Delivered::default()
            },
            sleeps: if is_late { random.below(LATE_MAX) } else { 0 },
            samples: Vec::new(),
            states: [0; 4],
            ended: BTreeMap::new(),
            random,
        }
    }

    pub(crate) fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// One turn. `announced`: how far the feed was, some time ago, on the wire.
    pub(crate) fn turn(&mut self, now: u64, announced: Announced) {
        if self.sleeps > 0 {
            self.sleeps -= 1;
            return;
        }
        // Sometimes it is slow.
        if self.random.below(8) > 0 {
            self.poll(now);
        }
        if self.random.below(16) > 0 {
            return;
        }
        self.poll(now);
        let state = self.subscriber.state();
        self.states[state as usize] += 1;
        let taken = self.delivered.place();
        // What it knows to be missing it may wait for a moment.
        let is_unaware = state == State::Live && self.subscriber.behind() == 0;
        let is_live = Announced {
            place: taken,
            has_ended: false,
        };
        assert!(
            !is_unaware || is_live >= announced,
            "a subscriber at {taken:?} says that it is live, and {announced:?} was sent long ago"
        );
        if state == State::Ended {
            let (day, length) = taken;
            if day < announced.place.0 {
                self.ended.insert(day, length);
            } else {
                assert!(
                    taken >= announced.place,
                    "a subscriber says that the day has ended at {taken:?}, and {announced:?} was sent long ago"
                );
            }
        }
        if !self.subscriber.waits_for_snapshot() {
            self.samples.push((taken, self.digest()));
        }
    }

    fn poll(&mut self, now: u64) {
        self.subscriber.poll_with(now, &mut self.delivered);
        if let Some(next) = self.subscriber.next_sequence() {
            self.delivered.goes_on_with(next);
        }
    }

    /// How old `announced` must be for [`Handler::turn`].
    pub(crate) const fn patience_ns() -> u64 {
        STALE_NS
    }

    fn digest(&self) -> u64 {
        let market = self.subscriber.market();
        let mut digest = Digest::new();
        for instrument in market.instruments() {
            let book = market.book(instrument.locate).digest();
            if book != Digest::new().finish() {
                digest.book(instrument.locate, book);
            }
        }
        digest.finish()
    }

    /// How far it is, for who reads why a run failed.
    pub(crate) fn describe(&self) -> String {
        let subscriber = &self.subscriber;
        format!(
            "{:?} at {:?}, {} behind, waits for a snapshot: {}, recovery: {:?}, {:?}",
            subscriber.state(),
            self.delivered.place(),
            subscriber.behind(),
            subscriber.waits_for_snapshot(),
            subscriber.recovery_failure(),
            subscriber.statistics()
        )
    }

    /// It is live, and has come so far.
    pub(crate) fn is_whole(&self, place: Place) -> bool {
        self.subscriber.state() == State::Live && self.delivered.place() >= place
    }

    /// How many messages it had taken, of which day, when its books were looked at.
    pub(crate) fn looked_at(&mut self) -> impl Iterator<Item = Place> + '_ {
        if !self.subscriber.waits_for_snapshot() {
            let last = (self.delivered.place(), self.digest());
            self.samples.push(last);
        }
        self.samples.iter().map(|(taken, _)| *taken)
    }

    /// Everything it was told is what the feed said, and its books were the feed's. `feeds`: the hashes of each day's feed.
    /// `digests`: of the feed's books when so many messages were taken.
    pub(crate) fn compare(
        &self,
        feeds: &BTreeMap<u32, Vec<u64>>,
        digests: &BTreeMap<Place, u64>,
        coverage: &mut Coverage,
    ) {
        if self.delivered.is_late && !self.delivered.days.is_empty() {
            coverage.met("subscribers that came by a snapshot");
        }
        for Day {
            number,
            before,
            hashes,
        } in &self.delivered.days
        {
            // Nothing was told of a day that ended with the snapshot.
            let Some(before) = before else { continue };
            let day = number;
            let feed = feeds.get(day).map_or(&[][..], Vec::as_slice);
            let whole = feed.len();
            let feed = feed.get(*before as usize..).unwrap_or_default();
            let is_last = feeds.keys().last() == Some(day);
            // Who hears of a new day first gives up what is missing of the day before.
            let length = if is_last {
                feed.len()
            } else {
                hashes.len().min(feed.len())
            };
            let pairs = hashes.iter().zip(feed);
            let same = pairs.take_while(|(one, other)| one == other).count();
            assert_eq!(
                (same, same),
                (hashes.len(), length),
                "a subscriber's feed of day {day} is the journal's up to message {same}; lengths received, and wanted"
            );
            if let Some(said) = self.ended.get(day) {
                assert_eq!(
                    *said, whole as u64,
                    "a subscriber said that day {day} had ended there"
                );
                coverage.met("subscriber that did not hear the next day, and said so");
            }
            if !is_last {
                coverage.met(match length == feed.len() {
                    true => "days that a subscriber heard to their end",
                    false => "days that a subscriber lost the end of",
                });
            }
        }
        for (taken, digest) in &self.samples {
            assert_eq!(
                digests[taken], *digest,
                "a subscriber's books are wrong after {taken:?} messages"
            );
        }
        for (state, name) in [
            (State::Live, "live"),
            (State::Recovering, "recovering"),
            (State::Stale, "stale"),
            (State::Ended, "at the end of a day"),
        ] {
            coverage.count(format!("subscriber {name}"), self.states[state as usize]);
        }
        let statistics = self.subscriber.statistics();
        coverage.count("feed messages recovered over TCP", statistics.recovered);
        coverage.count("gaps of a subscriber", statistics.gaps.gaps);
        coverage.count("holes that the other line filled", statistics.gaps.arbitrated);
    }
}
