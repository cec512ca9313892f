//! One process to a directory.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use super::error::JournalError;
use crate::private;

/// Holds `DIR/lock`. Released when dropped, and by the kernel when the process dies however it dies; the file stays.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock of `directory` (which exists) and writes the number of this process into the file.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when somebody holds it, or the file can not be made.
    pub fn acquire(directory: &Path) -> Result<Self, JournalError> {
        let path = directory.join("lock");
        let name = path.display().to_string();
        let mut file = private::open(&path).map_err(JournalError::io("open", &name))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(source)) => return Err(JournalError::io("lock", &name)(source)),
            Err(TryLockError::WouldBlock) => {
                // The holder may be about to write its number: then the message goes without.
                let mut text = String::new();
                let number = file
                    .read_to_string(&mut text)
                    .ok()
                    .and_then(|_| text.trim().parse::<u32>().ok());
                return Err(JournalError::Locked {
                    directory: directory.display().to_string(),
                    holder: number.map_or("another process".into(), |number| format!("process {number}")),
                });
            }
        }
        let number = format!("{}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.write_all(number.as_bytes()))
            .map_err(JournalError::io("write", &name))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::TemporaryDirectory;
    use super::*;

    #[test]
    fn the_second_is_refused_until_the_first_lets_go() {
        let directory = TemporaryDirectory::new();
        let first = DirectoryLock::acquire(directory.path()).expect("nobody holds it");
        let error = DirectoryLock::acquire(directory.path()).unwrap_err().to_string();
        assert!(
            error.contains(&format!("process {}", std::process::id())),
            "{error}"
        );
        assert!(error.contains(&directory.path().display().to_string()), "{error}");
        drop(first);
        DirectoryLock::acquire(directory.path()).expect("it was released");
    }

    #[test]
    fn a_directory_that_is_not_there() {
        let directory = TemporaryDirectory::new();
        let error = DirectoryLock::acquire(&directory.path().join("none")).unwrap_err();
        assert!(matches!(error, JournalError::Io { .. }));
    }
}
