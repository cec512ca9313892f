//! A subscriber on both lines, with gap recovery over TCP.

use std::net::SocketAddrV4;

use engine::runtime::sim_net::{SimConnector, SimSocket, Switchboard};
use protocol::packet::Packet;
use protocol::session::{Receiver, ReceiverConfig};

use crate::book::Books;
use crate::link::{Heard, Link};

pub(crate) struct Subscriber {
    lines: [SimSocket; 2],
    address: SocketAddrV4,
    receiver: Receiver,
    recovery: Option<Link>,
    /// The feed, in order, from message 1.
    pub(crate) feed: Vec<Vec<u8>>,
    pub(crate) books: Books,
    /// Messages that came over TCP.
    pub(crate) recovered: u64,
}

impl Subscriber {
    pub(crate) fn new(network: &Switchboard, address: SocketAddrV4, lines: [SocketAddrV4; 2]) -> Self {
        let join = |line: SocketAddrV4| {
            let socket = network.bind(SocketAddrV4::new(*address.ip(), line.port()));
            socket.join(*line.ip());
            socket
        };
        Self {
            lines: lines.map(join),
            address,
            receiver: Receiver::new(ReceiverConfig::default(), None, 1, 0),
            recovery: None,
            feed: Vec::new(),
            books: Books::default(),
            recovered: 0,
        }
    }

    pub(crate) fn turn(&mut self, now: u64, recovery: &SimConnector) {
        let Self {
            lines,
            receiver,
            feed,
            books,
            ..
        } = self;
        let mut deliver = |sequence: u64, message: &[u8]| {
            assert_eq!(sequence, feed.len() as u64 + 1);
            feed.push(message.to_vec());
            books.message(message);
        };
        for line in lines {
            while let Some((_, bytes)) = line.receive() {
                let packet = Packet::parse(&bytes).expect("MoldUDP64");
                receiver.packet(now, &packet, &mut deliver);
            }
        }
        if let Some(link) = &mut self.recovery {
            // A bounded turn, as a real one has.
            for _ in 0..64 {
                match link.poll() {
                    None => break,
                    Some(Heard::Message(sequence, message)) => {
                        self.recovered += u64::from(sequence >= receiver.next_sequence());
                        receiver.message(now, sequence, &message, &mut deliver);
                    }
                    Some(Heard::Over) => {
                        self.recovery = None;
                        break;
                    }
                    Some(_) => {}
                }
            }
        }
        let mut wanted = None;
        receiver.requests(now, |first, _| wanted = wanted.or(Some(first)));
        if let Some(first) = wanted
            && self.recovery.is_none()
        {
            self.recovery = Link::login(recovery, self.address, "S", "", first);
        }
        if !receiver.has_gap() {
            self.recovery = None;
        }
    }

    pub(crate) fn is_whole(&self) -> bool {
        !self.receiver.has_gap()
    }
}
