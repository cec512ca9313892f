//! Who may log in where. Names and passwords are trimmed on both ends and compared case-insensitively, as real clients
//! pad on either side.

use std::fmt;
use std::hint::black_box;

use protocol::text::trim;

/// A login's password as it is compared: upper case, left-justified, padded. Never printed.
#[derive(Clone, Copy)]
struct Password([u8; 10]);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Password {
    fn new(field: &[u8]) -> Self {
        Self(normal(field))
    }

    /// Looks at every byte whatever it finds, so that the time says nothing about where two passwords differ.
    fn is(&self, other: &Self) -> bool {
        let differences = self
            .0
            .iter()
            .zip(other.0)
            .fold(0, |found, (a, b)| found | (a ^ b));
        black_box(differences) == 0
    }
}

/// One login of the configuration.
#[derive(Debug, Clone)]
struct Entry {
    username: [u8; 6],
    password: Password,
    session: u32,
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

/// Logins by username.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// Sorted by username.
    entries: Vec<Entry>,
}

impl Credentials {
    /// Adds a login to `session`.
    pub fn add(&mut self, username: &str, password: &str, session: u32) -> Result<(), CredentialsError> {
        if !is_field(username, 6) {
            return Err(CredentialsError::Username(username.to_owned()));
        }
        if !is_field(password, 10) {
            return Err(CredentialsError::Password(username.to_owned()));
        }
        let name = normal(username.as_bytes());
        let Err(place) = self.entries.binary_search_by_key(&name, |entry| entry.username) else {
            return Err(CredentialsError::Twice(username.to_owned()));
        };
        let entry = Entry {
            username: name,
            password: Password::new(password.as_bytes()),
            session,
        };
        self.entries.insert(place, entry);
        Ok(())
    }

    /// The session of the login, or `None` for a wrong name or password; both take the same way.
    pub fn check(&self, username: &[u8], password: &[u8]) -> Option<u32> {
        const NOBODY: Password = Password([0; 10]);
        let name = normal(username);
        let is_name = trim(username).len() <= name.len() && trim(password).len() <= NOBODY.0.len();
        let found = self.entries.binary_search_by_key(&name, |entry| entry.username);
        let entry = found.ok().map(|place| &self.entries[place]);
        let expected = entry.map_or(&NOBODY, |entry| &entry.password);
        let matches = expected.is(&Password::new(password));
        entry.filter(|_| matches && is_name).map(|entry| entry.session)
    }

    /// Logins known.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when nobody can log in.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
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
    /// True when the login may have market data.
    pub fn allows(&self, username: &[u8], password: &[u8]) -> bool {
        match self {
            Self::Open => true,
            Self::Listed(credentials) => credentials.check(username, password).is_some(),
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
        let mut credentials = Credentials::default();
        credentials.add("ALICE1", "secret", 3).expect("valid");
        credentials.add("bob", "TenLetters", 4).expect("valid");
        credentials
    }

    #[test]
    fn padding_and_case_do_not_matter() {
        let credentials = credentials();
        assert_eq!(credentials.check(b"ALICE1", b"secret    "), Some(3));
        assert_eq!(credentials.check(b"alice1", b"    SECRET"), Some(3));
        assert_eq!(credentials.check(b"BOB   ", b"TENLETTERS"), Some(4));
        assert_eq!(credentials.check(b"   bob", b"tenletters"), Some(4));
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
            assert_eq!(credentials.check(username, password), None);
        }
    }

    #[test]
    fn a_configuration_that_can_not_work_is_refused() {
        let mut credentials = credentials();
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
        assert!(MarketDataLogins::Open.allows(b"      ", b"          "));
        let listed = MarketDataLogins::Listed(credentials());
        assert!(listed.allows(b"bob   ", b"tenletters"));
        assert!(!listed.allows(b"bob   ", b"          "));
    }
}
