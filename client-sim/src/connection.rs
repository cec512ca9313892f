//! The order-entry client: login over TCP, orders over UDP (or TCP), acknowledgements put in order, nothing forgotten.
//! `examples/quote.rs` is a market maker in forty lines.
//!
//! Non-blocking: the owner calls [`OrderEntryClient::poll`] again and again with the time. After the start nothing is
//! allocated per order. What was sent and not answered is sent again under its old number, which the exchange takes
//! once; what was answered and lost is asked for again; a lost connection is made anew, and the stream goes on where
//! it was. When the day ends its stream is read to the end, and the client logs in to the next day's.

mod bursts;
mod config;
mod event;
mod login;
mod replay;
mod roll;
mod seal;
mod state;
mod tcp;
mod throttle;
mod udp;
mod upkeep;

use std::io;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use protocol::malformed::Malformed;
use protocol::order_entry::own::{BalanceRequest, OpenOrdersRequest, OrderStatusRequest, TickerRequest};
use protocol::packet::Packet;
use protocol::soup::encode;
use protocol::units::Symbol;
use zerocopy::IntoBytes;

pub use config::{ClientConfig, Door, ORDERS_PER_DATAGRAM_MAX, Start, Timing};
pub use event::{EndReason, Event, Handler, Phase};
pub use throttle::Limit;
pub use udp::UdpCounters;

use crate::orders::{CL_ORD_ID_BLANK, NumberError, Order, OrderState, Orders, RequestKind};
use crate::request::{self, Bytes, NewOrder, Terms};
use replay::Replay;
use state::Core;
use tcp::TcpLink;
use throttle::Throttle;
use udp::UdpLink;

/// Datagrams taken from the socket in one poll.
const DATAGRAMS_PER_POLL: usize = 256;

/// Time between two looks at the TCP connection while orders go over UDP.
const TCP_LOOK_NS: u64 = 500_000;

/// An order could not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Not logged in (any more, or yet).
    #[error("the connection to the exchange is not ready")]
    NotReady,
    /// No number can be given.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// The order that the request names is not live, or not known.
    #[error("order {0} is not live")]
    NotLive(u32),
    /// Over TCP only: the exchange does not read as fast as we write.
    #[error("the exchange does not take more at the moment")]
    Busy,
    /// Beyond [`ClientConfig::limit`]; it may be sent in so many nanoseconds.
    #[error("the limit of requests is reached; the next may be sent in {0} ns")]
    Throttled(u64),
}

/// A setting that can not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// See [`ClientConfig::orders_per_datagram`].
    #[error("orders per datagram must be 1 to {ORDERS_PER_DATAGRAM_MAX}")]
    OrdersPerDatagram,
    /// See [`ClientConfig::username`].
    #[error("the user name has 1 to 6 and the password up to 10 ASCII characters")]
    Login,
    /// See [`ClientConfig::orders`].
    #[error("the table needs room for at least one order")]
    Orders,
}

/// Counts of one client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientCounters {
    /// Logins accepted.
    pub logins: u64,
    /// Days ended.
    pub days: u64,
    /// Requests sent again because no answer came.
    pub resends: u64,
    /// Cancels sent again.
    pub cancel_resends: u64,
    /// Re-requests sent over UDP.
    pub re_requests: u64,
    /// Replays begun over TCP.
    pub replays: u64,
    /// Replays that failed and had to be begun again.
    pub replays_failed: u64,
    /// UDP bindings made.
    pub bindings: u64,
    /// Packets and messages that could not be read.
    pub malformed: u64,
    /// Messages of a type unknown here.
    pub unknown: u64,
    /// Answers that can not be true; see [`Event::Fault`].
    pub faults: u64,
    /// Gaps in the stream.
    pub gaps: u64,
    /// Messages of the stream delivered in order.
    pub messages: u64,
}

/// A cancel that had no effect yet.
#[derive(Debug, Clone, Copy)]
struct OpenCancel {
    user_ref: u32,
    sent_ns: u64,
    sendings: u32,
}

