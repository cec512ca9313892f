//! The engine stage: datagrams, TCP messages and the operator's commands come in, are numbered and applied; commands go
//! to the journal, commands with their events to the output. Decides nothing about trading.
//!
//! Nothing is taken from outside while a command is unfinished or a ring has no room: the kernel's buffer and the
//! clients' re-sends absorb what waits.

mod bindings;
mod events_hash;
mod schedule;
mod translate;

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_utils::CachePadded;
use protocol::authentication::Key;
use protocol::order_entry::{OrderDatagram, Request};
use rtrb::{Consumer, Producer};

use crate::ahead::Ahead;
use crate::exchange::account::RateBucket;
use crate::exchange::command::{Command, CommandKind, FLAG_LOW_SPACE};
use crate::exchange::event::Event;
use crate::exchange::{Exchange, Outlook, Progress};
use crate::planted::{self, Bug};
use crate::poison;
use crate::runtime::clock::Clock;
use crate::runtime::links::{
    Cell, Connection, EngineNote, Header, Inbound, Journaled, RECORD_CELLS_MAX, RecordKind, Rouse,
    STEP_EVENTS_MAX, write_step,
};
use crate::runtime::seams::DatagramSource;
use crate::runtime::shutdown::Shutdown;
use crate::runtime::{Stage, Watch};
use crate::sequencer::Sequencer;
use bindings::{Bindings, Refused};
pub use events_hash::EventsHash;
pub use schedule::Schedule;
use schedule::Standing;

/// Datagrams taken at once.
const DATAGRAMS_AT_ONCE: usize = 64;
/// A turn takes more as long as more are there and it has had fewer datagrams, and fewer commands, than this.
///
/// PERF: what a turn answers shares datagrams and system calls. 64 orders that come alone in theirs are ten to each of six
/// customers, and a datagram of acknowledgements has room for more.
const TAKEN_PER_TURN: u64 = 512;
/// Messages from TCP, the operator and timers taken in one turn.
const INBOUND_PER_TURN: usize = 256;
/// Commands that wait because datagrams brought them while a long command ran: as many full datagrams as are taken at once.
const PENDING_MAX: usize = DATAGRAMS_AT_ONCE * 512;
/// A request that looks at all of an account's orders counts as one more for each so many of them: it takes as long. Else
/// an account with many orders could stop everybody by mass cancels that find nothing.
const ORDERS_PER_REQUEST: u32 = 64;
/// Cells gathered before they are published within a turn.
const CELLS_PUBLISHED_AT: usize = 8 * RECORD_CELLS_MAX;
/// After a restart, sessions that were connected have this long to log in again.
const GRACE_NS: u64 = 15_000_000_000;

crate::counters! {
    /// What the engine stage counts.
    pub struct EngineCounters: "engine" {
        datagrams: "Order datagrams received.",
        malformed: "Datagrams dropped whole: too long, truncated or inconsistent.",
        missing: "Datagrams that have not come, by the numbers of those that came: lost on the way, or dropped by the kernel.",
        strangers: "Datagrams dropped: unknown token, or not from the bound address. Of made-up tokens one in 256 comes so far.",
        unauthenticated: "Datagrams of accounts with mac authentication dropped: their tag is wrong or missing.",
        replayed: "Datagrams of accounts with mac authentication dropped: their number has come before, or is too old.",
        requests: "Requests in datagrams and over TCP.",
        unknown: "Requests ignored because their type is unknown.",
        malformed_requests: "Requests over TCP dropped because they are not decodable.",
        stale: "Requests over TCP dropped because their connection has ended.",
        repeats: "Requests dropped because their number was processed before.",
        idle_cancels: "Cancels and modifies dropped because their order is not live.",
        throttled: "Requests dropped at the door: above twice the account's rate.",
        overflow: "Requests dropped because too many waited behind a long command.",
        re_requests_dropped: "Re-requests dropped because recovery was busy.",
        commands: "Commands sequenced.",
        steps: "Steps of commands.",
        events: "Events of commands.",
        turns: "Turns of the stage.",
        idle_turns: "Turns in which there was nothing to do.",
        batch_most: "The most commands of one turn.",
        output_full: "Turns that ended early: the output had not taken what was there for it.",
        journal_full: "Turns that ended early: the journal had not taken what was there for it.",
        connections_ended: "Connections ended because of silence, and sessions after a restart.",
    }
}

