//! Fee schedules: what a fill costs, and what orders that entered under other fees still go by.
//!
//! An order keeps the schedule under which it got its number, for what it holds was measured by it. Its slot has the
//! index only; the table is allocated at start, knows no schedule twice, and forgets none: orders may go by it.

use super::money::PPM;

/// The fees of an instrument at one time, parts per million of a fill's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeSchedule {
    /// The resting side's; negative is a rebate.
    pub maker_ppm: i32,
    /// The incoming side's.
    pub taker_ppm: i32,
    /// The most that a fill can cost either.
    pub rate_max_ppm: u32,
}

impl FeeSchedule {
    /// `None` when a fee is above all of the value, or a rebate above what the other side pays.
    pub(super) fn new(maker_ppm: i32, taker_ppm: i32) -> Option<Self> {
        let all = PPM as i32;
        let is_bounded = (0..=all).contains(&taker_ppm) && (-taker_ppm..=all).contains(&maker_ppm);
        is_bounded.then_some(Self {
            maker_ppm,
            taker_ppm,
            rate_max_ppm: taker_ppm.max(maker_ppm).max(0).unsigned_abs(),
        })
    }
}

/// The table of all schedules there ever were.
#[derive(Debug)]
pub(super) struct FeeSchedules {
    table: Vec<FeeSchedule>,
    capacity: usize,
}

impl FeeSchedules {
    /// Room for `capacity` different schedules.
    pub(super) fn new(capacity: u32) -> Self {
        Self {
            table: Vec::with_capacity(capacity as usize),
            capacity: capacity as usize,
        }
    }

    /// The schedule of an order or instrument.
    #[inline(always)]
    pub(super) fn get(&self, index: u16) -> &FeeSchedule {
        &self.table[usize::from(index)]
    }

    /// The index of an equal schedule, or of a new one. `None` when the table is full.
    pub(super) fn index_of(&mut self, schedule: FeeSchedule) -> Option<u16> {
        if !self.has_room_for(&schedule) {
            return None;
        }
        let known = self.table.iter().position(|known| *known == schedule);
        let place = known.unwrap_or_else(|| {
            self.table.push(schedule);
            self.table.len() - 1
        });
        // The capacity has 16 bits.
        Some(place as u16)
    }

    /// True when the schedule is there, or can be added.
    pub(super) fn has_room_for(&self, schedule: &FeeSchedule) -> bool {
        self.table.len() < self.capacity || self.table.contains(schedule)
    }

    /// All of them, in the order they came.
    pub(super) fn all(&self) -> &[FeeSchedule] {
        &self.table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_schedule_is_there_twice() {
        let mut table = FeeSchedules::new(2);
        let schedule = |maker, taker| FeeSchedule::new(maker, taker).expect("it is bounded");
        assert_eq!(table.index_of(schedule(-1, 2)), Some(0));
        assert_eq!(table.index_of(schedule(3, 0)), Some(1));
        assert_eq!(table.get(1).rate_max_ppm, 3);
        assert_eq!(table.index_of(schedule(-1, 2)), Some(0));
        assert_eq!(table.index_of(schedule(0, 0)), None);
        assert_eq!(table.all().len(), 2);
    }

    #[test]
    fn a_rebate_is_at_most_what_the_other_side_pays() {
        assert!(FeeSchedule::new(-5, 5).is_some());
        for (maker, taker) in [(-6, 5), (0, -1), (1_000_001, 0), (0, 1_000_001)] {
            assert_eq!(FeeSchedule::new(maker, taker), None);
        }
    }
}
