//! For tests and simulation: random numbers from a seed, and a link that loses, repeats and reorders.
//!
//! Nothing here is fit for secrets. Everything is a function of its seed and of the calls made.

pub mod fuzz;

use std::collections::BinaryHeap;

/// The bytes of hexadecimal digits.
///
/// # Panics
/// When they are something else.
pub fn from_hex(digits: &str) -> Vec<u8> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    assert!(rest.is_empty(), "two digits are a byte");
    let digit = |digit: u8| char::from(digit).to_digit(16).expect("a digit") as u8;
    pairs
        .iter()
        .map(|&[high, low]| (digit(high) << 4) | digit(low))
        .collect()
}

/// Random numbers from a seed (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The stream of numbers of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any u64.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, not including, `bound`.
    ///
    /// # Panics
    /// When `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0");
        // The high half of a product is evenly spread; the bias of at most bound / 2^64 does not matter here.
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        match (high - low).checked_add(1) {
            Some(width) => low + self.below(width),
            None => self.next_u64(),
        }
    }

    /// True with a probability of `of` in `all`.
    pub fn chance(&mut self, of: u64, all: u64) -> bool {
        self.below(all) < of
    }

    /// One of `items`.
    ///
    /// # Panics
    /// When there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }

    /// Another generator whose numbers have nothing to do with the ones to come of this one.
    pub fn split(&mut self) -> Self {
        Self(self.next_u64())
    }
}

/// How bad a [`Link`] is. Probabilities are in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    /// A datagram disappears.
    pub lost_ppm: u64,
    /// A datagram arrives twice.
    pub doubled_ppm: u64,
    /// A datagram arrives with a damaged byte.
    pub damaged_ppm: u64,
    /// A datagram is held back for up to `delay_max_ns` more, so that later ones overtake it.
    pub delayed_ppm: u64,
    /// Time every datagram takes, nanoseconds.
    pub latency_ns: u64,
    /// Most extra time of a delayed one, nanoseconds.
    pub delay_max_ns: u64,
}

impl Faults {
    /// A perfect link that takes `latency_ns`.
    pub const fn none(latency_ns: u64) -> Self {
        Self {
            lost_ppm: 0,
            doubled_ppm: 0,
            damaged_ppm: 0,
            delayed_ppm: 0,
            latency_ns,
            delay_max_ns: 0,
        }
    }

    /// 20 % lost, 10 % doubled, 20 % delayed by up to 30 latencies.
    pub const fn bad(latency_ns: u64) -> Self {
        Self {
            lost_ppm: 200_000,
            doubled_ppm: 100_000,
            damaged_ppm: 0,
            delayed_ppm: 200_000,
            latency_ns,
            delay_max_ns: latency_ns * 30,
        }
    }
}

/// What a [`Link`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Datagrams given to it.
    pub sent: u64,
    /// Datagrams it delivered.
    pub delivered: u64,
    /// Datagrams it lost.
    pub lost: u64,
    /// Datagrams it doubled.
    pub doubled: u64,
    /// Datagrams it damaged.
    pub damaged: u64,
    /// Datagrams it held back.
    pub delayed: u64,
}

/// One direction of a bad network: datagrams go in with the time, come out with a later time, in the order of arrival.
#[derive(Debug, Clone)]
pub struct Link {
    faults: Faults,
    random: Random,
    under_way: BinaryHeap<Flight>,
    counts: LinkCounts,
    /// Breaks ties: of two that arrive at the same time the one sent first is first.
    ticket: u64,
}

/// A datagram under way; the greatest is the one that arrives first.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Flight {
    arrival: u64,
    ticket: u64,
    bytes: Vec<u8>,
}

