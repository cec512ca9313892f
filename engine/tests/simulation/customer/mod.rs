//! A customer: logs in over TCP, trades over UDP or TCP, sends again what is not answered, asks again for what it missed,
//! and knows the fate of everything it sent.

mod connection;
mod day;
mod questions;
mod reader;
mod wishes;

pub(crate) use day::{Day, number_of};
pub(crate) use questions::{Answered, Question};
pub(crate) use wishes::Wishes;

use std::net::SocketAddrV4;

use engine::runtime::seams::DatagramSink;
use engine::runtime::sim_net::{SimConnector, SimSocket, Switchboard};
use protocol::authentication::{LoginKeys, MacSecret};
use protocol::order_entry::own::ReRequest;
use protocol::order_entry::requests::AccountQuery;
use protocol::order_entry::{DatagramPacker, Request, Response};
use protocol::session::{EntryClient, EntryClientConfig, Receiver, ReceiverConfig};
use protocol::testing::Random;
use protocol::text::SessionName;
use zerocopy::IntoBytes;

use crate::coverage::Coverage;
use crate::link::Link;
use crate::{hash_of, trace};
use questions::Questions;
use reader::Reader;
use wishes::{About, Wish};

/// A client says something over TCP this often.
const HEARTBEAT_NS: u64 = 1_000_000_000;
/// A connection on which nothing came for so long is given up.
const SILENCE_NS: u64 = 16_000_000_000;
/// After a failed login the next one waits.
const RETRY_NS: u64 = 50_000_000;
/// A gap that is older is filled by a login.
const GAP_NS: u64 = 2_000_000_000;
/// What is made again from the journal takes its time.
const OLD_NS: u64 = 60_000_000_000;
/// On a new day the next number is asked for again after so long.
const QUERY_NS: u64 = 50_000_000;
/// Questions that may wait for their answers.
const QUESTIONS_MAX: usize = 8;
/// Requests that may wait for their answers while new ones are made.
const UNANSWERED_MAX: usize = 16;

/// Which door it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Orders and acknowledgements over UDP.
    Udp,
    /// Both over TCP: it does not bind.
    Tcp,
    /// Acknowledgements over UDP, orders over either.
    Mixed,
}

/// What became of a request that brought a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Unknown,
    /// Answered, by a message of this type.
    Answered(u8),
    /// An answer to a later one says that it never was applied.
    PassedOver,
}

pub(crate) struct Customer {
    pub(crate) username: String,
    firm: [u8; 4],
    manner: Manner,
    exchange: SocketAddrV4,
    socket: SimSocket,
    pub(crate) link: Option<Link>,
    /// Its login was accepted.
    is_in: bool,
    /// What names our datagrams; `None` while we are not bound.
    token: Option<[u8; 8]>,
    number: u64,
    packer: DatagramPacker,
    /// The last one that it sent, as anybody on the way may have it.
    pub(crate) datagram: Vec<u8>,
    /// Where datagrams have tags.
    secret: Option<MacSecret>,
    /// Of the binding.
    keys: Option<LoginKeys>,
    pub(crate) entry: EntryClient,
    receiver: Receiver,
    heartbeat_at: u64,
    heard_at: u64,
    login_at: u64,
    /// Since when something is missing, and its number.
    gap: Option<(u64, u64)>,
    /// It asked to be bound.
    has_asked: bool,
    /// It does not bind before it has got over TCP what is missing.
    waits_for_stream: bool,
    /// The ways to us and from us are cut.
    cut: (bool, bool),
    /// It says nothing and hears nothing.
    pub(crate) is_dead: bool,
    wishes: Wishes,
    /// Its days, that of today last.
    pub(crate) days: Vec<Day>,
    /// Whether the stream of this name is there at all is asked by a login without a name.
    is_in_doubt: bool,
    /// When the next number is asked for again.
    query_at: u64,
    /// Account queries that were sent, and logins that were not only for reading.
    pub(crate) queries: u64,
    pub(crate) logins: u64,
    /// Orders of today that were accepted, perhaps ended since, with their sides.
    accepted: Vec<(u32, u8)>,
    /// The highest number that was sent over this connection.
    sent_over_link: u32,
    questions: Questions,
    /// Whole answers.
    pub(crate) answers: Vec<Answered>,
    /// How many of them the world has seen.
    pub(crate) answers_seen: usize,
    reader: Option<Reader>,
    /// What was told since the world looked: day, number in its stream, the message's hash.
    pub(crate) told: Vec<(u32, u64, u64)>,
    pub(crate) coverage: Coverage,
    random: Random,
}

