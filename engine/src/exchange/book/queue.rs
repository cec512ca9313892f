//! Orders in a line, first come first, linked through their slots. For orders that are in no level: a level is such a line
//! too, but matching reads its ends together with its price and its sum.

use super::arena::{Arena, NONE, OrderSlot};

/// Both ends of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    first: u32,
    last: u32,
}

impl Queue {
    /// Nobody is in line.
    pub const EMPTY: Self = Self {
        first: NONE,
        last: NONE,
    };

    /// The first order; [`NONE`] when there is none.
    pub fn first(&self) -> u32 {
        self.first
    }

    /// The last order; [`NONE`] when there is none.
    pub fn last(&self) -> u32 {
        self.last
    }

    /// Puts an order behind the others.
    pub fn push(&mut self, arena: &mut Arena, handle: u32) {
        let last = std::mem::replace(&mut self.last, handle);
        if last == NONE {
            self.first = handle;
        } else {
            arena.get_mut(last).next = handle;
        }
        let slot = arena.get_mut(handle);
        (slot.prev, slot.next) = (last, NONE);
    }

    /// Takes an order, of which `slot` is what it says now, out of the line.
    pub fn remove(&mut self, arena: &mut Arena, slot: &OrderSlot) {
        match slot.prev {
            NONE => self.first = slot.next,
            before => arena.get_mut(before).next = slot.next,
        }
        match slot.next {
            NONE => self.last = slot.prev,
            behind => arena.get_mut(behind).prev = slot.prev,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::testing::Random;

    #[test]
    fn agrees_with_a_plain_list() {
        let mut random = Random::new(1);
        let mut arena = Arena::new(20);
        let (mut queue, mut model) = (Queue::EMPTY, Vec::new());
        for _ in 0..10_000 {
            if !arena.is_full() && random.chance(1, 2) {
                let handle = arena.insert(&OrderSlot::EMPTY);
                queue.push(&mut arena, handle);
                model.push(handle);
            } else if !model.is_empty() {
                let handle = model.remove(random.below(model.len() as u64) as usize);
                let slot = *arena.get(handle);
                queue.remove(&mut arena, &slot);
                arena.remove(handle);
            }
            let walk = |from, step: fn(&OrderSlot) -> u32| -> Vec<u32> {
                let there = |at| (at != NONE).then_some(at);
                std::iter::successors(there(from), |&at| there(step(arena.get(at))))
                    .take(model.len() + 1)
                    .collect()
            };
            assert_eq!(walk(queue.first(), |slot| slot.next), model);
            let mut backwards = walk(queue.last(), |slot| slot.prev);
            backwards.reverse();
            assert_eq!(backwards, model);
        }
    }
}
