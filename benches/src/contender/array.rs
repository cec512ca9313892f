//! The bare array book, with and without balances.

use super::{Case, Contender};
use crate::ceiling::{ArrayBook, Money};
use crate::fills::{FillsHash, Tape};

/// Operations from an order's and a level's fetching to the operation.
const AHEAD: usize = 8;

/// The ceiling. With `FETCH`, what an operation needs is fetched while those before it are done.
#[derive(Debug)]
pub struct Array<'a, M, const FETCH: bool> {
    case: &'a Case,
    book: ArrayBook<M>,
    told: Tape,
}

impl<'a, M: Money, const FETCH: bool> Contender<'a> for Array<'a, M, FETCH> {
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
    fn ahead(&mut self, place: usize) {
        if FETCH && let Some(operation) = self.case.operations.measured.get(place + AHEAD) {
            self.book.prefetch(operation);
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
