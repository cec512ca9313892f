//! A customer with a blocking TCP connection, and orders over UDP when asked for.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use protocol::order_entry::datagram::DatagramPacker;
use protocol::order_entry::own::{BalanceRequest, BindUdp};
use protocol::order_entry::question::Answer;
use protocol::order_entry::requests::{CancelOrder, EnterOrder};
use protocol::order_entry::response::Response;
use protocol::order_entry::write_message;
use protocol::packet::Packet;
use protocol::soup::{Decoder, ServerPacket, encode};
use protocol::units::Symbol;

/// Nothing in these tests takes that long; a test that waits longer has found something.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often somebody who waits for a datagram asks whether the exchange is gone.
const LOOK: Duration = Duration::from_millis(20);

pub(crate) struct Client {
    stream: TcpStream,
    decoder: Decoder,
    udp: Option<Udp>,
    /// Number of the next Sequenced Data on TCP.
    next_sequence: u64,
    /// The stream: every message that arrived, by its number.
    pub(crate) messages: BTreeMap<u64, Vec<u8>>,
    pub(crate) user_ref: u32,
    /// Set when the exchange was killed: no datagram will say so.
    pub(crate) gone: Arc<AtomicBool>,
}

struct Udp {
    socket: UdpSocket,
    exchange: SocketAddr,
    token: [u8; 8],
    number: u64,
    packer: DatagramPacker,
}

/// Something that came over TCP.
#[derive(Debug)]
pub(crate) enum Said {
    Message,
    Answer(Vec<u8>),
    End,
    Other,
}

/// What happened to a login.
#[derive(Debug)]
pub(crate) enum Refused {
    Rejected(u8),
    Closed,
}