/// What the engine stage must know beside the exchange.
#[derive(Debug)]
pub struct EngineConfig {
    /// The midnight UTC before the trading day's start, nanoseconds since 1970.
    pub day_ns: u64,
    /// Over the events of all commands replayed.
    pub events_hash: EventsHash,
    /// Number of the setup's last command. Until it is taken nothing is due: whoever waits for the exchange to be ready
    /// waits for this number.
    pub ready_at: u64,
    /// What the day asks for by the clock; `None` when nobody is asked.
    pub schedule: Option<Schedule>,
}

/// The engine's ends of the links.
#[derive(Debug)]
pub struct EngineLinks {
    /// From recovery.
    pub inbound: Consumer<Inbound>,
    /// To recovery.
    pub notes: Producer<EngineNote>,
    /// For a note that somebody waits for while recovery rests.
    pub rouse: Rouse,
    /// To the journal.
    pub journal: Producer<Journaled>,
    /// To the output.
    pub output: Producer<Cell>,
    /// Set by the journal when the disk is nearly full: only cancels are taken.
    pub low_space: Arc<AtomicBool>,
    /// The common end.
    pub shutdown: Shutdown,
}

/// The stage.
#[derive(Debug)]
pub struct EngineStage<S> {
    source: S,
    engine: Engine,
}

/// Everything but the source, so that both can be used at once.
#[derive(Debug)]
struct Engine {
    exchange: Exchange,
    sequencer: Sequencer,
    links: EngineLinks,
    bindings: Bindings,
    /// What each session may send before it is dropped unanswered.
    buckets: Vec<RateBucket>,
    /// The command whose steps are not finished.
    unfinished: Option<Command>,
    /// In line, the next one first.
    pending: Ahead<()>,
    events: Vec<Event>,
    events_hash: EventsHash,
    ready_at: u64,
    schedule: Option<Schedule>,
    cells: Vec<Cell>,
    /// Free cells of the output ring when it was last asked, less those written since.
    output_room: usize,
    /// Rings that had no room in this turn.
    full: Full,
    /// This turn has a note that somebody waits for.
    is_asked: bool,
    grace: Option<Grace>,
    counters: Arc<CachePadded<EngineCounters>>,
}

/// Who the engine waits for.
#[derive(Debug, Clone, Copy, Default)]
struct Full {
    output: bool,
    journal: bool,
}

/// Sessions that were connected when the exchange went down.
#[derive(Debug, Clone, Copy)]
struct Grace {
    ends_ns: u64,
    next_session: u32,
}

impl<S: DatagramSource> EngineStage<S> {
    /// Goes on where `exchange` stands.
    pub fn new(
        config: EngineConfig,
        links: EngineLinks,
        exchange: Exchange,
        source: S,
        clock: Clock,
    ) -> Self {
        let sessions_max = exchange.limits().sessions as usize;
        let grace_ends_ns = clock.now_ns() + GRACE_NS;
        let were_connected = (0..exchange.session_count())
            .any(|session| exchange.session(session).is_some_and(|session| session.connected));
        let sequencer = Sequencer::new(exchange.sequence(), exchange.now(), config.day_ns, clock);
        Self {
            source,
            engine: Engine {
                sequencer,
                bindings: Bindings::new(sessions_max),
                buckets: vec![RateBucket::default(); sessions_max],
                unfinished: None,
                pending: Ahead::with_capacity(PENDING_MAX),
                events: Vec::with_capacity(STEP_EVENTS_MAX),
                events_hash: config.events_hash,
                ready_at: config.ready_at,
                schedule: config.schedule,
                cells: Vec::with_capacity(CELLS_PUBLISHED_AT + RECORD_CELLS_MAX),
                output_room: 0,
                full: Full::default(),
                is_asked: false,
                grace: were_connected.then_some(Grace {
                    ends_ns: grace_ends_ns,
                    next_session: 0,
                }),
                counters: EngineCounters::shared(),
                exchange,
                links,
            },
        }
    }

