//! Where the demo's exchange keeps its data.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A directory: the user's own, or a temporary one that is removed at the end.
#[derive(Debug)]
pub(super) struct DataDirectory {
    path: PathBuf,
    is_temporary: bool,
}

impl DataDirectory {
    /// Takes the user's, or makes a temporary one.
    pub(super) fn choose(own: Option<PathBuf>) -> Result<Self, String> {
        if let Some(path) = own {
            return Ok(Self {
                path,
                is_temporary: false,
            });
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("exchange-demo-{}-{}", std::process::id(), since.subsec_nanos());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).map_err(|error| {
            format!(
                "cannot make a temporary directory {}: {error}; name one with --data",
                path.display()
            )
        })?;
        Ok(Self {
            path,
            is_temporary: true,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes a temporary directory.
    pub(super) fn remove(mut self) -> Result<(), String> {
        self.clean()
            .map_err(|error| format!("cannot remove {}: {error}", self.path.display()))
    }

    fn clean(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.is_temporary, false) {
            fs::remove_dir_all(&self.path)?;
        }
        Ok(())
    }
}

impl Drop for DataDirectory {
    /// On the way out of an error: that error is the one to tell.
    fn drop(&mut self) {
        let _told_is_another = self.clean();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_directory_goes_and_a_users_stays() {
        let temporary = DataDirectory::choose(None).expect("a temporary directory");
        let path = temporary.path().to_owned();
        fs::write(path.join("file"), b"x").expect("writable");
        let own = DataDirectory::choose(Some(path.clone())).expect("given");
        own.remove().expect("nothing to do");
        assert!(path.is_dir());
        temporary.remove().expect("removable");
        assert!(!path.exists());
        let dropped = DataDirectory::choose(None).expect("a temporary directory");
        let path = dropped.path().to_owned();
        drop(dropped);
        assert!(!path.exists());
    }
}
