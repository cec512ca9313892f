//! Where things leave: what the exchange decided becomes acknowledgements, market data, and the shared window.
//!
//! Nothing is decided here. The stage takes the engine's records in order, holds each back until its command is
//! released (durable), encodes it, and sends: within one release all acknowledgements leave before the market data.
//! What could not be sent is counted and gone, receivers recover it from the window's readers.

mod acknowledgements;
mod counters;
mod display;
mod echo;
mod encode;
mod feed;
mod line;
mod market_data;
mod names;
mod sessions;
pub mod window;

#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;
use protocol::authentication::{Key, Sealer, TRAILER_BYTES};
use protocol::market_data::values::event_code;
use protocol::packet::{BLOCK_BYTES, DATAGRAM_BYTES_MAX, HEADER_BYTES};
use rtrb::Consumer;
use zerocopy::{FromBytes, IntoBytes};

pub use counters::{OutputCounters, OutputGroups, StreamCounters};
pub use display::displayed;
pub use encode::{Encoder, MessageSink, Numbers};
pub use feed::ENDING_NS;
pub use line::HEARTBEAT_NS;
pub use names::{market_data_name, order_entry_name};

use crate::exchange::command::{Command, CommandKind};
use crate::exchange::event::Event;
use crate::runtime::Stage;
use crate::runtime::clock::{Clock, since};
use crate::runtime::histogram::Histogram;
use crate::runtime::links::{COMMAND_CELLS, Cell, Header, RECORD_CELLS_MAX, RecordKind, STEP_EVENTS_MAX};
use crate::runtime::seams::DatagramSink;
use feed::Feed;
use sessions::Sessions;

/// Smallest datagram size that can be configured: the longest message and the headers fit.
pub const DATAGRAM_BYTES_MIN: usize = 512;

/// Most records of one poll. PERF: what leaves together shares datagrams and the way through the kernel, which cost more than
/// all else here; encoding so many takes a fraction of a millisecond.
const POLL_RECORDS_MAX: usize = 1024;
/// Most events of one poll: at least a whole step.
const POLL_EVENTS_MAX: usize = 4096;
/// Room in a packet for the longest ITCH message and its length.
const FEED_BLOCK_BYTES_MAX: usize = BLOCK_BYTES + 50;

const _: () = assert!(POLL_EVENTS_MAX >= STEP_EVENTS_MAX);
const _: () =
    assert!(DATAGRAM_BYTES_MIN >= HEADER_BYTES + BLOCK_BYTES + window::MESSAGE_BYTES_MAX + TRAILER_BYTES);

/// The output stage's part of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct OutputConfig {
    /// Order-entry sessions there may be; at most 100,000, for which a session's name has room.
    pub sessions: u32,
    /// Number of the day as of `replayed`, for the session names; 1 on the first day, at most 9,999.
    pub day: u32,
    /// The last System Event was the end of messages: the feed has ended.
    pub has_ended: bool,
    /// Market data line A.
    pub line_a: SocketAddrV4,
    /// Market data line B, unless it is off.
    pub line_b: Option<SocketAddrV4>,
    /// Longest datagram in bytes, [`DATAGRAM_BYTES_MIN`] to [`DATAGRAM_BYTES_MAX`].
    pub datagram_bytes_max: usize,
    /// The last command that was replayed before this start, and encoded by the encoder; 0 when there was none.
    pub replayed: u64,
}

/// What connects the output stage with the others.
#[derive(Debug)]
pub struct OutputLinks {
    /// Records of the engine; at least one for each command.
    pub records: Consumer<Cell>,
    /// Commands up to this number may leave; written by the journal stage.
    pub released: Arc<CachePadded<AtomicU64>>,
    /// For recovery.
    pub window: window::Writer,
}

/// The output stage. `A` carries acknowledgements, `M` market data.
#[derive(Debug)]
pub struct OutputStage<A, M> {
    records: Consumer<Cell>,
    released: Arc<CachePadded<AtomicU64>>,
    clock: Clock,
    encoder: Encoder,
    outlet: Outlet<A, M>,
    /// A record that wraps around the ring's end is put together here.
    scratch: Box<[Cell]>,
    progress: Progress,
    counters: Arc<CachePadded<OutputCounters>>,
    waited: Arc<CachePadded<Histogram>>,
}

/// How far commands are out.
#[derive(Debug)]
struct Progress {
    /// The last command whose steps are all out.
    completed: u64,
    /// The window says "released" up to here.
    reported: u64,
    /// Some steps of the command after `completed` are out.
    is_inside: bool,
}

/// Where the encoder's messages go.
#[derive(Debug)]
struct Outlet<A, M> {
    sessions: Sessions<A>,
    feed: Feed<M>,
    window: window::Writer,
    /// The time of everything that is sent in this turn.
    now_ns: u64,
}