    /// What it counts.
    pub fn counters(&self) -> &Arc<CachePadded<EngineCounters>> {
        &self.engine.counters
    }

    /// Takes a command of the operator, as one that comes over the Inbound ring. False when something is unfinished or a
    /// ring has no room: then it is not taken.
    pub fn operate(&mut self, command: Command) -> bool {
        let engine = &mut self.engine;
        engine.sequencer.read_clock();
        let is_free = engine.is_free();
        if is_free {
            engine.take(command);
            engine.publish();
        }
        is_free
    }

    /// The exchange as it is now; some of it may not be released.
    pub fn exchange(&self) -> &Exchange {
        &self.engine.exchange
    }

    /// The exchange, when the stage is over.
    pub fn into_exchange(self) -> Exchange {
        self.engine.exchange
    }
}

impl<S: DatagramSource> Stage for EngineStage<S> {
    fn name(&self) -> &'static str {
        "engine"
    }

    fn poll(&mut self) -> usize {
        let Self { source, engine } = self;
        let now_ns = engine.sequencer.read_clock();
        let before = engine.sequencer.sequence();
        let mut work = engine.work_off();
        // Before anything new: an order whose time has come does not meet what comes later.
        work += engine.take_due();
        work += engine.keep_schedule(now_ns);
        // UDP before TCP's verdicts: silence is judged after the socket was drained.
        let mut datagrams = 0;
        while engine.is_free() && !engine.links.shutdown.is_requested() {
            let taken = source.poll(DATAGRAMS_AT_ONCE, |from, bytes| engine.datagram(from, bytes));
            work += engine.work_off();
            datagrams += taken as u64;
            let commands = engine.sequencer.sequence() - before;
            if taken < DATAGRAMS_AT_ONCE {
                break;
            }
            if datagrams.max(commands) >= TAKEN_PER_TURN {
                work += 1;
                break;
            }
        }
        work += engine.take_inbound();
        work += engine.end_the_absent(now_ns);
        work += (engine.sequencer.sequence() - before) as usize;
        engine.publish();
        if std::mem::take(&mut engine.is_asked) {
            engine.links.rouse.rouse();
            work += 1;
        }
        engine.count_turn(work, before);
        work
    }

    fn watch(&self, watch: &mut Watch) {
        self.source.watch(watch);
    }

    fn is_drained(&self) -> bool {
        self.engine.pending.is_empty() && self.engine.unfinished.is_none() && self.engine.cells.is_empty()
    }
}

impl Engine {
    /// True when the next command can be taken at once.
    fn is_free(&mut self) -> bool {
        self.unfinished.is_none() && self.pending.is_empty() && self.has_room()
    }

    /// Room for the longest step in every ring.
    fn has_room(&mut self) -> bool {
        let needed = self.cells.len() + RECORD_CELLS_MAX;
        if self.output_room < needed {
            // PERF: the other side's position is read only when what was seen last is used up.
            self.output_room = self.links.output.slots();
        }
        let full = Full {
            output: self.output_room < needed,
            journal: self.links.journal.is_full(),
        };
        if full.output || full.journal {
            self.full = full;
            return false;
        }
        true
    }

    /// A turn that did `work` is over; command `before` was the last one before it.
    fn count_turn(&mut self, work: usize, before: u64) {
        let counters = &self.counters;
        counters.turns.increment();
        counters.idle_turns.add(u64::from(work == 0));
        counters.batch_most.at_least(self.sequencer.sequence() - before);
        let full = std::mem::take(&mut self.full);
        counters.output_full.add(u64::from(full.output));
        counters.journal_full.add(u64::from(full.journal));
    }

