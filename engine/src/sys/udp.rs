//! Where datagrams leave: answers from the order-entry socket, market data by multicast.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};

use protocol::packet::DATAGRAM_BYTES_MAX;
use socket2::{Domain, MsgHdr, Protocol, SockAddr, Socket, Type};
use zerocopy::{Immutable, IntoBytes};

use super::socket::{OpenError, Transport};
use crate::runtime::seams::DatagramSink;

/// Datagrams that the kernel cuts from one piece at most: it takes 64, and 65,507 bytes.
const BURST_MAX: usize = 65_507 / DATAGRAM_BYTES_MAX;
const _: () = assert!(BURST_MAX > 1 && BURST_MAX <= 64);

/// Sends from an unconnected socket to anybody.
#[derive(Debug)]
pub struct UdpSink {
    socket: Socket,
    /// The kernel has not refused to cut datagrams from one piece (`UDP_SEGMENT`).
    cuts: bool,
}

/// Control data that tells the kernel to cut: a `cmsghdr` with the datagrams' size, as Linux lays it out.
#[repr(C)]
#[derive(IntoBytes, Immutable)]
struct Cut {
    length: usize,
    level: libc::c_int,
    kind: libc::c_int,
    each: u16,
    padding: [u8; 6],
}

const _: () = {
    assert!(size_of::<libc::cmsghdr>() == std::mem::offset_of!(Cut, each));
    assert!(std::mem::offset_of!(libc::cmsghdr, cmsg_level) == std::mem::offset_of!(Cut, level));
    assert!(std::mem::offset_of!(libc::cmsghdr, cmsg_type) == std::mem::offset_of!(Cut, kind));
};

impl Cut {
    fn into(each: usize) -> Self {
        Self {
            length: std::mem::offset_of!(Self, padding),
            level: libc::SOL_UDP,
            kind: libc::UDP_SEGMENT,
            each: u16::try_from(each).expect("datagrams are shorter than 64 KiB"),
            padding: [0; 6],
        }
    }
}

impl UdpSink {
    /// Sends from `socket`, which may be in blocking mode and shared with a source: no send waits. With `offload` the kernel
    /// cuts bursts, if it can.
    pub fn new(socket: Socket, offload: bool) -> Self {
        Self {
            socket,
            cuts: offload,
        }
    }
}

impl DatagramSink for UdpSink {
    fn send(&mut self, to: SocketAddrV4, bytes: &[u8]) -> io::Result<()> {
        let sent = self
            .socket
            .send_to_with_flags(bytes, &SockAddr::from(to), libc::MSG_DONTWAIT)?;
        whole(sent, bytes)
    }

    fn burst_max(&self) -> usize {
        if self.cuts { BURST_MAX } else { 1 }
    }

    /// One system call, and one way through the kernel: a datagram alone costs 2-3 us, each further one of a burst a small
    /// part of that.
    fn send_burst(&mut self, to: SocketAddrV4, bytes: &[u8], each: usize) -> io::Result<()> {
        if bytes.len() <= each {
            return self.send(to, bytes);
        }
        let (to_address, pieces) = (SockAddr::from(to), [IoSlice::new(bytes)]);
        let cut = Cut::into(each);
        let message = MsgHdr::new()
            .with_addr(&to_address)
            .with_buffers(&pieces)
            .with_control(cut.as_bytes());
        match self.socket.sendmsg(&message, libc::MSG_DONTWAIT) {
            Ok(sent) => whole(sent, bytes),
            // The way out does not reckon checksums (EIO), or this kernel does not cut: it will not later either. Or a
            // datagram is too long for this way (EINVAL) and would go in fragments.
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(libc::EIO | libc::EOPNOTSUPP | libc::ENOPROTOOPT | libc::EINVAL)
                ) =>
            {
                self.cuts &= error.raw_os_error() == Some(libc::EINVAL);
                bytes
                    .chunks(each)
                    .try_for_each(|datagram| self.send(to, datagram))
            }
            Err(error) => Err(error),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_arrives_as_its_datagrams() {
        let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let SocketAddr::V4(to) = receiver.local_addr().unwrap() else {
            unreachable!("bound to an IPv4 address")
        };
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        let mut sink = UdpSink::new(socket, true);
        let each = 1_000;
        assert!(sink.burst_max() >= 3, "loopback cuts");
        for last in [1, 999, 1_000] {
            let bytes: Vec<u8> = (0..2 * each + last).map(|index| (index / 7) as u8).collect();
            sink.send_burst(to, &bytes, each).unwrap();
            for expected in bytes.chunks(each) {
                let mut datagram = [0; 2_000];
                let length = receiver.recv(&mut datagram).unwrap();
                assert_eq!(&datagram[..length], expected);
            }
        }
        assert!(sink.burst_max() > 1, "nothing was refused");
    }
}
