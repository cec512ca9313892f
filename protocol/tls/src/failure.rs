//! Why a connection can not be trusted, in words for who runs the client.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// Why TLS failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// What came is no TLS.
    #[error(
        "the other side does not speak TLS: either this is another door, or the exchange has no [tls] section"
    )]
    NotTls,
    /// The door is under TLS, and the client was not told so.
    #[error("the door is under TLS: give the authority of its certificate with --tls-ca FILE")]
    TlsWanted,
    /// No version or algorithm that both know.
    #[error("no common version of TLS: 1.3 is the only one here")]
    Version,
    /// The certificate is not by the authority that was given.
    #[error(
        "the exchange's certificate was not signed by the authority of --tls-ca: give the file that its operator gave you"
    )]
    UnknownAuthority,
    /// The certificate is another's.
    #[error(
        "the exchange's certificate is for another name than the one asked for: give the name it was made for with --tls-name"
    )]
    WrongName,
    /// The certificate's time is over.
    #[error("the exchange's certificate has expired: its operator has to renew it")]
    Expired,
    /// The certificate's time has not begun.
    #[error("the exchange's certificate is not valid yet: check the clock of this machine")]
    NotYetValid,
    /// It is of no use for a server.
    #[error(
        "the exchange's certificate is not one for a server: its operator has to make another one, with CA:FALSE and its names"
    )]
    Unusable,
    /// The other side wants a certificate, and another one than it got.
    #[error(
        "the exchange takes only clients with a certificate of its authority: give yours with --tls-certificate and --tls-key"
    )]
    ClientCertificate,
    /// The other side ended it by an alert.
    #[error("the other side has broken off the TLS connection")]
    Refused,
    /// Bytes were changed on the way, or come from somebody who does not know the keys.
    #[error("what came is not what the other side has sent")]
    Broken,
}

impl Failure {
    /// What an error of a [`crate::Stream`] says; `None` when it is not about TLS.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }

    /// True when trying again changes nothing.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Refused | Self::Broken)
    }

    pub(crate) fn into_error(self) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, self)
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        match error {
            Error::InvalidMessage(_) => Self::NotTls,
            Error::PeerIncompatible(_) => Self::Version,
            Error::InvalidCertificate(error) => match error {
                CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownAuthority,
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    Self::WrongName
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    Self::NotYetValid
                }
                _ => Self::Unusable,
            },
            Error::NoCertificatesPresented => Self::ClientCertificate,
            Error::AlertReceived(alert) => match alert {
                AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure => Self::Version,
                AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA => Self::ClientCertificate,
                _ => Self::Refused,
            },
            _ => Self::Broken,
        }
    }
}