    /// Finishes what is unfinished and what waits behind it, as far as there is room.
    fn work_off(&mut self) -> usize {
        let mut work = 0;
        while (self.unfinished.is_some() || !self.pending.is_empty()) && self.has_room() {
            self.work_off_one();
            work += 1;
        }
        work
    }

    /// The next step of what is unfinished, or the next command.
    fn work_off_one(&mut self) {
        if let Some(command) = self.unfinished {
            self.step(command, |exchange, events| exchange.resume(events));
        } else if let Some(next) = self.pending.pop() {
            self.take_foreseen(next.command, &next.outlook);
        }
    }

    /// Puts a command behind the others, and takes the first when the line is long. Nobody waits for a line to fill: the
    /// turn ends with all of it taken.
    fn line_up(&mut self, command: Command) {
        self.pending.push(&self.exchange, command, ());
        if self.pending.is_long() && self.has_room() {
            self.work_off_one();
        }
    }

    /// One datagram, taken whole or not at all. Whose it is comes first: nothing of what others send is read.
    fn datagram(&mut self, from: SocketAddrV4, bytes: &[u8]) {
        self.counters.datagrams.increment();
        let Some(token) = OrderDatagram::token_of(bytes) else {
            self.counters.malformed.increment();
            return;
        };
        let Some(session) = self.bindings.session_of(token, from) else {
            self.counters.strangers.increment();
            return;
        };
        let bytes = match self.bindings.guard(session).map(|guard| guard.admit(bytes)) {
            None => bytes,
            Some(Ok(covered)) => covered,
            Some(Err(Refused::Unauthenticated)) => {
                self.counters.unauthenticated.increment();
                return;
            }
            Some(Err(Refused::Replayed)) => {
                self.counters.replayed.increment();
                return;
            }
        };
        let Ok(datagram) = OrderDatagram::parse(bytes) else {
            self.counters.malformed.increment();
            return;
        };
        let now_ns = self.sequencer.read_clock();
        let missing = self.bindings.heard(session, datagram.number(), now_ns);
        self.counters.missing.add(missing);
        for message in datagram.messages() {
            // PERF: read where it was decoded to; moved, its parts have to reach the cache first.
            let decoded = Request::decode(message);
            let request = decoded.as_ref().expect("parse decoded every message before");
            if let Request::ReRequest(wanted) = request {
                let note = EngineNote::ReRequest {
                    session,
                    address: from,
                    from: wanted.sequence_number.get(),
                    count: wanted.message_count.get(),
                };
                if self.links.notes.push(note).is_err() {
                    self.counters.re_requests_dropped.increment();
                }
                self.is_asked = true;
            } else {
                self.request(request, session, now_ns);
            }
        }
    }

    /// One request of a known client.
    fn request(&mut self, request: &Request<'_>, session: u32, now_ns: u64) {
        self.counters.requests.increment();
        let Some(command) = translate::command(request, session, &self.exchange) else {
            self.counters.unknown.increment();
            return;
        };
        if !self.passes_door(&command, now_ns) {
            self.counters.throttled.increment();
        } else if self.pending.len() < PENDING_MAX {
            self.line_up(command);
        } else {
            self.counters.overflow.increment();
        }
    }

    /// False above twice the account's rate: what is dropped here costs no number, no journal and no answer.
    fn passes_door(&mut self, command: &Command, now_ns: u64) -> bool {
        let account = self
            .exchange
            .session(command.session)
            .and_then(|session| self.exchange.account(session.account));
        let Some(account) = account else {
            return false;
        };
        let (rate, burst) = (account.definition.rate_per_second, account.definition.rate_burst);
        let (rate, burst) = (rate.saturating_mul(2), burst.saturating_mul(2).saturating_add(1));
        let bucket = &mut self.buckets[command.session as usize];
        let passes = bucket.charge(now_ns, rate, burst);
        if passes && looks_at_all_orders(command) {
            bucket.owe(account.open_orders / ORDERS_PER_REQUEST, rate);
        }
        passes
    }

    /// Takes a command unless it can have no effect. The caller has seen that the engine is free.
    fn take(&mut self, command: Command) {
        self.take_foreseen(command, &Outlook::NONE);
    }

