//! The sockets of lines A and B: join the groups, take datagrams without waiting. A simulation has lines of its own
//! ([`Datagrams`]).

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// Asked of the kernel for each line; it grants at most `net.core.rmem_max` (doubled for its bookkeeping).
const RECEIVE_BUFFER_BYTES: usize = 8 << 20;

/// Largest datagram taken whole; packets of the feed have at most 1,472 bytes.
pub const DATAGRAM_BYTES_MAX: usize = 9_216;

/// Where the datagrams of one line come from.
pub trait Datagrams {
    /// The next datagram, cut to the buffer's length; `None` when none is waiting.
    fn receive<'a>(&mut self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>>;
}

/// Why a line cannot be listened to.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen to {address} on interface {interface}: {source}. \
     Is {interface} an address of this machine (--interface), and the port free for sharing?"
)]
pub struct ListenError {
    /// The group and port.
    pub address: SocketAddrV4,
    /// The interface asked for.
    pub interface: Ipv4Addr,
    /// What the operating system said.
    pub source: io::Error,
}

/// One line of the feed.
#[derive(Debug)]
pub struct Receiver {
    socket: Socket,
    address: SocketAddrV4,
}

impl Receiver {
    /// Joins the group on the interface with this address; a unicast address is only bound.
    pub fn join(address: SocketAddrV4, interface: Ipv4Addr) -> Result<Self, ListenError> {
        let join = || {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
            // Several subscribers of one machine share the port; each gets its own copy of a multicast datagram.
            socket.set_reuse_address(address.ip().is_multicast())?;
            socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
            socket.set_nonblocking(true)?;
            // Bound to the group, not to any address: other groups on the same port do not come in.
            socket.bind(&SocketAddr::V4(address).into())?;
            if address.ip().is_multicast() {
                socket.join_multicast_v4(address.ip(), &interface)?;
            }
            Ok(socket)
        };
        let socket = join().map_err(|source| ListenError {
            address,
            interface,
            source,
        })?;
        Ok(Self { socket, address })
    }

    /// Where it listens; the port the system chose when it was asked for port 0.
    pub fn local_address(&self) -> io::Result<SocketAddrV4> {
        self.socket
            .local_addr()
            .map(|address| address.as_socket_ipv4().unwrap_or(self.address))
    }

    /// Bytes of receive buffer that the kernel granted.
    pub fn buffer_bytes(&self) -> io::Result<usize> {
        self.socket.recv_buffer_size()
    }
}

impl Datagrams for Receiver {
    fn receive<'a>(&mut self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        loop {
            match io::Read::read(&mut &self.socket, buffer) {
                Ok(length) => return Ok(Some(&buffer[..length])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}
