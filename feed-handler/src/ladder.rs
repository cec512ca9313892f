//! One side of a book: its prices in order.
//!
//! Must not be here: levels and orders.
//!
//! PERF: a level is found by a hash ([`crate::index`]), so that a ladder is only asked when a level comes or goes. Most do near the best
//! price: the last sixteen keys are compared all at once, without a branch; only what is not among them is searched for.

/// Keys that are looked at first.
const NEAR: usize = 16;

/// Keys ascend towards the best price, so that the best is the last. In front of them stand [`NEAR`] keys that are none.
#[derive(Debug)]
pub(crate) struct Ladder {
    keys: Vec<u32>,
}

impl Ladder {
    /// No prices.
    pub(crate) fn new() -> Self {
        Self { keys: vec![0; NEAR] }
    }

    /// Makes room for so many more.
    pub(crate) fn reserve(&mut self, prices: usize) {
        self.keys.reserve(prices);
    }

    /// Removes all.
    pub(crate) fn clear(&mut self) {
        self.keys.truncate(NEAR);
    }

    /// The keys, the best last.
    pub(crate) fn keys(&self) -> &[u32] {
        &self.keys[NEAR..]
    }

    /// Puts a key in that is not there.
    pub(crate) fn insert(&mut self, key: u32) {
        let place = self.place(key);
        self.keys.insert(place, key);
    }

    /// Removes a key that is there.
    pub(crate) fn remove(&mut self, key: u32) {
        let place = self.place(key);
        debug_assert_eq!(self.keys[place], key, "a key that is removed is there");
        self.keys.remove(place);
    }

    /// Where a key is or belongs.
    fn place(&self, key: u32) -> usize {
        let (far, near) = self
            .keys
            .split_last_chunk::<NEAR>()
            .expect("there are always as many");
        let below: u32 = near.iter().map(|other| u32::from(*other < key)).sum();
        if below == 0 {
            search(far, key)
        } else {
            far.len() + below as usize
        }
    }
}

/// Where a key is or belongs among those that are not near.
#[inline(never)]
fn search(far: &[u32], key: u32) -> usize {
    match far.get(NEAR..) {
        Some(keys) => NEAR + keys.partition_point(|other| *other < key),
        None => NEAR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::testing::Random;

    #[test]
    fn it_is_a_sorted_list() {
        for width in [3, 20, 1_000, 1 << 32] {
            let mut random = Random::new(width);
            let mut ladder = Ladder::new();
            let mut model: Vec<u32> = Vec::new();
            for _ in 0..3_000 {
                let key = match random.below(10) {
                    0 => 0,
                    1 => u32::MAX,
                    _ => random.below(width) as u32,
                };
                match model.binary_search(&key) {
                    Ok(place) if random.chance(model.len() as u64, 200) => {
                        ladder.remove(key);
                        model.remove(place);
                    }
                    Ok(_) => {}
                    Err(place) => {
                        ladder.insert(key);
                        model.insert(place, key);
                    }
                }
                assert_eq!(ladder.keys(), model);
            }
            ladder.clear();
            assert!(ladder.keys().is_empty());
        }
    }
}
