//! The UDP side: datagrams of orders out, packets of acknowledgements in. Several full datagrams leave as one burst that
//! the kernel cuts, and a burst that comes is taken in one piece, where the kernel knows how: it is the way through the
//! kernel that costs (2-3 us a datagram), not the bytes.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use protocol::authentication::TAG_BYTES;
use protocol::order_entry::DatagramPacker;
use protocol::packet::DATAGRAM_BYTES_MAX;
use socket2::{Domain, Protocol, Socket, Type};

use super::bursts::{Incoming, Outgoing};
use super::config::ClientConfig;
use super::seal::{Refused, Seal};
use crate::faults::Faults;

/// A datagram's header, and the largest request with its length in front.
const HEADER_BYTES: usize = 18;
const BLOCK_BYTES_MAX: usize = 52;

/// The datagrams of one binding.
#[derive(Debug)]
pub(super) struct UdpLink {
    socket: UdpSocket,
    token: [u8; 8],
    number: u64,
    packer: DatagramPacker,
    /// Datagrams have tags in both directions.
    is_sealed: bool,
    /// With the keys, once they are known.
    seal: Option<Box<Seal>>,
    per_datagram: u16,
    /// Bytes of every datagram; otherwise the last of a burst is as short as it is.
    pad_to: Option<usize>,
    /// Bytes of a full datagram.
    full_bytes: usize,
    leaving: Outgoing,
    arriving: Incoming,
    outgoing: Faults,
    incoming: Faults,
    last_sent_ns: u64,
    counters: UdpCounters,
}

/// Counts of one client's datagrams, over all its bindings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UdpCounters {
    /// Datagrams of orders sent.
    pub sent: u64,
    /// Datagrams that the kernel did not take: as good as lost, re-sending mends it.
    pub not_sent: u64,
    /// Outgoing datagrams dropped on purpose.
    pub dropped_out: u64,
    /// Datagrams received.
    pub received: u64,
    /// Incoming datagrams dropped on purpose.
    pub dropped_in: u64,
    /// Datagrams dropped because their tag is wrong or missing.
    pub unauthenticated: u64,
    /// Datagrams dropped because they came before, or are too old to know.
    pub replayed: u64,
    /// Errors that the socket reported on receiving (an ICMP message about an earlier datagram, mostly).
    pub errors: u64,
}

impl UdpLink {
    /// What becomes readable when something has come.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Opens a socket on `local`.
    pub(super) fn open(local: Ipv4Addr, config: &ClientConfig) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        socket.set_recv_buffer_size(config.receive_buffer_bytes)?;
        socket.bind(&SocketAddr::V4(SocketAddrV4::new(local, 0)).into())?;
        let is_sealed = config.mac.is_some();
        let tag = if is_sealed { TAG_BYTES } else { 0 };
        let full_bytes = config
            .pad_to
            .unwrap_or(HEADER_BYTES + usize::from(config.orders_per_datagram) * BLOCK_BYTES_MAX + tag)
            .min(DATAGRAM_BYTES_MAX);
        Ok(Self {
            token: [0; 8],
            number: 0,
            packer: DatagramPacker::new(DATAGRAM_BYTES_MAX - tag),
            is_sealed,
            seal: None,
            per_datagram: config.orders_per_datagram,
            pad_to: config.pad_to,
            full_bytes,
            leaving: Outgoing::new(full_bytes),
            arriving: Incoming::new(&socket)?,
            outgoing: config.outgoing.clone(),
            incoming: config.incoming.clone(),
            socket: socket.into(),
            last_sent_ns: 0,
            counters: UdpCounters::default(),
        })
    }

    /// The port to name in Bind UDP.
    pub(super) fn port(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    /// Begins a binding: orders go to `server` under `token`, and nobody else is heard.
    pub(super) fn bind(
        &mut self,
        server: SocketAddrV4,
        token: [u8; 8],
        seal: Option<Seal>,
        now_ns: u64,
    ) -> io::Result<()> {
        self.socket.connect(server)?;
        self.token = token;
        self.seal = seal.map(Box::new);
        self.number = 0;
        self.last_sent_ns = now_ns;
        self.start();
        Ok(())
    }

    /// Adds a message; a datagram that is full by it or before it leaves with the burst or with the next flush.
    pub(super) fn push(&mut self, message: &[u8], now_ns: u64) {
        if !self.packer.push(message) {
            self.finish(Some(self.full_bytes), now_ns);
            let fits = self.packer.push(message);
            assert!(fits, "a request is shorter than a datagram");
        }
        if self.packer.message_count() >= self.per_datagram {
            self.finish(Some(self.full_bytes), now_ns);
        }
    }

    /// Sends the datagram begun, if there is something in it, and those before it.
    pub(super) fn flush(&mut self, now_ns: u64) {
        if !self.packer.is_empty() {
            self.finish(self.pad_to, now_ns);
        }
        self.leaving.send(&self.socket);
    }

    /// Sends an empty datagram: we live.
    pub(super) fn heartbeat(&mut self, now_ns: u64) {
        self.flush(now_ns);
        self.finish(self.pad_to, now_ns);
        self.leaving.send(&self.socket);
    }

    /// When something was last sent.
    pub(super) fn last_sent_ns(&self) -> u64 {
        self.last_sent_ns
    }

    /// The next datagram received, without its tag; a loop takes them until there is none.
    pub(super) fn receive(&mut self) -> Option<&[u8]> {
        if self.is_sealed && self.seal.is_none() {
            // What comes before the keys waits in the socket.
            return None;
        }
        // Bounded: the dropped ones are few, and errors are each the report of one earlier datagram.
        for _ in 0..64 {
            match self.arriving.next(&self.socket) {
                Ok(_) if self.incoming.drops() => self.counters.dropped_in += 1,
                Ok(mut datagram) => {
                    self.counters.received += 1;
                    if let Some(seal) = &mut self.seal {
                        match seal.admit(self.arriving.bytes(datagram.clone())) {
                            Ok(length) => datagram.end = datagram.start + length,
                            Err(Refused::Unauthenticated) => {
                                self.counters.unauthenticated += 1;
                                continue;
                            }
                            Err(Refused::Replayed) => {
                                self.counters.replayed += 1;
                                continue;
                            }
                        }
                    }
                    return Some(self.arriving.bytes(datagram));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(_) => self.counters.errors += 1,
            }
        }
        None
    }

    /// Counts.
    pub(super) fn counters(&self) -> UdpCounters {
        UdpCounters {
            sent: self.counters.sent + self.leaving.sent,
            not_sent: self.counters.not_sent + self.leaving.not_sent,
            ..self.counters
        }
    }

    /// Goes on counting, and losing on purpose, where an earlier socket of the same client ended.
    pub(super) fn continue_from(&mut self, before: &Self) {
        self.counters = before.counters();
        self.outgoing = before.outgoing.clone();
        self.incoming = before.incoming.clone();
    }

    fn start(&mut self) {
        self.number += 1;
        self.packer.start(self.token, self.number);
    }

    /// Ends the datagram in work, `pad_to` bytes long or as short as it is; it waits in the burst.
    fn finish(&mut self, pad_to: Option<usize>, now_ns: u64) {
        self.last_sent_ns = now_ns;
        let number = self.number;
        let datagram = match &self.seal {
            None => self.packer.finish(pad_to),
            Some(seal) => self
                .packer
                .finish_mac(pad_to, |covered| seal.tag(number, covered)),
        };
        if self.outgoing.drops() {
            self.counters.dropped_out += 1;
        } else {
            self.leaving.add(datagram, &self.socket);
        }
        self.start();
    }
}
