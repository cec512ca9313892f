//! TCP doors: non-blocking, without delayed sends.

use std::io;
use std::net::{SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use socket2::{Domain, Protocol, Socket, Type};

use super::parker::Watch;
use super::socket::{OpenError, Transport, local_address, open_patiently};
use crate::runtime::seams::{Listener, Stream};

/// Connections that the kernel keeps until they are accepted (capped by net.core.somaxconn). Who finds no room tries again
/// after a second, so that a thousand who come at once should.
const BACKLOG: i32 = 1_024;
/// Connections that are named at once.
const READABLE_MAX: usize = 64;

/// A listening socket, and which of its connections can be read: one question for all of them, however many there are.
#[derive(Debug)]
pub struct TcpDoor {
    listener: TcpListener,
    address: SocketAddrV4,
    followed: Epoll,
}

impl TcpDoor {
    /// Listens on `address` (port 0: one that is free). The address may be one that connections of an exchange that
    /// was just stopped still linger on.
    ///
    /// # Errors
    ///
    /// When the socket can not be made or bound.
    pub fn open(address: SocketAddrV4) -> Result<Self, OpenError> {
        let open = || -> io::Result<_> {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
            socket.set_reuse_address(true)?;
            socket.set_nonblocking(true)?;
            socket.bind(&SocketAddr::V4(address).into())?;
            socket.listen(BACKLOG)?;
            Ok(Self {
                address: local_address(&socket)?,
                listener: socket.into(),
                followed: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            })
        };
        open_patiently(open).map_err(|error| OpenError::new(Transport::Tcp, address, error))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }
}

impl Stream for TcpStream {
    fn unsent(&self) -> usize {
        let mut bytes: libc::c_int = 0;
        // SAFETY: the descriptor is open as long as `self` is there, and the kernel writes one `int` (tcp(7), SIOCOUTQ, the same
        // number as TIOCOUTQ) to a place that is ours.
        let answer = unsafe { libc::ioctl(self.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
        // The only error is that of a socket that listens.
        if answer == 0 {
            usize::try_from(bytes).unwrap_or(0)
        } else {
            0
        }
    }
}

impl Listener for TcpDoor {
    type Stream = TcpStream;

    fn accept(&mut self) -> io::Result<Option<(TcpStream, SocketAddrV4)>> {
        let (stream, peer) = match self.listener.accept() {
            Ok(accepted) => accepted,
            // Nobody there, or gone again before it was accepted.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let SocketAddr::V4(peer) = peer else {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "an IPv6 peer on an IPv4 socket",
            ));
        };
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Some((stream, peer)))
    }

    fn watch(&self, watch: &mut Watch, accepts: bool) {
        if accepts {
            watch.add(self.listener.as_fd());
        }
        watch.add(self.followed.0.as_fd());
    }

    /// A connection that is closed is followed no longer.
    fn follow(&mut self, stream: &TcpStream, id: u64) -> bool {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, id);
        self.followed.add(stream, event).is_ok()
    }

    fn readable(&mut self, mut name: impl FnMut(u64)) {
        let mut events = [EpollEvent::empty(); READABLE_MAX];
        // Interrupted: next time.
        let count = self.followed.wait(&mut events, EpollTimeout::ZERO).unwrap_or(0);
        for event in &events[..count] {
            name(event.data());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, Shutdown};
    use std::time::Duration;

    use super::*;
    use crate::sys::parker::Parker;

    const ANY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

    /// Parks until the door has a connection.
    fn accept(door: &mut TcpDoor) -> (TcpStream, SocketAddrV4) {
        let mut parker = Parker::new().unwrap();
        loop {
            if let Some(accepted) = door.accept().unwrap() {
                return accepted;
            }
            parker.park(Duration::from_secs(600), |watch| door.watch(watch, true));
        }
    }

    #[test]
    fn connections_are_accepted_without_blocking_or_delay() {
        let mut door = TcpDoor::open(ANY).unwrap();
        assert!(door.accept().unwrap().is_none());
        let mut client = TcpStream::connect(door.address()).unwrap();
        let (mut stream, peer) = accept(&mut door);
        assert_eq!(SocketAddr::V4(peer), client.local_addr().unwrap());
        assert!(stream.nodelay().unwrap());
        assert_eq!(
            stream.read(&mut [0; 8]).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        client.write_all(b"hello").unwrap();
        assert!(door.follow(&stream, 7));
        Parker::new()
            .unwrap()
            .park(Duration::from_secs(600), |watch| door.watch(watch, true));
        let mut named = Vec::new();
        door.readable(|id| named.push(id));
        assert_eq!(named, [7]);
        let mut bytes = [0; 8];
        assert_eq!(stream.read(&mut bytes).unwrap(), 5);
        assert_eq!(&bytes[..5], b"hello");
        door.readable(|id| panic!("{id} was read"));
        // The end can be read too; after that it is not followed any more.
        drop(client);
        Parker::new()
            .unwrap()
            .park(Duration::from_secs(600), |watch| door.watch(watch, true));
        door.readable(|id| named.push(id));
        assert_eq!(named, [7, 7]);
        drop(stream);
        door.readable(|id| panic!("{id} was closed"));
    }

    #[test]
    fn what_has_not_arrived_is_known() {
        let mut door = TcpDoor::open(ANY).unwrap();
        let mut client = TcpStream::connect(door.address()).unwrap();
        let (mut stream, _) = accept(&mut door);
        assert_eq!(stream.unsent(), 0);
        // Nobody reads: what the kernel has room for stays, the larger part of it on this side.
        let mut written = 0;
        while let Ok(count) = stream.write(&[7; 64 * 1_024]) {
            written += count;
        }
        assert!(stream.unsent() > 0 && stream.unsent() <= written);
        let mut buffer = vec![0; 64 * 1_024];
        while written > 0 {
            written -= client.read(&mut buffer).unwrap();
        }
        // What was read was there before; that it is known here takes the acknowledgement, which may come a little later.
        while stream.unsent() > 0 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_door_reopens_at_once_after_its_connections_were_closed_from_here() {
        let mut door = TcpDoor::open(ANY).unwrap();
        let address = door.address();
        let mut client = TcpStream::connect(address).unwrap();
        let (stream, _) = accept(&mut door);
        // Closed here first: the connection lingers on our port.
        stream.shutdown(Shutdown::Both).unwrap();
        drop(stream);
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
        drop(client);
        drop(door);
        assert_eq!(TcpDoor::open(address).unwrap().address(), address);
    }

    #[test]
    fn an_address_in_use_is_named_with_its_remedy() {
        let door = TcpDoor::open(ANY).unwrap();
        let message = TcpDoor::open(door.address()).unwrap_err().to_string();
        assert!(
            message.starts_with(&format!("can not open TCP {}: ", door.address())),
            "{message}"
        );
        assert!(
            message.contains(&format!("ss -tlnp 'sport = :{}'", door.address().port())),
            "{message}"
        );
    }
}