/// One customer's connection.
#[derive(Debug)]
pub struct OrderEntryClient {
    config: ClientConfig,
    tcp: Option<TcpLink>,
    udp: Option<UdpLink>,
    replay: Option<Replay>,
    core: Core,
    throttle: Throttle,
    cancels: Vec<OpenCancel>,
    next_cancel_check_ns: u64,
    tcp_sent_ns: u64,
    /// When to look at the TCP connection again.
    tcp_due_ns: u64,
    /// Attempts to connect.
    attempts: u64,
    /// When the phase began.
    since_ns: u64,
    /// Not logged in since.
    down_since_ns: u64,
    ready_since_ns: u64,
    /// When the gap was last seen to shrink.
    gap_progress: (u64, u64),
    replay_not_before_ns: u64,
    /// Where each datagram is judged before it is delivered.
    scratch: Box<[u8; protocol::packet::DATAGRAM_BYTES_MAX + 1]>,
}

impl OrderEntryClient {
    /// A client that connects when it is polled.
    pub fn new(config: ClientConfig, now_ns: u64) -> Result<Self, ConfigError> {
        if !(1..=ORDERS_PER_DATAGRAM_MAX).contains(&config.orders_per_datagram) {
            return Err(ConfigError::OrdersPerDatagram);
        }
        let fits =
            |text: &str, most: usize| text.len() <= most && text.bytes().all(|byte| byte.is_ascii_graphic());
        if config.username.is_empty() || !fits(&config.username, 6) || !fits(&config.password, 10) {
            return Err(ConfigError::Login);
        }
        if config.orders == 0 {
            return Err(ConfigError::Orders);
        }
        Ok(Self {
            core: Core::new(&config, now_ns),
            tcp: None,
            udp: None,
            replay: None,
            throttle: Throttle::new(config.limit),
            cancels: Vec::with_capacity(config.orders.next_power_of_two()),
            next_cancel_check_ns: 0,
            tcp_sent_ns: now_ns,
            tcp_due_ns: 0,
            attempts: 0,
            since_ns: now_ns,
            down_since_ns: now_ns,
            ready_since_ns: now_ns,
            gap_progress: (0, now_ns),
            replay_not_before_ns: 0,
            scratch: Box::new([0; protocol::packet::DATAGRAM_BYTES_MAX + 1]),
            config,
        })
    }

    /// Where the connection stands.
    pub fn phase(&self) -> Phase {
        self.core.phase
    }

    /// True when orders can be sent.
    pub fn is_ready(&self) -> bool {
        self.core.phase == Phase::Ready
    }

    /// Own orders.
    pub fn orders(&self) -> &Orders {
        &self.core.orders
    }

    /// Counts.
    pub fn counters(&self) -> ClientCounters {
        let stream = self.core.stream.counts();
        ClientCounters {
            gaps: stream.gaps,
            messages: stream.delivered,
            ..self.core.counters
        }
    }

    /// Counts of datagrams.
    pub fn udp_counters(&self) -> UdpCounters {
        self.udp
            .as_ref()
            .map_or_else(UdpCounters::default, UdpLink::counters)
    }

    /// The stream's name, once logged in.
    pub fn session(&self) -> Option<[u8; 10]> {
        self.core.session
    }

    /// The number of the next message of the stream.
    pub fn next_sequence(&self) -> u64 {
        self.core.stream.next_sequence()
    }

    /// True when nothing is under way: every request answered, every cancel effective, no message missing.
    pub fn is_settled(&self) -> bool {
        self.core.orders.is_settled()
            && !self.core.stream.has_gap()
            && self.cancels.iter().all(|cancel| {
                self.core
                    .orders
                    .newest(cancel.user_ref)
                    .is_none_or(|order| !order.cancel_is_open())
            })
    }

