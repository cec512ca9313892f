//! A client with a blocking TCP connection at either door.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use protocol::order_entry::requests::{CancelOrder, EnterOrder};
use protocol::order_entry::write_message;
use protocol::soup::{Decoder, ServerPacket, encode};
use protocol::units::Symbol;
use zerocopy::FromZeros;

/// Who says nothing for so long says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Nothing in these tests takes so many heartbeats; a test that waits longer has found something.
const PATIENCE: u32 = 90;

pub(crate) struct Client {
    stream: TcpStream,
    decoder: Decoder,
    /// Sequenced Data that came, in its order.
    messages: Vec<Vec<u8>>,
    /// Requests that were answered.
    answered: u32,
    /// The reason of the last answer, when it was a refusal.
    refusal: Option<u16>,
    /// Orders that were canceled.
    canceled: u32,
    /// The exchange has not closed the connection.
    is_open: bool,
}

impl Client {
    pub(crate) fn login(address: SocketAddr, username: &str, password: &str, from: u64) -> Self {
        let stream = TcpStream::connect(address).expect("the door is open");
        stream.set_read_timeout(Some(HEARTBEAT)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        let mut client = Self {
            stream,
            decoder: Decoder::new(64 << 10),
            messages: Vec::new(),
            answered: 0,
            refusal: None,
            canceled: 0,
            is_open: true,
        };
        let mut buffer = [0; 64];
        let length =
            encode::login(username, password, "", from, None, &mut buffer).expect("names fit their fields");
        client.write(&buffer[..length]);
        client
    }

    fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the connection holds");
    }

    /// An order at one of some prices that rests, and costs little.
    pub(crate) fn enter(&mut self, user_ref: u32) {
        self.write(&order(user_ref));
    }

    /// The same, where the exchange may be gone before it is answered.
    pub(crate) fn try_to_enter(&mut self, user_ref: u32) {
        let sent = self.stream.write_all(&order(user_ref));
        self.is_open &= sent.is_ok();
        while self.is_open && self.answered < user_ref {
            self.try_to_read();
        }
    }

    /// False once the exchange has closed the connection.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Cancels all of an order.
    pub(crate) fn cancel(&mut self, user_ref: u32) {
        let cancel = CancelOrder {
            message_type: b'X',
            user_ref_num: user_ref.into(),
            ..CancelOrder::new_zeroed()
        };
        let mut message = [0; 32];
        let length = write_message(&cancel, &[], &mut message).expect("it has room");
        self.write(&packet(&message[..length]));
    }

    /// Reads until the request of this number was answered.
    pub(crate) fn wait_for(&mut self, user_ref: u32) {
        while self.answered < user_ref {
            self.read();
        }
    }

    /// The reason of the last answer, when it was a refusal.
    pub(crate) fn refusal(&self) -> Option<u16> {
        self.refusal
    }

    /// Reads until an order was canceled.
    pub(crate) fn wait_for_cancel(&mut self) {
        while self.canceled == 0 {
            self.read();
        }
    }

    /// Waits for all answers; the stream as it came.
    pub(crate) fn finish(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.messages)
    }

    /// The next `count` messages of the stream.
    pub(crate) fn take(&mut self, count: usize) -> Vec<Vec<u8>> {
        while self.messages.len() < count {
            self.read();
        }
        self.messages.drain(..count).collect()
    }

    fn read(&mut self) {
        self.try_to_read();
        assert!(
            self.is_open,
            "the exchange has closed the connection after {} messages",
            self.messages.len()
        );
    }

    /// Reads what comes next, unless that is the end.
    fn try_to_read(&mut self) {
        let mut silent = 0;
        let count = loop {
            match self.stream.read(self.decoder.space()) {
                Ok(count) => break count,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    silent += 1;
                    assert!(silent < PATIENCE, "something comes in time");
                    self.write(b"\0\x01R");
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break 0,
                Err(error) => panic!("{error}"),
            }
        };
        self.is_open &= count > 0;
        self.decoder.filled(count);
        while let Some(packet) = self.decoder.next_from_server().expect("SoupBinTCP") {
            match packet {
                ServerPacket::Sequenced(message) => {
                    // Accepted and Rejected have the request's number behind type and time.
                    if message[0] == b'A' || message[0] == b'J' {
                        let number = message[9..].first_chunk().expect("a number");
                        self.answered = u32::from_be_bytes(*number);
                        let reason = message[13..].first_chunk().expect("a reason, or more");
                        self.refusal = (message[0] == b'J').then(|| u16::from_be_bytes(*reason));
                    }
                    self.canceled += u32::from(message[0] == b'C');
                    self.messages.push(message.to_vec());
                }
                ServerPacket::LoginRejected(reason) => panic!("rejected: {}", char::from(reason)),
                _ => {}
            }
        }
    }
}

/// An order, as Unsequenced Data.
fn order(user_ref: u32) -> Vec<u8> {
    let order = EnterOrder {
        message_type: b'O',
        user_ref_num: user_ref.into(),
        side: b'B',
        quantity: 1.into(),
        symbol: Symbol::new("BTC-USD").expect("a symbol").0,
        price: (600_000_000 - u64::from(user_ref % 1_000) * 100).into(),
        time_in_force: b'0',
        display: b'Y',
        capacity: b'A',
        inter_market_sweep_eligibility: b'N',
        cross_type: b'N',
        cl_ord_id: *b"              ",
        ..EnterOrder::new_zeroed()
    };
    let mut message = [0; 128];
    let length = write_message(&order, &[], &mut message).expect("it has room");
    packet(&message[..length])
}

fn packet(message: &[u8]) -> Vec<u8> {
    let mut packet = [0; 160];
    let length = encode::unsequenced(message, &mut packet).expect("it has room");
    packet[..length].to_vec()
}