impl Customer {
    pub(crate) fn new(
        network: &Switchboard,
        address: SocketAddrV4,
        exchange: SocketAddrV4,
        index: u8,
        secret: Option<MacSecret>,
        wishes: Wishes,
        mut random: Random,
    ) -> Self {
        let mut firm = *b"FRM0";
        firm[3] += index;
        Self {
            username: format!("T{index}"),
            firm,
            manner: *random.pick(&[Manner::Udp, Manner::Udp, Manner::Tcp, Manner::Mixed]),
            exchange,
            socket: network.bind(address),
            link: None,
            is_in: false,
            token: None,
            number: 0,
            packer: DatagramPacker::default(),
            datagram: Vec::new(),
            secret,
            keys: None,
            entry: new_entry(),
            receiver: new_receiver(None, 0),
            heartbeat_at: 0,
            heard_at: 0,
            login_at: 0,
            gap: None,
            has_asked: false,
            waits_for_stream: false,
            cut: (false, false),
            is_dead: false,
            wishes,
            days: vec![Day::default()],
            is_in_doubt: false,
            query_at: 0,
            queries: 0,
            logins: 0,
            accepted: Vec::new(),
            sent_over_link: 0,
            questions: Questions::default(),
            answers: Vec::new(),
            answers_seen: 0,
            reader: None,
            told: Vec::new(),
            coverage: Coverage::default(),
            random,
        }
    }

    pub(crate) fn address(&self) -> SocketAddrV4 {
        self.socket.address()
    }

    /// Something that it asked for on this day was answered.
    pub(crate) fn was_answered_on(&self, day: u32) -> bool {
        let mut fates = self.today().fates.values();
        self.today().number() == day && fates.any(|fate| matches!(fate, Fate::Answered(_)))
    }

    /// It sends nothing that ends the process.
    pub(crate) fn without_poison(&mut self) {
        self.wishes.without_poison();
    }

    /// The day that it is in.
    pub(crate) fn today(&self) -> &Day {
        self.days.last().expect("there is always one")
    }

    fn today_mut(&mut self) -> &mut Day {
        self.days.last_mut().expect("there is always one")
    }

    /// One turn. `trades`: new orders are entered.
    pub(crate) fn turn(&mut self, now: u64, door: &SimConnector, trades: bool) {
        if self.is_dead {
            return;
        }
        self.connect(now, door);
        self.listen(now);
        self.listen_to_datagrams(now);
        self.read(now, door, trades);
        if !self.is_ready() {
            return;
        }
        let mut requests = Vec::new();
        if !self.today().knows_numbers && now >= self.query_at {
            self.query_at = now + QUERY_NS;
            self.queries += 1;
            requests.push(AccountQuery { message_type: b'Q' }.as_bytes().to_vec());
        }
        let may_ask = trades;
        let trades = trades && self.today().knows_numbers;
        if trades && self.entry.unanswered_count() < UNANSWERED_MAX && self.random.below(4) == 0 {
            let burst = if self.wishes.has(Wish::Burst) && self.random.below(20) == 0 {
                40
            } else {
                1 + self.random.below(7)
            };
            for _ in 0..burst {
                requests.extend(self.request(now));
            }
        }
        let resent = self.entry.resent();
        // Nothing is said again into a connection that has not taken what was said before.
        if self.manner != Manner::Tcp || self.link.as_ref().is_some_and(Link::is_flushed) {
            self.entry.poll(now, |bytes| requests.push(bytes.to_vec()));
        }
        self.coverage
            .count("requests sent again", self.entry.resent() - resent);
        let asked = requests.len();
        if self.manner != Manner::Tcp {
            self.receiver.requests(now, |first, count| {
                let request = ReRequest {
                    message_type: b'r',
                    sequence_number: first.into(),
                    message_count: count.into(),
                };
                requests.push(request.as_bytes().to_vec());
            });
        }
        self.coverage.count(
            "acknowledgements asked for again",
            (requests.len() - asked) as u64,
        );
        self.send(&requests);
        if may_ask {
            self.ask();
        }
    }

