//! Whom a client believes, and what it shows of itself.

use std::fmt;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::{ClientConfig, Resumption};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, version};

use crate::file::{self, FileError, Refused, Which};
use crate::stream::Stream;

/// What a client is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustFiles {
    /// Certificates of the authorities whose word is taken.
    pub authority: PathBuf,
    /// The name that the exchange's certificate must be for; `None`: the address that is connected to.
    pub name: Option<String>,
    /// A certificate of the client's own and its key, where the exchange asks for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// Whom a client believes.
#[derive(Clone)]
pub struct Trust {
    config: Arc<ClientConfig>,
    name: Option<ServerName<'static>>,
}

impl Trust {
    /// Reads the files.
    ///
    /// # Errors
    /// Which one is of no use, and why.
    pub fn read(files: &TrustFiles) -> Result<Self, Refused> {
        let authorities = file::authorities(&files.authority)?;
        let name = files.name.as_ref().map(|name| {
            ServerName::try_from(name.clone())
                .map_err(|_| Refused::new(Which::Name, Path::new(name), FileError::NoName))
        });
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13])
            .map_err(|error| {
                Refused::new(
                    Which::Authority,
                    &files.authority,
                    FileError::Unusable(error.to_string()),
                )
            })?
            .with_root_certificates(authorities);
        let mut config = match &files.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let (chain, own_key) = (file::chain(certificate)?.0, file::key(key)?);
                builder
                    .with_client_auth_cert(chain, own_key)
                    .map_err(|error| file::mismatch(&error, certificate, key))?
            }
        };
        config.resumption = Resumption::disabled();
        Ok(Self {
            config: Arc::new(config),
            name: name.transpose()?,
        })
    }

    /// TLS over a connection to `address` that is made or being made; the handshake is made by reading and writing. `None`
    /// when there is no randomness.
    pub fn connect<S: Read + Write>(&self, socket: S, address: IpAddr) -> Option<Stream<S>> {
        let name = self.name.clone().unwrap_or_else(|| ServerName::from(address));
        let connection = ClientConnection::new(Arc::clone(&self.config), name).ok()?;
        Some(Stream::new(socket, connection.into(), None))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
