//! The feed handler that people use, on simulated lines: its books are compared with the feed's at many places, and it
//! must never be silently wrong.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};

use engine::runtime::sim_net::{SimConnector, SimSocket, SimStream, Switchboard};
use feed_handler::receiver::Datagrams;
use feed_handler::recovery_link::Connect;
use feed_handler::{Capacity, Digest, Market, Observer, State, Subscriber, SubscriberConfig};
use protocol::testing::Random;

use crate::coverage::Coverage;

/// Subscribers say that they are stale after three heartbeats; a turn more is granted.
const STALE_NS: u64 = 4_000_000_000;

/// The door of gap recovery as it is now: it is another one after each start.
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

/// Keeps what was delivered as hashes: every message in its place.
#[derive(Default)]
struct Delivered {
    hashes: Vec<u64>,
}

impl Observer for Delivered {
    fn message(&mut self, sequence: u64, message: &[u8], _market: &Market) {
        self.hashes.push(crate::hash_of(message));
        assert_eq!(sequence, self.hashes.len() as u64);
    }
}

pub(crate) struct Handler {
    subscriber: Subscriber<Lines, ToDoor>,
    address: SocketAddrV4,
    delivered: Delivered,
    /// Its market's digest when it had taken so many messages.
    samples: Vec<(u64, u64)>,
    states: [u64; 3],
    random: Random,
}

impl Handler {
    pub(crate) fn new(
        network: &Switchboard,
        address: SocketAddrV4,
        lines: [SocketAddrV4; 2],
        door: &Door,
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
        Self {
            subscriber: Subscriber::over(&config, [Some(a), b], Some(recovery)),
            address,
            delivered: Delivered::default(),
            samples: Vec::new(),
            states: [0; 3],
            random,
        }
    }

    pub(crate) fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// One turn. `announced`: how long the feed was, some time ago, on the wire.
    pub(crate) fn turn(&mut self, now: u64, announced: u64) {
        // Sometimes it is slow.
        if self.random.below(8) > 0 {
            self.subscriber.poll_with(now, &mut self.delivered);
        }
        if self.random.below(16) > 0 {
            return;
        }
        self.subscriber.poll_with(now, &mut self.delivered);
        let state = self.subscriber.state();
        self.states[state as usize] += 1;
        let taken = self.delivered.hashes.len() as u64;
        // What it knows to be missing it may wait for a moment.
        let is_unaware = state == State::Live && self.subscriber.behind() == 0;
        assert!(
            !is_unaware || taken >= announced,
            "a subscriber with {taken} messages says that it is live, and {announced} were sent long ago"
        );
        self.samples.push((taken, self.digest()));
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

    pub(crate) fn is_whole(&self, length: usize) -> bool {
        self.subscriber.state() == State::Live && self.delivered.hashes.len() >= length
    }

    /// How many messages it had taken when its books were looked at.
    pub(crate) fn looked_at(&mut self) -> impl Iterator<Item = u64> + '_ {
        let last = (self.delivered.hashes.len() as u64, self.digest());
        self.samples.push(last);
        self.samples.iter().map(|(taken, _)| *taken)
    }

    /// Everything it was told is what the feed said, and its books were the feed's. `digests`: of the feed's books when
    /// so many messages were taken.
    pub(crate) fn compare(&self, hashes: &[u64], digests: &BTreeMap<u64, u64>, coverage: &mut Coverage) {
        assert_eq!(self.delivered.hashes, hashes, "a subscriber got another feed");
        for (taken, digest) in &self.samples {
            assert_eq!(
                digests[taken], *digest,
                "a subscriber's books are wrong after {taken} messages"
            );
        }
        for (state, name) in [
            (State::Live, "live"),
            (State::Recovering, "recovering"),
            (State::Stale, "stale"),
        ] {
            coverage.count(format!("subscriber {name}"), self.states[state as usize]);
        }
        let statistics = self.subscriber.statistics();
        coverage.count("feed messages recovered over TCP", statistics.recovered);
        coverage.count("gaps of a subscriber", statistics.gaps.gaps);
        coverage.count("holes that the other line filled", statistics.gaps.arbitrated);
    }
}
