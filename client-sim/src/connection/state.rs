//! What a client knows, without its sockets: the stream, the orders, how far the login is.

use protocol::order_entry::own::{OpenOrder, UdpBound};
use protocol::order_entry::{Answer, Response};
use protocol::packet::{Packet, PacketKind};
use protocol::session::{Receiver, ReceiverConfig};
use protocol::soup::{REJECT_NOT_AUTHORIZED, ServerPacket};
use protocol::units::Symbol;

use super::ClientCounters;
use super::config::{ClientConfig, Start};
use super::event::{EndReason, Event, Handler, Phase};
use crate::instruments::{Instrument, Instruments};
use crate::orders::{Order, Orders, RequestKind};

/// Messages of the stream kept before their turn.
const HELD_MAX: usize = 4_096;

/// State of a client.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) orders: Orders,
    pub(super) stream: Receiver,
    pub(super) session: Option<[u8; 10]>,
    pub(super) phase: Phase,
    pub(super) counters: ClientCounters,
    /// The login of the present connection was accepted.
    pub(super) logged_in: bool,
    /// Account Query was sent on this connection.
    pub(super) asked_next: bool,
    /// And answered.
    pub(super) next_is_known: bool,
    /// A binding that the exchange answered.
    pub(super) bound: Option<UdpBound>,
    /// Why it is over, if it is.
    pub(super) ended: Option<EndReason>,
    /// The exchange said that the day's stream has ended.
    pub(super) has_said_end: bool,
    /// The stream of the day before, when there was one.
    day_before: Option<[u8; 10]>,
    /// The login came before the exchange's door knew of the new day.
    pub(super) came_too_early: bool,
    /// Acknowledgements went over UDP on this connection, and not over TCP.
    was_bound: bool,
    pub(super) heard_ns: u64,
    pub(super) udp_heard_ns: u64,
    /// The number of the next message on this TCP connection.
    tcp_sequence: u64,
    /// What had happened when we logged in: the stream is read up to here before anything is sent.
    target: Option<u64>,
    instruments: Instruments,
    instruments_known: bool,
}

impl Core {
    pub(super) fn new(config: &ClientConfig, now_ns: u64) -> Self {
        Self {
            orders: Orders::new(config.orders),
            stream: Receiver::new(stream_config(config), None, 1, now_ns),
            session: None,
            phase: Phase::Waiting,
            counters: ClientCounters::default(),
            logged_in: false,
            asked_next: false,
            next_is_known: false,
            bound: None,
            ended: None,
            has_said_end: false,
            day_before: None,
            came_too_early: false,
            was_bound: false,
            heard_ns: now_ns,
            udp_heard_ns: now_ns,
            tcp_sequence: 1,
            target: None,
            instruments: Instruments::default(),
            instruments_known: false,
        }
    }

    /// A login leaves: what belonged to the connection before is void.
    pub(super) fn begin_login(&mut self) {
        self.logged_in = false;
        self.asked_next = false;
        self.next_is_known = false;
        self.bound = None;
        self.was_bound = false;
        self.came_too_early = false;
        self.target = None;
        self.instruments = Instruments::default();
        self.instruments_known = false;
    }

    /// The first message to ask for at login. A new day is read from its beginning: it says what is left.
    pub(super) fn wanted_sequence(&self, start: Start) -> u64 {
        match (self.session, self.day_before, start) {
            (Some(_), _, _) => self.stream.next_sequence(),
            (None, Some(_), _) | (None, None, Start::Beginning) => 1,
            (None, None, Start::Latest) => 0,
        }
    }

    /// True when every message of a stream that has ended was delivered.
    pub(super) fn is_read_to_its_end(&self) -> bool {
        self.stream.is_finished() || (self.logged_in && !self.was_bound && !self.stream.has_gap())
    }

