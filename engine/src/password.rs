//! Passwords: how they are compared, hashed and checked. The only place that knows a hash function for them.
//!
//! A hash costs what it shall cost an attacker: some ten milliseconds and 19 MiB. So nothing that trades waits for one: the
//! doors ask a [`Checker`], which works on a thread of its own, through a short line. What was found right once is known at once
//! from then on, for as long as the process lives (`known`).

mod known;

use std::fmt;
use std::hint::black_box;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params};
use protocol::text::trim;
use zeroize::Zeroize;

use crate::runtime::helper::Helper;
use known::Known;

/// Bytes of a password in a login.
pub const PASSWORD_BYTES: usize = 10;
/// Checks that may wait or whose result was not fetched yet. Further logins wait at their door.
const LINE: usize = 64;
/// What a hash that is given to us may cost at most: memory in KiB, passes, lanes.
const COST_MAX: (u32, u32, u32) = (65_536, 8, 4);
/// As a hash of ours, of no password that anybody knows.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A login's password as it is compared: upper case, left-justified, padded. Never printed, and wiped when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Password([u8; PASSWORD_BYTES]);

impl Drop for Password {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What a login is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// As a configuration file may have it.
    Plain(Password),
    /// The password itself is known to its owner only.
    Hashed(Hash),
}

impl Proof {
    /// True when both are of one password, as far as that can be said: two hashes of one have different salts.
    pub fn is_of(&self, said: &Hash) -> bool {
        match self {
            Self::Plain(password) => said.is_of(password),
            Self::Hashed(hash) => hash == said,
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Password {
    /// Equal to no password that somebody may have.
    pub fn nobodys() -> Self {
        Self([0; PASSWORD_BYTES])
    }

    /// Of a login's field; what is beyond its length is not looked at.
    pub fn new(field: &[u8]) -> Self {
        let mut normal = [b' '; PASSWORD_BYTES];
        for (to, from) in normal.iter_mut().zip(trim(field)) {
            *to = from.to_ascii_uppercase();
        }
        Self(normal)
    }

    /// Of what a person chose; `None` when a login has no room for it, or it can not be typed.
    pub fn chosen(text: &str) -> Option<Self> {
        let is_short = (1..=PASSWORD_BYTES).contains(&text.len());
        (is_short && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self::new(text.as_bytes()))
    }

    /// Looks at every byte whatever it finds, so that the time says nothing about where two passwords differ.
    pub fn is(&self, other: &Self) -> bool {
        let differences = self.0.iter().zip(other.0);
        black_box(differences.fold(0, |found, (a, b)| found | (a ^ b))) == 0
    }

    /// A salted hash of it, Argon2id, as text that says how it was made.
    ///
    /// # Errors
    /// The operating system gives no random numbers, or no memory.
    pub fn hash(&self) -> Result<Hash, String> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|error| format!("no random numbers: {error}"))?;
        let failed = |error: argon2::password_hash::Error| format!("the password can not be hashed: {error}");
        let salt = SaltString::encode_b64(&salt).map_err(failed)?;
        let argon = Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, Params::DEFAULT);
        let hash = argon.hash_password(&self.0, &salt).map_err(failed)?;
        Ok(Hash(hash.to_string()))
    }
}

/// A hash of a password, in the PHC's string format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hash(String);

impl Hash {
    /// One that is checked in the same time as others, and is nobody's.
    pub fn nobodys() -> Self {
        Self(NOBODYS.to_owned())
    }

