//! Reading a host: its files below /proc and /sys, and what some of its commands print.
//!
//! Everything goes through one root directory, so that tests look at hosts made of files. There, the output of a command is
//! the file of that name in `commands`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

use crate::cores::Cores;

/// A host to look at.
#[derive(Debug, Clone)]
pub struct Host {
    root: PathBuf,
    is_this: bool,
}

impl Host {
    /// The machine that this runs on.
    pub fn this() -> Self {
        Self {
            root: PathBuf::from("/"),
            is_this: true,
        }
    }

    /// A host made of files below `root`.
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            is_this: false,
        }
    }

    /// Where a file of the host lies here.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Whether the file is there, readable or not.
    pub fn has(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// The text of a file, without white space around it; `None` when it can not be read.
    pub fn text(&self, path: &str) -> Option<String> {
        let bytes = fs::read(self.path(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// The first word of a file as a number.
    pub fn number<T: FromStr>(&self, path: &str) -> Option<T> {
        self.text(path)?.split_whitespace().next()?.parse().ok()
    }

    /// A file that holds a set of cores.
    pub fn cores(&self, path: &str) -> Option<Cores> {
        Cores::parse(&self.text(path)?)
    }

    /// Names in a directory, sorted; none when it can not be read.
    pub fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(path)).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// The value behind `key` and a colon in a file of such lines (`/proc/self/status`, `/proc/meminfo`).
    pub fn field(&self, path: &str, key: &str) -> Option<String> {
        let text = self.text(path)?;
        let mut values = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| name.trim() == key);
        values.next().map(|(_, value)| value.trim().to_owned())
    }

    /// A word of the kernel's command line: `Some("")` for a flag, the value for `name=value`.
    pub fn boot_word(&self, name: &str) -> Option<String> {
        let line = self.text("/proc/cmdline")?;
        line.split_whitespace()
            .map(|word| word.split_once('=').unwrap_or((word, "")))
            .find(|(word, _)| *word == name)
            .map(|(_, value)| value.to_owned())
    }

    /// Soft limit of this process (`/proc/self/limits`): `None` when it can not be seen, `u64::MAX` for no limit.
    pub fn limit(&self, name: &str) -> Option<u64> {
        let text = self.text("/proc/self/limits")?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        match line.split_whitespace().next()? {
            "unlimited" => Some(u64::MAX),
            number => number.parse().ok(),
        }
    }

    /// Whether this process has a capability, by its number.
    pub fn has_capability(&self, number: u32) -> bool {
        self.field("/proc/self/status", "CapEff")
            .and_then(|mask| u64::from_str_radix(&mask, 16).ok())
            .is_some_and(|mask| mask >> number & 1 == 1)
    }

    /// Whether a process of this name runs, as far as processes can be seen.
    pub fn runs(&self, name: &str) -> bool {
        self.names("/proc")
            .iter()
            .filter(|entry| entry.bytes().all(|byte| byte.is_ascii_digit()))
            .any(|process| self.text(&format!("/proc/{process}/comm")).as_deref() == Some(name))
    }

    /// What a command prints; `None` when it is not there, or fails.
    pub fn printed(&self, program: &str, arguments: &[&str]) -> Option<String> {
        if !self.is_this {
            let name = [&[program], arguments].concat().join(" ");
            return self.text(&format!("/commands/{name}"));
        }
        let output = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }
}
