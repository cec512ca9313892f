//! A small exchange for tests: one session, on loopback, on the test's own thread. Every order of an odd quantity
//! executes at once, every other rests.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use protocol::order_entry::own::{InstrumentReply, OrderStatus, UdpBound};
use protocol::order_entry::responses::{
    AccountQueryResponse, MassCancelResponse, OrderAccepted, OrderCanceled, OrderExecuted, OrderReplaced,
};
use protocol::order_entry::{OrderDatagram, Question, Request};
use protocol::packet::Packer;
use protocol::soup::{ClientPacket, Decoder, encode};
use zerocopy::{FromZeros, IntoBytes};

use crate::faults::Faults;
use crate::instruments::tests::reply;
use crate::request::GOOD_TILL_CANCELED;

/// The session's name on a day; there are not more than nine.
fn name(day: u8) -> [u8; 10] {
    let mut name = *b"O000000000";
    name[9] += day;
    name
}

/// A resting order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resting {
    pub(super) open: u32,
    pub(super) quantity: u32,
    side: u8,
    price: u64,
    symbol: [u8; 8],
    cl_ord_id: [u8; 14],
    time_in_force: u8,
}

struct Connection {
    stream: TcpStream,
    decoder: Decoder,
    /// Index of the next message to send, once logged in.
    next: Option<usize>,
    is_replay: bool,
    is_bound: bool,
    /// The day that it logged in for.
    day: u8,
    open: bool,
}

/// The exchange.
pub(super) struct TestServer {
    listener: TcpListener,
    udp: UdpSocket,
    connections: Vec<Connection>,
    bound: Option<([u8; 8], SocketAddr)>,
    bindings: u64,
    day: u8,
    /// The stream of the day before.
    before: Vec<Vec<u8>>,
    /// The stream.
    pub(super) messages: Vec<Vec<u8>>,
    sent: usize,
    pub(super) mark: u32,
    pub(super) resting: BTreeMap<u32, Resting>,
    /// UserRefNums that were accepted or replaced, in order.
    pub(super) applied: Vec<u32>,
    pub(super) executed_lots: u64,
    pub(super) faults: Faults,
    /// Answers re-requests.
    pub(super) answers_re_requests: bool,
    pub(super) malformed: u64,
    /// Requests at or below the mark: sent again though applied.
    pub(super) repeated: u64,
    last_heartbeat: Instant,
}

