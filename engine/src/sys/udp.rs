//! Where datagrams leave: answers from the order-entry socket, market data by multicast.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::socket::{OpenError, Transport};
use crate::runtime::seams::DatagramSink;

/// Sends from an unconnected socket to anybody.
#[derive(Debug)]
pub struct UdpSink {
    socket: Socket,
}

impl UdpSink {
    /// Sends from `socket`, which may be in blocking mode and shared with a source: no send waits.
    pub fn new(socket: Socket) -> Self {
        Self { socket }
    }
}

impl DatagramSink for UdpSink {
    fn send(&mut self, to: SocketAddrV4, bytes: &[u8]) -> io::Result<()> {
        let sent = self
            .socket
            .send_to_with_flags(bytes, &SockAddr::from(to), libc::MSG_DONTWAIT)?;
        whole(sent, bytes)
    }
}

/// Sends market data: a connected socket for each line.
#[derive(Debug)]
pub struct MulticastSink {
    lines: Vec<(SocketAddrV4, Socket)>,
}

/// How market data is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MulticastOptions {
    /// Address of the interface by which it leaves. Always set: without it the kernel chooses one by its routes, and
    /// sends succeed while nothing arrives.
    pub interface: Ipv4Addr,
    /// Routers that a datagram may cross, plus one: 1 stays in the local network.
    pub ttl: u8,
    /// The sockets' send buffer, bytes.
    pub send_buffer_bytes: usize,
}

impl Default for MulticastOptions {
    fn default() -> Self {
        Self {
            interface: Ipv4Addr::LOCALHOST,
            ttl: 1,
            send_buffer_bytes: 1 << 20,
        }
    }
}

impl MulticastSink {
    /// Opens a socket for each of `groups` (line A, line B).
    ///
    /// # Errors
    ///
    /// When a group is not a multicast address, the interface does not exist, or a socket can not be made.
    pub fn open(groups: &[SocketAddrV4], options: &MulticastOptions) -> Result<Self, OpenError> {
        let lines = groups.iter().map(|&group| {
            let socket =
                line(group, options).map_err(|error| OpenError::new(Transport::Udp, group, error))?;
            Ok((group, socket))
        });
        Ok(Self {
            lines: lines.collect::<Result<_, OpenError>>()?,
        })
    }
}

impl DatagramSink for MulticastSink {
    /// `to` must be one of the groups.
    fn send(&mut self, to: SocketAddrV4, bytes: &[u8]) -> io::Result<()> {
        let Some((_, socket)) = self.lines.iter().find(|(group, _)| *group == to) else {
            return Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                "not a line of this sink",
            ));
        };
        whole(socket.send_with_flags(bytes, libc::MSG_DONTWAIT)?, bytes)
    }
}

fn whole(sent: usize, bytes: &[u8]) -> io::Result<()> {
    if sent == bytes.len() {
        Ok(())
    } else {
        Err(io::ErrorKind::WriteZero.into())
    }
}

fn line(group: SocketAddrV4, options: &MulticastOptions) -> io::Result<Socket> {
    check_group(*group.ip())?;
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_multicast_if_v4(&options.interface)?;
    socket.set_multicast_ttl_v4(u32::from(options.ttl))?;
    // Subscribers on this machine hear it too.
    socket.set_multicast_loop_v4(true)?;
    // Cut silently by net.core.wmem_max; a burst beyond it is WouldBlock, which the sender counts.
    socket.set_send_buffer_size(options.send_buffer_bytes)?;
    socket.bind(&SocketAddr::from((options.interface, 0)).into())?;
    socket.connect(&group.into())?;
    Ok(socket)
}

fn check_group(group: Ipv4Addr) -> io::Result<()> {
    if group.is_multicast() {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("{group} is not a multicast address (224.0.0.0 to 239.255.255.255)"),
    ))
}

/// A blocking socket that hears `group` by the interface with the address `interface`, and nothing else.
///
/// # Errors
///
/// When the group is not a multicast address, the interface does not exist, or the socket can not be made.
pub fn multicast_receiver(group: SocketAddrV4, interface: Ipv4Addr) -> io::Result<UdpSocket> {
    check_group(*group.ip())?;
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // Several subscribers on one machine.
    socket.set_reuse_address(true)?;
    // Otherwise it hears what other sockets of the machine have joined on the same port.
    socket.set_multicast_all_v4(false)?;
    socket.bind(&group.into())?;
    socket.join_multicast_v4(group.ip(), &interface)?;
    Ok(socket.into())
}
