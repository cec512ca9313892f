//! Several datagrams with one call: out as one piece that the kernel cuts, in as one piece that it has joined. Where a kernel
//! or a way out does not know how, they go and come one by one.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::UdpSocket;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::sockopt::UdpGroSegment;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, setsockopt};
use socket2::{MsgHdr, SockRef};

/// Datagrams of a burst at most: 64 is what the kernel takes, and 65,507 bytes.
const BURST_MAX: usize = 32;
/// The longest burst that can come.
const BUFFER_BYTES: usize = 1 << 16;

/// A control message of 16 bits: its length, level and type, and the value; padded to whole words.
const CONTROL_BYTES: usize = size_of::<usize>() + 8 + size_of::<usize>();
/// What a way out says that does not know how to cut.
const CANNOT_CUT: [Errno; 3] = [Errno::EIO, Errno::EOPNOTSUPP, Errno::EINVAL];
/// Level and type of the size that the kernel cuts at.
const SOL_UDP: i32 = 17;
const UDP_SEGMENT: i32 = 103;

/// The control message that asks the kernel to cut at `each` bytes. Made by hand, once: who makes it for each call
/// allocates for each call.
fn cut_at(each: u16) -> [u8; CONTROL_BYTES] {
    let mut control = [0; CONTROL_BYTES];
    let (length, rest) = control.split_at_mut(size_of::<usize>());
    length.copy_from_slice(&(size_of::<usize>() + 8 + size_of::<u16>()).to_ne_bytes());
    rest[..4].copy_from_slice(&SOL_UDP.to_ne_bytes());
    rest[4..8].copy_from_slice(&UDP_SEGMENT.to_ne_bytes());
    rest[8..10].copy_from_slice(&each.to_ne_bytes());
    control
}

/// Datagrams of one size that wait to leave together.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Bytes of each; the last may be shorter.
    each: usize,
    burst: Vec<u8>,
    control: [u8; CONTROL_BYTES],
    /// The kernel has not refused to cut.
    cuts: bool,
    /// Datagrams that the kernel took.
    pub(super) sent: u64,
    /// Datagrams that it did not take.
    pub(super) not_sent: u64,
}

impl Outgoing {
    /// Bursts of datagrams of `each` bytes.
    pub(super) fn new(each: usize) -> Self {
        Self {
            each,
            burst: Vec::with_capacity(BURST_MAX * each),
            control: cut_at(u16::try_from(each).expect("a datagram is shorter than 64 KiB")),
            cuts: true,
            sent: 0,
            not_sent: 0,
        }
    }

    /// Puts a datagram behind those that wait. A shorter one is the last of its burst, a longer one leaves by itself.
    pub(super) fn add(&mut self, datagram: &[u8], socket: &UdpSocket) {
        if datagram.len() > self.each {
            self.send(socket);
            self.send_one(datagram.len(), socket.send(datagram));
            return;
        }
        self.burst.extend_from_slice(datagram);
        if datagram.len() < self.each || self.burst.len() == BURST_MAX * self.each {
            self.send(socket);
        }
    }

    /// Sends what waits.
    pub(super) fn send(&mut self, socket: &UdpSocket) {
        if self.burst.is_empty() {
            return;
        }
        if !self.send_together(socket) {
            for start in (0..self.burst.len()).step_by(self.each) {
                let end = (start + self.each).min(self.burst.len());
                self.send_one(end - start, socket.send(&self.burst[start..end]));
            }
        }
        self.burst.clear();
    }

    /// False, and nothing sent, when they have to leave one by one.
    fn send_together(&mut self, socket: &UdpSocket) -> bool {
        if !self.cuts || self.burst.len() <= self.each {
            return false;
        }
        let burst = [IoSlice::new(&self.burst)];
        let message = MsgHdr::new().with_buffers(&burst).with_control(&self.control);
        let sent = SockRef::from(socket).sendmsg(&message, MsgFlags::MSG_DONTWAIT.bits());
        let datagrams = self.burst.len().div_ceil(self.each) as u64;
        match sent {
            Ok(length) if length == self.burst.len() => self.sent += datagrams,
            // The way out does not reckon checksums, or the kernel does not cut: not later either.
            Err(error)
                if CANNOT_CUT
                    .contains(&error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw)) =>
            {
                self.cuts = false;
            }
            _ => self.not_sent += datagrams,
        }
        self.cuts
    }

    fn send_one(&mut self, length: usize, sent: io::Result<usize>) {
        if sent.is_ok_and(|sent| sent == length) {
            self.sent += 1;
        } else {
            self.not_sent += 1;
        }
    }
}