    /// Requests without an answer, and cancels without an effect so far.
    pub fn waiting(&self) -> usize {
        let orders = &self.core.orders;
        let (first, end) = orders.unanswered();
        let is_pending = |user_ref: &u32| {
            orders
                .get(*user_ref)
                .is_some_and(|order| order.state == OrderState::Pending)
        };
        let is_open =
            |cancel: &&OpenCancel| orders.newest(cancel.user_ref).is_some_and(Order::cancel_is_open);
        (first..end).filter(is_pending).count() + self.cancels.iter().filter(is_open).count()
    }

    /// Enters an order that was meant to leave at `intended_ns`; its number. It leaves with the datagram that it fills,
    /// or with [`OrderEntryClient::flush`].
    pub fn enter(&mut self, order: &NewOrder, intended_ns: u64, now_ns: u64) -> Result<u32, SendError> {
        self.ready()?;
        let user_ref = self.core.orders.allocate()?;
        let order = &NewOrder {
            cl_ord_id: self.name_of(user_ref, order.cl_ord_id),
            ..*order
        };
        let bytes = request::enter(user_ref, order);
        let entered = Order {
            user_ref,
            side: order.side,
            symbol: order.symbol,
            cl_ord_id: order.cl_ord_id,
            time_in_force: order.time_in_force,
            quantity: order.quantity,
            price: order.price,
            tag: order.tag,
            intended_ns,
            ..Order::UNUSED
        };
        self.send_numbered(entered, &bytes, now_ns)
    }

    /// Replaces the live order `user_ref`; `quantity` is the chain's total, executed lots included. The new number.
    pub fn replace(
        &mut self,
        user_ref: u32,
        quantity: u32,
        price: u64,
        intended_ns: u64,
        now_ns: u64,
    ) -> Result<u32, SendError> {
        self.replace_on(&Terms::default(), user_ref, quantity, price, intended_ns, now_ns)
    }

    /// As [`OrderEntryClient::replace`], on other terms than displayed whole and for the day.
    pub fn replace_on(
        &mut self,
        terms: &Terms,
        user_ref: u32,
        quantity: u32,
        price: u64,
        intended_ns: u64,
        now_ns: u64,
    ) -> Result<u32, SendError> {
        self.ready()?;
        let original = *self.live(user_ref)?;
        let number = self.core.orders.allocate()?;
        let terms = &Terms {
            cl_ord_id: self.name_of(number, terms.cl_ord_id),
            ..*terms
        };
        let bytes = request::replace(number, &original, quantity, price, terms);
        let replacement = Order {
            user_ref: number,
            kind: RequestKind::Replace,
            original: original.user_ref,
            side: original.side,
            symbol: original.symbol,
            cl_ord_id: terms.cl_ord_id,
            time_in_force: terms.time_in_force,
            quantity,
            price,
            tag: original.tag,
            intended_ns,
            ..Order::UNUSED
        };
        self.send_numbered(replacement, &bytes, now_ns)
    }

    /// Cancels an order (or what replaced it) down to `quantity` lots in total, 0 = all of it. Sent again until it had
    /// its effect.
    pub fn cancel(&mut self, user_ref: u32, quantity: u32, now_ns: u64) -> Result<(), SendError> {
        self.cancel_meant(user_ref, quantity, now_ns, now_ns)
    }

    /// As [`OrderEntryClient::cancel`], for a cancel that was meant to leave at `intended_ns`.
    pub fn cancel_meant(
        &mut self,
        user_ref: u32,
        quantity: u32,
        intended_ns: u64,
        now_ns: u64,
    ) -> Result<(), SendError> {
        self.ready()?;
        let newest = self
            .core
            .orders
            .newest(user_ref)
            .ok_or(SendError::NotLive(user_ref))?
            .user_ref;
        if self.cancels.len() == self.cancels.capacity() {
            self.forget_cancels();
            if self.cancels.len() == self.cancels.capacity() {
                return Err(NumberError::Full(self.cancels.len()).into());
            }
        }
        if !self.core.orders.want_cancel(newest, quantity, intended_ns) {
            return Err(SendError::NotLive(user_ref));
        }
        self.send_message(request::cancel(newest, quantity).as_slice(), now_ns)?;
        self.cancels.push(OpenCancel {
            user_ref: newest,
            sent_ns: now_ns,
            sendings: 1,
        });
        Ok(())
    }

