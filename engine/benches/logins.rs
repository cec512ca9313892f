//! What a crowd pays that logs in at once: passwords are hashes, and one thread checks them, one after the other.
//!
//! Everybody has a hash of his own, and knocks at the same moment. As at a door, each is asked about in turn until he is known;
//! who is not in after five seconds is turned away, and comes again. When all are in they come once more, as behind a network
//! that has failed; and then once with wrong passwords.
//!
//! Under `cargo test` a few come, and no time is looked at.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use engine::password::{Checker, Password};
use engine::recovery::credentials::{Checked, Credentials};

/// Who comes at once.
const CROWD: usize = 1_000;
/// Those of the smoke test.
const SMOKE_CROWD: usize = 4;
/// The door's: a login may take so long.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(5);
/// The door's turns are about so far apart.
const TURN: Duration = Duration::from_micros(100);

fn main() {
    // Only `cargo bench` passes it.
    if std::env::args().any(|argument| argument == "--bench") {
        measure();
    } else {
        smoke();
    }
}

fn smoke() {
    let logins = logins(SMOKE_CROWD);
    assert_eq!(come(&logins, SMOKE_CROWD, "").in_.len(), SMOKE_CROWD);
    assert_eq!(come(&logins, SMOKE_CROWD, "").in_.len(), SMOKE_CROWD);
    assert_eq!(come(&logins, SMOKE_CROWD, "x").in_.len(), 0);
}

fn measure() {
    let logins = logins(CROWD);
    println!(
        "{:<28}{:>12}{:>12}{:>12}",
        format!("{CROWD} logins"),
        "median s",
        "last s",
        "came again"
    );
    for (when, ending) in [("for the first time", ""), ("once more", ""), ("all wrong", "x")] {
        let crowd = come(&logins, CROWD, ending);
        let mut times = if ending.is_empty() { crowd.in_ } else { crowd.out };
        times.sort_unstable();
        let at = |place: usize| times.get(place).map_or(f64::NAN, Duration::as_secs_f64);
        println!(
            "{when:<28}{:>12.3}{:>12.3}{:>12}",
            at(times.len() / 2),
            at(times.len().saturating_sub(1)),
            crowd.again
        );
    }
}

fn name(number: usize) -> String {
    format!("U{number:05}")
}

fn password(number: usize, ending: &str) -> String {
    format!("PASS{number:05}{ending}")
}

/// So many, with hashes.
fn logins(count: usize) -> Credentials {
    let mut credentials = Credentials::default();
    credentials.check_by(Checker::start().expect("a thread can be started"));
    for number in 0..count {
        let chosen = Password::chosen(&password(number, "")).expect("it can be one");
        let hash = chosen.hash().expect("there is memory");
        credentials
            .add_hashed(&name(number), hash, number as u32)
            .expect("names differ");
    }
    credentials
}

/// What became of a crowd: how long each took.
#[derive(Default)]
struct Crowd {
    in_: Vec<Duration>,
    out: Vec<Duration>,
    /// How often somebody was turned away because it took too long.
    again: usize,
}

/// All come at once, with their passwords and `ending` behind them.
fn come(logins: &Credentials, count: usize, ending: &str) -> Crowd {
    let begun = Instant::now();
    let mut waiting: VecDeque<(usize, Instant)> = (0..count).map(|number| (number, begun)).collect();
    let mut crowd = Crowd::default();
    while !waiting.is_empty() {
        for _ in 0..waiting.len() {
            let Some((number, mut since)) = waiting.pop_front() else {
                break;
            };
            match logins.check(name(number).as_bytes(), password(number, ending).as_bytes()) {
                Checked::Session(_) => crowd.in_.push(begun.elapsed()),
                Checked::DropCopy(_) | Checked::Wrong => crowd.out.push(begun.elapsed()),
                Checked::Later => {
                    if since.elapsed() > LOGIN_TIMEOUT {
                        since = Instant::now();
                        crowd.again += 1;
                    }
                    waiting.push_back((number, since));
                }
            }
        }
        std::thread::park_timeout(TURN);
    }
    crowd
}