impl<A: DatagramSink, M: DatagramSink> MessageSink for Outlet<A, M> {
    fn feed(&mut self, sequence: u64, message: &[u8]) {
        self.window.message(window::FEED_STREAM, sequence, message);
        self.feed.message(sequence, message);
    }

    fn session(&mut self, session: u32, sequence: u64, message: &[u8]) {
        self.window.message(session, sequence, message);
        self.sessions.message(session, sequence, message);
    }

    fn new_day(&mut self, day: u32, ended: &Numbers) {
        self.window.day(day);
        self.sessions.roll(day, |session| ended.session_next(session));
        self.feed
            .roll(market_data_name(day), ended.feed_next(), self.now_ns);
    }
}

impl<A: DatagramSink, M: DatagramSink> OutputStage<A, M> {
    /// A stage that goes on where `encoder` stands. Everything is allocated now.
    ///
    /// # Panics
    /// When the configuration is outside of its stated bounds.
    pub fn new(
        config: OutputConfig,
        links: OutputLinks,
        encoder: Encoder,
        clock: Clock,
        acknowledgements: A,
        market_data: M,
    ) -> Self {
        let bytes = config.datagram_bytes_max;
        assert!(
            (DATAGRAM_BYTES_MIN..=DATAGRAM_BYTES_MAX).contains(&bytes),
            "checked with the configuration"
        );
        // Each packet but the last is filled until the longest message might not fit.
        let feed_packets = (POLL_EVENTS_MAX * FEED_BLOCK_BYTES_MAX)
            .div_ceil(bytes - HEADER_BYTES - FEED_BLOCK_BYTES_MAX)
            + 1;
        let mut window = links.window;
        if config.replayed > 0 {
            window.released(config.replayed);
            window.publish();
        }
        let mut feed = Feed::new(
            market_data,
            market_data_name(config.day),
            config.line_a,
            config.line_b,
            feed_packets,
            bytes,
        );
        let now_ns = clock.now_ns();
        if config.has_ended {
            feed.end(now_ns);
        }
        Self {
            records: links.records,
            released: links.released,
            clock,
            encoder,
            outlet: Outlet {
                sessions: Sessions::new(acknowledgements, config.sessions, config.day, bytes),
                feed,
                window,
                now_ns,
            },
            scratch: vec![[0; 4]; RECORD_CELLS_MAX].into(),
            progress: Progress {
                completed: config.replayed,
                reported: config.replayed,
                is_inside: false,
            },
            counters: OutputCounters::shared(),
            waited: Histogram::shared(
                "release",
                "From numbering a command to telling it: journal and rings. The first command of each turn in which something left.",
            ),
        }
    }

    /// What it counts.
    pub fn counters(&self) -> OutputGroups {
        OutputGroups {
            stage: Arc::clone(&self.counters),
            acknowledgements: Arc::clone(self.outlet.sessions.counters()),
            feed: Arc::clone(self.outlet.feed.counters()),
        }
    }

    /// How long commands waited until they were told.
    pub fn waited(&self) -> &Arc<CachePadded<Histogram>> {
        &self.waited
    }

    /// The encoder: the next sequence numbers.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// True when nothing that may leave is waiting. At an orderly stop the stage is polled until then, after the engine
    /// has ended and the journal has released its last command. The streams do not end: the next start continues them.
    pub fn is_drained(&self) -> bool {
        let released = self.released.load(Ordering::Acquire);
        self.records
            .peek()
            .map_or(true, |cell| header_of(*cell).sequence > released)
    }

