//! Messages that came before their turn: a ring of fixed slots, found by sequence number.

/// Bytes a slot holds. Every message of ours is shorter; a longer one is not held, and asked for again in its turn.
pub(super) const SLOT_BYTES: usize = 110;

#[derive(Debug, Clone)]
struct Slot {
    /// 0 = empty: sequence numbers start at 1.
    sequence: u64,
    length: u8,
    bytes: [u8; SLOT_BYTES],
}

/// Messages ahead of the next one in turn, at most as many as there are slots.
#[derive(Debug, Clone)]
pub(super) struct Held {
    slots: Box<[Slot]>,
    count: usize,
}

impl Held {
    /// Room for `slots` messages, allocated here and never again.
    pub(super) fn new(slots: usize) -> Self {
        let empty = Slot {
            sequence: 0,
            length: 0,
            bytes: [0; SLOT_BYTES],
        };
        Self {
            slots: vec![empty; slots].into_boxed_slice(),
            count: 0,
        }
    }

    /// Number of messages held.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// True when message `sequence` is held.
    pub(super) fn has(&self, sequence: u64) -> bool {
        self.index(sequence)
            .is_some_and(|index| self.slots[index].sequence == sequence)
    }

    /// Holds a message. False when it cannot be: too far ahead of `next`, too long, or already held.
    pub(super) fn insert(&mut self, next: u64, sequence: u64, message: &[u8]) -> bool {
        let Some(index) = self.index(sequence) else {
            return false;
        };
        let Ok(length) = u8::try_from(message.len()) else {
            return false;
        };
        // Within one turn of the ring no two numbers share a slot.
        let is_near = sequence > next && sequence - next < self.slots.len() as u64;
        if !is_near || message.len() > SLOT_BYTES || self.slots[index].sequence == sequence {
            return false;
        }
        let slot = &mut self.slots[index];
        debug_assert_eq!(
            slot.sequence, 0,
            "what is held is delivered or dropped before its slot's next turn"
        );
        slot.sequence = sequence;
        slot.length = length;
        slot.bytes[..message.len()].copy_from_slice(message);
        self.count += 1;
        true
    }

    /// Gives message `sequence` to `take` and forgets it. False when it is not held.
    pub(super) fn take(&mut self, sequence: u64, take: impl FnOnce(&[u8])) -> bool {
        let Some(index) = self.index(sequence) else {
            return false;
        };
        let slot = &mut self.slots[index];
        if slot.sequence != sequence {
            return false;
        }
        slot.sequence = 0;
        self.count -= 1;
        take(&slot.bytes[..usize::from(slot.length)]);
        true
    }

    /// Forgets messages below `sequence`.
    pub(super) fn forget_below(&mut self, sequence: u64) {
        if self.count == 0 {
            return;
        }
        for slot in &mut self.slots {
            if slot.sequence != 0 && slot.sequence < sequence {
                slot.sequence = 0;
                self.count -= 1;
            }
        }
    }

    /// Forgets messages from `sequence` on.
    pub(super) fn forget_from(&mut self, sequence: u64) {
        if self.count == 0 {
            return;
        }
        for slot in &mut self.slots {
            if slot.sequence >= sequence.max(1) {
                slot.sequence = 0;
                self.count -= 1;
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.forget_below(u64::MAX);
    }

    fn index(&self, sequence: u64) -> Option<usize> {
        // Without slots nothing is held. The remainder is below a usize.
        sequence
            .checked_rem(self.slots.len() as u64)
            .map(|index| index as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_is_near_and_short() {
        let mut held = Held::new(4);
        assert!(held.insert(10, 11, b"a"));
        assert!(!held.insert(10, 11, b"a"), "already held");
        assert!(held.insert(10, 13, b"c"));
        assert!(!held.insert(10, 14, b"d"), "too far");
        assert!(!held.insert(10, 10, b"x"), "in turn");
        assert!(!held.insert(10, 12, &[0; SLOT_BYTES + 1]), "too long");
        assert!(held.has(13) && !held.has(12) && held.count() == 2);
        let mut taken = Vec::new();
        assert!(held.take(11, |message| taken.extend_from_slice(message)));
        assert!(!held.take(11, |_| ()));
        assert_eq!(taken, b"a");
        held.forget_below(14);
        assert_eq!(held.count(), 0);
    }

    #[test]
    fn without_slots_nothing_is_held() {
        let mut held = Held::new(0);
        assert!(!held.insert(1, 2, b"a") && !held.has(2) && !held.take(2, |_| ()));
    }
}
