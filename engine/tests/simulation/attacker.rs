//! A customer that knows the protocol and breaks every rule of it: other people's names, tokens and order numbers, numbers
//! from the past and the future, half messages, logins and bindings without end, requests for everything at once, junk. It
//! has an account, so it is let in. Nobody else may notice, and its own account must add up like any other.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddrV4};

use engine::runtime::seams::DatagramSink;
use engine::runtime::sim_net::{SimConnector, SimSocket, SimStream, Switchboard};
use protocol::order_entry::own::{
    BalanceRequest, BindUdp, InstrumentsRequest, OpenOrdersRequest, OrderStatusRequest, ReRequest,
};
use protocol::order_entry::requests::{
    AccountQuery, CancelOrder, DisableOrderEntry, EnableOrderEntry, EnterOrder, MassCancel, ModifyOrder,
    ReplaceOrder,
};
use protocol::order_entry::{Answer, DatagramPacker};
use protocol::soup::encode;
use protocol::testing::Random;
use protocol::testing::fuzz::mutate;
use zerocopy::IntoBytes;

use crate::coverage::Coverage;
use crate::customer::Customer;
use crate::link::{Heard, Link};

/// Its name, of account and session.
pub(crate) const NAME: &str = "EVIL";
/// Its machine.
pub(crate) const MACHINE: Ipv4Addr = Ipv4Addr::new(10, 0, 4, 1);
/// Connections that it tries to hold.
const CONNECTIONS_MAX: usize = 10;
/// Makes its numbers others than the world's, which a seed had before there was an attacker.
const SALT: u64 = 0x6174_7461_636b_6572;

pub(crate) struct Attacker {
    network: Switchboard,
    entry: SocketAddrV4,
    socket: SimSocket,
    main: Option<Link>,
    others: Vec<SimStream>,
    token: Option<[u8; 8]>,
    number: u64,
    next: u32,
    packer: DatagramPacker,
    pub(crate) coverage: Coverage,
    random: Random,
}

/// Whether a seed has one: of four, one. Drawn apart, so that the others stay as they are.
pub(crate) fn is_in(seed: u64) -> bool {
    Random::new(seed ^ SALT).chance(1, 4)
}

impl Attacker {
    pub(crate) fn new(network: &Switchboard, entry: SocketAddrV4, seed: u64) -> Self {
        Self {
            network: network.clone(),
            entry,
            socket: network.bind(SocketAddrV4::new(MACHINE, 5_000)),
            main: None,
            others: Vec::new(),
            token: None,
            number: 0,
            next: 1,
            packer: DatagramPacker::default(),
            coverage: Coverage::default(),
            random: Random::new(!seed ^ SALT),
        }
    }

    /// It gives up.
    pub(crate) fn leave(&mut self) {
        self.main = None;
        self.others.clear();
        self.token = None;
    }

    /// One turn.
    pub(crate) fn turn(&mut self, door: &SimConnector, customers: &[Customer]) {
        while self.socket.receive().is_some() {}
        self.listen();
        if self.main.is_none() && self.random.chance(1, 4) {
            self.main = Link::login(door, self.from(), NAME, "", 1);
            self.token = None;
            self.meet("logins");
        }
        match self.random.below(24) {
            0..8 => self.ask(customers),
            8 => self.bind(),
            9 => self.flood_with_requests(),
            10 => self.flood_with_questions(),
            11 | 12 => self.repeat(customers),
            13 => self.guess_token(customers),
            14 => self.junk_datagram(),
            15 => self.log_in_again(door),
            16 => self.log_in_as_another(door),
            17 => self.log_in_to_another_stream(door),
            18 => self.say_half(door),
            19 => self.say_junk(door),
            20 if self.random.chance(1, 8) => {
                self.main = None;
                self.meet("connections dropped");
            }
            _ => {}
        }
    }

    fn meet(&mut self, case: &str) {
        self.coverage.met(format!("attacks: {case}"));
    }