    /// Reads a stream anew, now and then.
    fn read(&mut self, now: u64, door: &SimConnector, trades: bool) {
        if let Some(reader) = &mut self.reader {
            let mut heard = Vec::new();
            let goes_on = reader.turn(now, |name, sequence, message| {
                heard.push((number_of(name), sequence, hash_of(&message)));
            });
            self.coverage.count("messages read once more", heard.len() as u64);
            self.told.extend(heard);
            if !goes_on || self.random.below(40) == 0 {
                self.reader = None;
            }
            return;
        }
        let is_wanted = trades && self.cut == (false, false) && self.wishes.has(Wish::Reader);
        if !is_wanted || self.random.below(50) > 0 {
            return;
        }
        let place = self.days.len() - 1 - usize::from(self.days.len() > 1 && self.random.chance(1, 3));
        let day = &self.days[place];
        let Some(name) = day.name else { return };
        let is_today = place + 1 == self.days.len();
        let is_unnamed = is_today && self.random.chance(1, 2);
        let from = 1 + self.random.below(day.stream.len() as u64 + 1);
        let address = self.socket.address();
        self.reader = Reader::start(door, address, &self.username, name, is_unnamed, from);
        if self.reader.is_some() {
            self.coverage.met(if is_today {
                "logins that only read"
            } else {
                "logins that only read, for the day before"
            });
        }
    }

    /// Asks something over TCP.
    fn ask(&mut self) {
        if !self.wishes.has(Wish::Ask) || self.questions.len() >= QUESTIONS_MAX || self.random.below(10) > 0 {
            return;
        }
        let numbers = self.entry.next_user_ref().unwrap_or(0);
        let question = Question::draw(numbers, &mut self.random);
        let (day, known) = (self.today().number(), self.today().stream.len() as u64);
        if let Some(link) = &mut self.link {
            link.say(&question.bytes());
            self.questions.ask(question, day, known, self.sent_over_link);
            self.coverage.met(format!("asked: {}", question.name()));
        }
    }

    /// It can be told and tell.
    fn is_ready(&self) -> bool {
        self.is_in && (self.manner == Manner::Tcp || self.token.is_some())
    }

    /// Messages of the stream, in order, each once.
    fn take(&mut self, now: u64, messages: Vec<(u64, Vec<u8>)>) {
        for (sequence, message) in messages {
            let today = self.today();
            assert_eq!(sequence, today.stream.len() as u64 + 1, "{}", self.username);
            let (day, knows_numbers) = (today.number(), today.knows_numbers);
            self.told.push((day, sequence, hash_of(&message)));
            let response = Response::decode(&message).expect("OUCH");
            trace::tell(now, &self.username, format_args!("got {sequence}: {response:?}"));
            match &response {
                Response::Accepted(accepted, _) => {
                    self.accepted.push((accepted.user_ref_num.get(), accepted.side))
                }
                Response::Replaced(replaced, _) => {
                    self.accepted.push((replaced.user_ref_num.get(), replaced.side))
                }
                _ => {}
            }
            self.count(&response);
            let fates = &mut self.days.last_mut().expect("there is always one").fates;
            // A request that was overtaken is not entered again: this customer has others.
            let effect = self.entry.response(&response, |user_ref, _| {
                let fate = fates.insert(user_ref, Fate::PassedOver);
                assert_eq!(
                    fate,
                    Some(Fate::Unknown),
                    "request {user_ref} was answered before"
                );
            });
            if matches!(response, Response::AccountQuery(..)) {
                self.today_mut().knows_numbers = true;
            }
            // Before the next number is known nothing was entered: these are orders of the day before.
            if effect.answered.is_some() && !knows_numbers {
                self.coverage.met("orders carried into a new day");
            } else if let Some(user_ref) = effect.answered {
                let fates = &mut self.today_mut().fates;
                let fate = fates.insert(user_ref, Fate::Answered(message[0]));
                assert_eq!(
                    fate,
                    Some(Fate::Unknown),
                    "{}: a second answer to request {user_ref}",
                    self.username
                );
            }
            self.today_mut().stream.push(message);
        }
    }

