//! The TCP side: a non-blocking connection that speaks SoupBinTCP, under TLS where the exchange's doors are.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use protocol::malformed::Malformed;
use protocol::soup::{Decoder, ServerPacket, encode};
use socket2::{Domain, Protocol, Socket, Type};
use tls::{ClientStream, Trust};

/// Bytes received and not yet understood, at most.
const RECEIVE_BYTES: usize = 128 * 1024;
/// Bytes waiting to be sent, at most. More is refused: the exchange does not read.
const SEND_BYTES: usize = 128 * 1024;

/// A connection.
#[derive(Debug)]
pub(super) struct TcpLink {
    stream: ClientStream<TcpStream>,
    decoder: Decoder,
    waiting: Box<[u8]>,
    start: usize,
    end: usize,
    connected: bool,
}

impl TcpLink {
    /// What becomes readable when something has come.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.stream.socket().as_fd()
    }

    /// Begins to connect; with `trust`, to a door under TLS.
    pub(super) fn begin(server: SocketAddrV4, trust: Option<&Trust>) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        match socket.connect(&SocketAddr::V4(server).into()) {
            Ok(()) => {}
            Err(error) if is_in_progress(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(Self {
            stream: ClientStream::new(socket.into(), IpAddr::V4(*server.ip()), trust)?,
            decoder: Decoder::new(RECEIVE_BYTES),
            waiting: vec![0; SEND_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            connected: false,
        })
    }

    /// True once connected; an error when that failed.
    pub(super) fn is_connected(&mut self) -> io::Result<bool> {
        if self.connected {
            return Ok(true);
        }
        if let Some(error) = self.stream.socket().take_error()? {
            return Err(error);
        }
        match self.stream.socket().peer_addr() {
            Ok(_) => {
                self.connected = true;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Our address on this connection: the exchange takes datagrams from the same one only.
    pub(super) fn local_ip(&self) -> io::Result<Ipv4Addr> {
        match self.stream.socket().local_addr()? {
            SocketAddr::V4(address) => Ok(*address.ip()),
            SocketAddr::V6(address) => Err(io::Error::other(format!("{address} is not IPv4"))),
        }
    }

    /// Queues a whole packet. False, and nothing queued, when there is no room.
    #[must_use]
    pub(super) fn send(&mut self, packet: &[u8]) -> bool {
        if self.start > 0 && self.waiting.len() - self.end < packet.len() {
            self.waiting.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let Some(room) = self.waiting.get_mut(self.end..self.end + packet.len()) else {
            return false;
        };
        room.copy_from_slice(packet);
        self.end += packet.len();
        true
    }

    /// Queues a message as Unsequenced Data.
    #[must_use]
    pub(super) fn send_unsequenced(&mut self, message: &[u8]) -> bool {
        let mut packet = [0; 256];
        match encode::unsequenced(message, &mut packet) {
            Some(length) => self.send(&packet[..length]),
            None => false,
        }
    }

    /// Queues a login.
    pub(super) fn send_login(
        &mut self,
        username: &str,
        password: &str,
        session: &str,
        sequence: u64,
    ) -> io::Result<()> {
        let mut packet = [0; 64];
        let length = encode::login(username, password, session, sequence, None, &mut packet)
            .ok_or_else(|| io::Error::other("user name or password is too long or not ASCII"))?;
        if self.send(&packet[..length]) {
            Ok(())
        } else {
            Err(io::Error::other("a fresh connection has no room for a login"))
        }
    }

    /// Writes what waits, as far as the kernel takes it.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while self.start < self.end {
            match self.stream.write(&self.waiting[self.start..self.end]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.start += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.start = 0;
        self.end = 0;
        match self.stream.flush() {
            // What the stream holds goes out next time.
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// Reads once; the bytes read, 0 when there was nothing. An error when the exchange closed the connection.
    pub(super) fn receive(&mut self) -> io::Result<usize> {
        loop {
            return match self.stream.read(self.decoder.space()) {
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.decoder.filled(count);
                    Ok(count)
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }

    /// The next whole packet received.
    pub(super) fn next_packet(&mut self) -> Result<Option<ServerPacket<'_>>, Malformed> {
        self.decoder.next_from_server()
    }
}

fn is_in_progress(error: &io::Error) -> bool {
    // EINPROGRESS is what a non-blocking connect answers; the standard library has a name for it (`InProgress`) that is
    // not stable yet.
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(115)
}
