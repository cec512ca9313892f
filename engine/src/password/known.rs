//! Passwords that were found right since the start, so that who comes back pays no hash.
//!
//! Lives here: a tag for each stored hash, over the hash and the password that it is of, under a key that this process has drawn
//! and nobody else has. Must not be here: a password. Tags and key are in memory only, and are wiped when they go.

use std::collections::HashMap;
use std::fmt;
use std::io;

use siphasher::sip128::SipHasher24;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Hash, Password};

/// Hashes whose passwords are known at once, at most: more logins than an exchange has. What finds no room is hashed each time.
const KNOWN_MAX: usize = 1 << 16;

type Tag = Zeroizing<[u8; 16]>;

/// A tag by the stored hash.
///
/// All room is taken at the start. The thread that hashes needs 19 MiB for each hash: what it allocated and kept between two of them would
/// break the room of the first in two, and the heap would grow by as much each time.
pub(super) struct Known {
    /// Of a hash's place, and of tags.
    keys: Zeroizing<[[u8; 16]; 2]>,
    tags: HashMap<[u8; 16], Tag>,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ***", self.tags.len())
    }
}

impl Known {
    /// Knows nothing yet.
    ///
    /// # Errors
    /// The operating system gives no random numbers.
    pub(super) fn new() -> io::Result<Self> {
        let mut keys = Zeroizing::new([[0; 16]; 2]);
        getrandom::fill(keys.as_flattened_mut()).map_err(io::Error::other)?;
        Ok(Self {
            keys,
            tags: HashMap::with_capacity(KNOWN_MAX),
        })
    }

    /// Names a stored hash in as many bytes as a tag has.
    fn place(&self, hash: &Hash) -> [u8; 16] {
        SipHasher24::new_with_key(&self.keys[0])
            .hash(hash.0.as_bytes())
            .as_bytes()
    }

    /// The stored hash has a salt of its own: equal passwords of two logins have different tags.
    fn tag(&self, hash: &Hash, password: &Password) -> Tag {
        let mut covered = Zeroizing::new(Vec::with_capacity(hash.0.len() + password.0.len()));
        covered.extend_from_slice(hash.0.as_bytes());
        covered.extend_from_slice(&password.0);
        Zeroizing::new(SipHasher24::new_with_key(&self.keys[1]).hash(&covered).as_bytes())
    }

    /// True when `password` was found to be the hash's before. The tag is made whether or not there is one to compare it with,
    /// and compared in the same time wherever the two differ.
    pub(super) fn has(&self, hash: &Hash, password: &Password) -> bool {
        let tag = self.tag(hash, password);
        let known = self.tags.get(&self.place(hash));
        known.is_some_and(|known| known.ct_eq(&*tag).into())
    }

    /// `password` was found to be the hash's. False when there is no room to remember that.
    pub(super) fn remember(&mut self, hash: &Hash, password: &Password) -> bool {
        let place = self.place(hash);
        if self.tags.len() >= KNOWN_MAX && !self.tags.contains_key(&place) {
            return false;
        }
        self.tags.insert(place, self.tag(hash, password));
        true
    }

    /// Nobody logs in by this hash any more.
    pub(super) fn forget(&mut self, hash: &Hash) {
        self.tags.remove(&self.place(hash));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::chosen(text).expect("it can be one")
    }

    #[test]
    fn only_what_was_found_right_is_known_and_only_for_its_hash() {
        let mut known = Known::new().expect("there are random numbers");
        let hashes = ["one", "other"].map(|text| Hash(text.to_owned()));
        assert!(!known.has(&hashes[0], &password("secret")));
        assert!(known.remember(&hashes[0], &password("secret")));
        assert!(known.has(&hashes[0], &password("SECRET")));
        assert!(!known.has(&hashes[0], &password("secret2")));
        assert!(!known.has(&hashes[1], &password("secret")));
        known.forget(&hashes[0]);
        assert!(!known.has(&hashes[0], &password("secret")));
    }

    #[test]
    fn tags_say_nothing_and_are_another_process_others() {
        let (mut known, other) = (Known::new(), Known::new());
        let known = known.as_mut().expect("there are random numbers");
        let other = other.expect("there are random numbers");
        let hashes = ["one", "other"].map(|text| Hash(text.to_owned()));
        let tag = known.tag(&hashes[0], &password("secret"));
        assert_ne!(tag, known.tag(&hashes[1], &password("secret")));
        assert_ne!(tag, other.tag(&hashes[0], &password("secret")));
        assert!(known.remember(&hashes[0], &password("secret")));
        assert_eq!(format!("{known:?}"), "1 ***");
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let mut known = Known::new().expect("there are random numbers");
        let first = Hash("0".to_owned());
        for number in 0..KNOWN_MAX {
            assert!(known.remember(&Hash(number.to_string()), &password("secret")));
        }
        assert!(!known.remember(&Hash("more".to_owned()), &password("secret")));
        assert!(known.remember(&first, &password("another")), "it has its place");
        known.forget(&first);
        assert!(known.remember(&Hash("more".to_owned()), &password("secret")));
    }
}
