//! From a client's name of an order (session, UserRefNum) to its handle: one open-addressed table, sized at start to be
//! at most half full, with a seed of the process's own so that nobody can choose names that collide.
//!
//! An entry is 8 bytes: the hash's upper half (its top bits are the home place) and the handle. Deletion shifts back, so
//! that no tombstones gather. Nothing depends on the table's order: the seed never shows in events or state.

use super::book::arena::NONE;
use super::hashing::hash;
use crate::sys::table::{prefetch, table};

const EMPTY: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct Index {
    entries: Vec<u64>,
    /// 32 less the table's bits.
    shift: u32,
    seed: u64,
}

impl Index {
    pub(super) fn new(capacity: u32, seed: u64) -> Self {
        let size = (capacity as usize * 2).next_power_of_two().clamp(16, 1 << 32);
        Self {
            entries: table(size, EMPTY),
            shift: 32 - size.trailing_zeros(),
            seed,
        }
    }

    #[inline(always)]
    fn hash(&self, session: u32, user_ref: u32) -> u32 {
        hash(u64::from(session) << 32 | u64::from(user_ref), self.seed)
    }

    #[inline(always)]
    fn home(&self, hash: u32) -> usize {
        // A table of 2^32 entries has shift 0; smaller ones use the top bits.
        (hash >> self.shift) as usize
    }

    #[inline(always)]
    fn mask(&self) -> usize {
        self.entries.len() - 1
    }

    /// The handle; `is_it` tells whether a handle really has this name.
    #[inline(always)]
    pub(super) fn find(&self, session: u32, user_ref: u32, is_it: impl Fn(u32) -> bool) -> u32 {
        match self.place(session, user_ref, is_it) {
            Some(place) => self.entries[place] as u32,
            None => NONE,
        }
    }

    /// A handle that probably has this name, without a look at the order itself; [`NONE`] when there is none. For
    /// prefetching only: another name may have the same hash.
    #[inline]
    pub(super) fn guess(&self, session: u32, user_ref: u32) -> u32 {
        self.find(session, user_ref, |_| true)
    }

    /// Has the name's home fetched before it is needed.
    #[inline(always)]
    pub(super) fn prefetch(&self, session: u32, user_ref: u32) {
        prefetch(&self.entries[self.home(self.hash(session, user_ref))]);
    }

    #[inline(always)]
    fn place(&self, session: u32, user_ref: u32, is_it: impl Fn(u32) -> bool) -> Option<usize> {
        let hash = self.hash(session, user_ref);
        let mut place = self.home(hash);
        loop {
            let entry = self.entries[place];
            if entry == EMPTY {
                return None;
            }
            if (entry >> 32) as u32 == hash && is_it(entry as u32) {
                return Some(place);
            }
            place = (place + 1) & self.mask();
        }
    }

    #[inline(always)]
    pub(super) fn insert(&mut self, session: u32, user_ref: u32, handle: u32) {
        let hash = self.hash(session, user_ref);
        let mut place = self.home(hash);
        while self.entries[place] != EMPTY {
            place = (place + 1) & self.mask();
        }
        self.entries[place] = u64::from(hash) << 32 | u64::from(handle);
    }

    /// Removes the name of `handle`, which must be there.
    pub(super) fn remove(&mut self, session: u32, user_ref: u32, handle: u32) {
        let Some(mut hole) = self.place(session, user_ref, |found| found == handle) else {
            unreachable!("a listed order is in the index");
        };
        let mut place = hole;
        loop {
            place = (place + 1) & self.mask();
            let entry = self.entries[place];
            if entry == EMPTY {
                break;
            }
            // An entry may move back into the hole unless its home lies after the hole.
            let home = self.home((entry >> 32) as u32);
            if (place.wrapping_sub(home) & self.mask()) >= (place.wrapping_sub(hole) & self.mask()) {
                self.entries[hole] = entry;
                hole = place;
            }
        }
        self.entries[hole] = EMPTY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::testing::Random;
    use std::collections::HashMap;

    #[test]
    fn agrees_with_a_map() {
        // Any secret of the process, and any session number, may come.
        for (seed, first_session) in [(42, 0), (u64::MAX, 0), (1, u32::MAX - 2)] {
            compare_with_a_map(seed, first_session);
        }
    }

    fn compare_with_a_map(seed: u64, first_session: u32) {
        let mut random = Random::new(1);
        let mut index = Index::new(500, seed);
        let mut model: HashMap<(u32, u32), u32> = HashMap::new();
        for handle in 0..50_000_u32 {
            let name = (first_session + random.below(3) as u32, random.below(400) as u32);
            let names = &model;
            let found = index.find(name.0, name.1, |handle| names.get(&name) == Some(&handle));
            assert_eq!(found, model.get(&name).copied().unwrap_or(NONE));
            if let Some(handle) = model.remove(&name) {
                index.remove(name.0, name.1, handle);
            } else if model.len() < 500 {
                index.insert(name.0, name.1, handle);
                model.insert(name, handle);
            }
        }
        for (name, handle) in model {
            index.remove(name.0, name.1, handle);
        }
        assert!(index.entries.iter().all(|&entry| entry == EMPTY));
    }
}