    fn from(&mut self) -> SocketAddrV4 {
        SocketAddrV4::new(MACHINE, 1_024 + self.random.below(60_000) as u16)
    }

    fn listen(&mut self) {
        // Now and then it does not read, for a while.
        if self.random.chance(1, 2) {
            return;
        }
        while let Some(link) = &mut self.main {
            match link.poll() {
                None => return,
                Some(Heard::Answer(answer)) => {
                    if let Ok(Answer::UdpBound(bound)) = Answer::decode(&answer) {
                        self.token = Some(bound.token);
                        self.number = 0;
                    }
                }
                Some(Heard::Rejected(_) | Heard::End | Heard::Over) => {
                    (self.main, self.token) = (None, None);
                }
                Some(_) => {}
            }
        }
    }

    /// A number of one of its orders, of somebody else's, from the past or the future.
    fn some_number(&mut self) -> u32 {
        match self.random.below(6) {
            0 => 0,
            1 => u32::MAX - self.random.below(3) as u32,
            2 => self.next.saturating_sub(1 + self.random.below(8) as u32),
            3 => self.next.saturating_add(self.random.below(1_000) as u32),
            // Customers begin with 1, too.
            _ => 1 + self.random.below(200) as u32,
        }
    }

    fn request(&mut self, customers: &[Customer]) -> Vec<u8> {
        let number = self.some_number();
        let other = self.some_number();
        let random = &mut self.random;
        let mut firm = *b"FRM0";
        firm[3] += random.below(customers.len() as u64) as u8;
        let symbol = *random.pick(&[*b"BTC-USD ", *b"ETH-USD ", *b"        ", *b"NOTHING "]);
        let quantity = *random.pick(&[0, 1, 50, 2_000, u32::MAX]);
        let mut bytes = match random.below(12) {
            0 => CancelOrder {
                message_type: b'X',
                user_ref_num: number.into(),
                quantity: quantity.into(),
            }
            .as_bytes()
            .to_vec(),
            1 => ModifyOrder {
                message_type: b'M',
                user_ref_num: number.into(),
                side: *random.pick(b"BSTE?"),
                quantity: quantity.into(),
            }
            .as_bytes()
            .to_vec(),
            2 => ReplaceOrder {
                message_type: b'U',
                orig_user_ref_num: other.into(),
                user_ref_num: number.into(),
                quantity: quantity.into(),
                price: 600_000_000.into(),
                time_in_force: b'0',
                display: b'Y',
                inter_market_sweep_eligibility: b'N',
                cl_ord_id: *b"evil          ",
                appendage_length: 0.into(),
            }
            .as_bytes()
            .to_vec(),
            3 => MassCancel {
                message_type: b'C',
                user_ref_num: number.into(),
                firm,
                symbol,
                appendage_length: 0.into(),
            }
            .as_bytes()
            .to_vec(),
            4 => DisableOrderEntry {
                message_type: b'D',
                user_ref_num: number.into(),
                firm,
                appendage_length: 0.into(),
            }
            .as_bytes()
            .to_vec(),
            5 => EnableOrderEntry {
                message_type: b'E',
                user_ref_num: number.into(),
                firm: *random.pick(&[firm, *b"EVIL", *b"    "]),
                appendage_length: 0.into(),
            }
            .as_bytes()
            .to_vec(),
            6 => AccountQuery { message_type: b'Q' }.as_bytes().to_vec(),
            kind => {
                let is_next = kind > 7;
                let used = if is_next { self.next } else { number };
                if is_next {
                    self.next += 1;
                }
                EnterOrder {
                    message_type: b'O',
                    user_ref_num: used.into(),
                    side: *random.pick(b"BBSST"),
                    quantity: (1 + random.below(400) as u32).into(),
                    symbol,
                    price: (595_000_000 + 100 * random.below(100_000)).into(),
                    time_in_force: *random.pick(b"00035?"),
                    display: *random.pick(b"YYN?"),
                    capacity: b'P',
                    inter_market_sweep_eligibility: b'N',
                    cross_type: b'N',
                    cl_ord_id: *b"evil          ",
                    appendage_length: 0.into(),
                }
                .as_bytes()
                .to_vec()
            }
        };
        if self.random.chance(1, 4) {
            mutate(&mut self.random, &mut bytes, &[]);
            bytes.truncate(400);
        }
        bytes
    }