    /// Reads one that somebody else made.
    ///
    /// # Errors
    /// It is none, or checking it would cost more than a door can bear.
    pub fn read(text: &str) -> Result<Self, String> {
        let hash =
            PasswordHash::new(text).map_err(|error| format!("it is not a password's hash: {error}"))?;
        let is_whole = hash.algorithm == argon2::ARGON2ID_IDENT && hash.hash.is_some() && hash.salt.is_some();
        if !is_whole {
            return Err("it is not a whole hash of Argon2id".to_owned());
        }
        let params = Params::try_from(&hash).map_err(|error| format!("its parameters are wrong: {error}"))?;
        let (memory, passes, lanes) = COST_MAX;
        if params.m_cost() > memory || params.t_cost() > passes || params.p_cost() > lanes {
            return Err(format!(
                "checking it would take more than {memory} KiB, {passes} passes or {lanes} lanes"
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// As it is kept.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// True when it is this password's. Takes as long as the hash took.
    pub fn is_of(&self, password: &Password) -> bool {
        PasswordHash::new(&self.0)
            .is_ok_and(|hash| Argon2::default().verify_password(&password.0, &hash).is_ok())
    }
}

/// A password that is to be checked, and what came of it.
#[derive(Debug)]
struct Attempt {
    hash: Hash,
    password: Password,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waits,
    Runs,
    Done(bool),
}

/// What the doors and the thread have in common.
#[derive(Debug)]
struct Line {
    attempts: Vec<Attempt>,
    known: Known,
}

/// Checks passwords on a thread of its own.
#[derive(Debug)]
pub struct Checker {
    line: Arc<Mutex<Line>>,
    helper: Helper,
}

fn lock(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Checker {
    /// Starts the thread, which ends with the checker.
    ///
    /// # Errors
    /// No thread can be started, or the operating system gives no random numbers.
    pub fn start() -> io::Result<Self> {
        let line = Arc::new(Mutex::new(Line {
            attempts: Vec::with_capacity(LINE),
            known: Known::new()?,
        }));
        let its_line = Arc::clone(&line);
        let helper = Helper::start("passwords", move |stop| work(&its_line, stop))?;
        Ok(Self { line, helper })
    }

    /// True or false when it was found out whether `hash` is `password`'s; `None` while it is being found out: ask again. What
    /// was found right before is true at once; what is wrong is hashed each time.
    pub fn check(&self, hash: &Hash, password: &Password) -> Option<bool> {
        let mut line = lock(&self.line);
        if line.known.has(hash, password) {
            return Some(true);
        }
        let attempts = &mut line.attempts;
        let is_it = |attempt: &Attempt| attempt.hash == *hash && attempt.password == *password;
        if let Some(place) = attempts.iter().position(is_it) {
            let State::Done(is_right) = attempts[place].state else {
                return None;
            };
            attempts.remove(place);
            return Some(is_right);
        }
        if attempts.len() == LINE {
            // Whoever asked for the oldest result has gone.
            let done = attempts
                .iter()
                .position(|one| matches!(one.state, State::Done(_)));
            attempts.remove(done?);
        }
        attempts.push(Attempt {
            hash: hash.clone(),
            password: password.clone(),
            state: State::Waits,
        });
        drop(line);
        self.helper.wake();
        None
    }

    /// Nobody logs in by this hash any more: its password is not known any longer.
    pub fn forget(&self, hash: &Hash) {
        lock(&self.line).known.forget(hash);
    }
}

fn work(line: &Mutex<Line>, stop: &AtomicBool) {
    while !stop.load(Ordering::Acquire) {
        let next = lock(line)
            .attempts
            .iter_mut()
            .find(|attempt| attempt.state == State::Waits)
            .map(|attempt| {
                attempt.state = State::Runs;
                (attempt.hash.clone(), attempt.password.clone())
            });
        let Some((hash, password)) = next else {
            thread::park();
            continue;
        };
        let is_right = hash.is_of(&password);
        let mut line = lock(line);
        let Line { attempts, known } = &mut *line;
        let is_it = |attempt: &Attempt| attempt.hash == hash && attempt.password == password;
        let Some(place) = attempts.iter().position(is_it) else {
            continue;
        };
        // Whoever asked may have gone meanwhile: what was found right is not found out twice.
        if is_right && known.remember(&hash, &password) {
            attempts.remove(place);
        } else {
            attempts[place].state = State::Done(is_right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::chosen(text).expect("it can be one")
    }

    #[test]
    fn a_hash_is_of_its_password_and_says_nothing_of_it() {
        let hash = password("Secret1").hash().expect("there is memory");
        assert!(
            hash.text().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash:?}"
        );
        assert!(!hash.text().to_uppercase().contains("SECRET1"));
        assert!(
            hash.is_of(&Password::new(b"  secret1 ")),
            "case and padding do not count"
        );
        assert!(!hash.is_of(&password("Secret2")));
        assert_ne!(
            password("Secret1").hash().expect("as before"),
            hash,
            "it is salted"
        );
        assert_eq!(Hash::read(hash.text()).as_ref(), Ok(&hash));
    }

    #[test]
    fn nobodys_hash_costs_what_others_cost_and_is_of_nobody() {
        let nobodys = Hash::nobodys();
        assert_eq!(Hash::read(nobodys.text()).as_ref(), Ok(&nobodys));
        let hash = password("x").hash().expect("there is memory");
        let cost = |hash: &Hash| hash.text().split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(cost(&nobodys), cost(&hash));
        assert!(!nobodys.is_of(&Password::nobodys()));
    }

    #[test]
    fn a_proof_is_known_by_its_hash() {
        let hash = password("x").hash().expect("there is memory");
        let other = password("x").hash().expect("there is memory");
        assert!(Proof::Plain(password("X")).is_of(&hash));
        assert!(!Proof::Plain(password("y")).is_of(&hash));
        assert!(Proof::Hashed(hash.clone()).is_of(&hash));
        assert!(!Proof::Hashed(other).is_of(&hash));
    }

    #[test]
    fn what_is_no_hash_or_costs_too_much_is_refused() {
        let hash = password("x").hash().expect("there is memory");
        for (text, words) in [
            (String::new(), "not a password's hash"),
            ("demo".to_owned(), "not a password's hash"),
            ("$argon2id$v=19$m=19456,t=2,p=1".to_owned(), "whole"),
            (hash.text().replacen("argon2id", "argon2i", 1), "whole"),
            (hash.text().replacen("19456", "999999", 1), "more than 65536 KiB"),
        ] {
            let error = Hash::read(&text).expect_err(&text);
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn a_password_fits_into_a_login() {
        for text in ["", "elevenchars", "two words", "caf\u{e9}"] {
            assert_eq!(Password::chosen(text), None, "{text:?}");
        }
        assert_eq!(format!("{:?}", password("secret")), "***");
    }

    #[test]
    fn the_checker_finds_out_while_others_go_on() {
        let checker = Checker::start().expect("a thread can be started");
        let hash = password("right").hash().expect("there is memory");
        for (text, is_right) in [("right", true), ("wrong", false), ("right", true)] {
            let found = loop {
                match checker.check(&hash, &password(text)) {
                    Some(found) => break found,
                    None => thread::yield_now(),
                }
            };
            assert_eq!(found, is_right, "{text}");
        }
        for number in 0..2 * LINE {
            assert_eq!(checker.check(&hash, &password(&number.to_string())), None);
        }
        assert!(lock(&checker.line).attempts.len() <= LINE);
    }

    /// The answer, and whether it came at once.
    fn found(checker: &Checker, hash: &Hash, text: &str) -> (bool, bool) {
        let mut is_at_once = true;
        loop {
            if let Some(found) = checker.check(hash, &password(text)) {
                return (found, is_at_once);
            }
            is_at_once = false;
            thread::yield_now();
        }
    }

    #[test]
    fn who_comes_back_pays_no_hash_and_who_is_wrong_pays_each_time() {
        let checker = Checker::start().expect("a thread can be started");
        let hash = password("right").hash().expect("there is memory");
        assert_eq!(found(&checker, &hash, "right"), (true, false));
        for _ in 0..2 {
            assert_eq!(found(&checker, &hash, "right"), (true, true));
            assert_eq!(found(&checker, &hash, "wrong"), (false, false));
        }
        let other = password("right").hash().expect("there is memory");
        assert_eq!(found(&checker, &other, "right"), (true, false), "another hash");
        checker.forget(&hash);
        assert_eq!(found(&checker, &hash, "right"), (true, false), "it was forgotten");
        assert_eq!(found(&checker, &other, "right"), (true, true));
    }

    #[test]
    fn what_is_found_right_is_known_though_who_asked_has_gone() {
        let checker = Checker::start().expect("a thread can be started");
        let hash = password("right").hash().expect("there is memory");
        assert_eq!(checker.check(&hash, &password("right")), None);
        while !lock(&checker.line).attempts.is_empty() {
            thread::yield_now();
        }
        assert_eq!(found(&checker, &hash, "right"), (true, true));
    }
}