    /// The same for a command that was looked at before.
    fn take_foreseen(&mut self, mut command: Command, outlook: &Outlook) {
        if self.is_repeat(&command) {
            self.counters.repeats.increment();
            return;
        }
        if self.is_idle_cancel(&command) {
            self.counters.idle_cancels.increment();
            return;
        }
        if self.links.low_space.load(Ordering::Relaxed) && !planted::is(Bug::LowSpaceIgnored) {
            command.flags |= FLAG_LOW_SPACE;
        }
        let rolls = command.kind == CommandKind::RollDay as u8 && self.exchange.may_roll();
        if rolls {
            self.sequencer.stamp_new_day(&mut command);
        } else {
            self.sequencer.stamp(&mut command);
        }
        let journaled = Journaled {
            command,
            events_hash_before: self.events_hash.value(),
        };
        self.links
            .journal
            .push(journaled)
            .expect("room was seen, and only the engine pushes");
        self.counters.commands.increment();
        if let Some(schedule) = &mut self.schedule {
            schedule.taken(&command, self.sequencer.now_ns());
            if rolls {
                schedule.rolled(self.sequencer.midnight_ns());
            }
        }
        if rolls {
            // Connections end with their streams, told by the stages that write these. Nothing is canceled because of it.
            self.bindings.clear();
            self.grace = None;
        }
        self.step(command, |exchange, events| {
            exchange.apply_foreseen(&command, outlook, events)
        });
    }

    /// A new number at or below the mark: the first answer is in the stream.
    fn is_repeat(&self, command: &Command) -> bool {
        !planted::is(Bug::DuplicateMissed)
            && brings_number(command)
            && self
                .exchange
                .session(command.session)
                .is_none_or(|session| command.order().user_ref <= session.mark)
    }

    /// A cancel or modify of an order that is not live is ignored silently: it needs no place in the journal.
    fn is_idle_cancel(&self, command: &Command) -> bool {
        let names_order = [CommandKind::Cancel as u8, CommandKind::Modify as u8].contains(&command.kind);
        names_order && !self.exchange.is_live(command.session, command.order().user_ref)
    }

    fn step(&mut self, command: Command, run: impl FnOnce(&mut Exchange, &mut Vec<Event>) -> Progress) {
        self.events.clear();
        let (exchange, events) = (&mut self.exchange, &mut self.events);
        let is_last = poison::applying(&command, || run(exchange, events)) == Progress::Done;
        self.events_hash.add(&self.events);
        self.counters.steps.increment();
        self.counters.events.add(self.events.len() as u64);
        write_step(&mut self.cells, &command, is_last, &self.events);
        self.unfinished = (!is_last).then_some(command);
        if self.cells.len() >= CELLS_PUBLISHED_AT {
            self.publish();
        }
    }

    /// What is due by the clock is a command of its own: only the engine looks at a clock.
    fn take_due(&mut self) -> usize {
        let Some(due) = self.exchange.next_due() else {
            return 0;
        };
        let is_due = self.sequencer.has_reached(due.time) && self.sequencer.sequence() >= self.ready_at;
        let is_due = is_due && !planted::is(Bug::ExpiryForgotten);
        if !is_due || self.links.shutdown.is_requested() || !self.is_free() {
            return 0;
        }
        self.take(due.command());
        1
    }

    /// What the day's times ask for, one command after the other.
    fn keep_schedule(&mut self, now_ns: u64) -> usize {
        let is_ready = self.sequencer.sequence() >= self.ready_at && !self.links.shutdown.is_requested();
        let mut work = 0;
        while is_ready && self.schedule.is_some() && self.is_free() {
            let exchange = &self.exchange;
            let schedule = self.schedule.as_mut();
            let next = schedule
                .and_then(|schedule| schedule.next(now_ns, || standings(exchange), || exchange.may_roll()));
            let Some(command) = next else {
                break;
            };
            self.take(command);
            work += 1;
        }
        work
    }