    /// The day's stream was read to its end: numbers begin again.
    pub(super) fn end_day(&mut self, now_ns: u64, handler: &mut impl Handler) {
        let Self { orders, counters, .. } = self;
        orders.end_day(&mut |update| handler.event(now_ns, Event::Order(&update)));
        for fault in orders.outlived() {
            counters.faults += 1;
            handler.event(now_ns, Event::Fault(fault));
        }
        counters.days += 1;
        handler.event(now_ns, Event::DayEnded(orders));
        orders.begin_day();
        self.day_before = self.session.take();
        self.stream.restart(None, 1, now_ns);
    }

    /// True when everything that had happened at login was read.
    pub(super) fn is_caught_up(&self) -> bool {
        self.instruments_known
            && self
                .target
                .is_some_and(|target| self.stream.next_sequence() > target)
    }

    /// A packet on the TCP connection.
    pub(super) fn tcp_packet(&mut self, packet: &ServerPacket<'_>, now_ns: u64, handler: &mut impl Handler) {
        match *packet {
            ServerPacket::LoginAccepted {
                session,
                next_sequence,
            } => {
                self.login_accepted(session, next_sequence, now_ns);
            }
            ServerPacket::LoginRejected(reason) => {
                self.ended = Some(if reason == REJECT_NOT_AUTHORIZED {
                    EndReason::NotAuthorized
                } else {
                    EndReason::SessionNotAvailable
                });
            }
            ServerPacket::Sequenced(_) if !self.logged_in => {}
            ServerPacket::Sequenced(message) => self.sequenced(message, now_ns, handler),
            ServerPacket::Unsequenced(message) => self.answer(message, now_ns, handler),
            ServerPacket::EndOfSession => self.has_said_end |= self.logged_in,
            ServerPacket::Heartbeat | ServerPacket::Debug(_) => {}
            ServerPacket::Unknown(_) => self.counters.unknown += 1,
        }
    }

    fn login_accepted(&mut self, session: [u8; 10], next_sequence: u64, now_ns: u64) {
        match self.session {
            Some(known) if known != session => {
                self.ended = Some(EndReason::SessionNotAvailable);
                return;
            }
            Some(_) => {}
            None if self.day_before == Some(session) => {
                self.came_too_early = true;
                return;
            }
            None => {
                let first = if self.day_before.is_some() {
                    1
                } else {
                    next_sequence
                };
                self.session = Some(session);
                self.stream.restart(Some(session), first, now_ns);
            }
        }
        // A server that begins later than asked leaves a gap, which is mended like any other.
        self.tcp_sequence = next_sequence;
        self.logged_in = true;
        self.counters.logins += 1;
    }

    /// Sequenced Data on the TCP connection.
    fn sequenced(&mut self, message: &[u8], now_ns: u64, handler: &mut impl Handler) {
        let sequence = self.tcp_sequence;
        self.tcp_sequence += 1;
        self.replayed(sequence, message, now_ns, handler);
    }

    /// A message of the stream with its number, by whatever way.
    pub(super) fn replayed(
        &mut self,
        sequence: u64,
        message: &[u8],
        now_ns: u64,
        handler: &mut impl Handler,
    ) {
        let Self {
            stream,
            orders,
            counters,
            asked_next,
            next_is_known,
            ..
        } = self;
        let mut delivery = Delivery {
            orders,
            counters,
            asked_next: *asked_next,
            next_is_known,
            now_ns,
        };
        stream.message(now_ns, sequence, message, |sequence, message| {
            delivery.deliver(sequence, message, handler);
        });
    }

    /// A packet of acknowledgements.
    pub(super) fn udp_packet(&mut self, packet: &Packet<'_>, now_ns: u64, handler: &mut impl Handler) {
        if self.session != Some(packet.session()) {
            // The old day's are told for a while.
            self.counters.malformed += u64::from(self.day_before != Some(packet.session()));
            return;
        }
        self.udp_heard_ns = now_ns;
        self.has_said_end |= packet.kind() == PacketKind::EndOfSession;
        let Self {
            stream,
            orders,
            counters,
            asked_next,
            next_is_known,
            ..
        } = self;
        let mut delivery = Delivery {
            orders,
            counters,
            asked_next: *asked_next,
            next_is_known,
            now_ns,
        };
        stream.packet(now_ns, packet, |sequence, message| {
            delivery.deliver(sequence, message, handler);
        });
    }

