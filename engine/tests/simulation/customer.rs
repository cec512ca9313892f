//! A customer: logs in over TCP, trades over UDP, sends again what is not answered, asks again for what it missed.

use std::net::SocketAddrV4;

use engine::runtime::seams::DatagramSink;
use engine::runtime::sim_net::{SimConnector, SimSocket, Switchboard};
use protocol::order_entry::own::{BindUdp, ReRequest};
use protocol::order_entry::requests::{CancelOrder, EnterOrder, ReplaceOrder};
use protocol::order_entry::{Answer, DatagramPacker, OptionsWriter, Response, options, write_message};
use protocol::packet::Packet;
use protocol::session::{EntryClient, EntryClientConfig, Receiver, ReceiverConfig};
use protocol::testing::Random;
use protocol::units::Price;
use zerocopy::IntoBytes;

use crate::link::{Heard, Link};

/// A client says something over TCP this often.
const HEARTBEAT_NS: u64 = 1_000_000_000;
const SYMBOLS: [[u8; 8]; 2] = [*b"BTC-USD ", *b"ETH-USD "];

/// What it did, for the generator's own check.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) executions: u64,
    pub(crate) canceled: u64,
    pub(crate) replaced: u64,
    pub(crate) rejected: u64,
    pub(crate) re_requested: u64,
    /// Stops that entered.
    pub(crate) triggered: u64,
    /// Displays that were filled up.
    pub(crate) restated: u64,
    /// Executions of what was not displayed.
    pub(crate) unseen: u64,
}

pub(crate) struct Customer {
    pub(crate) username: String,
    exchange: SocketAddrV4,
    socket: SimSocket,
    link: Option<Link>,
    /// What names our datagrams; `None` while we are not bound.
    token: Option<[u8; 8]>,
    number: u64,
    packer: DatagramPacker,
    pub(crate) entry: EntryClient,
    receiver: Receiver,
    heartbeat_at: u64,
    /// The stream, in order, from message 1.
    pub(crate) stream: Vec<Vec<u8>>,
    /// Orders that were accepted, perhaps ended since.
    accepted: Vec<u32>,
    pub(crate) done: Done,
    random: Random,
}

impl Customer {
    pub(crate) fn new(
        network: &Switchboard,
        address: SocketAddrV4,
        exchange: SocketAddrV4,
        username: String,
        random: Random,
    ) -> Self {
        Self {
            username,
            exchange,
            socket: network.bind(address),
            link: None,
            token: None,
            number: 0,
            packer: DatagramPacker::default(),
            entry: EntryClient::new(EntryClientConfig {
                orders_max: 256,
                requests_max: 64,
                reductions_max: 64,
                ..EntryClientConfig::default()
            }),
            receiver: Receiver::new(ReceiverConfig::default(), None, 1, 0),
            heartbeat_at: 0,
            stream: Vec::new(),
            accepted: Vec::new(),
            done: Done::default(),
            random,
        }
    }

    /// One turn. `trades`: new orders are entered.
    pub(crate) fn turn(&mut self, now: u64, door: &SimConnector, trades: bool) {
        self.connect(now, door);
        self.listen(now);
        while let Some((_, bytes)) = self.socket.receive() {
            let packet = Packet::parse(&bytes).expect("MoldUDP64");
            let mut messages = Vec::new();
            self.receiver.packet(now, &packet, |sequence, message| {
                messages.push((sequence, message.to_vec()))
            });
            self.take(messages);
        }
        if self.token.is_none() {
            return;
        }
        let mut requests = Vec::new();
        if trades && self.entry.unanswered_count() < 16 && self.random.below(4) == 0 {
            for _ in 0..=self.random.below(6) {
                requests.extend(self.request(now));
            }
        }
        self.entry.poll(now, |bytes| requests.push(bytes.to_vec()));
        let asked = requests.len();
        self.receiver.requests(now, |first, count| {
            let request = ReRequest {
                message_type: b'r',
                sequence_number: first.into(),
                message_count: count.into(),
            };
            requests.push(request.as_bytes().to_vec());
        });
        self.done.re_requested += (requests.len() - asked) as u64;
        self.send(&requests);
    }

    fn connect(&mut self, now: u64, door: &SimConnector) {
        if self.link.is_none() {
            self.token = None;
            let next = self.receiver.next_sequence();
            self.link = Link::login(door, self.socket.address(), &self.username, "", next);
        }
        if now >= self.heartbeat_at
            && let Some(link) = &mut self.link
        {
            self.heartbeat_at = now + HEARTBEAT_NS;
            link.heartbeat();
        }
    }

    fn listen(&mut self, now: u64) {
        let mut messages = Vec::new();
        while let Some(link) = &mut self.link {
            match link.poll() {
                None => break,
                Some(Heard::Accepted) => {
                    let bind = BindUdp {
                        message_type: b'u',
                        udp_port: self.socket.address().port().into(),
                    };
                    link.say(bind.as_bytes());
                }
                Some(Heard::Message(sequence, message)) => {
                    self.receiver
                        .message(now, sequence, &message, |sequence, message| {
                            messages.push((sequence, message.to_vec()));
                        });
                }
                Some(Heard::Answer(answer)) => {
                    let Ok(Answer::UdpBound(bound)) = Answer::decode(&answer) else {
                        panic!("nothing else was asked: {answer:?}");
                    };
                    self.token = Some(bound.token);
                    self.number = 0;
                    self.entry.resend_all(now);
                }
                Some(Heard::Over) => self.link = None,
                Some(Heard::Other) => {}
            }
        }
        self.take(messages);
    }

