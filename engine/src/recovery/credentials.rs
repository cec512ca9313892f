//! Who may log in where. Names and passwords are trimmed on both ends and compared case-insensitively, as real clients
//! pad on either side.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::text::trim;

use crate::password::{Checker, Hash, PASSWORD_BYTES, Password};

/// How a login proves itself.
#[derive(Debug, Clone)]
enum Proof {
    /// As the configuration has it.
    Plain(Password),
    /// Of a login that was added while the exchange ran.
    Hashed(Hash),
}

/// One login.
#[derive(Debug, Clone)]
struct Entry {
    username: [u8; 6],
    proof: Proof,
    session: u32,
}

/// What is known of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// Name and password are this session's.
    Session(u32),
    /// One of them is wrong.
    Wrong,
    /// It is being found out: ask again.
    Later,
}

/// A name or password that can not be a login's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// Empty, too long for its field, or not printable ASCII.
    #[error("the username {0:?} must have 1 to 6 printable ASCII characters")]
    Username(String),
    /// Empty, too long for its field, or not printable ASCII. The password itself is not repeated.
    #[error("the password of {0:?} must have 1 to 10 printable ASCII characters")]
    Password(String),
    /// Two logins with one name.
    #[error("the username {0:?} is given twice")]
    Twice(String),
}

/// Logins by username. Clones share them: what is added to one is known to all.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// Sorted by username.
    entries: Arc<Mutex<Vec<Entry>>>,
    /// Checks hashes; without one they are checked in the caller's turn.
    checker: Option<Arc<Checker>>,
}

impl Credentials {
    /// From now on hashes are checked by `checker`.
    pub fn check_by(&mut self, checker: Checker) {
        self.checker = Some(Arc::new(checker));
    }

    /// Adds a login to `session`.
    ///
    /// # Errors
    /// Name or password can not be a login's, or the name is taken.
    pub fn add(&self, username: &str, password: &str, session: u32) -> Result<(), CredentialsError> {
        if !is_field(password, PASSWORD_BYTES) {
            return Err(CredentialsError::Password(username.to_owned()));
        }
        self.insert(
            username,
            Proof::Plain(Password::new(password.as_bytes())),
            session,
        )
    }

    /// The same for who knows the password's hash only.
    ///
    /// # Errors
    /// As [`Credentials::add`].
    pub fn add_hashed(&self, username: &str, hash: Hash, session: u32) -> Result<(), CredentialsError> {
        self.insert(username, Proof::Hashed(hash), session)
    }

    fn insert(&self, username: &str, proof: Proof, session: u32) -> Result<(), CredentialsError> {
        if !is_field(username, 6) {
            return Err(CredentialsError::Username(username.to_owned()));
        }
        let name = normal(username.as_bytes());
        let mut entries = self.entries();
        let Err(place) = entries.binary_search_by_key(&name, |entry| entry.username) else {
            return Err(CredentialsError::Twice(username.to_owned()));
        };
        let entry = Entry {
            username: name,
            proof,
            session,
        };
        entries.insert(place, entry);
        Ok(())
    }

    /// The session of the login; a wrong name and a wrong password take the same way.
    pub fn check(&self, username: &[u8], password: &[u8]) -> Checked {
        let name = normal(username);
        let is_name = trim(username).len() <= name.len() && trim(password).len() <= PASSWORD_BYTES;
        let given = Password::new(password);
        let entries = self.entries();
        let found = entries.binary_search_by_key(&name, |entry| entry.username);
        let entry = found.ok().map(|place| &entries[place]);
        let matches = match entry.map(|entry| &entry.proof) {
            Some(Proof::Plain(expected)) => Some(expected.is(&given)),
            Some(Proof::Hashed(hash)) if is_name => match &self.checker {
                Some(checker) => checker.check(hash, &given),
                None => Some(hash.is_of(&given)),
            },
            Some(Proof::Hashed(_)) | None => Some(Password::NOBODYS.is(&given)),
        };
        match (matches, entry) {
            (None, _) => Checked::Later,
            (Some(true), Some(entry)) if is_name => Checked::Session(entry.session),
            _ => Checked::Wrong,
        }
    }

