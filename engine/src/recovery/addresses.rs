//! What a door remembers of the addresses that come to it: how many connections each has, which of them are logged in, and how
//! often its logins failed of late. All of it has its size from the start, whoever comes.

use std::collections::HashMap;
use std::hash::RandomState;
use std::net::Ipv4Addr;

/// Addresses whose failed logins are remembered. When there are more, the one that is forgotten soonest makes room.
const FAILED_MAX: usize = 256;
/// What the first failure costs, nanoseconds; each further one doubles it.
const DELAY_NS: u64 = 125_000_000;
/// What a failure costs at most: less than a login may take.
const DELAY_NS_MAX: u64 = 2_000_000_000;
/// So long after its last failure an address begins anew.
const FORGOTTEN_NS: u64 = 60_000_000_000;

/// Connections by address. Those on the machine itself share one address, and are not counted.
#[derive(Debug)]
pub(super) struct Crowd {
    /// At most as many entries as there are connections. Its keys are strangers' choice, so it hashes with a secret.
    counts: HashMap<Ipv4Addr, usize, RandomState>,
    most: usize,
}

impl Crowd {
    /// Room for `connections` addresses with `most` connections each.
    pub(super) fn new(connections: usize, most: usize) -> Self {
        Self {
            counts: HashMap::with_capacity(connections),
            most,
        }
    }

    /// One more from `address`; false when it has as many as it may.
    pub(super) fn enters(&mut self, address: Ipv4Addr) -> bool {
        if address.is_loopback() {
            return true;
        }
        let count = self.counts.get(&address).copied().unwrap_or(0);
        if count >= self.most {
            return false;
        }
        self.counts.insert(address, count + 1);
        true
    }

    /// One less.
    pub(super) fn leaves(&mut self, address: Ipv4Addr) {
        if let Some(count) = self.counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&address);
            }
        }
    }
}

/// Connections that are logged in, by address. Those on the machine itself are counted as all others.
#[derive(Debug)]
pub(super) struct Guests {
    /// At most as many entries as there are connections. Its keys are others' choice, so it hashes with a secret.
    counts: HashMap<Ipv4Addr, usize, RandomState>,
}

impl Guests {
    /// Room for `connections` addresses.
    pub(super) fn new(connections: usize) -> Self {
        Self {
            counts: HashMap::with_capacity(connections),
        }
    }

    /// One more of `address`.
    pub(super) fn enters(&mut self, address: Ipv4Addr) {
        *self.counts.entry(address).or_insert(0) += 1;
    }

    /// One less.
    pub(super) fn leaves(&mut self, address: Ipv4Addr) {
        if let Some(count) = self.counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&address);
            }
        }
    }

    /// True while one of `address` is there.
    pub(super) fn has(&self, address: Ipv4Addr) -> bool {
        self.counts.contains_key(&address)
    }
}

/// An address whose logins failed.
#[derive(Debug, Clone, Copy)]
struct Failed {
    address: Ipv4Addr,
    /// One behind the other, without a minute between two.
    count: u32,
    last_ns: u64,
}

impl Failed {
    fn delay_ns(&self) -> u64 {
        // So few doublings lose no bit, and are more than it takes.
        (DELAY_NS << (self.count - 1).min(8)).min(DELAY_NS_MAX)
    }
}

