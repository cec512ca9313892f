//! Who a door is: its certificate and key, and whether its clients need one.

use std::fmt;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::server::{NoServerSessionStorage, ServerConfig, WebPkiClientVerifier};
use rustls::{ServerConnection, version};

use crate::date::Date;
use crate::file::{self, FileError, Refused, Which};
use crate::pace::Pace;
use crate::stream::Stream;

/// Where a door's identity is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFiles {
    /// Its certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// Only clients with a certificate by one of these authorities are let in; `None`: all.
    pub client_authority: Option<PathBuf>,
}

/// What doors show who they are. Clones are one: they are renewed together, and share the time that handshakes may take.
#[derive(Clone)]
pub struct Identity {
    shown: Arc<Mutex<Shown>>,
    pace: Arc<Pace>,
}

/// What is shown at present.
struct Shown {
    config: Arc<ServerConfig>,
    until: Date,
}

impl Identity {
    /// Reads the files.
    ///
    /// # Errors
    /// Which one is of no use, and why.
    pub fn read(files: &IdentityFiles) -> Result<Self, Refused> {
        Ok(Self {
            shown: Arc::new(Mutex::new(Shown::read(files)?)),
            pace: Arc::new(Pace::new()),
        })
    }

    /// Reads the files again. Connections that come from now on are shown what is in them; those there are stay.
    ///
    /// # Errors
    /// Which one is of no use, and why; nothing is renewed then.
    pub fn renew(&self, files: &IdentityFiles) -> Result<(), Refused> {
        let shown = Shown::read(files)?;
        *self.shown() = shown;
        Ok(())
    }

    /// Until when the certificate is valid.
    pub fn valid_until(&self) -> Date {
        self.shown().until
    }

    /// TLS over a connection that was just accepted; the handshake is made by reading. `None` when there is no randomness.
    pub fn accept<S: Read + Write>(&self, socket: S) -> Option<Stream<S>> {
        let config = Arc::clone(&self.shown().config);
        let connection = ServerConnection::new(config).ok()?;
        Some(Stream::new(
            socket,
            connection.into(),
            Some(Arc::clone(&self.pace)),
        ))
    }

    /// Held for a moment only, so that nobody who waits for it waits.
    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown {
    fn read(files: &IdentityFiles) -> Result<Self, Refused> {
        let (chain, until) = file::chain(&files.certificate)?;
        let key = file::key(&files.key)?;
        let mismatch = |error| file::mismatch(&error, &files.certificate, &files.key);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&version::TLS13])
            .map_err(mismatch)?;
        let builder = match &files.client_authority {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let authorities = Arc::new(file::authorities(path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(authorities, provider)
                    .build()
                    .map_err(|error| {
                        Refused::new(Which::Authority, path, FileError::Unusable(error.to_string()))
                    })?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(chain, key).map_err(mismatch)?;
        // A session is never resumed: nothing of it is kept, and nothing said early can be said again.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self {
            config: Arc::new(config),
            until,
        })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key stays out of logs and panics.
        f.debug_struct("Identity")
            .field("until", &self.valid_until())
            .finish_non_exhaustive()
    }
}
