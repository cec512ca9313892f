//! TCP doors: non-blocking, without delayed sends.

use std::io;
use std::net::{SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::AsFd;

use socket2::{Domain, Protocol, Socket, Type};

use super::parker::Watch;
use super::socket::{OpenError, Transport, local_address};
use crate::runtime::seams::Listener;

/// Connections that the kernel keeps until they are accepted (capped by net.core.somaxconn).
const BACKLOG: i32 = 128;

/// A listening socket.
#[derive(Debug)]
pub struct TcpDoor {
    listener: TcpListener,
    address: SocketAddrV4,
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
            })
        };
        open().map_err(|error| OpenError::new(Transport::Tcp, address, error))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddrV4 {
        self.address
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

    fn watch(&self, watch: &mut Watch) {
        watch.add(self.listener.as_fd());
    }

    fn watch_stream(stream: &TcpStream, watch: &mut Watch) {
        watch.add(stream.as_fd());
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
            parker.park(Duration::from_secs(600), |watch| door.watch(watch));
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
        Parker::new().unwrap().park(Duration::from_secs(600), |watch| {
            TcpDoor::watch_stream(&stream, watch)
        });
        let mut bytes = [0; 8];
        assert_eq!(stream.read(&mut bytes).unwrap(), 5);
        assert_eq!(&bytes[..5], b"hello");
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