    /// Unsequenced Data: an answer to a question.
    fn answer(&mut self, message: &[u8], now_ns: u64, handler: &mut impl Handler) {
        let answer = match Answer::decode(message) {
            Ok(answer) => answer,
            Err(_) => {
                self.counters.malformed += 1;
                return;
            }
        };
        match answer {
            Answer::UdpBound(bound) => {
                self.bound = Some(*bound);
                self.was_bound = true;
            }
            Answer::Instrument(reply) if !self.instruments_known => {
                if Symbol(reply.symbol) == Symbol::BLANK {
                    self.orders.set_instruments(std::mem::take(&mut self.instruments));
                    self.instruments_known = true;
                } else if let Ok(instrument) = Instrument::from_reply(reply) {
                    self.instruments.learn(instrument);
                } else {
                    self.counters.malformed += 1;
                }
            }
            Answer::OrderStatus(status) if status.user_ref_num.get() == u32::MAX => {
                self.target.get_or_insert(status.as_of_sequence.get());
            }
            Answer::OpenOrder(open) => {
                self.adopt(open);
                handler.event(now_ns, Event::Answer(answer));
            }
            Answer::Unknown(_) => self.counters.unknown += 1,
            _ => handler.event(now_ns, Event::Answer(answer)),
        }
    }

    /// An open order of another life of the session becomes known.
    fn adopt(&mut self, open: &OpenOrder) {
        let user_ref = open.user_ref_num.get();
        if user_ref == 0 || self.orders.get(user_ref).is_some() {
            return;
        }
        self.orders.adopt(Order {
            user_ref,
            kind: RequestKind::Enter,
            side: open.side,
            symbol: Symbol(open.symbol),
            quantity: open.quantity.get(),
            executed: open.executed.get(),
            open: open.open.get(),
            price: open.price.get(),
            order_number: open.order_reference_number.get(),
            executed_notional: open.executed_notional.get(),
            fees: open.fees.get(),
            fees_exact: open.fees.get() * 1_000_000,
            ..Order::UNUSED
        });
    }
}

/// Messages of the stream go through here, each once and in order.
struct Delivery<'a> {
    orders: &'a mut Orders,
    counters: &'a mut ClientCounters,
    asked_next: bool,
    next_is_known: &'a mut bool,
    now_ns: u64,
}

impl Delivery<'_> {
    fn deliver(&mut self, sequence: u64, message: &[u8], handler: &mut impl Handler) {
        let now_ns = self.now_ns;
        // PERF: read where it was decoded to; moved, its parts have to reach the cache first.
        let decoded = Response::decode(message);
        let Ok(response) = &decoded else {
            self.counters.malformed += 1;
            return;
        };
        match *response {
            Response::Unknown(_) => self.counters.unknown += 1,
            Response::AccountQuery(answer, _) if self.asked_next && !*self.next_is_known => {
                self.orders.start_at(answer.next_user_ref_num.get());
                *self.next_is_known = true;
                // What outlived the day before was told of at the beginning of this one.
                while let Some(fault) = self.orders.not_carried() {
                    self.counters.faults += 1;
                    handler.event(now_ns, Event::Fault(fault));
                }
            }
            _ => {}
        }
        handler.event(now_ns, Event::Message { sequence, response });
        let applied = self
            .orders
            .apply(response, |update| handler.event(now_ns, Event::Order(&update)));
        if let Err(fault) = applied {
            self.counters.faults += 1;
            handler.event(now_ns, Event::Fault(fault));
        }
    }
}

fn stream_config(config: &ClientConfig) -> ReceiverConfig {
    ReceiverConfig {
        held_max: HELD_MAX,
        patience_ns: 0,
        retry_ns: config.timing.gap_retry_ns,
        silence_ns: config.timing.silence_ns,
        ..ReceiverConfig::default()
    }
}
