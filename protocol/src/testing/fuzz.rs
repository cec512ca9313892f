//! Fuzzing without tools: valid inputs are changed a little, again and again, and given to a reader that must neither panic
//! nor break what the target checks.
//!
//! Among all tests each target runs a bounded number of times, and the same inputs each time. `FUZZ_SECONDS=60` lets it run
//! for so long, `FUZZ_SEED` with other inputs. A failure prints its input.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::Random;

/// Executions between two looks at the clock.
const LOOK: u64 = 256;
/// Among all tests no target takes longer.
const USUAL: Duration = Duration::from_secs(1);
/// Inputs that are kept to be changed further.
const POOL_MAX: usize = 512;
/// No input grows beyond that, unless a valid one is longer.
const BYTES_MAX: usize = 4_096;
/// Numbers at which something may tip over.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX - 1,
    u64::MAX,
];

/// Changes `bytes` in one to six ways; `others` lend parts.
pub fn mutate(random: &mut Random, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    let longest = BYTES_MAX.max(bytes.len());
    for _ in 0..1 + random.below(6) {
        change(random, bytes, others);
    }
    bytes.truncate(longest);
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    if bytes.is_empty() {
        bytes.resize(1 + random.below(64) as usize, 0);
        random.fill(bytes);
        return;
    }
    let place = random.below(bytes.len() as u64) as usize;
    let run = (1 + random.below(16) as usize).min(bytes.len() - place);
    match random.below(11) {
        0 | 1 => bytes[place] ^= 1 << random.below(8),
        2 => bytes[place] = random.next_u64() as u8,
        3 => bytes[place] = bytes[place].wrapping_add(*random.pick(&[1, 0xff])),
        // A number of one to eight bytes, in either order.
        4 | 5 => {
            let width = (1_usize << random.below(4)).min(bytes.len() - place);
            let edge = random.pick(&EDGES).to_be_bytes();
            bytes[place..place + width].copy_from_slice(&edge[8 - width..]);
            if random.chance(1, 2) {
                bytes[place..place + width].reverse();
            }
        }
        6 => drop(bytes.drain(place..place + run)),
        7 => bytes.truncate(place),
        8 => {
            let copy = bytes[place..place + run].to_vec();
            let to = random.below(bytes.len() as u64 + 1) as usize;
            bytes.splice(to..to, copy);
        }
        9 => {
            let mut new = vec![0; run];
            random.fill(&mut new);
            bytes.splice(place..place, new);
        }
        _ => {
            let Some(other) = (!others.is_empty()).then(|| random.pick(others)) else {
                return;
            };
            let from = random.below(other.len() as u64 + 1) as usize;
            bytes.truncate(place);
            bytes.extend_from_slice(&other[from..]);
        }
    }
}

/// Prints the input when the target panics.
struct Input<'a> {
    target: &'a str,
    bytes: &'a [u8],
    execution: u64,
}

impl Drop for Input<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut hex = String::new();
            for byte in self.bytes {
                let _ = write!(hex, "{byte:02x}");
            }
            eprintln!("fuzz {}: execution {} of\n{hex}", self.target, self.execution);
            if let Ok(text) = std::str::from_utf8(self.bytes) {
                eprintln!("{text}");
            }
        }
    }
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs `target` on changed inputs, `usual` times at most unless a time is asked for, and prints how many there were in a
/// second. `run` says whether the input was taken for a valid one; such inputs are changed further.
///
/// # Panics
/// When `run` does, or when it took none, or all, of many inputs: then the changes are too wild, or too tame, to prove
/// anything.
pub fn fuzz(target: &str, usual: u64, corpus: &[Vec<u8>], mut run: impl FnMut(&[u8]) -> bool) {
    let seconds = number_of("FUZZ_SECONDS");
    let limit = seconds.map_or(USUAL, Duration::from_secs);
    let most = if seconds.is_some() { u64::MAX } else { usual };
    let seed = target
        .bytes()
        .fold(number_of("FUZZ_SEED").unwrap_or(0), |seed, byte| {
            seed.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
    let mut random = Random::new(seed);
    let mut pool = corpus.to_vec();
    let (mut executions, mut taken) = (0_u64, 0_u64);
    let begin = Instant::now();
    while executions < most && (!executions.is_multiple_of(LOOK) || begin.elapsed() < limit) {
        let mut bytes = random.pick(&pool).clone();
        mutate(&mut random, &mut bytes, &pool);
        executions += 1;
        let is_taken = {
            let input = Input {
                target,
                bytes: &bytes,
                execution: executions,
            };
            run(input.bytes)
        };
        if is_taken {
            taken += 1;
            if pool.len() < POOL_MAX {
                pool.push(bytes);
            } else if random.chance(1, 8) {
                // What is valid from the start stays.
                let room = POOL_MAX.saturating_sub(corpus.len());
                if room > 0 {
                    let place = corpus.len() + random.below(room as u64) as usize;
                    pool[place] = bytes;
                }
            }
        }
    }
    let elapsed = begin.elapsed().as_secs_f64();
    println!(
        "fuzz {target}: {executions} executions, {:.0} a second, {taken} taken",
        executions as f64 / elapsed
    );
    if executions > 1_000 {
        assert!(
            taken > 0 && taken < executions,
            "fuzz {target}: {taken} of {executions} inputs were taken"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_of_every_kind_and_the_same_for_a_seed() {
        let valid = vec![b"0123456789abcdef".to_vec(), b"ghijklmnopqrstuv".to_vec()];
        let all = |seed| {
            let mut random = Random::new(seed);
            let changed = |_| {
                let mut bytes = valid[0].clone();
                mutate(&mut random, &mut bytes, &valid);
                bytes
            };
            (0..2_000).map(changed).collect::<Vec<_>>()
        };
        let inputs = all(1);
        assert_eq!(inputs, all(1));
        assert_ne!(inputs, all(2));
        assert!(inputs.iter().any(|input| input.len() < 16));
        assert!(inputs.iter().any(|input| input.len() > 16));
        assert!(inputs.iter().any(|input| input.len() == 16 && *input != valid[0]));
        assert!(inputs.iter().any(|input| input.ends_with(b"stuv")));
    }

    #[test]
    #[should_panic(expected = "were taken")]
    fn a_target_that_takes_nothing_proves_nothing() {
        fuzz("nothing", 2_000, &[vec![1, 2, 3]], |_| false);
    }
}
