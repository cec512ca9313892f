//! What an operator did while the exchange ran, as far as the journal does not say it and the configuration file does not
//! know it: a file beside the journal.
//!
//! The journal has every account, session, instrument and change that there is. This file has which of them a
//! configuration file need not name, the hashes of passwords, and what the file said when a limit was changed: as long as
//! it says the same, a start leaves the change alone. It is written before the commands are given. What a crash leaves in
//! it that never was given says nothing: only what the journal knows is looked up here.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use zerocopy::IntoBytes;

use crate::config::Instrument;
use crate::exchange::command::InstrumentChange;
use crate::password::{Hash, Proof};

const FILE: &str = "operator.toml";
const HEAD: &str = "\
# What `exchange admin` added and changed that no configuration file says. Written by the exchange; the journal beside it needs
# it for every start. Passwords are here as hashes only.
";

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Remembered {
    /// Names of assets that were added.
    pub assets: Vec<String>,
    /// Symbols of instruments that were added.
    pub instruments: Vec<String>,
    /// Names of accounts that were added.
    pub accounts: Vec<String>,
    /// What was changed, and a fingerprint of what the configuration file said of it then.
    pub changed: BTreeMap<String, String>,
    /// Login names of sessions that were added, with their passwords' hashes.
    pub sessions: BTreeMap<String, String>,
    /// Login names of the configuration file's sessions whose passwords were changed.
    pub passwords: BTreeMap<String, ChangedPassword>,
}

/// A password that is another one than the configuration file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangedPassword {
    /// Its hash.
    hash: String,
    /// A hash of what the file said then, or the hash that it said.
    instead_of: String,
}

/// What can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed<'a> {
    /// Limits of an account, by its name.
    Account(&'a str),
    /// Fees and limits of an instrument, by its symbol.
    Instrument(&'a str),
}

impl Changed<'_> {
    fn key(self) -> String {
        match self {
            Self::Account(name) => format!("accounts.{name}"),
            Self::Instrument(symbol) => format!("instruments.{symbol}"),
        }
    }
}

/// Names what the configuration file says.
fn fingerprint(configured: &[u8]) -> String {
    format!("{:08x}", crc32c::crc32c(configured))
}

/// What the configuration file says of an instrument, as far as it can be changed.
pub fn said_of(instrument: &Instrument) -> Vec<u8> {
    // The indices of assets are no part of what can be changed.
    let change = InstrumentChange::new(&instrument.definition(0, 0));
    let protection = [instrument.volatility_ppm, instrument.pause_seconds];
    [change.as_bytes(), protection.as_bytes()].concat()
}

fn add(names: &mut Vec<String>, name: &str) {
    if !has(names, name) {
        names.push(name.to_owned());
    }
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known == name)
}

impl Remembered {
    /// What `directory` has; nothing, when nobody ever added or changed anything.
    ///
    /// # Errors
    /// The file can not be read, or is not what was written.
    pub fn read(directory: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(directory.join(FILE)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let remembered: Self =
            toml::from_str(&text).map_err(|error| io::Error::other(error.message().to_owned()))?;
        let changed = remembered.passwords.iter();
        let changed =
            changed.flat_map(|(name, changed)| [(name, &changed.hash), (name, &changed.instead_of)]);
        for (username, hash) in remembered.sessions.iter().chain(changed) {
            Hash::read(hash).map_err(|error| io::Error::other(format!("session {username}: {error}")))?;
        }
        Ok(remembered)
    }

    /// Writes it: whole and durable, or not at all, and readable by its owner only.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        let path = directory.join(FILE);
        let unfinished = path.with_extension("unfinished");
        let text = toml::to_string(self).map_err(io::Error::other)?;
        // One that a crash left may have any mode.
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(HEAD.as_bytes())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        File::open(directory)?.sync_all()
    }

    /// An asset is added.
    pub fn add_asset(&mut self, name: &str) {
        add(&mut self.assets, name);
    }

    /// An instrument is added.
    pub fn add_instrument(&mut self, symbol: &str) {
        add(&mut self.instruments, symbol);
    }

    /// An account is added.
    pub fn add_account(&mut self, name: &str) {
        add(&mut self.accounts, name);
    }

    /// A session is added.
    pub fn add_session(&mut self, username: &str, hash: &Hash) {
        self.sessions.insert(username.to_owned(), hash.text().to_owned());
    }

    /// A session has another password. `instead_of` is what the configuration file says, as a hash; `None`: the file does
    /// not know the session.
    pub fn change_password(&mut self, username: &str, hash: &Hash, instead_of: Option<&Hash>) {
        match instead_of {
            None => self.add_session(username, hash),
            Some(instead_of) => {
                let changed = ChangedPassword {
                    hash: hash.text().to_owned(),
                    instead_of: instead_of.text().to_owned(),
                };
                self.passwords.insert(username.to_owned(), changed);
            }
        }
    }