impl TestServer {
    pub(super) fn start(faults: Faults) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        listener.set_nonblocking(true).expect("a socket");
        let udp = UdpSocket::bind("127.0.0.1:0").expect("loopback");
        udp.set_nonblocking(true).expect("a socket");
        Self {
            listener,
            udp,
            connections: Vec::new(),
            bound: None,
            bindings: 0,
            day: 1,
            before: Vec::new(),
            messages: Vec::new(),
            sent: 0,
            mark: 0,
            resting: BTreeMap::new(),
            applied: Vec::new(),
            executed_lots: 0,
            faults,
            answers_re_requests: true,
            malformed: 0,
            repeated: 0,
            last_heartbeat: Instant::now(),
        }
    }

    pub(super) fn address(&self) -> SocketAddrV4 {
        match self.listener.local_addr().expect("bound") {
            SocketAddr::V4(address) => address,
            SocketAddr::V6(_) => unreachable!("bound to IPv4"),
        }
    }

    fn name(&self) -> [u8; 10] {
        name(self.day)
    }

    /// The stream of today or of the day before.
    fn stream(&self, day: u8) -> &[Vec<u8>] {
        if day == self.day {
            &self.messages
        } else {
            &self.before
        }
    }

    /// Orders of the day end; nobody hears of it yet.
    pub(super) fn cancel_day_orders(&mut self) {
        let ends = |order: &Resting| order.time_in_force != GOOD_TILL_CANCELED;
        let ended: Vec<u32> = self
            .resting
            .iter()
            .filter(|(_, order)| ends(order))
            .map(|(number, _)| *number)
            .collect();
        ended.into_iter().for_each(|number| self.cancel(number, 0, b'E'));
    }

    /// Says over UDP that the day has ended.
    pub(super) fn tell_end(&mut self) {
        self.release();
        let packer = Packer::new(self.name(), self.messages.len() as u64 + 1, 1_472);
        self.send_datagram(&packer.end_of_session());
    }

    /// The next day begins with what is left. What was not sent over UDP is not sent any more.
    pub(super) fn roll(&mut self) {
        self.before = std::mem::take(&mut self.messages);
        self.day += 1;
        (self.mark, self.sent, self.bound) = (0, 0, None);
        for order in std::mem::take(&mut self.resting).into_values() {
            self.mark += 1;
            self.answer(&OrderAccepted {
                message_type: b'A',
                user_ref_num: self.mark.into(),
                side: order.side,
                quantity: order.open.into(),
                symbol: order.symbol,
                price: order.price.into(),
                time_in_force: order.time_in_force,
                order_reference_number: u64::from(self.mark).into(),
                order_state: b'L',
                cl_ord_id: order.cl_ord_id,
                ..OrderAccepted::new_zeroed()
            });
            let quantity = order.open;
            self.resting.insert(self.mark, Resting { quantity, ..order });
        }
    }

    /// All connections break, as when the process dies; the state stays.
    pub(super) fn break_connections(&mut self) {
        self.connections.clear();
        self.bound = None;
    }

    /// Sends bytes that mean nothing to the client's UDP port.
    pub(super) fn send_garbage(&self) {
        if let Some((_, address)) = self.bound {
            for garbage in [&b""[..], b"x", &[0xFF; 20], &[0; 1_472]] {
                self.udp.send_to(garbage, address).expect("loopback");
            }
        }
    }

    pub(super) fn poll(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            stream.set_nonblocking(true).expect("a socket");
            self.connections.push(Connection {
                stream,
                decoder: Decoder::new(65_536),
                next: None,
                is_replay: false,
                is_bound: false,
                day: 0,
                open: true,
            });
        }
        let mut connections = std::mem::take(&mut self.connections);
        for connection in &mut connections {
            self.serve(connection);
        }
        connections.retain(|connection| connection.open);
        connections.append(&mut self.connections);
        self.connections = connections;
        self.receive_orders();
        self.release();
    }

    fn serve(&mut self, connection: &mut Connection) {
        match connection.stream.read(connection.decoder.space()) {
            Ok(0) => connection.open = false,
            Ok(count) => connection.decoder.filled(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => connection.open = false,
        }
        let mut out = Vec::new();
        let mut buffer = [0; 512];
        loop {
            let packet = match connection.decoder.next_from_client() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                Err(_) => {
                    connection.open = false;
                    break;
                }
            };
            match packet {
                ClientPacket::Login(login) => {
                    if login.password != b"secret" {
                        let length = encode::login_rejected(b'A', &mut buffer).expect("room");
                        out.extend_from_slice(&buffer[..length]);
                        connection.open = false;
                        break;
                    }
                    let days = [self.day, self.day - 1];
                    let Some(day) = days.into_iter().find(|day| login.asks_for(&name(*day))) else {
                        let length = encode::login_rejected(b'S', &mut buffer).expect("room");
                        out.extend_from_slice(&buffer[..length]);
                        connection.open = false;
                        break;
                    };
                    connection.day = day;
                    connection.is_replay = login.is_replay() || day < self.day;
                    if !connection.is_replay {
                        // Takes over from an older connection, whose token dies.
                        self.bound = None;
                    }
                    let last = self.stream(day).len() as u64;
                    let first = match login.requested_sequence {
                        0 => last.max(1),
                        sequence => sequence,
                    };
                    let length = encode::login_accepted(name(day), first, &mut buffer).expect("room");
                    out.extend_from_slice(&buffer[..length]);
                    connection.next = Some(first as usize - 1);
                }
                ClientPacket::Unsequenced(_) if connection.is_replay => {}
                ClientPacket::Unsequenced(message) => {
                    let message = message.to_vec();
                    self.unsequenced(&message, connection, &mut out);
                }
                ClientPacket::Logout => connection.open = false,
                _ => {}
            }
        }
        if let Some(next) = &mut connection.next
            && (connection.is_replay || !connection.is_bound)
        {
            while let Some(message) = self.stream(connection.day).get(*next) {
                let length = encode::sequenced(message, &mut buffer).expect("room");
                out.extend_from_slice(&buffer[..length]);
                *next += 1;
            }
            if !connection.is_replay && connection.day == self.day {
                self.sent = *next;
            }
        }
        if connection.next.is_some() && connection.day < self.day {
            out.extend_from_slice(&encode::END_OF_SESSION);
            connection.open = false;
        }
        // Small tests: what does not fit into the kernel's buffer at once does not occur.
        if connection.stream.write_all(&out).is_err() {
            connection.open = false;
        }
    }

    fn unsequenced(&mut self, message: &[u8], connection: &mut Connection, out: &mut Vec<u8>) {
        let mut buffer = [0; 512];
        let mut answer = |bytes: &[u8]| {
            let length = encode::unsequenced(bytes, &mut buffer).expect("room");
            out.extend_from_slice(&buffer[..length]);
        };
        match Question::decode(message).expect("a client sends what can be read") {
            Question::BindUdp(bind) => {
                let ip = connection.stream.peer_addr().expect("connected").ip();
                self.bindings += 1;
                connection.is_bound = true;
                let token = self.bindings.to_be_bytes();
                self.bound = Some((token, SocketAddr::new(ip, bind.udp_port.get())));
                let bound = UdpBound {
                    message_type: b'u',
                    token,
                    salt: [0; 16],
                    udp_port: self.udp.local_addr().expect("bound").port().into(),
                };
                answer(bound.as_bytes());
            }
            Question::Instruments(_) => {
                answer(reply("BTC-USD", 1).as_bytes());
                let mut end = InstrumentReply::new_zeroed();
                end.message_type = b'i';
                end.symbol = [b' '; 8];
                answer(end.as_bytes());
            }
            Question::OrderStatus(request) => {
                let mut status = OrderStatus::new_zeroed();
                status.message_type = b's';
                status.user_ref_num = request.user_ref_num;
                status.state = b'U';
                status.as_of_sequence = (self.messages.len() as u64).into();
                answer(status.as_bytes());
            }
            Question::Unknown(_) => self.request(message),
            other => panic!("not asked in these tests: {other:?}"),
        }
    }

    fn receive_orders(&mut self) {
        let mut buffer = [0; 2_048];
        while let Ok((length, from)) = self.udp.recv_from(&mut buffer) {
            let Ok(datagram) = OrderDatagram::parse(&buffer[..length]) else {
                self.malformed += 1;
                continue;
            };
            if self.bound != Some((datagram.token(), from)) {
                continue;
            }
            for message in datagram.messages() {
                self.request(message);
            }
        }
    }

    fn request(&mut self, bytes: &[u8]) {
        let request = Request::decode(bytes).expect("checked before");
        if let Some(number) = request.new_user_ref() {
            if number <= self.mark {
                self.repeated += 1;
                return;
            }
            self.mark = number;
        }
        match request {
            Request::Enter(enter, _) => {
                let number = enter.user_ref_num.get();
                let quantity = enter.quantity.get();
                self.applied.push(number);
                self.answer(&OrderAccepted {
                    message_type: b'A',
                    user_ref_num: enter.user_ref_num,
                    side: enter.side,
                    quantity: enter.quantity,
                    symbol: enter.symbol,
                    price: enter.price,
                    time_in_force: enter.time_in_force,
                    cl_ord_id: enter.cl_ord_id,
                    order_reference_number: u64::from(number).into(),
                    order_state: b'L',
                    ..OrderAccepted::new_zeroed()
                });
                if quantity % 2 == 1 {
                    self.executed_lots += u64::from(quantity);
                    self.answer(&OrderExecuted {
                        message_type: b'E',
                        user_ref_num: enter.user_ref_num,
                        quantity: enter.quantity,
                        price: enter.price,
                        liquidity_flag: b'R',
                        match_number: u64::from(number).into(),
                        ..OrderExecuted::new_zeroed()
                    });
                } else {
                    let resting = Resting {
                        open: quantity,
                        quantity,
                        side: enter.side,
                        price: enter.price.get(),
                        symbol: enter.symbol,
                        cl_ord_id: enter.cl_ord_id,
                        time_in_force: enter.time_in_force,
                    };
                    self.resting.insert(number, resting);
                }
            }
            Request::Replace(replace, _) => {
                let Some(mut order) = self.resting.remove(&replace.orig_user_ref_num.get()) else {
                    panic!("the tests replace resting orders only")
                };
                self.applied.push(replace.user_ref_num.get());
                order.open = replace.quantity.get();
                order.quantity = replace.quantity.get();
                order.price = replace.price.get();
                (order.cl_ord_id, order.time_in_force) = (replace.cl_ord_id, replace.time_in_force);
                self.resting.insert(replace.user_ref_num.get(), order);
                self.answer(&OrderReplaced {
                    message_type: b'U',
                    orig_user_ref_num: replace.orig_user_ref_num,
                    user_ref_num: replace.user_ref_num,
                    side: order.side,
                    quantity: replace.quantity,
                    symbol: order.symbol,
                    price: replace.price,
                    ..OrderReplaced::new_zeroed()
                });
            }
            Request::Cancel(cancel, _) => self.cancel(cancel.user_ref_num.get(), cancel.quantity.get(), b'U'),
            Request::MassCancel(cancel, _) => {
                self.answer(&MassCancelResponse {
                    message_type: b'X',
                    user_ref_num: cancel.user_ref_num,
                    ..MassCancelResponse::new_zeroed()
                });
                let all: Vec<u32> = self.resting.keys().copied().collect();
                all.into_iter().for_each(|number| self.cancel(number, 0, b'U'));
            }
            Request::AccountQuery(..) => self.answer(&AccountQueryResponse {
                message_type: b'Q',
                next_user_ref_num: (self.mark + 1).into(),
                ..AccountQueryResponse::new_zeroed()
            }),
            Request::ReRequest(again) if self.answers_re_requests => {
                let first = again.sequence_number.get() as usize;
                let end = (first + usize::from(again.message_count.get())).min(self.messages.len() + 1);
                self.send_packets(first, end.min(self.sent + 1));
            }
            Request::ReRequest(_) => {}
            other => panic!("not used in these tests: {other:?}"),
        }
    }

    fn cancel(&mut self, number: u32, to: u32, reason: u8) {
        let Some(order) = self.resting.get_mut(&number) else {
            return;
        };
        let executed = order.quantity - order.open;
        let reduced = order.open.saturating_sub(to.saturating_sub(executed));
        if reduced == 0 {
            return;
        }
        order.open -= reduced;
        order.quantity -= reduced;
        if order.open == 0 {
            self.resting.remove(&number);
        }
        self.answer(&OrderCanceled {
            message_type: b'C',
            user_ref_num: number.into(),
            quantity: reduced.into(),
            reason,
            ..OrderCanceled::new_zeroed()
        });
    }

    fn answer<T: IntoBytes + zerocopy::Immutable>(&mut self, message: &T) {
        self.messages.push(message.as_bytes().to_vec());
    }

    /// Sends what is new to the binding, and heartbeats.
    fn release(&mut self) {
        if self.bound.is_none() {
            return;
        }
        let all = self.messages.len();
        if self.sent < all {
            let first = self.sent + 1;
            self.sent = all;
            self.send_packets(first, all + 1);
        } else if self.last_heartbeat.elapsed() > Duration::from_millis(10) {
            let packer = Packer::new(self.name(), all as u64 + 1, 1_472);
            self.send_datagram(&packer.heartbeat());
        }
    }

    /// Sends messages `first` .. `end`, three in a packet.
    fn send_packets(&mut self, first: usize, end: usize) {
        let mut at = first;
        while at < end {
            let mut packer = Packer::new(self.name(), at as u64, 1_472);
            for message in &self.messages[at - 1..(at + 2).min(end - 1)] {
                assert!(packer.push(message));
                at += 1;
            }
            let packet = packer.finish(None).expect("not empty").to_vec();
            self.send_datagram(&packet);
        }
    }

    fn send_datagram(&mut self, bytes: &[u8]) {
        self.last_heartbeat = Instant::now();
        if let Some((_, address)) = self.bound
            && !self.faults.drops()
        {
            // A full buffer on loopback is loss like any other.
            let _lost = self.udp.send_to(bytes, address);
        }
    }
}