    /// Cancels all orders of the account, or those of one instrument; the request's number.
    pub fn mass_cancel(
        &mut self,
        symbol: Option<Symbol>,
        intended_ns: u64,
        now_ns: u64,
    ) -> Result<u32, SendError> {
        let symbol = symbol.unwrap_or(Symbol::BLANK);
        self.send_plain(RequestKind::MassCancel, symbol, intended_ns, now_ns, |number| {
            request::mass_cancel(number, BLANK_FIRM, symbol)
        })
    }

    /// Sends a request that was never applied once more, under a new number. The order keeps its mark and its intended
    /// time, so that the loss shows in its latency.
    pub fn enter_again(&mut self, user_ref: u32, now_ns: u64) -> Result<u32, SendError> {
        self.ready()?;
        let lost = *self
            .core
            .orders
            .get(user_ref)
            .filter(|order| order.state == OrderState::NotApplied && order.kind != RequestKind::Replace)
            .ok_or(SendError::NotLive(user_ref))?;
        let bytes = self
            .core
            .orders
            .request(user_ref)
            .and_then(Bytes::copy)
            .ok_or(SendError::NotLive(user_ref))?;
        let number = self.core.orders.allocate()?;
        let entry = Order {
            user_ref: number,
            kind: lost.kind,
            side: lost.side,
            symbol: lost.symbol,
            cl_ord_id: lost.cl_ord_id,
            time_in_force: lost.time_in_force,
            quantity: lost.quantity,
            price: lost.price,
            tag: lost.tag,
            intended_ns: lost.intended_ns,
            ..Order::UNUSED
        };
        self.send_numbered(entry, &bytes.renumbered(number), now_ns)
    }

    /// The account's kill switch: its orders are canceled and new ones refused. The request's number.
    pub fn disable_order_entry(&mut self, intended_ns: u64, now_ns: u64) -> Result<u32, SendError> {
        self.send_plain(
            RequestKind::DisableOrderEntry,
            Symbol::BLANK,
            intended_ns,
            now_ns,
            |number| request::disable_order_entry(number, BLANK_FIRM),
        )
    }

    /// Ends what [`OrderEntryClient::disable_order_entry`] began. The request's number.
    pub fn enable_order_entry(&mut self, intended_ns: u64, now_ns: u64) -> Result<u32, SendError> {
        self.send_plain(
            RequestKind::EnableOrderEntry,
            Symbol::BLANK,
            intended_ns,
            now_ns,
            |number| request::enable_order_entry(number, BLANK_FIRM),
        )
    }

    /// Asks how an order is. The answer is an [`Event::Answer`]; several questions are answered in order.
    pub fn ask_status(&mut self, user_ref: u32) -> Result<(), SendError> {
        self.ask(
            OrderStatusRequest {
                message_type: b's',
                user_ref_num: user_ref.into(),
            }
            .as_bytes(),
        )
    }

    /// Asks for the open orders. Those of another life of the session become known by the answers.
    pub fn ask_open_orders(&mut self) -> Result<(), SendError> {
        self.ask(OpenOrdersRequest { message_type: b'o' }.as_bytes())
    }

    /// Asks for the balance of one asset, or of all.
    pub fn ask_balance(&mut self, asset: Option<Symbol>) -> Result<(), SendError> {
        self.ask(
            BalanceRequest {
                message_type: b'b',
                asset: asset.unwrap_or(Symbol::BLANK).0,
            }
            .as_bytes(),
        )
    }

    /// Asks for last trade and best prices.
    pub fn ask_ticker(&mut self, symbol: Symbol) -> Result<(), SendError> {
        self.ask(
            TickerRequest {
                message_type: b't',
                symbol: symbol.0,
            }
            .as_bytes(),
        )
    }

    /// Sends the datagram begun. Call it when no more orders are due.
    pub fn flush(&mut self, now_ns: u64) {
        if let Some(udp) = &mut self.udp
            && self.core.phase == Phase::Ready
            && self.config.door == Door::Udp
        {
            udp.flush(now_ns);
        }
    }