    /// The hash of the password that an operator gave in place of the one that the configuration file says, as long as it
    /// says what it said then. Takes as long as a hash does.
    pub fn password(&self, username: &str, configured: &Proof) -> Option<Hash> {
        let changed = self.passwords.get(username)?;
        let instead_of = Hash::read(&changed.instead_of).ok()?;
        if configured.is_of(&instead_of) {
            Hash::read(&changed.hash).ok()
        } else {
            None
        }
    }

    /// Something is changed of which the configuration file says `configured`.
    pub fn change(&mut self, what: Changed<'_>, configured: &[u8]) {
        self.changed.insert(what.key(), fingerprint(configured));
    }

    /// True when it was changed, and the configuration file says now what it said then.
    pub fn is_changed(&self, what: Changed<'_>, configured: &[u8]) -> bool {
        self.changed
            .get(&what.key())
            .is_some_and(|said| *said == fingerprint(configured))
    }

    /// True when an operator added the asset.
    pub fn has_asset(&self, name: &str) -> bool {
        has(&self.assets, name)
    }

    /// True when an operator added the instrument.
    pub fn has_instrument(&self, symbol: &str) -> bool {
        has(&self.instruments, symbol)
    }

    /// True when an operator added the account.
    pub fn has_account(&self, name: &str) -> bool {
        has(&self.accounts, name)
    }

    /// The hash of the password of a session that an operator added.
    pub fn hash(&self, username: &str) -> Option<Hash> {
        let hash = self.sessions.get(username)?;
        Hash::read(hash).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::password::Password;

    #[test]
    fn what_was_written_is_read_and_is_nobody_elses() {
        let directory = std::env::temp_dir().join(format!("remembered-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("the temporary directory can be written");
        assert_eq!(
            Remembered::read(&directory).expect("none is no error"),
            Remembered::default()
        );
        let mut remembered = Remembered::default();
        let hash = Password::chosen("secret").map(|password| password.hash());
        let hash = hash.expect("it can be one").expect("there is memory");
        let instead_of = Password::new(b"before").hash().expect("there is memory");
        remembered.add_account("NEW");
        remembered.add_account("NEW");
        remembered.add_session("NEW1", &hash);
        remembered.add_asset("DOGE");
        remembered.add_instrument("DOGE-USD");
        remembered.change(Changed::Instrument("BTC-USD"), b"7");
        fs::write(directory.join("operator.unfinished"), "left behind").expect("it can be written");
        remembered.write(&directory).expect("it can be written");
        let mode = fs::metadata(directory.join(FILE))
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let read = Remembered::read(&directory).expect("it can be read");
        assert_eq!(read, remembered);
        assert_eq!(read.accounts, ["NEW"]);
        assert_eq!(read.hash("NEW1"), Some(hash.clone()));
        assert_eq!(read.hash("NEW2"), None);
        assert!(read.has_asset("DOGE") && read.has_instrument("DOGE-USD") && !read.has_account("OLD"));
        assert!(read.is_changed(Changed::Instrument("BTC-USD"), b"7"));
        assert!(
            !read.is_changed(Changed::Instrument("BTC-USD"), b"8"),
            "the file says otherwise"
        );
        assert!(!read.is_changed(Changed::Account("BTC-USD"), b"7"));
        let of = |text: &str| Proof::Plain(Password::new(text.as_bytes()));
        remembered.change_password("OLD1", &hash, None);
        remembered.change_password("FILE1", &hash, Some(&instead_of));
        remembered.write(&directory).expect("it can be written");
        let read = Remembered::read(&directory).expect("it can be read");
        assert_eq!(read, remembered);
        assert_eq!(read.hash("OLD1"), Some(hash.clone()));
        assert_eq!(read.password("FILE1", &of("before")), Some(hash.clone()));
        assert_eq!(read.password("FILE1", &Proof::Hashed(instead_of)), Some(hash));
        assert_eq!(
            read.password("FILE1", &of("other")),
            None,
            "the file says otherwise"
        );
        assert_eq!(read.password("NEW1", &of("before")), None);
        let text = fs::read_to_string(directory.join(FILE)).expect("it is there");
        assert!(!text.to_lowercase().contains("before"), "{text}");
        fs::write(directory.join(FILE), "[sessions]\nNEW1 = \"demo\"").expect("it can be written");
        let error = Remembered::read(&directory).expect_err("no hash").to_string();
        assert!(
            error.contains("session NEW1: it is not a password's hash"),
            "{error}"
        );
        fs::remove_dir_all(directory).expect("it is ours");
    }
}