    /// Requests, most of them wrong, by either way.
    fn ask(&mut self, customers: &[Customer]) {
        let requests: Vec<_> = (0..1 + self.random.below(6))
            .map(|_| self.request(customers))
            .collect();
        self.meet("requests");
        match self.token {
            Some(token) if self.random.chance(2, 3) => self.send(token, &requests),
            _ => self.say(&requests),
        }
    }

    fn send(&mut self, token: [u8; 8], requests: &[Vec<u8>]) {
        self.number = match self.random.below(8) {
            0 => 0,
            1 => u64::MAX,
            _ => self.number.wrapping_add(1),
        };
        self.packer.start(token, self.number);
        for request in requests {
            // What has no room is left out.
            let _ = self.packer.push(request);
        }
        let mut datagram = self.packer.finish(None).to_vec();
        if self.random.chance(1, 6) {
            mutate(&mut self.random, &mut datagram, &[]);
        }
        self.socket
            .send(self.entry, &datagram)
            .expect("the switchboard takes everything");
    }

    fn say(&mut self, messages: &[Vec<u8>]) {
        if let Some(link) = &mut self.main {
            for message in messages {
                link.say(message);
            }
        }
    }

    fn bind(&mut self) {
        for _ in 0..1 + self.random.below(4) {
            let bind = BindUdp {
                message_type: b'u',
                udp_port: (*self.random.pick(&[5_000, 5_000, 5_001, 0, u16::MAX])).into(),
            };
            self.say(&[bind.as_bytes().to_vec()]);
        }
        self.meet("bindings");
    }

    fn flood_with_requests(&mut self) {
        let Some(token) = self.token else { return };
        let requests: Vec<_> = (0..30)
            .map(|_| {
                let request = ReRequest {
                    message_type: b'r',
                    sequence_number: (*self.random.pick(&[0, 1, 2, 100, u64::MAX])).into(),
                    message_count: (*self.random.pick(&[0, 1, 1_000, u16::MAX])).into(),
                };
                request.as_bytes().to_vec()
            })
            .collect();
        for _ in 0..20 {
            self.send(token, &requests);
        }
        self.meet("floods of re-requests");
    }

    fn flood_with_questions(&mut self) {
        for _ in 0..40 {
            let number = self.some_number();
            let question = match self.random.below(4) {
                0 => OpenOrdersRequest { message_type: b'o' }.as_bytes().to_vec(),
                1 => InstrumentsRequest { message_type: b'i' }.as_bytes().to_vec(),
                2 => BalanceRequest {
                    message_type: b'b',
                    asset: *self.random.pick(&[*b"USD     ", *b"        ", *b"NOTHING "]),
                }
                .as_bytes()
                .to_vec(),
                _ => OrderStatusRequest {
                    message_type: b's',
                    user_ref_num: number.into(),
                }
                .as_bytes()
                .to_vec(),
            };
            self.say(&[question]);
        }
        self.meet("floods of questions");
    }

    /// A datagram of a customer once more: from its own machine, or as if from the customer's.
    fn repeat(&mut self, customers: &[Customer]) {
        let victim = self.random.pick(customers);
        let datagram = victim.datagram.clone();
        // Whoever repeats what somebody dead has said keeps its session alive: a token signs nothing.
        if datagram.is_empty() || victim.is_dead {
            return;
        }
        if self.random.chance(1, 2) {
            self.send_from(victim.address(), &datagram);
            self.meet("datagrams repeated under another's address");
        } else {
            self.socket
                .send(self.entry, &datagram)
                .expect("the switchboard takes everything");
            self.meet("datagrams with another's token");
        }
    }