impl Client {
    /// Logs in to the account's session, from sequence number `from` on.
    pub(crate) fn login(
        address: SocketAddr,
        username: &str,
        password: &str,
        from: u64,
    ) -> Result<Self, Refused> {
        let stream = TcpStream::connect(address).expect("the door is open");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        let mut client = Self {
            stream,
            decoder: Decoder::new(64 << 10),
            udp: None,
            next_sequence: 0,
            messages: BTreeMap::new(),
            user_ref: 0,
            gone: Arc::default(),
        };
        let mut buffer = [0; 64];
        let length =
            encode::login(username, password, "", from, None, &mut buffer).expect("names fit their fields");
        client
            .stream
            .write_all(&buffer[..length])
            .expect("it was accepted");
        loop {
            match client.decoder.next_from_server().expect("SoupBinTCP") {
                Some(ServerPacket::LoginAccepted { next_sequence, .. }) => {
                    client.next_sequence = next_sequence;
                    return Ok(client);
                }
                Some(ServerPacket::LoginRejected(reason)) => return Err(Refused::Rejected(reason)),
                Some(_) => {}
                None => {
                    if client.read().expect("within a moment") == 0 {
                        return Err(Refused::Closed);
                    }
                }
            }
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        loop {
            match self.stream.read(self.decoder.space()) {
                Ok(count) => {
                    self.decoder.filled(count);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next packet. `Err` when the connection broke.
    pub(crate) fn next(&mut self) -> io::Result<Said> {
        loop {
            match self.decoder.next_from_server().expect("SoupBinTCP") {
                Some(ServerPacket::Sequenced(message)) => {
                    self.messages.insert(self.next_sequence, message.to_vec());
                    self.next_sequence += 1;
                    return Ok(Said::Message);
                }
                Some(ServerPacket::Unsequenced(answer)) => return Ok(Said::Answer(answer.to_vec())),
                Some(ServerPacket::EndOfSession) => return Ok(Said::End),
                Some(_) => return Ok(Said::Other),
                None => {
                    if self.read()? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
    }

    /// Waits for the next answer to a question.
    fn answer(&mut self) -> Vec<u8> {
        loop {
            if let Said::Answer(bytes) = self.next().expect("the connection stands") {
                return bytes;
            }
        }
    }

    /// From now on orders and acknowledgements go over UDP.
    pub(crate) fn bind(&mut self) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(LOOK)).expect("a timeout");
        let port = socket.local_addr().expect("it is bound").port();
        let request = BindUdp {
            message_type: b'u',
            udp_port: port.into(),
        };
        self.ask(zerocopy::IntoBytes::as_bytes(&request))
            .expect("the connection stands");
        let answer = self.answer();
        let Ok(Answer::UdpBound(bound)) = Answer::decode(&answer) else {
            panic!("no answer to Bind UDP: {answer:?}");
        };
        let exchange = SocketAddr::new(
            self.stream.peer_addr().expect("connected").ip(),
            bound.udp_port.get(),
        );
        self.udp = Some(Udp {
            socket,
            exchange,
            token: bound.token,
            number: 0,
            packer: DatagramPacker::default(),
        });
    }

    /// Sends Unsequenced Data over TCP.
    fn ask(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut buffer = [0; 512];
        let length = encode::unsequenced(bytes, &mut buffer).expect("it fits");
        self.stream.write_all(&buffer[..length])
    }

    /// Sends requests: one datagram, or one after the other over TCP.
    pub(crate) fn send(&mut self, requests: &[Vec<u8>]) -> io::Result<()> {
        if self.udp.is_none() {
            return requests.iter().try_for_each(|request| self.ask(request));
        }
        let datagram = self.datagram_of(requests);
        self.send_raw(&datagram);
        Ok(())
    }

    /// A datagram as this customer would send it.
    pub(crate) fn datagram_of(&mut self, requests: &[Vec<u8>]) -> Vec<u8> {
        let udp = self.udp.as_mut().expect("it is bound");
        udp.number += 1;
        udp.packer.start(udp.token, udp.number);
        for request in requests {
            assert!(udp.packer.push(request), "tests send few requests at once");
        }
        udp.packer.finish(None).to_vec()
    }

    /// Sends bytes from this customer's address.
    pub(crate) fn send_raw(&self, bytes: &[u8]) {
        let udp = self.udp.as_ref().expect("it is bound");
        udp.socket
            .send_to(bytes, udp.exchange)
            .expect("loopback takes it");
    }

    /// A limit order under the next UserRefNum.
    pub(crate) fn order(&mut self, side: u8, quantity: u32, price: u64) -> Vec<u8> {
        self.user_ref += 1;
        let order = EnterOrder {
            message_type: b'O',
            user_ref_num: self.user_ref.into(),
            side,
            quantity: quantity.into(),
            symbol: Symbol::new("BTC-USD").expect("it fits").0,
            price: price.into(),
            time_in_force: b'0',
            display: b'Y',
            capacity: b'P',
            inter_market_sweep_eligibility: b'N',
            cross_type: b'N',
            cl_ord_id: *b"test          ",
            appendage_length: 0.into(),
        };
        written(&order)
    }

    /// A cancel of a whole order.
    pub(crate) fn cancel(user_ref: u32) -> Vec<u8> {
        written(&CancelOrder {
            message_type: b'X',
            user_ref_num: user_ref.into(),
            quantity: 0.into(),
        })
    }

    /// Takes what arrives until `done` says so. `Err` when the exchange is gone.
    pub(crate) fn receive(&mut self, mut done: impl FnMut(&Self) -> bool) -> io::Result<()> {
        while !done(self) {
            if self.udp.is_some() {
                self.receive_datagram()?;
            } else {
                self.next()?;
            }
        }
        Ok(())
    }

    fn receive_datagram(&mut self) -> io::Result<()> {
        let Some(udp) = &mut self.udp else {
            return Ok(());
        };
        let mut buffer = [0; 65_536];
        let start = Instant::now();
        let length = loop {
            match udp.socket.recv_from(&mut buffer) {
                Ok((length, _)) => break length,
                Err(error)
                    if !matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) =>
                {
                    return Err(error);
                }
                Err(_) if self.gone.load(Ordering::Acquire) => return Err(io::ErrorKind::BrokenPipe.into()),
                Err(_) if start.elapsed() > PATIENCE => return Err(io::ErrorKind::TimedOut.into()),
                Err(_) => {}
            }
        };
        let packet = Packet::parse(&buffer[..length]).expect("MoldUDP64");
        for (sequence, message) in packet.numbered() {
            self.messages.insert(sequence, message.to_vec());
        }
        Ok(())
    }

    /// UserRefNums of the answered requests that brought one.
    pub(crate) fn is_answered(&self, user_ref: u32) -> bool {
        self.messages.values().rev().any(|message| {
            let response = Response::decode(message).expect("OUCH");
            matches!(response, Response::Accepted(..) | Response::Rejected(..))
                && response.user_ref() == Some(user_ref)
        })
    }

    /// Total and held of an asset, over TCP.
    pub(crate) fn balance(&mut self, asset: &str) -> (u128, u128) {
        let (total, held, _) = self.balance_as_of(asset);
        (total, held)
    }

    /// The sequence number of the stream that an answer reflects now.
    pub(crate) fn reflected(&mut self) -> u64 {
        self.balance_as_of("USD").2
    }

    fn balance_as_of(&mut self, asset: &str) -> (u128, u128, u64) {
        let request = BalanceRequest {
            message_type: b'b',
            asset: Symbol::new(asset).expect("it fits").0,
        };
        self.ask(zerocopy::IntoBytes::as_bytes(&request))
            .expect("the connection stands");
        let answer = self.answer();
        let Ok(Answer::Balance(balance)) = Answer::decode(&answer) else {
            panic!("no balance: {answer:?}");
        };
        assert_eq!(balance.asset, request.asset);
        (
            balance.total.get(),
            balance.held.get(),
            balance.as_of_sequence.get(),
        )
    }
}

fn written<T: protocol::layout::WireMessage>(message: &T) -> Vec<u8> {
    let mut buffer = [0; 128];
    let length = write_message(message, &[], &mut buffer).expect("it fits");
    buffer[..length].to_vec()
}