    /// Takes a bounded number of released records, sends what they say. Returns the records taken.
    fn release(&mut self, now_ns: u64) -> usize {
        let released = self.released.load(Ordering::Acquire);
        let available = self.records.slots();
        if available == 0 {
            return 0;
        }
        let chunk = self
            .records
            .read_chunk(available)
            .expect("as many are there as were counted");
        let (front, back) = chunk.as_slices();
        let mut ring = RingView {
            front,
            back,
            scratch: &mut self.scratch,
        };
        let (mut cells, mut records, mut events) = (0, 0, 0);
        let mut is_waiting = false;
        let mut first_time = None;
        while records < POLL_RECORDS_MAX && cells < available {
            let header = header_of(ring.cell(cells));
            let length = record_cells(&header);
            is_waiting = header.sequence > released;
            let may_leave = !is_waiting
                && cells + length <= available
                && events + header.events as usize <= POLL_EVENTS_MAX;
            if !may_leave {
                break;
            }
            if header.kind == RecordKind::Step as u32 {
                let body = ring.cells(cells + 1, length - 1);
                self.progress.before_step(&header, &mut self.outlet.window);
                let (command, step) = body.split_at(COMMAND_CELLS);
                let command =
                    Command::ref_from_bytes(command.as_bytes()).expect("sizes and alignment are equal");
                let step = <[Event]>::ref_from_bytes(step.as_bytes()).expect("sizes and alignment are equal");
                first_time = first_time.or(Some(command.time));
                self.encoder.encode(command, step, &mut self.outlet);
                self.progress.after_step(&header);
                if ends_messages(command) {
                    self.outlet.feed.end(now_ns);
                }
            } else if binds(&header) {
                let key = (length > 1).then(|| Key::from_words(ring.cell(cells + 1)));
                let sealer = key.map(|key| Box::new(Sealer::of_stream(&key)));
                let port = u16::try_from(header.port).expect("the engine binds to ports");
                let address = SocketAddrV4::new(Ipv4Addr::from_bits(header.ip), port);
                let next = self.encoder.session_next(header.session);
                self.outlet.sessions.bind(header.session, address, next, sealer);
            } else {
                assert_eq!(
                    header.kind,
                    RecordKind::Unbind as u32,
                    "the engine writes four kinds of records"
                );
                self.outlet.sessions.unbind(header.session);
            }
            cells += length;
            records += 1;
            events += header.events as usize;
        }
        chunk.commit(cells);
        self.counters.undurable.add(u64::from(is_waiting));
        if records > 0 {
            self.outlet.sessions.flush();
            self.outlet.feed.flush(now_ns);
            self.progress.report(&mut self.outlet.window);
            self.outlet.window.publish();
            self.counters.records.add(records as u64);
            self.counters.events.add(events as u64);
            self.counters.releases.increment();
            self.counters.release_most.at_least(records as u64);
            if let Some(time) = first_time {
                self.waited.record(since(time, now_ns));
            }
        }
        records
    }
}

impl<A: DatagramSink, M: DatagramSink> Stage for OutputStage<A, M> {
    fn name(&self) -> &'static str {
        "output"
    }

    fn poll(&mut self) -> usize {
        let now_ns = self.clock.now_ns();
        self.outlet.sessions.set_time(now_ns);
        self.outlet.now_ns = now_ns;
        let records = self.release(now_ns);
        let encoder = &self.encoder;
        let heartbeats = self.outlet.feed.tell_ended(now_ns)
            + self.outlet.feed.heartbeat(now_ns, encoder.feed_next())
            + self
                .outlet
                .sessions
                .heartbeats(|session| encoder.session_next(session));
        self.counters.turns.increment();
        self.counters.idle_turns.add(u64::from(records + heartbeats == 0));
        records + heartbeats
    }

    fn is_drained(&self) -> bool {
        self.is_drained()
    }
}

impl Progress {
    /// Before a step goes out. A command of several steps may leave in several releases, so that the window says how
    /// far the commands before it were: a lapped reader must never go on in the middle of a command.
    fn before_step(&mut self, header: &Header, window: &mut window::Writer) {
        if header.last == 0 && !self.is_inside {
            self.report(window);
        }
    }

    fn after_step(&mut self, header: &Header) {
        self.is_inside = header.last == 0;
        if !self.is_inside {
            self.completed = header.sequence;
        }
    }

    /// Tells the window how far commands are out, unless one is out in part.
    fn report(&mut self, window: &mut window::Writer) {
        if self.completed > self.reported && !self.is_inside {
            window.released(self.completed);
            self.reported = self.completed;
        }
    }
}

/// True for the System Event behind which nothing more comes in the day's feed.
fn ends_messages(command: &Command) -> bool {
    command.kind == CommandKind::SystemEvent as u8
        && command.state_change().value == event_code::END_OF_MESSAGES
}

fn header_of(cell: Cell) -> Header {
    zerocopy::transmute!(cell)
}

/// Cells of the whole record.
fn record_cells(header: &Header) -> usize {
    if header.kind == RecordKind::Step as u32 {
        1 + COMMAND_CELLS + header.events as usize
    } else {
        1 + usize::from(header.kind == RecordKind::BindSealed as u32)
    }
}

fn binds(header: &Header) -> bool {
    [RecordKind::Bind, RecordKind::BindSealed]
        .iter()
        .any(|&kind| header.kind == kind as u32)
}

/// The readable part of the ring: two slices where it wraps.
struct RingView<'a> {
    front: &'a [Cell],
    back: &'a [Cell],
    scratch: &'a mut [Cell],
}

impl RingView<'_> {
    fn cell(&self, index: usize) -> Cell {
        match index.checked_sub(self.front.len()) {
            None => self.front[index],
            Some(index) => self.back[index],
        }
    }

    /// `count` cells from `index` on, in place unless they wrap.
    fn cells(&mut self, index: usize, count: usize) -> &[Cell] {
        match index.checked_sub(self.front.len()) {
            Some(index) => &self.back[index..index + count],
            None if index + count <= self.front.len() => &self.front[index..index + count],
            None => {
                let (first, second) = self.scratch[..count].split_at_mut(self.front.len() - index);
                first.copy_from_slice(&self.front[index..]);
                second.copy_from_slice(&self.back[..second.len()]);
                &self.scratch[..count]
            }
        }
    }
}
