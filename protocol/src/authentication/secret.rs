//! An account's secret, and the file it is read from.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a secret.
pub const SECRET_BYTES: usize = 32;
/// A secret's file is not longer: the digits, and some white space.
const FILE_BYTES_MAX: u64 = 256;

/// What both ends know of an account. Never printed, wiped when dropped.
#[derive(Clone)]
pub struct Secret([u8; SECRET_BYTES]);

impl Secret {
    /// From its bytes.
    pub fn new(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes)
    }

    /// From 64 hexadecimal digits, with white space around them.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.trim_ascii().as_bytes();
        if digits.len() != 2 * SECRET_BYTES {
            return None;
        }
        let mut secret = Self([0; SECRET_BYTES]);
        for (byte, pair) in secret.0.iter_mut().zip(digits.as_chunks().0) {
            let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
            *byte = ((high? << 4) | low?) as u8;
        }
        Some(secret)
    }

    /// Reads a file that nobody but its owner may read or write, with nothing in it but the digits.
    ///
    /// # Errors
    /// When it can not be read, others may read it, or it holds something else.
    pub fn read(path: &Path) -> Result<Self, SecretFileError> {
        let file = File::open(path).map_err(SecretFileError::Unreadable)?;
        // Of the file that is open, not of the name: nobody can put another one in its place in between.
        let metadata = file.metadata().map_err(SecretFileError::Unreadable)?;
        if !metadata.is_file() {
            return Err(SecretFileError::NotASecret);
        }
        let mode = metadata.mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(SecretFileError::Open { mode });
        }
        let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX as usize));
        file.take(FILE_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData => SecretFileError::NotASecret,
                _ => SecretFileError::Unreadable(error),
            })?;
        Self::from_hex(&text).ok_or(SecretFileError::NotASecret)
    }

    /// The bytes, for deriving keys.
    pub(super) fn bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why a secret's file is not used.
#[derive(Debug)]
pub enum SecretFileError {
    /// It is not there, or not ours to read.
    Unreadable(io::Error),
    /// Others than its owner may read or write it.
    Open {
        /// Its permissions.
        mode: u32,
    },
    /// It does not hold 64 hexadecimal digits.
    NotASecret,
}

impl SecretFileError {
    /// What makes it good, as a sentence for people.
    pub fn remedy(&self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::Unreadable(_) | Self::NotASecret => {
                format!("make one with `(umask 077; openssl rand -hex 32 > {path})`")
            }
            Self::Open { .. } => {
                format!("run `chmod 600 {path}`, and take a new secret if others could have read it")
            }
        }
    }
}

impl fmt::Display for SecretFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "the secret's file can not be read: {error}"),
            Self::Open { mode } => write!(
                f,
                "others than its owner may use the secret's file (mode {mode:04o})"
            ),
            Self::NotASecret => f.write_str("the secret's file does not hold 64 hexadecimal digits"),
        }
    }
}

impl std::error::Error for SecretFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(error) => Some(error),
            Self::Open { .. } | Self::NotASecret => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    const DIGITS: &str = "000102030405060708090A0B0C0D0E0F101112131415161718191a1b1c1d1e1f";

    #[test]
    fn sixty_four_digits_are_a_secret() {
        let secret = Secret::from_hex(DIGITS).expect("it is one");
        assert!(secret.bytes().iter().copied().eq(0..32));
        assert_eq!(Secret::from_hex(&format!(" {DIGITS}\n")), Some(secret));
        for wrong in [
            "",
            &DIGITS[1..],
            &DIGITS.replace('A', "g"),
            &format!("{DIGITS}00"),
        ] {
            assert_eq!(Secret::from_hex(wrong), None, "{wrong}");
        }
        // Not a character on a byte boundary, and as long as one.
        assert_eq!(Secret::from_hex(&"\u{e9}".repeat(32)), None);
    }

    #[test]
    fn it_is_not_printed() {
        let secret = Secret::from_hex(DIGITS).expect("it is one");
        assert_eq!(format!("{secret:?}"), "***");
    }

    #[test]
    fn its_file_is_the_owners_alone() {
        let path = std::env::temp_dir().join(format!("secret-{}", std::process::id()));
        assert!(matches!(Secret::read(&path), Err(SecretFileError::Unreadable(_))));
        fs::write(&path, format!("{DIGITS}\n")).expect("the directory is there");
        for (mode, is_good) in [
            (0o600, true),
            (0o400, true),
            (0o640, false),
            (0o604, false),
            (0o620, false),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("it is ours");
            let result = Secret::read(&path);
            assert_eq!(result.is_ok(), is_good, "{mode:o}: {result:?}");
            if let Err(error) = result {
                assert!(error.to_string().contains(&format!("{mode:04o}")), "{error}");
                assert!(error.remedy(&path).contains("chmod 600"));
            }
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("it is ours");
        for wrong in ["", "secret", &DIGITS.repeat(2)] {
            fs::write(&path, wrong).expect("it is ours");
            let error = Secret::read(&path).expect_err("it is none");
            assert!(matches!(error, SecretFileError::NotASecret));
            assert!(
                !format!("{error} {error:?}").contains("0001"),
                "what it holds is not told"
            );
        }
        fs::write(&path, [0xff; 64]).expect("it is ours");
        assert!(matches!(Secret::read(&path), Err(SecretFileError::NotASecret)));
        fs::remove_file(&path).expect("it is ours");
        assert!(matches!(
            Secret::read(&std::env::temp_dir()),
            Err(SecretFileError::NotASecret)
        ));
    }
}
