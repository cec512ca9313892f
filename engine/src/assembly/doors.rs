//! The TCP doors of an exchange with real sockets: under TLS where it is configured, and where this build has it.

use std::io;
use std::net::SocketAddrV4;

use super::error::StartError;
use crate::config::Config;
use crate::runtime::helper::Helper;
use crate::runtime::notices::Notices;

#[cfg(feature = "tls")]
pub(super) use crate::sys::secure::SecureDoor as TcpDoor;
#[cfg(not(feature = "tls"))]
pub(super) use crate::sys::tcp::TcpDoor;

/// Opens the doors of one exchange.
pub(super) struct Doors {
    #[cfg(feature = "tls")]
    certificate: Option<super::certificate::Certificate>,
}

#[cfg(feature = "tls")]
impl Doors {
    /// Reads the certificate, if there is one. It was right when the configuration was checked.
    pub(super) fn of(config: &Config) -> Result<Self, StartError> {
        let certificate = config.tls.as_ref().map(super::certificate::Certificate::read);
        let certificate = certificate
            .transpose()
            .map_err(|refused| config.problem("tls", refused.to_string(), refused.remedy()))?;
        Ok(Self { certificate })
    }

    /// Listens on an address.
    pub(super) fn open(&self, address: SocketAddrV4) -> Result<TcpDoor, StartError> {
        let identity = self
            .certificate
            .as_ref()
            .map(|certificate| certificate.identity().clone());
        Ok(TcpDoor::open(address, identity)?)
    }

    /// What a person at the console should know.
    pub(super) fn sentence(&self) -> Option<String> {
        let certificate = self.certificate.as_ref()?;
        Some(format!("TCP doors: TLS 1.3, {}", certificate.sentence()))
    }

    /// Takes a renewed certificate when there is one, from now on.
    pub(super) fn look_after(self, notices: Notices) -> io::Result<Option<Helper>> {
        self.certificate
            .map(|certificate| certificate.look_after(notices))
            .transpose()
    }
}

#[cfg(not(feature = "tls"))]
impl Doors {
    /// A configuration with TLS was refused.
    pub(super) fn of(_config: &Config) -> Result<Self, StartError> {
        Ok(Self {})
    }

    /// Listens on an address.
    pub(super) fn open(&self, address: SocketAddrV4) -> Result<TcpDoor, StartError> {
        Ok(TcpDoor::open(address)?)
    }

    /// Nothing to tell.
    pub(super) fn sentence(&self) -> Option<String> {
        None
    }

    /// Nothing to look after.
    pub(super) fn look_after(self, _notices: Notices) -> io::Result<Option<Helper>> {
        Ok(None)
    }
}