impl Ord for Flight {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (other.arrival, other.ticket).cmp(&(self.arrival, self.ticket))
    }
}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Link {
    /// A link with its own random numbers.
    pub fn new(faults: Faults, seed: u64) -> Self {
        Self {
            faults,
            random: Random::new(seed),
            under_way: BinaryHeap::new(),
            counts: LinkCounts::default(),
            ticket: 0,
        }
    }

    /// Changes how bad it is from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Puts a datagram on its way.
    pub fn send(&mut self, now: u64, bytes: &[u8]) {
        self.counts.sent += 1;
        if self.happens(self.faults.lost_ppm) {
            self.counts.lost += 1;
            return;
        }
        if self.happens(self.faults.doubled_ppm) {
            self.counts.doubled += 1;
            self.launch(now, bytes);
        }
        self.launch(now, bytes);
    }

    /// The next datagram that has arrived by `now`, with its time of arrival.
    pub fn receive(&mut self, now: u64) -> Option<(u64, Vec<u8>)> {
        if self.next_arrival()? > now {
            return None;
        }
        let flight = self.under_way.pop()?;
        self.counts.delivered += 1;
        Some((flight.arrival, flight.bytes))
    }

    /// When the next datagram arrives.
    pub fn next_arrival(&self) -> Option<u64> {
        self.under_way.peek().map(|flight| flight.arrival)
    }

    /// Number of datagrams under way.
    pub fn in_flight(&self) -> usize {
        self.under_way.len()
    }

    /// What it did.
    pub fn counts(&self) -> LinkCounts {
        self.counts
    }

    /// Everything under way disappears: the process at the other end died.
    pub fn cut(&mut self) {
        self.counts.lost += self.under_way.len() as u64;
        self.under_way.clear();
    }

    fn launch(&mut self, now: u64, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        let mut arrival = now + self.faults.latency_ns;
        if self.happens(self.faults.delayed_ppm) && self.faults.delay_max_ns > 0 {
            self.counts.delayed += 1;
            arrival += self.random.between(1, self.faults.delay_max_ns);
        }
        if self.happens(self.faults.damaged_ppm) && !bytes.is_empty() {
            self.counts.damaged += 1;
            let place = self.random.below(bytes.len() as u64) as usize;
            bytes[place] ^= self.random.between(1, 255) as u8;
        }
        self.ticket += 1;
        self.under_way.push(Flight {
            arrival,
            ticket: self.ticket,
            bytes,
        });
    }

    fn happens(&mut self, ppm: u64) -> bool {
        ppm > 0 && self.random.chance(ppm, 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        // First outputs of SplitMix64 for the seed 1234567, as in its author's reference.
        let mut random = Random::new(1_234_567);
        assert_eq!(random.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(random.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn bounds_hold_and_are_reached() {
        let mut random = Random::new(1);
        let mut seen = [0; 6];
        for _ in 0..6_000 {
            seen[random.below(6) as usize] += 1;
            assert!((3..=5).contains(&random.between(3, 5)));
        }
        assert!(seen.iter().all(|count| (800..1_200).contains(count)), "{seen:?}");
    }

    #[test]
    fn a_perfect_link_keeps_order_and_time() {
        let mut link = Link::new(Faults::none(10), 1);
        link.send(0, b"a");
        link.send(5, b"b");
        assert_eq!(link.receive(9), None);
        assert_eq!(link.receive(20), Some((10, b"a".to_vec())));
        assert_eq!(link.receive(20), Some((15, b"b".to_vec())));
        assert_eq!(link.receive(20), None);
    }

    #[test]
    fn a_bad_link_does_each_bad_thing_and_the_same_seed_does_the_same() {
        let run = |seed| {
            let mut link = Link::new(
                Faults {
                    damaged_ppm: 50_000,
                    ..Faults::bad(10)
                },
                seed,
            );
            let mut received = Vec::new();
            for index in 0..1_000_u64 {
                link.send(index, &index.to_be_bytes());
            }
            while let Some(datagram) = link.receive(u64::MAX) {
                received.push(datagram);
            }
            (received, link.counts())
        };
        let (received, counts) = run(3);
        assert_eq!(run(3), (received.clone(), counts));
        assert_ne!(run(4).0, received);
        assert!(counts.lost > 100 && counts.doubled > 50 && counts.damaged > 10 && counts.delayed > 100);
        assert_eq!(counts.sent - counts.lost + counts.doubled, counts.delivered);
        assert!(received.is_sorted_by_key(|(arrival, _)| *arrival));
        assert!(
            !received.is_sorted_by_key(|(_, bytes)| bytes.clone()),
            "some overtook others"
        );
    }
}
