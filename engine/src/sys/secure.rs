//! A TCP door with TLS, where the exchange has a certificate.

use std::io;
use std::net::{SocketAddrV4, TcpStream};

use tls::{Identity, MaybeTls};

use super::parker::Watch;
use super::socket::OpenError;
use super::tcp::TcpDoor;
use crate::runtime::seams::{Listener, Stream};

/// A listening socket whose connections are plain, or all under TLS.
#[derive(Debug)]
pub struct SecureDoor {
    door: TcpDoor,
    identity: Option<Identity>,
}

impl SecureDoor {
    /// Listens on `address`; with an identity its connections are under TLS.
    ///
    /// # Errors
    ///
    /// When the socket can not be made or bound.
    pub fn open(address: SocketAddrV4, identity: Option<Identity>) -> Result<Self, OpenError> {
        let door = TcpDoor::open(address)?;
        Ok(Self { door, identity })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddrV4 {
        self.door.address()
    }
}

impl Stream for MaybeTls<TcpStream> {
    fn unsent(&self) -> usize {
        self.socket().unsent()
    }
}

impl Listener for SecureDoor {
    type Stream = MaybeTls<TcpStream>;

    fn accept(&mut self) -> io::Result<Option<(Self::Stream, SocketAddrV4)>> {
        let Some((stream, peer)) = self.door.accept()? else {
            return Ok(None);
        };
        let stream = match &self.identity {
            None => MaybeTls::Plain(stream),
            Some(identity) => {
                let stream = identity
                    .accept(stream)
                    .ok_or_else(|| io::Error::other("the operating system gives no random numbers"))?;
                MaybeTls::Tls(Box::new(stream))
            }
        };
        Ok(Some((stream, peer)))
    }

    fn watch(&self, watch: &mut Watch, accepts: bool) {
        self.door.watch(watch, accepts);
    }

    fn follow(&mut self, stream: &Self::Stream, id: u64) -> bool {
        self.door.follow(stream.socket(), id)
    }

    /// Says what the sockets say. What TLS has taken from a socket and not given yet, its reader goes on to read until there
    /// is nothing.
    fn readable(&mut self, name: impl FnMut(u64)) {
        self.door.readable(name);
    }
}
