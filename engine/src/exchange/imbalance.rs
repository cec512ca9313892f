//! What a cross would bring if it were now, told each second while an instrument collects.

use super::event::{Event, EventKind};
use super::sink::{Progress, Sink, Step};
use super::{Exchange, Work};

/// Most instruments that a step looks at.
const INSTRUMENTS_PER_STEP: usize = 1_024;

impl Exchange {
    pub(super) fn imbalance<S: Sink>(&mut self, step: &mut Step<'_, S>) -> Progress {
        self.timers.imbalances_told(self.now);
        self.tell_imbalances(0, step)
    }

    /// Tells the imbalances of instruments from this place on, as far as the step reaches.
    pub(super) fn tell_imbalances<S: Sink>(&mut self, first: usize, step: &mut Step<'_, S>) -> Progress {
        for place in first..self.instruments.len() {
            if place - first == INSTRUMENTS_PER_STEP || !step.has_room() {
                self.work = Work::Imbalance { place };
                return Progress::More;
            }
            if self.instruments[place].state.shows_imbalance() {
                self.tell_imbalance(place, step);
            }
        }
        Progress::Done
    }

    fn tell_imbalance<S: Sink>(&self, place: usize, step: &mut Step<'_, S>) {
        let (instrument, kind) = (&self.instruments[place], self.auctions[place].kind);
        let reference = instrument.reference();
        let whole = self.clearing(place, kind);
        let near = whole.map_or(0, |clearing| instrument.price(clearing.tick));
        let far = self.clearing_without_book(place, kind);
        let far = far.map_or(0, |clearing| instrument.price(clearing.tick));
        let direction = whole.map_or(b'O', |clearing| match clearing.demand.cmp(&clearing.supply) {
            std::cmp::Ordering::Greater => b'B',
            std::cmp::Ordering::Less => b'S',
            std::cmp::Ordering::Equal => b'N',
        });
        let locate = place as u16 + 1;
        step.emit(Event {
            code: kind as u8,
            instrument: locate,
            user_ref: reference,
            quantity: u32::from(variation(near, reference)),
            price: near,
            detail: far,
            number: whole.map_or(0, |clearing| clearing.volume()),
            ..Event::new(EventKind::ImbalanceVolume)
        });
        step.emit(Event {
            code: direction,
            instrument: locate,
            number: whole.map_or(0, |clearing| clearing.imbalance()),
            ..Event::new(EventKind::ImbalanceSide)
        });
    }
}

/// How far the price of the cross is from the reference, as ITCH has it: `L` below one percent, then whole percents to
/// `9`, `A` from ten, `B` from twenty, `C` from thirty; a space when one of the two is not there.
fn variation(near: u32, reference: u32) -> u8 {
    if near == 0 || reference == 0 {
        return b' ';
    }
    let percents = u64::from(near.abs_diff(reference)) * 100 / u64::from(reference);
    match percents {
        0 => b'L',
        1..=9 => b'0' + percents as u8,
        10..=19 => b'A',
        20..=29 => b'B',
        _ => b'C',
    }
}

#[cfg(test)]
mod tests {
    use super::variation;

    #[test]
    fn the_variation_is_told_in_whole_percents() {
        for (near, expected) in [
            (10_000, b'L'),
            (10_099, b'L'),
            (10_100, b'1'),
            (9_901, b'L'),
            (9_900, b'1'),
            (10_999, b'9'),
            (9_001, b'9'),
            (11_000, b'A'),
            (11_999, b'A'),
            (12_000, b'B'),
            (8_000, b'B'),
            (13_000, b'C'),
            (1, b'C'),
            (u32::MAX, b'C'),
            (0, b' '),
        ] {
            assert_eq!(variation(near, 10_000), expected, "{near}");
        }
        assert_eq!(variation(10_000, 0), b' ');
    }
}
