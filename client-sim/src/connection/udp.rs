//! The UDP side: datagrams of orders out, packets of acknowledgements in.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};

use protocol::order_entry::DatagramPacker;
use protocol::packet::DATAGRAM_BYTES_MAX;
use socket2::{Domain, Protocol, Socket, Type};

use super::config::ClientConfig;
use crate::faults::Faults;

/// The datagrams of one binding.
#[derive(Debug)]
pub(super) struct UdpLink {
    socket: UdpSocket,
    token: [u8; 8],
    number: u64,
    packer: DatagramPacker,
    per_datagram: u16,
    pad_to: Option<usize>,
    outgoing: Faults,
    incoming: Faults,
    buffer: Box<[u8; DATAGRAM_BYTES_MAX + 1]>,
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
    /// Errors that the socket reported on receiving (an ICMP message about an earlier datagram, mostly).
    pub errors: u64,
}

impl UdpLink {
    /// Opens a socket on `local`.
    pub(super) fn open(local: Ipv4Addr, config: &ClientConfig) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        socket.set_recv_buffer_size(config.receive_buffer_bytes)?;
        socket.bind(&SocketAddr::V4(SocketAddrV4::new(local, 0)).into())?;
        Ok(Self {
            socket: socket.into(),
            token: [0; 8],
            number: 0,
            packer: DatagramPacker::default(),
            per_datagram: config.orders_per_datagram,
            pad_to: config.pad_to,
            outgoing: config.outgoing.clone(),
            incoming: config.incoming.clone(),
            buffer: Box::new([0; DATAGRAM_BYTES_MAX + 1]),
            last_sent_ns: 0,
            counters: UdpCounters::default(),
        })
    }

    /// The port to name in Bind UDP.
    pub(super) fn port(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    /// Begins a binding: orders go to `server` under `token`, and nobody else is heard.
    pub(super) fn bind(&mut self, server: SocketAddrV4, token: [u8; 8], now_ns: u64) -> io::Result<()> {
        self.socket.connect(server)?;
        self.token = token;
        self.number = 0;
        self.last_sent_ns = now_ns;
        self.start();
        Ok(())
    }

    /// Adds a message; a datagram that is full by it or before it leaves.
    pub(super) fn push(&mut self, message: &[u8], now_ns: u64) {
        if self.packer.message_count() >= self.per_datagram {
            self.flush(now_ns);
        }
        if !self.packer.push(message) {
            self.flush(now_ns);
            let fits = self.packer.push(message);
            assert!(fits, "a request is shorter than a datagram");
        }
        if self.packer.message_count() >= self.per_datagram {
            self.flush(now_ns);
        }
    }

    /// Sends the datagram begun, if there is something in it.
    pub(super) fn flush(&mut self, now_ns: u64) {
        if !self.packer.is_empty() {
            self.send(now_ns);
        }
    }

    /// Sends an empty datagram: we live.
    pub(super) fn heartbeat(&mut self, now_ns: u64) {
        self.flush(now_ns);
        self.send(now_ns);
    }

    /// When something was last sent.
    pub(super) fn last_sent_ns(&self) -> u64 {
        self.last_sent_ns
    }

    /// The next datagram received; a loop takes them until there is none.
    pub(super) fn receive(&mut self) -> Option<&[u8]> {
        // Bounded: the dropped ones are few, and errors are each the report of one earlier datagram.
        for _ in 0..64 {
            match self.socket.recv(&mut self.buffer[..]) {
                Ok(length) => {
                    if self.incoming.drops() {
                        self.counters.dropped_in += 1;
                        continue;
                    }
                    self.counters.received += 1;
                    return Some(&self.buffer[..length]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(_) => self.counters.errors += 1,
            }
        }
        None
    }

    /// Counts.
    pub(super) fn counters(&self) -> UdpCounters {
        self.counters
    }

    /// Goes on counting, and losing on purpose, where an earlier socket of the same client ended.
    pub(super) fn continue_from(&mut self, before: &Self) {
        self.counters = before.counters;
        self.outgoing = before.outgoing.clone();
        self.incoming = before.incoming.clone();
    }

    fn start(&mut self) {
        self.number += 1;
        self.packer.start(self.token, self.number);
    }

    fn send(&mut self, now_ns: u64) {
        self.last_sent_ns = now_ns;
        let datagram = self.packer.finish(self.pad_to);
        if self.outgoing.drops() {
            self.counters.dropped_out += 1;
        } else if self.socket.send(datagram).is_ok() {
            self.counters.sent += 1;
        } else {
            self.counters.not_sent += 1;
        }
        self.start();
    }
}
