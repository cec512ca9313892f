//! Certificates and keys from PEM files, and what can be wrong with them.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::date::{Date, validity};

/// No file here is longer, bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Which of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// A certificate, and those between it and its authority.
    Certificate,
    /// The certificate's private key.
    Key,
    /// Certificates of authorities that are believed.
    Authority,
    /// The name that a certificate must be for. Not a file.
    Name,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It can not be read.
    #[error("can not be read: {0}")]
    Unreadable(io::Error),
    /// It is not what it should be.
    #[error("is not PEM: {0}")]
    NotPem(String),
    /// There is no certificate in it.
    #[error("has no certificate in it")]
    NoCertificate,
    /// There is no private key in it.
    #[error("has no private key in it")]
    NoKey,
    /// Others may read the private key.
    #[error("holds a private key, and everybody may read it (mode {mode:04o})")]
    Open {
        /// Its permissions.
        mode: u32,
    },
    /// The key belongs to another certificate.
    #[error("holds the key of another certificate")]
    KeyOfAnother,
    /// It is over.
    #[error("the certificate has expired: it was valid until {0}")]
    Expired(Date),
    /// It has not begun.
    #[error("the certificate is not valid before {0}")]
    NotYetValid(Date),
    /// Neither a host's name nor an address.
    #[error("is neither a host's name nor an address")]
    NoName,
    /// The library refuses it.
    #[error("can not be used: {0}")]
    Unusable(String),
}

/// A file, and what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("{} {error}", path.display())]
pub struct Refused {
    /// Which of the files.
    pub which: Which,
    /// Its path.
    pub path: PathBuf,
    /// What is wrong.
    pub error: FileError,
}

impl Refused {
    pub(crate) fn new(which: Which, path: &Path, error: FileError) -> Self {
        Self {
            which,
            path: path.to_owned(),
            error,
        }
    }

    /// What to do.
    pub fn remedy(&self) -> String {
        match &self.error {
            FileError::Unreadable(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                "let the user that runs this read it: chgrp to its group, chmod 640".to_owned()
            }
            FileError::Unreadable(_) => "name a file that is there".to_owned(),
            FileError::NotPem(_) | FileError::NoCertificate => {
                "write certificates as `openssl x509` does: -----BEGIN CERTIFICATE-----".to_owned()
            }
            FileError::NoKey => {
                "write the key as `openssl genpkey` does, without a password: -----BEGIN PRIVATE KEY-----"
                    .to_owned()
            }
            FileError::Open { .. } => format!("chmod 600 {}", self.path.display()),
            FileError::KeyOfAnother => "name the key that the certificate was made with".to_owned(),
            FileError::Expired(_) => "renew it: docs/operating/tls.md".to_owned(),
            FileError::NotYetValid(_) => {
                "check the clock of this machine (`date -u`), or make the certificate anew".to_owned()
            }
            FileError::NoName => {
                "write a name like exchange.example, or an address like 192.0.2.1".to_owned()
            }
            FileError::Unusable(_) => "make key and certificate as docs/operating/tls.md shows".to_owned(),
        }
    }
}

/// Reads a file that is not too long to be one of these.
fn read(path: &Path, is_secret: bool) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let file = File::open(path).map_err(FileError::Unreadable)?;
    // Of the file that is open, not of the name: nobody can put another one in its place in between.
    let metadata = file.metadata().map_err(FileError::Unreadable)?;
    if !metadata.is_file() {
        return Err(FileError::NotPem("it is no file".to_owned()));
    }
    let mode = metadata.mode() & 0o777;
    if is_secret && mode & 0o007 != 0 {
        return Err(FileError::Open { mode });
    }
    // All of its room at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        metadata.len().min(FILE_BYTES_MAX) as usize + 1,
    ));
    file.take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(FileError::Unreadable)?;
    Ok(bytes)
}

fn not_pem(error: &pem::Error) -> FileError {
    FileError::NotPem(error.to_string())
}

/// The certificates of a file: at least one.
pub(crate) fn certificates(path: &Path, which: Which) -> Result<Vec<CertificateDer<'static>>, Refused> {
    let refused = |error| Refused::new(which, path, error);
    let bytes = read(path, false).map_err(refused)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = certificates.map_err(|error| refused(not_pem(&error)))?;
    if certificates.is_empty() {
        return Err(refused(FileError::NoCertificate));
    }
    Ok(certificates)
}

/// A certificate with those above it, the own one first, and until when that is valid.
pub(crate) fn chain(path: &Path) -> Result<(Vec<CertificateDer<'static>>, Date), Refused> {
    let refused = |error| Refused::new(Which::Certificate, path, error);
    let certificates = certificates(path, Which::Certificate)?;
    let now = Date::now();
    let (from, until) = validity(&certificates[0])
        .ok_or_else(|| refused(FileError::Unusable("it is not laid out as X.509".to_owned())))?;
    if now < from {
        return Err(refused(FileError::NotYetValid(from)));
    }
    if now > until {
        return Err(refused(FileError::Expired(until)));
    }
    Ok((certificates, until))
}

/// A private key that not everybody may read.
pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Refused> {
    let refused = |error| Refused::new(Which::Key, path, error);
    let bytes = read(path, true).map_err(refused)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        refused(match error {
            pem::Error::NoItemsFound => FileError::NoKey,
            error => not_pem(&error),
        })
    })
}

/// Authorities that are believed.
pub(crate) fn authorities(path: &Path) -> Result<RootCertStore, Refused> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path, Which::Authority)? {
        store
            .add(certificate)
            .map_err(|error| Refused::new(Which::Authority, path, FileError::Unusable(error.to_string())))?;
    }
    Ok(store)
}

/// What key and certificate are refused for together.
pub(crate) fn mismatch(error: &rustls::Error, certificate: &Path, key: &Path) -> Refused {
    match error {
        rustls::Error::InconsistentKeys(_) => Refused::new(Which::Key, key, FileError::KeyOfAnother),
        rustls::Error::InvalidCertificate(_) => Refused::new(
            Which::Certificate,
            certificate,
            FileError::Unusable(error.to_string()),
        ),
        _ => Refused::new(Which::Key, key, FileError::Unusable(error.to_string())),
    }
}
