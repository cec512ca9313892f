//! A customer with `mac` authentication: datagrams made by hand, packets opened by hand.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpStream, UdpSocket};
use std::time::Duration;

use protocol::authentication::{LoginKeys, MacSecret, TAG_BYTES, open_packet};
use protocol::order_entry::own::{BindUdp, ReRequest, UdpBound};
use protocol::order_entry::requests::EnterOrder;
use protocol::order_entry::{Answer, DatagramPacker};
use protocol::packet::{DATAGRAM_BYTES_MAX, Packet};
use protocol::soup::{Decoder, ServerPacket, encode};
use protocol::text::SessionName;
use zerocopy::IntoBytes;

/// How often somebody who waits for the exchange lets time pass.
const LOOK: Duration = Duration::from_millis(1);
/// Nothing here takes that long.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Customer {
    /// The login lives as long as it.
    _stream: TcpStream,
    udp: UdpSocket,
    exchange: SocketAddr,
    bound: UdpBound,
    session: SessionName,
    keys: LoginKeys,
    packer: DatagramPacker,
    number: u64,
    user_ref: u32,
}

/// What came over UDP.
pub(crate) struct Received {
    /// Sequence number of the first message.
    pub(crate) first: u64,
    pub(crate) messages: Vec<Vec<u8>>,
    /// Of the packets with messages.
    pub(crate) counters: Vec<u64>,
}

impl Customer {
    /// Logs in over TCP and binds a UDP socket: a new one, or that of the login `before`, with its next number. `wait` is
    /// called while nothing comes.
    pub(crate) fn login(
        address: SocketAddrV4,
        account: &str,
        secret: &MacSecret,
        before: Option<&Self>,
        wait: impl FnMut(),
    ) -> Self {
        let mut stream = TcpStream::connect(address).expect("the door is open");
        stream.set_read_timeout(Some(LOOK)).expect("a timeout");
        let udp = match before {
            Some(before) => before.udp.try_clone().expect("a socket"),
            None => UdpSocket::bind("127.0.0.1:0").expect("a free port"),
        };
        udp.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut buffer = [0; 64];
        let length = encode::login(account, "demo", "", 1, None, &mut buffer).expect("it fits");
        stream.write_all(&buffer[..length]).expect("it was accepted");
        let bind = BindUdp {
            message_type: b'u',
            udp_port: udp.local_addr().expect("it is bound").port().into(),
        };
        let length = encode::unsequenced(bind.as_bytes(), &mut buffer).expect("it fits");
        stream
            .write_all(&buffer[..length])
            .expect("the connection stands");
        let (session, bound) = read_until_bound(&mut stream, wait);
        Self {
            exchange: SocketAddr::new((*address.ip()).into(), bound.udp_port.get()),
            keys: LoginKeys::derive(secret, &bound.salt, &session),
            _stream: stream,
            udp,
            bound,
            session,
            packer: DatagramPacker::new(DATAGRAM_BYTES_MAX - TAG_BYTES),
            number: 0,
            user_ref: before.map_or(0, |before| before.user_ref),
        }
    }

    pub(crate) fn exchange(&self) -> SocketAddr {
        self.exchange
    }

    pub(crate) fn token(&self) -> [u8; 8] {
        self.bound.token
    }

    pub(crate) fn salt(&self) -> [u8; 16] {
        self.bound.salt
    }

    pub(crate) fn session(&self) -> SessionName {
        self.session
    }

    pub(crate) fn keys(&self) -> LoginKeys {
        self.keys
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&self, bytes: &[u8]) {
        self.udp.send_to(bytes, self.exchange).expect("loopback");
    }

    /// A datagram with a good order that rests.
    pub(crate) fn order(&mut self) -> Vec<u8> {
        self.user_ref += 1;
        let order = EnterOrder {
            message_type: b'O',
            user_ref_num: self.user_ref.into(),
            side: b'B',
            quantity: 10.into(),
            symbol: *b"BTC-USD ",
            price: 590_000_000.into(),
            time_in_force: b'0',
            display: b'Y',
            capacity: b'A',
            inter_market_sweep_eligibility: b'N',
            cross_type: b'N',
            cl_ord_id: [b' '; 14],
            appendage_length: 0.into(),
        };
        self.datagram(Some(order.as_bytes()))
    }

    /// A datagram without messages.
    pub(crate) fn heartbeat(&mut self) -> Vec<u8> {
        self.datagram(None)
    }

    /// The same with another number than the next.
    pub(crate) fn heartbeat_numbered(&mut self, number: u64) -> Vec<u8> {
        let before = std::mem::replace(&mut self.number, number - 1);
        let bytes = self.datagram(None);
        self.number = before;
        bytes
    }

    pub(crate) fn re_request(&mut self, from: u64, count: u16) -> Vec<u8> {
        let wanted = ReRequest {
            message_type: b'r',
            sequence_number: from.into(),
            message_count: count.into(),
        };
        self.datagram(Some(wanted.as_bytes()))
    }

    fn datagram(&mut self, message: Option<&[u8]>) -> Vec<u8> {
        self.number += 1;
        self.packer.start(self.bound.token, self.number);
        if let Some(message) = message {
            assert!(self.packer.push(message), "it fits");
        }
        let (mac, number) = (self.keys.to_exchange.mac(), self.number);
        self.packer
            .finish_mac(None, |covered| mac.tag(number, covered))
            .to_vec()
    }

    /// Receives packets until there are `count` messages. Every packet is sealed.
    pub(crate) fn receive(&self, count: usize) -> Received {
        let mac = self.keys.to_client.mac();
        let mut received = Received {
            first: 0,
            messages: Vec::new(),
            counters: Vec::new(),
        };
        let mut buffer = [0; DATAGRAM_BYTES_MAX + 1];
        while received.messages.len() < count {
            let length = match self.udp.recv(&mut buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => panic!("{} of {count} messages came: {error}", received.messages.len()),
            };
            let (counter, packet) = open_packet(&mac, &buffer[..length]).expect("the tag is right");
            let packet = Packet::parse(packet).expect("the exchange sends MoldUDP64");
            assert_eq!(packet.session(), self.session);
            if packet.count() > 0 {
                if received.messages.is_empty() {
                    received.first = packet.sequence();
                }
                received.counters.push(counter);
                received.messages.extend(packet.messages().map(<[u8]>::to_vec));
            }
        }
        received
    }
}

/// The stream's name, and what UDP Bound said.
fn read_until_bound(stream: &mut TcpStream, mut wait: impl FnMut()) -> (SessionName, UdpBound) {
    let mut decoder = Decoder::new(64 << 10);
    let mut name = None;
    loop {
        match decoder.next_from_server().expect("SoupBinTCP") {
            Some(ServerPacket::LoginAccepted { session, .. }) => name = Some(session),
            Some(ServerPacket::LoginRejected(reason)) => panic!("rejected: {}", char::from(reason)),
            Some(ServerPacket::Unsequenced(answer)) => {
                if let Ok(Answer::UdpBound(bound)) = Answer::decode(answer) {
                    return (name.expect("the login comes first"), *bound);
                }
            }
            Some(_) => {}
            None => match stream.read(decoder.space()) {
                Ok(0) => panic!("the exchange closed the connection"),
                Ok(count) => decoder.filled(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => wait(),
                Err(error) => panic!("no answer: {error}"),
            },
        }
    }
}
