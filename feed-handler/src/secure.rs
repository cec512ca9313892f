//! The exchange's TCP doors as they are configured there: plain, or under TLS.

use crate::recovery::RecoveryFailure;
use crate::recovery_link::{Connect, TcpConnect};
use std::io::{Error, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use tls::{ClientStream, Failure, Trust};

/// TCP to an address, under TLS where somebody is trusted.
#[derive(Debug, Clone)]
pub struct DoorConnect {
    tcp: TcpConnect,
    trust: Option<Trust>,
}

impl DoorConnect {
    /// To `address`; with `trust`, under TLS.
    pub fn new(address: SocketAddr, trust: Option<Trust>) -> Self {
        Self {
            tcp: TcpConnect(address),
            trust,
        }
    }
}

impl Connect for DoorConnect {
    type Stream = ClientStream<TcpStream>;

    fn connect(&mut self) -> Result<Self::Stream, ErrorKind> {
        let stream = self.tcp.connect()?;
        ClientStream::new(stream, self.tcp.0.ip(), self.trust.as_ref()).map_err(|error| error.kind())
    }

    fn is_up(&self, stream: &Self::Stream) -> Result<bool, ErrorKind> {
        self.tcp.is_up(stream.socket())
    }

    fn explain(&self, error: &Error) -> RecoveryFailure {
        match Failure::of(error) {
            Some(failure) => RecoveryFailure::Untrusted(failure),
            None => RecoveryFailure::Broken(error.kind()),
        }
    }
}