/// What came in one piece: datagrams of one size, of which the last may be shorter.
#[derive(Debug)]
pub(super) struct Incoming {
    buffer: Box<[u8]>,
    control: Vec<u8>,
    length: usize,
    /// Bytes of each.
    each: usize,
    /// Where the next begins.
    next: usize,
}

impl Incoming {
    /// Lets the kernel join what comes to `socket`, if it can.
    pub(super) fn new(socket: &impl AsFd) -> io::Result<Self> {
        match setsockopt(socket, UdpGroSegment, &true) {
            // An older kernel has none: each datagram comes by itself.
            Ok(()) | Err(Errno::ENOPROTOOPT) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Self {
            buffer: vec![0; BUFFER_BYTES].into(),
            control: cmsg_space!(std::ffi::c_int),
            length: 0,
            each: 1,
            next: 0,
        })
    }

    /// The next datagram, from the piece that came last or from `socket`; `WouldBlock` when there is none.
    pub(super) fn next(&mut self, socket: &UdpSocket) -> io::Result<Range<usize>> {
        if self.next >= self.length {
            self.receive(socket)?;
        }
        let start = self.next;
        self.next = (start + self.each).min(self.length);
        Ok(start..self.next)
    }

    /// The bytes of a datagram that `next` named last.
    pub(super) fn bytes(&self, datagram: Range<usize>) -> &[u8] {
        &self.buffer[datagram]
    }

    fn receive(&mut self, socket: &UdpSocket) -> io::Result<()> {
        let mut pieces = [IoSliceMut::new(&mut self.buffer)];
        let message = recvmsg::<SockaddrIn>(
            socket.as_raw_fd(),
            &mut pieces,
            Some(&mut self.control),
            MsgFlags::MSG_DONTWAIT,
        )?;
        let joined = message.cmsgs()?.find_map(|control| match control {
            ControlMessageOwned::UdpGroSegments(each) => usize::try_from(each).ok(),
            _ => None,
        });
        self.length = message.bytes;
        self.each = joined.unwrap_or(message.bytes).max(1);
        self.next = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn pair() -> (UdpSocket, UdpSocket) {
        let make = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        let (from, to) = (make(), make());
        from.connect(to.local_addr().expect("bound")).expect("loopback");
        (from, to)
    }

    #[test]
    fn what_leaves_together_arrives_datagram_by_datagram() {
        let (from, to) = pair();
        let mut incoming = Incoming::new(&to).expect("a UDP socket");
        let mut outgoing = Outgoing::new(100);
        let datagrams: Vec<Vec<u8>> = [100, 100, 100, 40, 100, 130, 100, 100]
            .iter()
            .zip(1_u8..)
            .map(|(length, mark)| vec![mark; *length])
            .collect();
        for datagram in &datagrams {
            outgoing.add(datagram, &from);
        }
        outgoing.send(&from);
        for datagram in &datagrams {
            let range = incoming.next(&to).expect("it was sent");
            assert_eq!(incoming.bytes(range), datagram);
        }
        let nothing = incoming.next(&to).expect_err("nothing more was sent");
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        assert_eq!((outgoing.sent, outgoing.not_sent), (8, 0));
        assert!(outgoing.cuts, "loopback cuts");
    }

    #[test]
    fn a_long_burst_leaves_before_it_is_too_long() {
        let (from, to) = pair();
        let mut incoming = Incoming::new(&to).expect("a UDP socket");
        let mut outgoing = Outgoing::new(1_472);
        let count = 2 * BURST_MAX + 3;
        for mark in 0..count {
            outgoing.add(&[mark as u8; 1_472], &from);
        }
        outgoing.send(&from);
        for mark in 0..count {
            let range = incoming.next(&to).expect("it was sent");
            assert_eq!(incoming.bytes(range), [mark as u8; 1_472]);
        }
        assert_eq!(outgoing.sent, count as u64);
    }

    #[test]
    fn an_empty_datagram_is_one_too() {
        let (from, to) = pair();
        let mut incoming = Incoming::new(&to).expect("a UDP socket");
        from.send(&[]).expect("loopback");
        from.send(&[5]).expect("loopback");
        assert_eq!(incoming.next(&to).expect("it was sent"), 0..0);
        assert_eq!(incoming.next(&to).expect("it was sent"), 0..1);
    }
}