    fn count(&mut self, response: &Response<'_>) {
        let coverage = &mut self.coverage;
        match response {
            Response::Accepted(accepted, _) if accepted.order_state == b'D' => {
                coverage.met("orders accepted dead");
            }
            Response::Accepted(..) => coverage.met("orders accepted"),
            Response::Replaced(..) => coverage.met("orders replaced"),
            Response::Executed(executed, _) => {
                coverage.met(format!("executions {}", char::from(executed.liquidity_flag)));
                let open = self.entry.open_quantity(executed.user_ref_num.get());
                if open.is_some_and(|open| open > executed.quantity.get()) {
                    coverage.met("partial fills");
                }
            }
            Response::Canceled(canceled, _) => {
                coverage.met(format!("cancels {}", char::from(canceled.reason)));
            }
            Response::AiqCanceled(canceled, _) => {
                coverage.met(format!("self matches {}", char::from(canceled.aiq_strategy)));
            }
            Response::Rejected(rejected, _) => {
                coverage.met(format!("refused 0x{:04x}", rejected.reason.get()));
            }
            Response::PriorityUpdate(..) => coverage.met("stops that entered"),
            Response::Restated(..) => coverage.met("displays filled up"),
            Response::Modified(..) => coverage.met("orders modified"),
            Response::MassCancel(..) => coverage.met("mass cancels"),
            Response::OrderEntryDisabled(..) => coverage.met("order entry disabled"),
            Response::OrderEntryEnabled(..) => coverage.met("order entry enabled"),
            Response::AccountQuery(..) => coverage.met("account queries answered"),
            _ => {}
        }
    }

    /// Something to ask, kept for sending again.
    fn request(&mut self, now: u64) -> Option<Vec<u8>> {
        let random = &mut self.random;
        let old = match self.accepted.len() {
            0 => None,
            count => Some(self.accepted[count - 1 - random.below(count.min(24) as u64) as usize]),
        };
        let about = About {
            user_ref: self.entry.next_user_ref(),
            old: old.map(|(user_ref, _)| user_ref),
            live: old.filter(|(user_ref, _)| self.entry.open_quantity(*user_ref).is_some()),
            firm: self.firm,
            day: self.days.last().expect("there is always one").number(),
        };
        let (case, bytes) = wishes::request(&self.wishes, &about, random)?;
        // No room: it is not sent.
        self.entry.keep(now, &bytes).ok()?;
        self.coverage.met(format!("sent: {case}"));
        trace::tell(now, &self.username, format_args!("sends {case}: {bytes:02x?}"));
        self.queries += u64::from(bytes[0] == b'Q');
        if let Some(user_ref) = Request::decode(&bytes).expect("it was kept").new_user_ref() {
            let before = self.today_mut().fates.insert(user_ref, Fate::Unknown);
            assert_eq!(before, None, "a number is given once");
        }
        Some(bytes)
    }

    fn send(&mut self, requests: &[Vec<u8>]) {
        let over_tcp = match self.manner {
            Manner::Udp => false,
            Manner::Tcp => true,
            Manner::Mixed => self.random.chance(1, 2),
        };
        if over_tcp && let Some(link) = &mut self.link {
            for request in requests {
                // What is asked for again comes over UDP.
                link.say(request);
                let number = Request::decode(request)
                    .ok()
                    .and_then(|request| request.new_user_ref());
                self.sent_over_link = self.sent_over_link.max(number.unwrap_or(0));
            }
            return;
        }
        let Some(token) = self.token else { return };
        for chunk in requests.chunks(8) {
            self.number += 1;
            self.packer.start(token, self.number);
            for request in chunk {
                assert!(self.packer.push(request), "eight requests fit");
            }
            let datagram = match &self.keys {
                None => self.packer.finish(None),
                Some(keys) => {
                    let (mac, number) = (keys.to_exchange.mac(), self.number);
                    self.packer.finish_mac(None, |covered| mac.tag(number, covered))
                }
            };
            self.datagram.clear();
            self.datagram.extend_from_slice(datagram);
            self.socket
                .send(self.exchange, datagram)
                .expect("the switchboard takes everything");
        }
    }

    /// What it has said over TCP and is still on its way stays there, or goes on.
    pub(crate) fn hold(&mut self, is_held: bool) {
        if let Some(link) = &self.link {
            link.stream.hold(false, is_held);
        }
    }

    /// Nothing waits for an answer, nothing is missing.
    pub(crate) fn is_quiet(&self) -> bool {
        let is_done = self.entry.waiting_count() == 0 && !self.receiver.has_gap();
        self.is_ready() && is_done && self.today().knows_numbers && !self.today().is_ending
    }
}

fn new_entry() -> EntryClient {
    EntryClient::new(EntryClientConfig {
        orders_max: 256,
        requests_max: 64,
        reductions_max: 64,
        ..EntryClientConfig::default()
    })
}

fn new_receiver(session: Option<SessionName>, now: u64) -> Receiver {
    let config = ReceiverConfig {
        held_max: 1_024,
        ..ReceiverConfig::default()
    };
    Receiver::new(config, session, 1, now)
}
