//! Authorities and certificates for tests, in files that are removed with them.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use crate::identity::IdentityFiles;
use crate::trust::TrustFiles;

/// Somebody who signs certificates.
pub struct Authority {
    directory: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    count: AtomicUsize,
}

/// Numbers the directories of this process.
static AUTHORITIES: AtomicUsize = AtomicUsize::new(0);

impl Authority {
    /// One with a directory of its own below that for temporary files.
    ///
    /// # Panics
    /// When the directory can not be written.
    pub fn new(name: &str) -> Self {
        let number = AUTHORITIES.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("authority-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).expect("temporary files can be made");
        let mut parameters = CertificateParams::new(Vec::new()).expect("it needs no name");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.key_usages.push(KeyUsagePurpose::KeyCertSign);
        let key = KeyPair::generate().expect("there is randomness");
        let certificate = parameters.self_signed(&key).expect("it signs itself");
        let this = Self {
            directory,
            issuer: Issuer::new(parameters, key),
            count: AtomicUsize::new(0),
        };
        this.write("authority.pem", &certificate.pem());
        this
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its own certificate.
    pub fn file(&self) -> PathBuf {
        self.directory.join("authority.pem")
    }

    /// A certificate for these names and addresses, and its key.
    ///
    /// # Panics
    /// When a name is none, or the directory can not be written.
    pub fn identity(&self, names: &[&str]) -> IdentityFiles {
        self.identity_until(names, 4096)
    }

    /// One that is valid until the beginning of a year.
    ///
    /// # Panics
    /// As [`Self::identity`].
    pub fn identity_until(&self, names: &[&str], year: i32) -> IdentityFiles {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names).expect("they are names");
        parameters.distinguished_name.push(DnType::CommonName, "a test");
        parameters.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        parameters.not_before = date_time_ymd(year.min(2020) - 1, 1, 1);
        parameters.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().expect("there is randomness");
        let certificate = parameters.signed_by(&key, &self.issuer).expect("it signs");
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        IdentityFiles {
            certificate: self.write(&format!("{number}.pem"), &certificate.pem()),
            key: self.write(&format!("{number}.key"), &key.serialize_pem()),
            client_authority: None,
        }
    }

    /// Believes this authority about a name, or about the address that is connected to.
    pub fn trust(&self, name: Option<&str>) -> TrustFiles {
        TrustFiles {
            authority: self.file(),
            name: name.map(str::to_owned),
            identity: None,
        }
    }

    /// Writes a file that its owner alone may read.
    ///
    /// # Panics
    /// When it can not be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.join(name);
        let mut options = fs::OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .expect("temporary files can be written");
        path
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        // What can not be removed stays among the temporary files.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}
