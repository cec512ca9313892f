//! A running hash over every event since the first command: the journal writes it down, replay compares it.

use crate::exchange::event::Event;

/// Equal after equal events. Made to notice a difference between two runs, not to resist people who want collisions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventsHash(u64);

impl EventsHash {
    /// One that goes on from a value.
    pub fn resume(value: u64) -> Self {
        Self(value)
    }

    /// The hash so far.
    pub fn value(&self) -> u64 {
        self.0
    }

    /// Adds the events of a step.
    pub fn add(&mut self, events: &[Event]) {
        for event in events {
            let [a, b, c, d]: [u64; 4] = zerocopy::transmute!(*event);
            // Two folded multiplications an event: every bit in goes to every bit out.
            let first = fold(self.0 ^ a ^ 0x9E37_79B9_7F4A_7C15, b ^ 0xD6E8_FEB8_6659_FD93);
            self.0 =
                fold(first ^ c ^ 0xA076_1D64_78BD_642F, d ^ 0xE703_7ED1_A0B4_28DB) ^ first.rotate_left(32);
        }
    }
}

/// Both halves of the product, one upon the other.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::event::EventKind;

    #[test]
    fn order_and_every_field_count() {
        let event = |number| Event {
            number,
            ..Event::new(EventKind::Accepted)
        };
        let hash = |events: &[Event]| {
            let mut hash = EventsHash::default();
            hash.add(events);
            hash.value()
        };
        let (one, two) = (event(1), event(2));
        assert_ne!(hash(&[one, two]), hash(&[two, one]));
        assert_ne!(hash(&[one]), hash(&[one, event(0)]));
        assert_ne!(hash(&[one]), hash(&[Event { quantity: 1, ..one }]));
        assert_ne!(hash(&[one]), hash(&[Event { code: 1, ..one }]));
        let mut split = EventsHash::default();
        split.add(&[one]);
        split.add(&[two]);
        assert_eq!(split.value(), hash(&[one, two]));
    }
}
