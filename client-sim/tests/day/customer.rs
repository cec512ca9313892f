//! A customer over TCP: says what it is told to, keeps what it hears.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddrV4;

use client_sim::request::{self, NewOrder};
use engine::runtime::sim_net::{SimConnector, SimStream};
use protocol::order_entry::requests::ReplaceOrder;
use protocol::order_entry::{OptionsWriter, Response, write_message};
use protocol::soup::{Decoder, ServerPacket, encode};

pub(crate) struct Customer {
    pub(crate) username: &'static str,
    address: SocketAddrV4,
    stream: Option<SimStream>,
    decoder: Decoder,
    unsent: Vec<u8>,
    next_user_ref: u32,
    /// The streams of the days before.
    pub(crate) messages_before: Vec<Vec<Vec<u8>>>,
    /// The numbered stream, from message 1.
    pub(crate) messages: Vec<Vec<u8>>,
    /// Answers to questions.
    pub(crate) answers: Vec<Vec<u8>>,
}

impl Customer {
    pub(crate) fn new(username: &'static str, address: SocketAddrV4) -> Self {
        Self {
            username,
            address,
            stream: None,
            decoder: Decoder::new(16 << 10),
            unsent: Vec::new(),
            next_user_ref: 1,
            messages_before: Vec::new(),
            messages: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Logs in and asks for what it has not heard.
    pub(crate) fn connect(&mut self, door: &SimConnector) {
        self.connect_to(door, "");
    }

    /// The same by the name of a stream.
    pub(crate) fn connect_to(&mut self, door: &SimConnector, session: &str) {
        self.stream = Some(door.connect(self.address).expect("the exchange listens"));
        self.decoder = Decoder::new(16 << 10);
        let (mut buffer, next) = ([0; 64], self.messages.len() as u64 + 1);
        let length =
            encode::login(self.username, "secret", session, next, None, &mut buffer).expect("a login fits");
        self.unsent = buffer[..length].to_vec();
    }

    pub(crate) fn hang_up(&mut self) {
        self.stream = None;
    }

    /// Not connected.
    pub(crate) fn is_away(&self) -> bool {
        self.stream.is_none()
    }

    /// The day has ended: numbers begin again. The exchange hangs up.
    fn end_day(&mut self) {
        self.messages_before.push(std::mem::take(&mut self.messages));
        self.next_user_ref = 1;
        self.unsent.clear();
        self.stream = None;
    }

    pub(crate) fn heartbeat(&mut self) {
        self.unsent.extend_from_slice(&encode::CLIENT_HEARTBEAT);
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        let mut buffer = [0; 512];
        let length = encode::unsequenced(bytes, &mut buffer).expect("requests are short");
        self.unsent.extend_from_slice(&buffer[..length]);
    }

    /// The next UserRefNum.
    pub(crate) fn number(&mut self) -> u32 {
        self.next_user_ref += 1;
        self.next_user_ref - 1
    }

    pub(crate) fn enter(&mut self, order: &NewOrder) -> u32 {
        let user_ref = self.number();
        self.say(request::enter(user_ref, order).as_slice());
        user_ref
    }

    /// The same with further options.
    pub(crate) fn enter_with(
        &mut self,
        order: &NewOrder,
        append: impl FnOnce(&mut OptionsWriter<'_>),
    ) -> u32 {
        let user_ref = self.number();
        let plain = request::enter(user_ref, order);
        let mut options = [0; 64];
        let mut writer = OptionsWriter::new(&mut options);
        append(&mut writer);
        let more = writer.finish();
        // The appendage is the end of the message, its length the two bytes before.
        let mut bytes = plain.as_slice().to_vec();
        let length = bytes.len() - 47 + more.len();
        bytes[45..47].copy_from_slice(&u16::try_from(length).expect("options are short").to_be_bytes());
        bytes.extend_from_slice(more);
        self.say(&bytes);
        user_ref
    }

    /// Replaces an order by one of this total, price and display.
    pub(crate) fn replace(&mut self, original: u32, quantity: u32, dollars: u64, display: u8) -> u32 {
        let user_ref = self.number();
        let message = ReplaceOrder {
            message_type: b'U',
            orig_user_ref_num: original.into(),
            user_ref_num: user_ref.into(),
            quantity: quantity.into(),
            price: (dollars * 10_000).into(),
            time_in_force: request::DAY,
            display,
            inter_market_sweep_eligibility: b'N',
            cl_ord_id: *b"REPLACED      ",
            appendage_length: 0.into(),
        };
        let mut bytes = [0; 128];
        let length = write_message(&message, &[], &mut bytes).expect("it fits");
        self.say(&bytes[..length]);
        user_ref
    }

    /// Sends what can be sent, takes what came. True when there was something.
    pub(crate) fn poll(&mut self) -> bool {
        let Some(stream) = &mut self.stream else {
            return false;
        };
        let mut did = false;
        match stream.write(&self.unsent) {
            Ok(count) => {
                did |= count > 0;
                self.unsent.drain(..count);
            }
            // Who has hung up has said why.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{}", self.username),
        }
        match stream.read(self.decoder.space()) {
            Ok(0) => panic!("{}: the exchange hung up", self.username),
            Ok(count) => {
                did = true;
                self.decoder.filled(count);
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{}", self.username),
        }
        let mut has_ended = false;
        while let Some(packet) = self.decoder.next_from_server().expect("SoupBinTCP") {
            match packet {
                ServerPacket::Sequenced(message) => self.messages.push(message.to_vec()),
                ServerPacket::Unsequenced(answer) => self.answers.push(answer.to_vec()),
                ServerPacket::EndOfSession => has_ended = true,
                ServerPacket::LoginRejected(reason) => panic!("{}: rejected {reason}", self.username),
                _ => {}
            }
        }
        if has_ended {
            self.end_day();
        }
        did
    }

    /// The newest message that `wanted` knows.
    pub(crate) fn last<T>(&self, wanted: impl Fn(&Response<'_>) -> Option<T>) -> T {
        let found = self
            .messages
            .iter()
            .rev()
            .find_map(|message| wanted(&Response::decode(message).expect("OUCH")));
        found.unwrap_or_else(|| panic!("{} has not heard of it: {:?}", self.username, self.messages))
    }
}
