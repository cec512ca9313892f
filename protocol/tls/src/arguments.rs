//! The options of a client's command line.

use std::path::PathBuf;

use crate::trust::{Trust, TrustFiles};

/// Whom the client believes, where the exchange's TCP doors are under TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "TLS")]
pub struct TlsArguments {
    /// The TCP doors are under TLS: believe certificates of the authorities in this file (PEM)
    #[arg(long, global = true, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// The name that the exchange's certificate is for, when it is not for the address
    #[arg(long, global = true, value_name = "NAME")]
    pub tls_name: Option<String>,
    /// A certificate of one's own (PEM), where the exchange asks for one
    #[arg(long, global = true, value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// The private key of --tls-certificate (PEM)
    #[arg(long, global = true, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}

impl TlsArguments {
    /// Reads the files; `None` without TLS.
    ///
    /// # Errors
    /// What is wrong with them, and what to do.
    pub fn trust(&self) -> Result<Option<Trust>, String> {
        let Some(authority) = &self.tls_ca else {
            return match (&self.tls_name, &self.tls_certificate, &self.tls_key) {
                (None, None, None) => Ok(None),
                _ => Err("TLS needs an authority to believe: give --tls-ca FILE".to_owned()),
            };
        };
        let identity = match (&self.tls_certificate, &self.tls_key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            _ => return Err("--tls-certificate and --tls-key belong together".to_owned()),
        };
        let files = TrustFiles {
            authority: authority.clone(),
            name: self.tls_name.clone(),
            identity,
        };
        Trust::read(&files)
            .map(Some)
            .map_err(|refused| format!("{refused}; {}", refused.remedy()))
    }
}
