//! The bare array book, with and without balances.

use super::{Case, Contender};
use crate::ceiling::{ArrayBook, Money};
use crate::fills::{FillsHash, Tape};

/// Operations that are touched together before they are done; 1 for none.
const TOGETHER: usize = 8;

/// The ceiling. With `TOUCH`, what the next operations need is read before they are done.
#[derive(Debug)]
pub struct Array<'a, M, const TOUCH: bool> {
    case: &'a Case,
    book: ArrayBook<M>,
    told: Tape,
}

impl<'a, M: Money, const TOUCH: bool> Contender<'a> for Array<'a, M, TOUCH> {
    fn prepared(case: &'a Case) -> Self {
        let mut book = ArrayBook::new(&case.operations);
        let mut told = Tape::new();
        for operation in &case.operations.setup {
            book.apply(operation, &mut told);
            told.drain(&mut FillsHash::default());
        }
        Self { case, book, told }
    }

    fn operations(&self) -> usize {
        self.case.operations.measured.len()
    }

    #[inline]
    fn ahead(&self, place: usize) {
        if TOUCH && place.is_multiple_of(TOGETHER) {
            let operations = &self.case.operations.measured;
            for operation in &operations[operations.len().min(place)..operations.len().min(place + TOGETHER)]
            {
                std::hint::black_box(self.book.touch(operation));
            }
        }
    }

    #[inline]
    fn apply(&mut self, place: usize) {
        self.book
            .apply(&self.case.operations.measured[place], &mut self.told);
    }

    fn drain(&mut self, hash: &mut FillsHash) {
        self.told.drain(hash);
    }

    fn check(&self) {
        assert_eq!(self.book.live(), self.case.operations.live_at_end, "orders rest");
        assert!(self.book.money().is_conserved(), "money was made or lost");
    }
}