    /// Says good-bye. What is not answered stays so; wait for [`OrderEntryClient::is_settled`] before.
    pub fn logout(&mut self, now_ns: u64, handler: &mut impl Handler) {
        self.flush(now_ns);
        if let Some(tcp) = &mut self.tcp
            && tcp.send(&encode::LOGOUT)
        {
            // The connection is closed next: that an error here is not seen does no harm.
            let _closing = tcp.flush();
        }
        self.end(EndReason::LoggedOut, now_ns, handler);
    }

    /// Does what there is to do: receives, answers, re-sends, reconnects. Returns how much.
    pub fn poll(&mut self, now_ns: u64, handler: &mut impl Handler) -> usize {
        let mut work = 0;
        match self.core.phase {
            Phase::Ended(_) => return 0,
            Phase::Waiting
                if self.attempts > 0 && now_ns < self.since_ns + self.config.timing.reconnect_ns =>
            {
                return 0;
            }
            Phase::Waiting => self.connect(now_ns, handler),
            _ => {}
        }
        if self.core.phase == Phase::Connecting {
            work += self.finish_connecting(now_ns, handler);
        }
        if self.tcp.is_some() && self.core.phase != Phase::Connecting {
            work += self.receive_tcp(now_ns, handler);
        }
        if self.udp.is_some() {
            work += self.receive_udp(now_ns, handler);
        }
        if let Some(reason) = self.core.ended.take() {
            self.end(reason, now_ns, handler);
            return work + 1;
        }
        if self.go_over(now_ns, handler) {
            return work + 1;
        }
        self.advance(now_ns, handler);
        self.keep_whole(now_ns, handler);
        if self.core.phase == Phase::Ready {
            self.send_again(now_ns);
        }
        self.keep_alive(now_ns, handler);
        self.flush_tcp(now_ns, handler);
        work
    }

    /// Waits until something has come, or for so long; for who does not want to spin. Look with [`OrderEntryClient::poll`] before:
    /// what was taken from a socket is not seen here, and times (heartbeats, orders sent again) are not looked at.
    pub fn wait(&self, longest: Duration) {
        let watched = |socket| PollFd::new(socket, PollFlags::POLLIN);
        let udp = self.udp.as_ref().map(|link| watched(link.descriptor()));
        let tcp = self.tcp.as_ref().map(|link| watched(link.descriptor()));
        let wait = |sockets: &mut [PollFd<'_>]| {
            // Interrupted, or no memory in the kernel: then the wait is over sooner.
            let _ = ppoll(sockets, Some(TimeSpec::from_duration(longest)), None);
        };
        match (udp, tcp) {
            (Some(udp), Some(tcp)) => wait(&mut [udp, tcp]),
            (Some(one), None) | (None, Some(one)) => wait(&mut [one]),
            (None, None) => wait(&mut []),
        }
    }

    fn ready(&self) -> Result<(), SendError> {
        if self.core.phase == Phase::Ready {
            Ok(())
        } else {
            Err(SendError::NotReady)
        }
    }

    fn live(&self, user_ref: u32) -> Result<&Order, SendError> {
        self.core
            .orders
            .newest(user_ref)
            .filter(|order| order.state == OrderState::Live)
            .ok_or(SendError::NotLive(user_ref))
    }

    fn send_plain(
        &mut self,
        kind: RequestKind,
        symbol: Symbol,
        intended_ns: u64,
        now_ns: u64,
        bytes: impl FnOnce(u32) -> Bytes,
    ) -> Result<u32, SendError> {
        self.ready()?;
        let user_ref = self.core.orders.allocate()?;
        let entry = Order {
            user_ref,
            kind,
            symbol,
            intended_ns,
            ..Order::UNUSED
        };
        self.send_numbered(entry, &bytes(user_ref), now_ns)
    }

