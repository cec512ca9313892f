//! The socket of requests over UDP. A simulation has one of its own ([`RequestLink`]).

use crate::receiver::Datagrams;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// How messages are asked for over UDP.
pub trait RequestLink: Datagrams + core::fmt::Debug + Send {
    /// Sends a request, without waiting.
    ///
    /// # Errors
    /// What the operating system says.
    fn send(&mut self, request: &[u8]) -> io::Result<()>;
}

/// UDP to an address, and from it only. The socket is opened for the first request.
#[derive(Debug)]
pub struct UdpRequests {
    address: SocketAddr,
    socket: Option<UdpSocket>,
}

impl UdpRequests {
    /// To the retransmission door at `address`.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            socket: None,
        }
    }

    fn open(address: SocketAddr) -> io::Result<UdpSocket> {
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.set_nonblocking(true)?;
        // Nobody else is heard, and a door that is not there says so.
        socket.connect(address)?;
        Ok(socket)
    }
}

impl RequestLink for UdpRequests {
    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        let socket = match &self.socket {
            Some(socket) => socket,
            None => self.socket.insert(Self::open(self.address)?),
        };
        socket.send(request).map(drop)
    }
}

impl Datagrams for UdpRequests {
    fn receive<'a>(&mut self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        let Some(socket) = &self.socket else {
            return Ok(None);
        };
        loop {
            match socket.recv(buffer) {
                Ok(length) => return Ok(Some(&buffer[..length])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}
