//! A SoupBinTCP connection of a customer or subscriber, without blocking.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddrV4;

use engine::runtime::sim_net::{SimConnector, SimStream};
use protocol::soup::{Decoder, ServerPacket, encode};
use protocol::text::SessionName;

/// What came over a connection.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The login to this stream was accepted.
    Accepted(SessionName),
    /// It was rejected, for this reason; the connection is over.
    Rejected(u8),
    /// Sequenced Data.
    Message(u64, Vec<u8>),
    /// Unsequenced Data.
    Answer(Vec<u8>),
    /// Heartbeat or Debug.
    Other,
    /// The stream has ended, and so the connection.
    End,
    /// The connection is over.
    Over,
}

pub(crate) struct Link {
    pub(crate) stream: SimStream,
    decoder: Decoder,
    unsent: Vec<u8>,
    next: u64,
    over: bool,
}

impl Link {
    /// Connects and logs in; `None` while nobody listens.
    pub(crate) fn login(
        connector: &SimConnector,
        from: SocketAddrV4,
        username: &str,
        session: &str,
        sequence: u64,
    ) -> Option<Self> {
        let stream = connector.connect(from).ok()?;
        let mut link = Self {
            stream,
            decoder: Decoder::new(16 << 10),
            unsent: Vec::new(),
            next: 0,
            over: false,
        };
        let mut buffer = [0; 64];
        let length =
            encode::login(username, "secret", session, sequence, None, &mut buffer).expect("it fits");
        link.unsent.extend_from_slice(&buffer[..length]);
        Some(link)
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        let mut buffer = [0; 512];
        let length = encode::unsequenced(bytes, &mut buffer).expect("it fits");
        self.unsent.extend_from_slice(&buffer[..length]);
    }

    /// True when the network has taken all that was said.
    pub(crate) fn is_flushed(&self) -> bool {
        self.unsent.is_empty()
    }

    pub(crate) fn heartbeat(&mut self) {
        self.unsent.extend_from_slice(&encode::CLIENT_HEARTBEAT);
    }

    /// Sends what can be sent, takes the next thing that came.
    pub(crate) fn poll(&mut self) -> Option<Heard> {
        match self.stream.write(&self.unsent) {
            Ok(count) => drop(self.unsent.drain(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.over = true,
        }
        match self.decoder.next_from_server().expect("SoupBinTCP") {
            Some(ServerPacket::LoginAccepted {
                next_sequence,
                session,
            }) => {
                self.next = next_sequence;
                return Some(Heard::Accepted(session));
            }
            Some(ServerPacket::Sequenced(message)) => {
                self.next += 1;
                return Some(Heard::Message(self.next - 1, message.to_vec()));
            }
            Some(ServerPacket::Unsequenced(answer)) => return Some(Heard::Answer(answer.to_vec())),
            Some(ServerPacket::LoginRejected(reason)) => return Some(Heard::Rejected(reason)),
            Some(ServerPacket::EndOfSession) => return Some(Heard::End),
            Some(_) => return Some(Heard::Other),
            None => {}
        }
        match self.stream.read(self.decoder.space()) {
            Ok(0) => self.over = true,
            Ok(count) => {
                self.decoder.filled(count);
                return self.poll();
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.over = true,
        }
        self.over.then_some(Heard::Over)
    }
}