    /// Under a customer's address, with a token that is nearly right.
    fn guess_token(&mut self, customers: &[Customer]) {
        let victim = self.random.pick(customers);
        let mut token = [0; 8];
        self.random.fill(&mut token);
        if let Some(own) = victim.datagram.first_chunk::<8>()
            && self.random.chance(1, 2)
        {
            token = *own;
            token[self.random.below(8) as usize] ^= 1 << self.random.below(8);
        }
        let address = victim.address();
        let request = self.request(customers);
        self.packer.start(token, 1);
        let _ = self.packer.push(&request);
        let datagram = self.packer.finish(None).to_vec();
        self.send_from(address, &datagram);
        self.meet("tokens guessed");
    }

    fn send_from(&mut self, address: SocketAddrV4, datagram: &[u8]) {
        self.network
            .sender(address)
            .send(self.entry, datagram)
            .expect("the switchboard takes everything");
    }

    fn junk_datagram(&mut self) {
        let mut datagram = vec![0; self.random.below(1_500) as usize];
        self.random.fill(&mut datagram);
        if let (Some(own), Some(place)) = (self.token, datagram.first_chunk_mut::<8>()) {
            *place = own;
        }
        self.socket
            .send(self.entry, &datagram)
            .expect("the switchboard takes everything");
        self.meet("junk datagrams");
    }

    /// One more connection, which says `bytes`.
    fn open(&mut self, door: &SimConnector, bytes: &[u8]) {
        let from = self.from();
        if self.others.len() >= CONNECTIONS_MAX {
            let place = self.random.below(self.others.len() as u64) as usize;
            self.others.swap_remove(place);
        }
        if let Ok(mut stream) = door.connect(from) {
            // What has no room stays half a message.
            let _ = stream.write(bytes);
            self.others.push(stream);
        }
    }

    fn login(&mut self, door: &SimConnector, name: &str, password: &str, stream: &str, sequence: u64) {
        let mut bytes = [0; 64];
        let length = encode::login(name, password, stream, sequence, None, &mut bytes).expect("it fits");
        self.open(door, &bytes[..length]);
    }

    /// Its own session, over and over: each takes over from the one before.
    fn log_in_again(&mut self, door: &SimConnector) {
        let sequence = *self.random.pick(&[0, 1, 2, 1_000_000, u64::MAX / 2]);
        for _ in 0..1 + self.random.below(4) {
            self.login(door, NAME, "secret", "", sequence);
        }
        self.meet("repeated logins");
    }

    fn log_in_as_another(&mut self, door: &SimConnector) {
        let name = *self.random.pick(&["T0", "T1", "T2", "nobody", ""]);
        let password = *self.random.pick(&["", "SECRET1", "admin", "secre"]);
        self.login(door, name, password, "", 1);
        self.meet("logins with other people's names");
    }

    /// With its own name, for a stream of somebody else, by the way that only reads too.
    fn log_in_to_another_stream(&mut self, door: &SimConnector) {
        let first = if self.random.chance(1, 2) { '+' } else { 'O' };
        let session = self.random.below(8);
        let stream = format!("{first}{session:05}{:04}", 1 + self.random.below(3));
        self.login(door, NAME, "secret", &stream, 1);
        self.meet("logins to other people's streams");
    }

    fn say_half(&mut self, door: &SimConnector) {
        let mut bytes = [0; 64];
        let length = encode::login(NAME, "secret", "", 1, None, &mut bytes).expect("it fits");
        let half = self.random.below(length as u64) as usize;
        self.open(door, &bytes[..half]);
        self.meet("half logins");
    }

    fn say_junk(&mut self, door: &SimConnector) {
        let mut bytes = vec![0; self.random.below(300) as usize];
        self.random.fill(&mut bytes);
        match self.others.last_mut() {
            Some(stream) if self.random.chance(1, 2) => drop(stream.write(&bytes)),
            _ => self.open(door, &bytes),
        }
        self.meet("junk over TCP");
    }
}
