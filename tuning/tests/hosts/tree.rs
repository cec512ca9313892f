//! A host made of files, from a text: `== PATH` begins a file, what follows is its text.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A directory with the files of a host. Removed when dropped.
pub(crate) struct Tree(PathBuf);

impl Tree {
    /// Lays the files of a text.
    pub(crate) fn new(text: &str) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "host-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let tree = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        for part in text.split("\n== ").skip(1) {
            let (path, content) = part.split_once('\n').unwrap_or((part, ""));
            tree.write(path, content);
        }
        tree
    }

    /// The directory.
    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    /// Writes one file.
    pub(crate) fn write(&self, path: &str, content: &str) {
        let file = self.0.join(path.trim_start_matches('/'));
        let directory = file.parent().expect("a file lies in a directory");
        fs::create_dir_all(directory).expect("the build directory can be written");
        fs::write(&file, format!("{}\n", content.trim_end())).expect("the build directory can be written");
    }

    /// Takes a file or directory away.
    pub(crate) fn remove(&self, path: &str) {
        let file = self.0.join(path.trim_start_matches('/'));
        match file.is_dir() {
            true => fs::remove_dir_all(&file),
            false => fs::remove_file(&file),
        }
        .unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // What can not be removed stays in the build directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}