    /// Messages of the stream, in order, each once.
    fn take(&mut self, messages: Vec<(u64, Vec<u8>)>) {
        for (sequence, message) in messages {
            assert_eq!(sequence, self.stream.len() as u64 + 1, "{}", self.username);
            let response = Response::decode(&message).expect("OUCH");
            match &response {
                Response::Accepted(accepted, _) => self.accepted.push(accepted.user_ref_num.get()),
                Response::Replaced(replaced, _) => {
                    self.accepted.push(replaced.user_ref_num.get());
                    self.done.replaced += 1;
                }
                Response::Executed(executed, _) => {
                    self.done.executions += 1;
                    self.done.unseen += u64::from(executed.liquidity_flag == b'J');
                }
                Response::PriorityUpdate(..) => self.done.triggered += 1,
                Response::Restated(..) => self.done.restated += 1,
                Response::Canceled(..) | Response::AiqCanceled(..) => self.done.canceled += 1,
                Response::Rejected(..) => self.done.rejected += 1,
                _ => {}
            }
            // A request that was overtaken is not entered again: this customer has others.
            self.entry.response(&response, |_, _| {});
            self.stream.push(message);
        }
    }

    /// Something to ask, kept for sending again.
    fn request(&mut self, now: u64) -> Option<Vec<u8>> {
        let random = &mut self.random;
        let old = match self.accepted.len() {
            0 => None,
            count => Some(self.accepted[count - 1 - random.below(count.min(24) as u64) as usize]),
        };
        let live = old.filter(|user_ref| self.entry.open_quantity(*user_ref).is_some());
        let symbol = SYMBOLS[random.below(2) as usize];
        let middle: u64 = if symbol == SYMBOLS[0] {
            600_000_000
        } else {
            30_000_000
        };
        let price = middle + 100 * random.below(30) - 1_500;
        let quantity = 1 + random.below(40) as u32;
        let bytes = match (random.below(10), live) {
            (0..=1, Some(user_ref)) => written(&CancelOrder {
                message_type: b'X',
                user_ref_num: user_ref.into(),
                quantity: (random.below(3) as u32 * 5).into(),
            }),
            (2, Some(user_ref)) => written(&ReplaceOrder {
                message_type: b'U',
                orig_user_ref_num: user_ref.into(),
                user_ref_num: self.entry.next_user_ref()?.into(),
                quantity: quantity.into(),
                price: price.into(),
                time_in_force: b'0',
                display: b'Y',
                inter_market_sweep_eligibility: b'N',
                cl_ord_id: *b"replaced      ",
                appendage_length: 0.into(),
            }),
            (kind, _) => self.order(kind, symbol, price, quantity)?,
        };
        // No room: it is not sent.
        self.entry.keep(now, &bytes).ok().map(|_| bytes)
    }

    /// An order of a kind: most are limit orders, some are never seen whole, wait for a price, or are at the market.
    fn order(&mut self, kind: u64, symbol: [u8; 8], price: u64, quantity: u32) -> Option<Vec<u8>> {
        let random = &mut self.random;
        let special = if kind == 5 { random.below(6) } else { 9 };
        let mut buffer = [0; 32];
        let mut options = OptionsWriter::new(&mut buffer);
        let fits = match special {
            0 | 1 => options.push_u32(options::MAX_FLOOR, 1 + random.below(3) as u32),
            2 => options.push_u64(options::STOP_PRICE, price + 100 * random.below(8) - 400),
            3 => options.push_u64(options::FUNDS, 1 + random.below(10_000_000_000)),
            _ => true,
        };
        assert!(fits, "one option fits");
        let is_market = matches!(special, 3 | 4);
        let message = EnterOrder {
            message_type: b'O',
            user_ref_num: self.entry.next_user_ref()?.into(),
            side: if random.below(2) == 0 && special != 3 {
                b'S'
            } else {
                b'B'
            },
            // Some are refused: no quantity, no such price.
            quantity: match (kind, special) {
                (9, _) if random.below(4) == 0 => 0,
                (_, 0 | 1) => 10 + quantity,
                _ => quantity,
            }
            .into(),
            symbol,
            price: match kind {
                8 if random.below(4) == 0 => price + 1,
                _ if is_market => Price::MARKET.0,
                _ => price,
            }
            .into(),
            time_in_force: if kind == 7 { b'3' } else { b'0' },
            display: match (kind, special) {
                (6, _) => b'A',
                (_, 5) => b'N',
                _ => b'Y',
            },
            capacity: b'P',
            inter_market_sweep_eligibility: b'N',
            cross_type: b'N',
            cl_ord_id: *b"entered       ",
            appendage_length: 0.into(),
        };
        let mut buffer = [0; 128];
        let length = write_message(&message, options.written(), &mut buffer).expect("it fits");
        Some(buffer[..length].to_vec())
    }

    fn send(&mut self, requests: &[Vec<u8>]) {
        let Some(token) = self.token else { return };
        for chunk in requests.chunks(8) {
            self.number += 1;
            self.packer.start(token, self.number);
            for request in chunk {
                assert!(self.packer.push(request), "eight requests fit");
            }
            self.socket
                .send(self.exchange, self.packer.finish(None))
                .expect("the switchboard takes everything");
        }
    }

    /// Nothing waits for an answer, nothing is missing.
    pub(crate) fn is_quiet(&self) -> bool {
        self.token.is_some() && self.entry.waiting_count() == 0 && !self.receiver.has_gap()
    }
}

fn written<T: protocol::layout::WireMessage>(message: &T) -> Vec<u8> {
    let mut buffer = [0; 128];
    let length = write_message(message, &[], &mut buffer).expect("it fits");
    buffer[..length].to_vec()
}