    /// Logins known.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// True when nobody can log in.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Held for as long as a login is looked for, or added.
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who may log in to market data.
#[derive(Debug, Clone)]
pub enum MarketDataLogins {
    /// Anybody, with any name and password: for a door on loopback.
    Open,
    /// Only these; their session numbers mean nothing.
    Listed(Credentials),
}

impl MarketDataLogins {
    /// Whether the login may have market data; any session means that it may.
    pub fn check(&self, username: &[u8], password: &[u8]) -> Checked {
        match self {
            Self::Open => Checked::Session(0),
            Self::Listed(credentials) => credentials.check(username, password),
        }
    }
}

fn is_field(text: &str, length_max: usize) -> bool {
    let trimmed = text.trim_matches(' ');
    !trimmed.is_empty()
        && trimmed.len() <= length_max
        && trimmed.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Trimmed of spaces on both ends, upper case, left-justified, padded. `field` is at most `N` bytes long when trimmed.
fn normal<const N: usize>(field: &[u8]) -> [u8; N] {
    let mut normal = [b' '; N];
    for (to, from) in normal.iter_mut().zip(trim(field)) {
        *to = from.to_ascii_uppercase();
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials {
        let credentials = Credentials::default();
        credentials.add("ALICE1", "secret", 3).expect("valid");
        credentials.add("bob", "TenLetters", 4).expect("valid");
        credentials
    }

    #[test]
    fn padding_and_case_do_not_matter() {
        let credentials = credentials();
        assert_eq!(credentials.check(b"ALICE1", b"secret    "), Checked::Session(3));
        assert_eq!(credentials.check(b"alice1", b"    SECRET"), Checked::Session(3));
        assert_eq!(credentials.check(b"BOB   ", b"TENLETTERS"), Checked::Session(4));
        assert_eq!(credentials.check(b"   bob", b"tenletters"), Checked::Session(4));
    }

    #[test]
    fn anything_else_is_refused() {
        let credentials = credentials();
        for (username, password) in [
            (b"ALICE1", b"secre     "),
            (b"ALICE1", b"secret2   "),
            (b"ALICE1", b"          "),
            (b"ALICE1", b"TenLetters"),
            (b"CAROL ", b"secret    "),
            (b"CAROL ", b"\0\0\0\0\0\0\0\0\0\0"),
            (b"      ", b"          "),
            (b"BOB   ", b"TenLetterz"),
        ] {
            assert_eq!(credentials.check(username, password), Checked::Wrong);
        }
    }

    #[test]
    fn a_configuration_that_can_not_work_is_refused() {
        let credentials = credentials();
        let username = |name: &str| Err(CredentialsError::Username(name.to_owned()));
        assert_eq!(credentials.add("", "x", 0), username(""));
        assert_eq!(credentials.add("SEVENCH", "x", 0), username("SEVENCH"));
        assert_eq!(
            credentials.add("DAVE", "elevenchars", 0),
            Err(CredentialsError::Password("DAVE".into()))
        );
        assert_eq!(
            credentials.add("DAVE", " ", 0),
            Err(CredentialsError::Password("DAVE".into()))
        );
        assert_eq!(
            credentials.add("Alice1", "x", 0),
            Err(CredentialsError::Twice("Alice1".into()))
        );
        assert_eq!(credentials.len(), 2);
    }

    #[test]
    fn passwords_are_not_printed() {
        assert!(!format!("{:?}", credentials()).to_uppercase().contains("SECRET"));
    }

    #[test]
    fn market_data_is_open_or_listed() {
        assert_ne!(
            MarketDataLogins::Open.check(b"      ", b"          "),
            Checked::Wrong
        );
        let listed = MarketDataLogins::Listed(credentials());
        assert_eq!(listed.check(b"bob   ", b"tenletters"), Checked::Session(4));
        assert_eq!(listed.check(b"bob   ", b"          "), Checked::Wrong);
    }

    #[test]
    fn who_is_added_later_is_known_to_all_and_checked_beside_the_door() {
        let mut credentials = credentials();
        credentials.check_by(Checker::start().expect("a thread can be started"));
        let elsewhere = credentials.clone();
        let hash = Password::chosen("Later").map(|password| password.hash());
        let hash = hash.expect("it can be one").expect("there is memory");
        credentials.add_hashed("dave", hash, 9).expect("valid");
        let settled = |password| loop {
            match elsewhere.check(b"DAVE  ", password) {
                Checked::Later => std::thread::yield_now(),
                found => break found,
            }
        };
        assert_eq!(elsewhere.check(b"DAVE  ", b"later     "), Checked::Later);
        assert_eq!(settled(b"later     "), Checked::Session(9));
        assert_eq!(settled(b"sooner    "), Checked::Wrong);
        assert_eq!(elsewhere.check(b"DAVE  ", b"laterlaterlater"), Checked::Wrong);
        assert_eq!(elsewhere.check(b"ALICE1", b"secret    "), Checked::Session(3));
    }
}