    /// Hands what was gathered to the output: one publication for the turn.
    fn publish(&mut self) {
        if self.cells.is_empty() {
            return;
        }
        let (_, rest) = self.links.output.push_partial_slice(&self.cells);
        assert!(rest.is_empty(), "room was seen before each record was written");
        self.output_room = self.output_room.saturating_sub(self.cells.len());
        self.cells.clear();
    }

    /// What came over TCP, from the operator and from timers.
    fn take_inbound(&mut self) -> usize {
        let mut work = 0;
        while work < INBOUND_PER_TURN && self.is_free() && !self.links.notes.is_full() {
            let Ok(inbound) = self.links.inbound.pop() else {
                break;
            };
            self.inbound(inbound);
            work += 1;
        }
        work
    }

    fn inbound(&mut self, inbound: Inbound) {
        match inbound {
            Inbound::Login {
                session,
                connection,
                day,
            } => {
                // A login to the day before comes too late: its connection is about to be closed.
                if self.exchange.session(session).is_some() && day == self.exchange.day() {
                    if self.bindings.login(session, connection) {
                        self.tell_output(RecordKind::Unbind, session, None);
                    }
                    self.take(Command {
                        session,
                        ..Command::new(CommandKind::ConnectionStart)
                    });
                }
            }
            Inbound::Ended { session, connection } => {
                if self.bindings.is_live(session, connection) {
                    self.end_connection(session);
                }
            }
            Inbound::Silent {
                session,
                connection,
                since_ns,
            } => {
                let door = self.bindings.door(session);
                let is_silent = door.is_some_and(|door| door.heard_ns <= since_ns);
                if self.bindings.is_live(session, connection) && is_silent {
                    self.links
                        .notes
                        .push(EngineNote::Close { connection })
                        .expect("room was seen");
                    self.is_asked = true;
                    self.counters.connections_ended.increment();
                    self.end_connection(session);
                }
            }
            Inbound::Bind {
                session,
                connection,
                token,
                address,
                keys,
            } => {
                if self.bindings.is_live(session, connection) {
                    let key = keys.as_ref().map(|keys| &keys.to_exchange);
                    self.bindings.bind(session, token, address, key);
                    match keys {
                        None => self.tell_output(RecordKind::Bind, session, Some(address)),
                        Some(keys) => {
                            self.tell_output(RecordKind::BindSealed, session, Some(address));
                            self.cells.push(Key::to_words(keys.to_client));
                        }
                    }
                }
                // The client is told now: what it sends from here on is known.
                let sequence = self.sequencer.sequence();
                let note = EngineNote::Answerable {
                    ticket: connection,
                    sequence,
                };
                self.links.notes.push(note).expect("room was seen");
            }
            Inbound::Message {
                session,
                connection,
                message,
            } => {
                self.tcp_message(session, connection, message.bytes());
            }
            Inbound::Question { ticket } => {
                if planted::is(Bug::QuestionChangesState) {
                    self.take(Command::new(CommandKind::AccountQuery));
                }
                let sequence = self.sequencer.sequence();
                self.links
                    .notes
                    .push(EngineNote::Answerable { ticket, sequence })
                    .expect("room was seen");
            }
            Inbound::Command(command) => self.take(command),
        }
    }

    fn tcp_message(&mut self, session: u32, connection: Connection, bytes: &[u8]) {
        if !self.bindings.is_live(session, connection) {
            self.counters.stale.increment();
            return;
        }
        match Request::decode(bytes) {
            Ok(request) => {
                let now_ns = self.sequencer.read_clock();
                self.request(&request, session, now_ns);
                self.work_off();
            }
            Err(_) => self.counters.malformed_requests.increment(),
        }
    }

    /// The session's connection is over: its binding dies, and the exchange is told.
    fn end_connection(&mut self, session: u32) {
        if self.bindings.logout(session) {
            self.tell_output(RecordKind::Unbind, session, None);
        }
        self.take(Command {
            session,
            ..Command::new(CommandKind::ConnectionEnd)
        });
    }

