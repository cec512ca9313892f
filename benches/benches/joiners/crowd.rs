//! Subscribers who come at once, each over a TCP connection of its own, until each has what it came for. They keep no books:
//! what is measured is what the exchange does for them.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use engine::sys::priority;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use protocol::soup::encode;

/// Where they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// GLIMPSE.
    Snapshot,
    /// From message 1 on.
    Recovery,
    /// None of the exchange's: a stand-in's, which does the least.
    StandIn,
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Snapshot => "snapshot",
            Self::Recovery => "gap recovery from message 1",
            Self::StandIn => "a stand-in that only sends bytes",
        })
    }
}

pub(crate) struct Crowd {
    address: SocketAddrV4,
    joiners: usize,
    /// Sequenced messages that make one whole, unless End of Snapshot comes before.
    messages: u64,
}

/// One of them.
struct Joiner {
    stream: TcpStream,
    /// Of the packet at hand: the bytes of its head that came, and those of its rest that did not.
    head: [u8; 4],
    head_bytes: usize,
    rest: usize,
    messages: u64,
    is_done: bool,
}

const BUFFER_BYTES: usize = 256 * 1_024;
/// Events taken at once.
const EVENTS: usize = 64;

impl Crowd {
    /// They come to `door`, which is at `address`. `messages`: so many are there at least.
    pub(crate) fn new(door: Door, address: SocketAddrV4, joiners: usize, messages: u64) -> Self {
        Self {
            address,
            joiners,
            messages: match door {
                Door::Snapshot => u64::MAX,
                Door::Recovery | Door::StandIn => messages,
            },
        }
    }

    /// All come, read and leave; the bytes they have read.
    pub(crate) fn join(&self, patience: Duration) -> Result<u64, String> {
        priority::take_what_is_left().map_err(|error| error.to_string())?;
        self.joined(patience).map_err(|error| {
            format!(
                "{}: {error}; more open files may be needed (ulimit -n)",
                self.address
            )
        })
    }

    fn joined(&self, patience: Duration) -> io::Result<u64> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let mut joiners = Vec::with_capacity(self.joiners);
        for number in 0..self.joiners {
            let stream = TcpStream::connect(SocketAddr::V4(self.address))?;
            stream.set_nonblocking(true)?;
            let mut login = [0; 64];
            let length = encode::login("", "", "", 1, None, &mut login).expect("it fits");
            (&stream).write_all(&login[..length])?;
            epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, number as u64))?;
            joiners.push(Joiner {
                stream,
                head: [0; 4],
                head_bytes: 0,
                rest: 0,
                messages: 0,
                is_done: false,
            });
        }
        let began = Instant::now();
        let (mut bytes, mut left) = (0, joiners.len());
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut events = [EpollEvent::empty(); EVENTS];
        while left > 0 {
            if began.elapsed() > patience {
                return Err(ErrorKind::TimedOut.into());
            }
            let count = epoll.wait(&mut events, EpollTimeout::from(100_u8))?;
            for event in &events[..count] {
                let joiner = &mut joiners[event.data() as usize];
                if joiner.is_done {
                    continue;
                }
                bytes += joiner.read(&mut buffer, self.messages)?;
                if joiner.is_done {
                    left -= 1;
                    epoll.delete(&joiner.stream)?;
                    // It leaves; that it can not say so does not matter.
                    let _left = joiner.stream.write(&encode::LOGOUT);
                }
            }
        }
        Ok(bytes)
    }
}

impl Joiner {
    /// Reads once; the bytes that came.
    fn read(&mut self, buffer: &mut [u8], messages: u64) -> io::Result<u64> {
        let count = match self.stream.read(buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(0);
            }
            Err(error) => return Err(error),
        };
        let mut bytes = &buffer[..count];
        while !bytes.is_empty() {
            if self.rest > 0 {
                let taken = self.rest.min(bytes.len());
                (self.rest, bytes) = (self.rest - taken, &bytes[taken..]);
                continue;
            }
            self.head[self.head_bytes] = bytes[0];
            (self.head_bytes, bytes) = (self.head_bytes + 1, &bytes[1..]);
            // Length and packet type; of Sequenced Data also the message's type.
            let length = usize::from(u16::from_be_bytes([self.head[0], self.head[1]]));
            let is_whole = match self.head_bytes {
                0..3 => false,
                3 => length < 2 || self.head[2] != b'S',
                _ => true,
            };
            if !is_whole {
                continue;
            }
            self.rest = 2 + length - self.head_bytes;
            let is_message = self.head_bytes == 4;
            self.head_bytes = 0;
            if is_message {
                self.messages += 1;
                self.is_done |= self.head[3] == b'G' || self.messages >= messages;
            } else if self.head[2] == b'J' {
                return Err(io::Error::other("a login was rejected"));
            }
        }
        Ok(count as u64)
    }
}
