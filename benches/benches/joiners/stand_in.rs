//! The least that a server can do for the same crowd: it lets them in and sends them bytes that lie ready, no faster than the exchange,
//! on a thread that gets what is left of the cores. What a customer of the exchange notices of that, the machine and its kernel
//! do to him: no exchange can do better here.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use engine::sys::priority;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use protocol::soup::encode;

/// Let in, and sent to all together, in a millisecond: as recovery does where it shares a core.
const ACCEPTS: usize = 2;
const BYTES: usize = 64 * 1_024;
const PACE: Duration = Duration::from_millis(1);
/// Sent to one at a time.
const PIECE_BYTES: usize = 32 * 1_024;
/// A message of the feed: Add Order.
const MESSAGE_BYTES: usize = 36;
/// Names the listener among the connections.
const LISTENER: u64 = u64::MAX;
const EVENTS: usize = 64;

pub(crate) struct StandIn {
    listener: TcpListener,
    address: SocketAddrV4,
    /// What each gets.
    bytes: Vec<u8>,
}

struct Peer {
    stream: TcpStream,
    /// It has logged in.
    is_in: bool,
    sent: usize,
}

impl StandIn {
    /// Each will get so many messages.
    pub(crate) fn open(messages: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let SocketAddr::V4(address) = listener.local_addr()? else {
            unreachable!("it was bound to such an address")
        };
        let mut packet = [0; 3 + MESSAGE_BYTES];
        let length = encode::sequenced(&[b'A'; MESSAGE_BYTES], &mut packet).expect("it fits");
        let bytes = packet[..length].repeat(usize::try_from(messages).map_err(io::Error::other)?);
        Ok(Self {
            listener,
            address,
            bytes,
        })
    }

    pub(crate) fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Serves who comes, until it is over.
    pub(crate) fn serve(&self, is_over: impl Fn() -> bool) -> Result<(), String> {
        priority::take_what_is_left().map_err(|error| error.to_string())?;
        self.served(is_over)
            .map_err(|error| format!("the stand-in: {error}"))
    }

    fn served(&self, is_over: impl Fn() -> bool) -> io::Result<()> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(&self.listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
        let mut peers: Vec<Option<Peer>> = Vec::new();
        let mut events = [EpollEvent::empty(); EVENTS];
        let (mut turn, mut due) = (0, Instant::now());
        while !is_over() {
            let left = due.saturating_duration_since(Instant::now());
            let timeout = EpollTimeout::try_from(left).map_err(io::Error::other)?;
            let count = epoll.wait(&mut events, timeout)?;
            for event in &events[..count] {
                let Some(place) = peers.get_mut(event.data() as usize) else {
                    continue;
                };
                let Some(peer) = place else { continue };
                match peer.stream.read(&mut [0; 256]) {
                    Ok(1..) if peer.sent == 0 => peer.is_in = true,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    // It logs out, or has left.
                    _ => *place = None,
                }
            }
            if Instant::now() < due {
                continue;
            }
            due = Instant::now() + PACE;
            for _ in 0..ACCEPTS {
                let stream = match self.listener.accept() {
                    Ok((stream, _)) => stream,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                };
                stream.set_nonblocking(true)?;
                epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, peers.len() as u64))?;
                peers.push(Some(Peer {
                    stream,
                    is_in: false,
                    sent: 0,
                }));
            }
            let mut allowance = BYTES;
            for _ in 0..peers.len() {
                turn = (turn + 1) % peers.len();
                if let Some(peer) = &mut peers[turn]
                    && peer.is_in
                {
                    allowance -= peer.send(&self.bytes, allowance.min(PIECE_BYTES))?;
                }
                if allowance == 0 {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Peer {
    /// Sends the next of `bytes`, so many at most; how many it took.
    fn send(&mut self, bytes: &[u8], most: usize) -> io::Result<usize> {
        let rest = &bytes[self.sent..];
        if rest.is_empty() {
            return Ok(0);
        }
        match self.stream.write(&rest[..rest.len().min(most)]) {
            Ok(count) => {
                self.sent += count;
                Ok(count)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }
}