    fn tell_output(&mut self, kind: RecordKind, session: u32, address: Option<SocketAddrV4>) {
        let header = Header {
            session,
            ip: address.map_or(0, |address| address.ip().to_bits()),
            port: address.map_or(0, |address| u32::from(address.port())),
            ..Header::new(kind)
        };
        self.cells.push(zerocopy::transmute!(header));
    }

    /// After a restart: sessions that were connected and have not come back within the grace are ended.
    fn end_the_absent(&mut self, now_ns: u64) -> usize {
        let Some(mut grace) = self.grace else {
            return 0;
        };
        let is_forgotten = planted::is(Bug::GraceForgotten);
        if now_ns < grace.ends_ns || self.links.shutdown.is_requested() || is_forgotten {
            return 0;
        }
        let mut work = 0;
        while grace.next_session < self.exchange.session_count() && self.is_free() {
            let session = grace.next_session;
            grace.next_session += 1;
            let was_connected = self
                .exchange
                .session(session)
                .is_some_and(|session| session.connected);
            if was_connected
                && self
                    .bindings
                    .door(session)
                    .is_some_and(|door| door.connection.is_none())
            {
                self.counters.connections_ended.increment();
                self.end_connection(session);
                work += 1;
            }
        }
        let is_over = grace.next_session == self.exchange.session_count();
        self.grace = (!is_over).then_some(grace);
        work
    }
}

/// How the instruments stand, for the schedule.
fn standings(exchange: &Exchange) -> impl Iterator<Item = Standing> {
    (1..=exchange.instrument_count()).filter_map(|locate| {
        Some(Standing {
            locate,
            state: exchange.instrument(locate)?.state,
            auction: exchange.auction_kind(locate)?,
        })
    })
}

/// Requests that look at each of the account's orders, whether they cancel any or not.
fn looks_at_all_orders(command: &Command) -> bool {
    [CommandKind::MassCancel, CommandKind::DisableOrderEntry]
        .iter()
        .any(|&kind| command.kind == kind as u8)
}

/// Requests that bring a new UserRefNum.
fn brings_number(command: &Command) -> bool {
    use CommandKind::{DisableOrderEntry, EnableOrderEntry, Enter, MassCancel, Replace};
    [Enter, Replace, MassCancel, DisableOrderEntry, EnableOrderEntry]
        .iter()
        .any(|&kind| command.kind == kind as u8)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use rtrb::RingBuffer;

    use super::*;
    use crate::recovery::archive::LIMITS;

    /// Datagrams of nobody.
    struct Junk {
        left: usize,
    }

    impl DatagramSource for Junk {
        fn poll(&mut self, max: usize, mut take: impl FnMut(SocketAddrV4, &[u8])) -> usize {
            let count = max.min(self.left);
            self.left -= count;
            (0..count).for_each(|_| take(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4_000), &[7; 64]));
            count
        }
    }

    /// Else its thread would not give way to what customers wait for, and would wake the others, as often as strangers like.
    #[test]
    fn junk_is_no_work_unless_more_may_be_there() {
        let ring = RingBuffer::new(RECORD_CELLS_MAX);
        let links = EngineLinks {
            inbound: RingBuffer::new(1).1,
            notes: RingBuffer::new(1).0,
            rouse: Rouse::default(),
            journal: RingBuffer::new(1).0,
            output: ring.0,
            low_space: Arc::default(),
            shutdown: Shutdown::default(),
        };
        let config = EngineConfig {
            day_ns: 0,
            events_hash: EventsHash::default(),
            ready_at: 0,
            schedule: None,
        };
        let source = Junk { left: 0 };
        let clock = Clock::Manual(Arc::default());
        let mut stage = EngineStage::new(config, links, Exchange::new(LIMITS), source, clock);
        for (junk, has_work) in [(0, false), (1, false), (63, false), (600, true), (0, false)] {
            stage.source.left += junk;
            assert_eq!(stage.poll() > 0, has_work, "{junk} datagrams");
        }
        assert_eq!(stage.counters().strangers.get(), 664);
        assert_eq!(stage.counters().idle_turns.get(), 4);
    }
}
