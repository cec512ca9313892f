//! A client's connection to a door that is plain or under TLS, as the client was told; and what it hears when that is wrong.

use std::io::{self, Read, Write};
use std::net::IpAddr;

use crate::failure::Failure;
use crate::stream::MaybeTls;
use crate::trust::Trust;

/// What an alert of TLS begins with: its type, and the first byte of any version. In SoupBinTCP it would be a packet of 5,379
/// bytes, which no exchange sends.
const ALERT: [u8; 2] = [0x15, 3];

/// A connection from the client's side.
#[derive(Debug)]
pub struct ClientStream<S: Read + Write> {
    inner: MaybeTls<S>,
    /// Something came, or whatever comes is under TLS.
    is_heard: bool,
}

impl<S: Read + Write> ClientStream<S> {
    /// Over a connection to `address` that is made or being made: with `trust`, under TLS.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn new(socket: S, address: IpAddr, trust: Option<&Trust>) -> io::Result<Self> {
        let inner = match trust {
            None => MaybeTls::Plain(socket),
            Some(trust) => {
                let stream = trust
                    .connect(socket, address)
                    .ok_or_else(|| io::Error::other("the operating system gives no random numbers"))?;
                MaybeTls::Tls(Box::new(stream))
            }
        };
        Ok(Self {
            inner,
            is_heard: trust.is_some(),
        })
    }

    /// What it is over.
    pub fn socket(&self) -> &S {
        self.inner.socket()
    }
}

impl<S: Read + Write> Read for ClientStream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count > 0 && !self.is_heard {
            self.is_heard = true;
            if buffer[..count].starts_with(&ALERT) {
                return Err(Failure::TlsWanted.into_error());
            }
        }
        Ok(count)
    }
}

impl<S: Read + Write> Write for ClientStream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