/// Failed logins by address. While an address is delayed none of its logins is looked at, on whichever connection: so many
/// connections do not make more attempts. A login that succeeds forgives nothing, or whoever has one account could try
/// the passwords of the others at full speed.
#[derive(Debug)]
pub(super) struct Attempts {
    failed: Vec<Failed>,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self {
            failed: Vec::with_capacity(FAILED_MAX),
        }
    }

    /// True while no login from `address` is to be looked at.
    pub(super) fn is_delayed(&self, address: Ipv4Addr, now_ns: u64) -> bool {
        let known = self.failed.iter().find(|failed| failed.address == address);
        known.is_some_and(|failed| now_ns.saturating_sub(failed.last_ns) < failed.delay_ns())
    }

    /// A login from `address` failed.
    pub(super) fn failed(&mut self, address: Ipv4Addr, now_ns: u64) {
        let mut oldest = None;
        for (place, failed) in self.failed.iter_mut().enumerate() {
            if failed.address == address {
                let is_forgotten = now_ns.saturating_sub(failed.last_ns) >= FORGOTTEN_NS;
                failed.count = if is_forgotten {
                    1
                } else {
                    failed.count.saturating_add(1)
                };
                failed.last_ns = now_ns;
                return;
            }
            if oldest.is_none_or(|(_, last_ns)| failed.last_ns < last_ns) {
                oldest = Some((place, failed.last_ns));
            }
        }
        let new = Failed {
            address,
            count: 1,
            last_ns: now_ns,
        };
        match oldest {
            Some((place, _)) if self.failed.len() == FAILED_MAX => self.failed[place] = new,
            _ => self.failed.push(new),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
    const MILLISECOND: u64 = 1_000_000;

    #[test]
    fn an_address_has_so_many_connections() {
        let mut crowd = Crowd::new(8, 2);
        assert!(crowd.enters(ONE) && crowd.enters(ONE) && !crowd.enters(ONE));
        assert!(crowd.enters(OTHER), "others are not disturbed");
        crowd.leaves(ONE);
        assert!(crowd.enters(ONE) && !crowd.enters(ONE));
        for _ in 0..100 {
            assert!(
                crowd.enters(Ipv4Addr::LOCALHOST),
                "who is on the machine shares one"
            );
        }
        for _ in 0..100 {
            crowd.leaves(Ipv4Addr::LOCALHOST);
        }
        crowd.leaves(ONE);
        crowd.leaves(ONE);
        crowd.leaves(OTHER);
        assert!(crowd.counts.is_empty(), "who left is forgotten");
    }

    #[test]
    fn a_guest_is_there_until_its_last_connection_leaves() {
        let mut guests = Guests::new(2);
        guests.enters(ONE);
        guests.enters(ONE);
        guests.enters(Ipv4Addr::LOCALHOST);
        assert!(guests.has(ONE) && guests.has(Ipv4Addr::LOCALHOST) && !guests.has(OTHER));
        guests.leaves(ONE);
        assert!(guests.has(ONE));
        guests.leaves(ONE);
        guests.leaves(Ipv4Addr::LOCALHOST);
        assert!(guests.counts.is_empty(), "who left is forgotten");
    }

    #[test]
    fn failures_cost_more_and_more_and_are_forgotten() {
        let mut attempts = Attempts::new();
        let mut now = 1_000_000_000;
        assert!(!attempts.is_delayed(ONE, now));
        for milliseconds in [125, 250, 500, 1_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000] {
            attempts.failed(ONE, now);
            assert!(!attempts.is_delayed(OTHER, now));
            now += milliseconds * MILLISECOND;
            assert!(attempts.is_delayed(ONE, now - 1), "after {milliseconds} ms");
            assert!(!attempts.is_delayed(ONE, now), "after {milliseconds} ms");
        }
        now += FORGOTTEN_NS;
        attempts.failed(ONE, now);
        assert!(!attempts.is_delayed(ONE, now + DELAY_NS));
        for _ in 0..1_000 {
            attempts.failed(ONE, now);
        }
        assert!(attempts.is_delayed(ONE, now + DELAY_NS_MAX - 1));
        assert!(!attempts.is_delayed(ONE, now + DELAY_NS_MAX));
    }

    #[test]
    fn the_table_does_not_grow() {
        let mut attempts = Attempts::new();
        let room = attempts.failed.capacity();
        for number in 0..10_000_u32 {
            attempts.failed(Ipv4Addr::from_bits(number), u64::from(number));
        }
        assert_eq!(
            (attempts.failed.len(), attempts.failed.capacity()),
            (FAILED_MAX, room)
        );
        let newest = Ipv4Addr::from_bits(9_999);
        assert!(attempts.is_delayed(newest, 10_000));
        let oldest = Ipv4Addr::from_bits(10_000 - FAILED_MAX as u32);
        assert!(attempts.is_delayed(oldest, 10_000));
        assert!(!attempts.is_delayed(Ipv4Addr::from_bits(0), 10_000));
    }
}
