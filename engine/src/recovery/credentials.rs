//! Who may log in where. Names and passwords are trimmed on both ends and compared case-insensitively, as real clients
//! pad on either side.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::text::trim;

use crate::password::{Checker, Hash, PASSWORD_BYTES, Password, Proof};

/// One login.
#[derive(Debug, Clone)]
struct Entry {
    username: [u8; 6],
    proof: Proof,
    /// What the configuration file says, when it knows the login. An operator may have changed the password since.
    configured: Option<Proof>,
    right: Right,
}

/// What a login is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    /// To trade in this session, and to read its stream.
    Session(u32),
    /// To read the streams of this firm's sessions.
    DropCopy([u8; 4]),
}

/// What is known of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// Name and password are this session's.
    Session(u32),
    /// They are of a drop copy of this firm.
    DropCopy([u8; 4]),
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

/// Sorted by username.
#[derive(Debug, Default)]
struct Entries {
    logins: Vec<Entry>,
    /// One of them at least is known by a hash.
    has_hashes: bool,
}

impl Entries {
    fn find(&self, name: [u8; 6]) -> Result<usize, usize> {
        self.logins.binary_search_by_key(&name, |entry| entry.username)
    }
}

/// Logins by username. Clones share them: what is added to one is known to all.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    entries: Arc<Mutex<Entries>>,
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
        self.configure(
            username,
            Proof::Plain(Password::new(password.as_bytes())),
            session,
        )
    }

    /// The same for a login of the configuration file.
    ///
    /// # Errors
    /// As [`Credentials::add`].
    pub fn configure(&self, username: &str, proof: Proof, session: u32) -> Result<(), CredentialsError> {
        self.insert(username, proof.clone(), Some(proof), Right::Session(session))
    }

    /// The same for a drop copy of `firm`, padded.
    ///
    /// # Errors
    /// As [`Credentials::add`].
    pub fn add_drop_copy(&self, username: &str, proof: Proof, firm: [u8; 4]) -> Result<(), CredentialsError> {
        self.insert(username, proof.clone(), Some(proof), Right::DropCopy(firm))
    }

    /// The same for one that the file does not know.
    ///
    /// # Errors
    /// As [`Credentials::add`].
    pub fn add_hashed(&self, username: &str, hash: Hash, session: u32) -> Result<(), CredentialsError> {
        self.insert(username, Proof::Hashed(hash), None, Right::Session(session))
    }

    fn insert(
        &self,
        username: &str,
        proof: Proof,
        configured: Option<Proof>,
        right: Right,
    ) -> Result<(), CredentialsError> {
        if !is_field(username, 6) {
            return Err(CredentialsError::Username(username.to_owned()));
        }
        let name = normal(username.as_bytes());
        let mut entries = self.entries();
        let Err(place) = entries.find(name) else {
            return Err(CredentialsError::Twice(username.to_owned()));
        };
        entries.has_hashes |= matches!(proof, Proof::Hashed(_));
        let entry = Entry {
            username: name,
            proof,
            configured,
            right,
        };
        entries.logins.insert(place, entry);
        Ok(())
    }

    /// From its next login on, who has this name proves himself by `proof`. False when nobody has it.
    pub fn change(&self, username: &str, proof: Proof) -> bool {
        let name = normal(username.as_bytes());
        let mut entries = self.entries();
        let Ok(place) = entries.find(name) else {
            return false;
        };
        entries.has_hashes |= matches!(proof, Proof::Hashed(_));
        let before = std::mem::replace(&mut entries.logins[place].proof, proof);
        self.forget(&before);
        true
    }

    /// The configuration file says something new of the login, which holds from the next one on. False when nobody has the
    /// name.
    pub fn reconfigure(&self, username: &str, proof: Proof) -> bool {
        let is_there = self.change(username, proof.clone());
        let mut entries = self.entries();
        if let Ok(place) = entries.find(normal(username.as_bytes())) {
            entries.logins[place].configured = Some(proof);
        }
        is_there
    }

    /// Nobody logs in by this name any more. Who is logged in stays so.
    pub fn remove(&self, username: &str) {
        let mut entries = self.entries();
        if let Ok(place) = entries.find(normal(username.as_bytes())) {
            let gone = entries.logins.remove(place);
            self.forget(&gone.proof);
        }
    }

    /// No login is compared with this any more.
    fn forget(&self, proof: &Proof) {
        if let (Some(checker), Proof::Hashed(hash)) = (&self.checker, proof) {
            checker.forget(hash);
        }
    }

    /// True when somebody has this name.
    pub fn has(&self, username: &str) -> bool {
        self.entries().find(normal(username.as_bytes())).is_ok()
    }

    /// What the configuration file says of the login; `None` when it does not know it.
    pub fn configured(&self, username: &str) -> Option<Proof> {
        let entries = self.entries();
        let place = entries.find(normal(username.as_bytes())).ok()?;
        entries.logins[place].configured.clone()
    }

    /// The session of the login. A wrong name and a wrong password take the same way; where hashes are checked, a name that
    /// nobody has is checked against nobody's.
    pub fn check(&self, username: &[u8], password: &[u8]) -> Checked {
        let name = normal(username);
        let is_name = trim(username).len() <= name.len() && trim(password).len() <= PASSWORD_BYTES;
        // What has no room in a login is nobody's, and takes as long.
        let given = match is_name {
            true => Password::new(password),
            false => Password::nobodys(),
        };
        let entries = self.entries();
        let entry = entries.find(name).ok().map(|place| &entries.logins[place]);
        let by_hash = |hash: &Hash| match &self.checker {
            Some(checker) => checker.check(hash, &given),
            None => Some(hash.is_of(&given)),
        };
        let matches = match entry.map(|entry| &entry.proof) {
            Some(Proof::Plain(expected)) => Some(expected.is(&given)),
            Some(Proof::Hashed(hash)) => by_hash(hash),
            None if entries.has_hashes => by_hash(&Hash::nobodys()),
            None => Some(Password::nobodys().is(&given)),
        };
        match (matches, entry) {
            (None, _) => Checked::Later,
            (Some(true), Some(entry)) if is_name => match entry.right {
                Right::Session(session) => Checked::Session(session),
                Right::DropCopy(firm) => Checked::DropCopy(firm),
            },
            _ => Checked::Wrong,
        }
    }

    /// Login names of drop copies and their firms, padded, in the order of the names.
    pub fn drop_copies(&self) -> Vec<([u8; 6], [u8; 4])> {
        let entries = self.entries();
        let copies = entries.logins.iter().filter_map(|entry| match entry.right {
            Right::DropCopy(firm) => Some((entry.username, firm)),
            Right::Session(_) => None,
        });
        copies.collect()
    }

    /// Logins known.
    pub fn len(&self) -> usize {
        self.entries().logins.len()
    }

    /// True when nobody can log in.
    pub fn is_empty(&self) -> bool {
        self.entries().logins.is_empty()
    }

    /// Held for as long as a login is looked for, or added.
    fn entries(&self) -> MutexGuard<'_, Entries> {
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
pub(super) fn normal<const N: usize>(field: &[u8]) -> [u8; N] {
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
        assert_eq!(settled(b"laterlaterlater"), Checked::Wrong);
        assert_eq!(elsewhere.check(b"ALICE1", b"secret    "), Checked::Session(3));
    }

    #[test]
    fn who_is_known_by_a_hash_takes_as_long_as_who_is_not_known() {
        let mut credentials = Credentials::default();
        credentials.check_by(Checker::start().expect("a thread can be started"));
        assert_eq!(credentials.check(b"CAROL ", b"secret    "), Checked::Wrong);
        let hash = Password::chosen("secret").map(|password| password.hash());
        let hash = hash.expect("it can be one").expect("there is memory");
        credentials.add_hashed("carol", hash, 1).expect("valid");
        for name in [b"CAROL ", b"DAVE  "] {
            assert_eq!(credentials.check(name, b"wrong     "), Checked::Later);
        }
    }

    #[test]
    fn a_password_that_was_right_is_right_at_once_until_it_is_another() {
        let mut credentials = Credentials::default();
        credentials.check_by(Checker::start().expect("a thread can be started"));
        let hashed = |text| {
            let hash = Password::chosen(text).map(|password| password.hash());
            hash.expect("it can be one").expect("there is memory")
        };
        let (old, new) = (hashed("old"), hashed("new"));
        credentials.add_hashed("carol", old.clone(), 1).expect("valid");
        let settled = |name: &[u8], password: &[u8]| loop {
            match credentials.check(name, password) {
                Checked::Later => std::thread::yield_now(),
                found => break found,
            }
        };
        assert_eq!(settled(b"CAROL ", b"old       "), Checked::Session(1));
        assert_eq!(credentials.check(b"CAROL ", b"old       "), Checked::Session(1));
        for (name, password) in [
            (&b"CAROL "[..], &b"olD    and more"[..]),
            (b"CAROLINE", b"old       "),
            (b"CAROL ", b"new       "),
            (b"DAVE  ", b"old       "),
        ] {
            assert_eq!(credentials.check(name, password), Checked::Later);
            assert_eq!(settled(name, password), Checked::Wrong);
        }
        assert!(credentials.change("carol", Proof::Hashed(new)));
        assert_eq!(credentials.check(b"CAROL ", b"old       "), Checked::Later);
        assert_eq!(settled(b"CAROL ", b"old       "), Checked::Wrong);
        assert_eq!(settled(b"CAROL ", b"new       "), Checked::Session(1));
        assert!(credentials.reconfigure("carol", Proof::Hashed(old)));
        assert_eq!(
            credentials.check(b"CAROL ", b"old       "),
            Checked::Later,
            "it was forgotten"
        );
        credentials.remove("carol");
        assert_eq!(settled(b"CAROL ", b"old       "), Checked::Wrong);
    }

    #[test]
    fn another_password_holds_from_the_next_login_on() {
        let credentials = credentials();
        let hash = Password::chosen("changed").map(|password| password.hash());
        let hash = hash.expect("it can be one").expect("there is memory");
        assert!(credentials.change("alice1", Proof::Hashed(hash.clone())));
        assert!(!credentials.change("nobody", Proof::Hashed(hash)));
        assert_eq!(credentials.check(b"ALICE1", b"secret    "), Checked::Wrong);
        assert_eq!(credentials.check(b"ALICE1", b"changed   "), Checked::Session(3));
        assert_eq!(credentials.check(b"BOB   ", b"tenletters"), Checked::Session(4));
        let configured = Proof::Plain(Password::new(b"secret"));
        assert_eq!(
            credentials.configured("Alice1"),
            Some(configured),
            "the file stays as it is"
        );
        assert_eq!(credentials.configured("nobody"), None);
    }
}
