//! From a client's name of an order (session, UserRefNum) to its handle: a hash table of chains, the links in the orders
//! themselves, twice as many buckets as orders, with a secret of the process so that nobody can choose names that
//! collide. Nothing depends on the table's order: the secret never shows in events or state.

use super::book::arena::{Arena, NONE};
use super::hashing::Hasher;
use crate::sys::table::{prefetch_at, table};

/// Buckets of neighboring names that lie together, in one cache line.
const BLOCK: u32 = 1 << BLOCK_BITS;
const BLOCK_BITS: u32 = 4;

/// Where a name is looked for: its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u32);

impl Place {
    /// Not reckoned yet.
    pub(super) const UNKNOWN: Self = Self(NONE);
}

#[derive(Debug)]
pub(super) struct Index {
    /// First order of each chain.
    buckets: Vec<u32>,
    /// 32 less the bits of the number of blocks.
    block_shift: u32,
    hasher: Hasher,
}

impl Index {
    pub(super) fn new(capacity: u32, seed: u64) -> Self {
        let buckets = (capacity as usize * 2)
            .next_power_of_two()
            .clamp(2 * BLOCK as usize, 1 << 31);
        Self {
            buckets: table(buckets, NONE),
            block_shift: 32 - (buckets as u32 / BLOCK).trailing_zeros(),
            hasher: Hasher::new(seed),
        }
    }

    /// Where the name is, or belongs. It stays the same as long as the table does.
    ///
    /// PERF: sixteen names that follow each other share a line, so that a session's new orders find theirs in the cache.
    /// Where a name lies within it is the hash's business too: else names that are multiples of sixteen would crowd.
    #[inline(always)]
    pub(super) fn place(&self, session: u32, user_ref: u32) -> Place {
        let hash = self
            .hasher
            .hash(u64::from(session) << 32 | u64::from(user_ref / BLOCK));
        let block = hash.wrapping_shr(self.block_shift);
        Place((block << BLOCK_BITS) | ((user_ref ^ hash) % BLOCK))
    }

    /// The handle of the name whose place this is; [`NONE`] when there is no such order.
    #[inline(always)]
    pub(super) fn find(&self, arena: &Arena, place: Place, session: u32, user_ref: u32) -> u32 {
        let mut handle = self.guess(place);
        while handle != NONE {
            let slot = arena.get(handle);
            if slot.user_ref == user_ref && slot.session == session {
                break;
            }
            handle = slot.chain;
        }
        handle
    }

    /// The handle that probably has the name of this place, without a look at the order itself. For prefetching only.
    #[inline(always)]
    pub(super) fn guess(&self, place: Place) -> u32 {
        self.buckets[place.0 as usize]
    }

    /// Has the place fetched before it is needed.
    #[inline(always)]
    pub(super) fn prefetch(&self, place: Place) {
        prefetch_at(&self.buckets, place.0);
    }

    /// Adds the name of `handle`; returns the link that its order must keep.
    #[inline(always)]
    pub(super) fn insert(&mut self, place: Place, handle: u32) -> u32 {
        std::mem::replace(&mut self.buckets[place.0 as usize], handle)
    }

    /// Removes the name of `handle`, which must be there; `chain` is the link in its order.
    #[inline(always)]
    pub(super) fn remove(&mut self, arena: &mut Arena, place: Place, handle: u32, chain: u32) {
        let bucket = &mut self.buckets[place.0 as usize];
        let mut before = *bucket;
        if before == handle {
            *bucket = chain;
            return;
        }
        // The slots assert that `before` is one: a listed order is in its chain.
        while arena.get(before).chain != handle {
            before = arena.get(before).chain;
        }
        arena.get_mut(before).chain = chain;
    }
}

#[cfg(test)]
mod tests {
    use super::super::book::arena::OrderSlot;
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
        let mut arena = Arena::new(500);
        let mut index = Index::new(500, seed);
        let mut model: HashMap<(u32, u32), u32> = HashMap::new();
        for _ in 0..50_000_u32 {
            let (session, user_ref) = (first_session + random.below(3) as u32, random.below(400) as u32);
            let place = index.place(session, user_ref);
            let found = index.find(&arena, place, session, user_ref);
            assert_eq!(found, model.get(&(session, user_ref)).copied().unwrap_or(NONE));
            if let Some(handle) = model.remove(&(session, user_ref)) {
                let chain = arena.get(handle).chain;
                index.remove(&mut arena, place, handle, chain);
                arena.remove(handle);
            } else if !arena.is_full() {
                let handle = arena.insert(&OrderSlot {
                    session,
                    user_ref,
                    ..OrderSlot::EMPTY
                });
                arena.get_mut(handle).chain = index.insert(place, handle);
                model.insert((session, user_ref), handle);
            }
        }
        for ((session, user_ref), handle) in model {
            let chain = arena.get(handle).chain;
            index.remove(&mut arena, index.place(session, user_ref), handle, chain);
        }
        assert!(index.buckets.iter().all(|&bucket| bucket == NONE));
    }

    /// Names that keep a distance, whatever it is, spread as well as any: chains stay short.
    #[test]
    fn no_distance_between_names_makes_chains_long() {
        const NAMES: u32 = 10_000;
        for distance in [1, 2, 15, 16, 17, 256, 4_096] {
            let index = Index::new(NAMES, 99);
            let mut chains = vec![0_u32; index.buckets.len()];
            for name in 0..NAMES {
                chains[index.place(3, name * distance).0 as usize] += 1;
            }
            let longest = chains.into_iter().max().unwrap_or(0);
            assert!(longest <= 12, "distance {distance}: {longest} in one bucket");
        }
    }
}
