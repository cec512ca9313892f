//! When orders end by themselves: a queue of those that are good till a time, the earliest first.
//!
//! A heap with four children to a node, allocated at start, at most as long as there are orders. Each order knows its
//! place in it, so that one that ends otherwise leaves it in as many steps as the heap is deep. Orders of one time leave
//! in the order of their numbers: equal commands expire equally, whatever way the heap was built.

use super::book::arena::{Arena, FLAG_EXPIRES};
use super::sink::{Progress, Sink, Step};
use super::{Exchange, Work};

/// Children of a node: a shallow heap, since every move writes a place into an order's details.
const CHILDREN: usize = 4;

const SECOND_NS: u64 = 1_000_000_000;

/// An order's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    /// Nanoseconds since the day's midnight.
    time: u64,
    /// Order reference number.
    number: u64,
    handle: u32,
}

/// The queue.
#[derive(Debug)]
pub(super) struct ExpiryQueue {
    heap: Vec<End>,
}

impl ExpiryQueue {
    /// Room for `capacity` orders.
    pub(super) fn new(capacity: u32) -> Self {
        Self {
            heap: Vec::with_capacity(capacity as usize),
        }
    }

    /// The earliest end: its time and order.
    fn first(&self) -> Option<(u64, u32)> {
        self.heap.first().map(|end| (end.time, end.handle))
    }

    /// Takes an order in; its time is in its details.
    fn insert(&mut self, arena: &mut Arena, handle: u32) {
        assert!(
            self.heap.len() < self.heap.capacity(),
            "there is room for every order"
        );
        let end = End {
            time: arena.details(handle).expire_time,
            number: arena.number(handle),
            handle,
        };
        arena.get_mut(handle).flags |= FLAG_EXPIRES;
        self.heap.push(end);
        self.rise(arena, self.heap.len() - 1, end);
    }

    /// Takes an order out that is in.
    fn remove(&mut self, arena: &mut Arena, handle: u32) {
        let place = arena.details(handle).expire_place as usize;
        debug_assert!(self.heap[place].handle == handle, "an order knows its place");
        arena.get_mut(handle).flags &= !FLAG_EXPIRES;
        let last = self.heap.pop().expect("the order is in");
        if place == self.heap.len() {
            return;
        }
        // The last one fills the hole, and moves to where it belongs.
        if place > 0 && last < self.heap[(place - 1) / CHILDREN] {
            self.rise(arena, place, last);
        } else {
            self.sink(arena, place, last);
        }
    }

    fn put(&mut self, arena: &mut Arena, place: usize, end: End) {
        self.heap[place] = end;
        // There are fewer places than handles.
        arena.details_mut(end.handle).expire_place = place as u32;
    }

    /// Puts `end` at `place` or above.
    fn rise(&mut self, arena: &mut Arena, mut place: usize, end: End) {
        while place > 0 {
            let parent = (place - 1) / CHILDREN;
            if self.heap[parent] < end {
                break;
            }
            self.put(arena, place, self.heap[parent]);
            place = parent;
        }
        self.put(arena, place, end);
    }

    /// Puts `end` at `place` or below.
    fn sink(&mut self, arena: &mut Arena, mut place: usize, end: End) {
        loop {
            let children = place * CHILDREN + 1..(place * CHILDREN + 1 + CHILDREN).min(self.heap.len());
            let Some(child) = children.min_by_key(|&child| self.heap[child]) else {
                break;
            };
            if end < self.heap[child] {
                break;
            }
            self.put(arena, place, self.heap[child]);
            place = child;
        }
        self.put(arena, place, end);
    }

    /// Every order is where it says, and none is before its parent.
    pub(super) fn check(&self, arena: &Arena) -> Result<(), String> {
        for (place, end) in self.heap.iter().enumerate() {
            let (slot, details) = (arena.get(end.handle), arena.details(end.handle));
            let sound = slot.is(FLAG_EXPIRES)
                && details.expire_place as usize == place
                && (details.expire_time, arena.number(end.handle)) == (end.time, end.number)
                && (place == 0 || self.heap[(place - 1) / CHILDREN] < *end);
            if !sound {
                return Err(format!("order {} is not where it expires: {end:?}", slot.number));
            }
        }
        Ok(())
    }

    /// Orders that are in.
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}

impl Exchange {
    /// When the next order's time has come, in the commands' time; `None` while no order has an end.
    pub(super) fn next_expiry(&self) -> Option<u64> {
        self.expiry.first().map(|(time, _)| time)
    }

    /// When an order that lives `seconds` from the present command on ends.
    pub(super) fn expiry_after(&self, seconds: u32) -> u64 {
        self.now + u64::from(seconds) * SECOND_NS
    }

    /// An order that rests now gets its place in the queue.
    pub(super) fn schedule_expiry(&mut self, handle: u32) {
        self.expiry.insert(&mut self.arena, handle);
    }

    /// An order that ends, or starts anew, leaves the queue if it is in.
    pub(super) fn unschedule_expiry(&mut self, handle: u32) {
        if self.arena.get(handle).is(FLAG_EXPIRES) {
            self.expiry.remove(&mut self.arena, handle);
        }
    }

    /// Cancels all orders whose time has come, the earliest first, as far as the step reaches.
    pub(super) fn expire<S: Sink>(&mut self, step: &mut Step<'_, S>) -> Progress {
        while let Some((time, handle)) = self.expiry.first()
            && time <= self.now
        {
            if !step.has_room() {
                self.work = Work::Expire;
                return Progress::More;
            }
            self.cancel_resting(handle, b'T', step);
        }
        Progress::Done
    }
}

#[cfg(test)]
mod tests {
    use super::super::book::arena::OrderSlot;
    use super::*;
    use protocol::testing::Random;
    use std::collections::BTreeSet;

    /// Orders come, go from anywhere, and expire; few different ends, and ends far apart.
    #[test]
    fn agrees_with_a_sorted_set() {
        const CAPACITY: u32 = 300;
        let mut random = Random::new(1);
        let mut arena = Arena::new(CAPACITY);
        let mut queue = ExpiryQueue::new(CAPACITY);
        let mut model: BTreeSet<(u64, u64, u32)> = BTreeSet::new();
        for number in 0..60_000 {
            let fill = if number / 2_000 % 2 == 0 { 3 } else { 1 };
            if model.is_empty() || (model.len() < CAPACITY as usize && random.chance(fill, 4)) {
                let handle = arena.insert(&OrderSlot {
                    number,
                    ..OrderSlot::EMPTY
                });
                let time = *random.pick(&[1, 2, 3, 1_000]) * (1 + random.below(4));
                arena.details_mut(handle).expire_time = time;
                queue.insert(&mut arena, handle);
                model.insert((time, number, handle));
            } else {
                let place = if random.chance(1, 3) {
                    0
                } else {
                    random.below(model.len() as u64) as usize
                };
                let end = *model.iter().nth(place).expect("it is shorter");
                model.remove(&end);
                queue.remove(&mut arena, end.2);
                arena.remove(end.2);
            }
            assert_eq!(queue.len(), model.len());
            let first = model.first().map(|&(time, _, handle)| (time, handle));
            assert_eq!(queue.first(), first);
            queue
                .check(&arena)
                .expect("a heap, and every order knows its place");
        }
    }
}