    fn send_numbered(&mut self, order: Order, bytes: &Bytes, now_ns: u64) -> Result<u32, SendError> {
        // What takes back is never held up.
        if matches!(order.kind, RequestKind::Enter | RequestKind::Replace) {
            match self.throttle.wait_ns(now_ns) {
                0 => self.throttle.sent(now_ns),
                wait_ns => return Err(SendError::Throttled(wait_ns)),
            }
        }
        self.send_message(bytes.as_slice(), now_ns)?;
        self.core.orders.insert(order, bytes.as_slice());
        self.core.orders.sent(order.user_ref, now_ns);
        Ok(order.user_ref)
    }

    /// Sends an order-entry message through the door of this client.
    fn send_message(&mut self, message: &[u8], now_ns: u64) -> Result<(), SendError> {
        match (self.config.door, &mut self.udp, &mut self.tcp) {
            (Door::Udp, Some(udp), _) => {
                udp.push(message, now_ns);
                Ok(())
            }
            (Door::Tcp, _, Some(tcp)) => {
                if tcp.send_unsequenced(message) {
                    self.tcp_sent_ns = now_ns;
                    Ok(())
                } else {
                    Err(SendError::Busy)
                }
            }
            _ => Err(SendError::NotReady),
        }
    }

    fn ask(&mut self, question: &[u8]) -> Result<(), SendError> {
        self.ready()?;
        let tcp = self.tcp.as_mut().ok_or(SendError::NotReady)?;
        if tcp.send_unsequenced(question) {
            Ok(())
        } else {
            Err(SendError::Busy)
        }
    }

    fn receive_tcp(&mut self, now_ns: u64, handler: &mut impl Handler) -> usize {
        // While orders go over UDP only answers to questions come this way: they can wait a moment, and a look is a
        // system call.
        if now_ns < self.tcp_due_ns && self.core.phase == Phase::Ready && self.config.door == Door::Udp {
            return 0;
        }
        self.tcp_due_ns = now_ns + TCP_LOOK_NS;
        let Self { tcp, core, .. } = self;
        let Some(tcp) = tcp else {
            return 0;
        };
        let failure = match tcp.receive() {
            Ok(0) => return 0,
            Ok(_) => None,
            Err(error) => Some(error),
        };
        let mut work = 0;
        let mut malformed = None;
        loop {
            match tcp.next_packet() {
                Ok(Some(packet)) => {
                    work += 1;
                    core.heard_ns = now_ns;
                    core.tcp_packet(&packet, now_ns, handler);
                }
                Ok(None) => break,
                Err(error) => {
                    core.counters.malformed += 1;
                    malformed = Some(error);
                    break;
                }
            }
        }
        if self.core.ended.is_some() || self.core.has_said_end {
            return work;
        }
        if let Some(error) = malformed {
            // After this the stream of bytes has no meaning any more.
            self.lost(&broken(error), now_ns, handler);
        } else if let Some(error) = failure {
            self.lost(&error, now_ns, handler);
        }
        work
    }

    fn receive_udp(&mut self, now_ns: u64, handler: &mut impl Handler) -> usize {
        let Self {
            udp, core, scratch, ..
        } = self;
        let Some(udp) = udp else {
            return 0;
        };
        for count in 0..DATAGRAMS_PER_POLL {
            let Some(datagram) = udp.receive() else {
                return count;
            };
            let bytes = &mut scratch[..datagram.len()];
            bytes.copy_from_slice(datagram);
            match Packet::parse(bytes) {
                Ok(packet) => core.udp_packet(&packet, now_ns, handler),
                Err(_) => core.counters.malformed += 1,
            }
        }
        DATAGRAMS_PER_POLL
    }

    fn flush_tcp(&mut self, now_ns: u64, handler: &mut impl Handler) {
        if self.core.phase == Phase::Connecting {
            return;
        }
        if let Some(tcp) = &mut self.tcp
            && let Err(error) = tcp.flush()
        {
            self.lost(&error, now_ns, handler);
        }
    }
}

/// Firm of the account.
const BLANK_FIRM: [u8; 4] = [b' '; 4];

fn broken(error: Malformed) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the exchange sent a malformed packet ({error})"),
    )
}

#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;
