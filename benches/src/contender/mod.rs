//! Who takes part in a comparison, and how one pass of one contender is measured.
//!
//! A contender is built and brought to where the measured part begins outside of measured time. Then it is timed by
//! the batch or by the operation. What it tells goes into its own buffer, which is hashed between the batches.

mod array;
mod book;
mod core;
mod plain;
pub mod round;

use std::time::Instant;

pub use array::Array;
pub use book::OurBook;
pub use core::Core;

use crate::fills::FillsHash;
use crate::operations::Operations;
use crate::workload::Stream;

/// Operations between two looks at the clock, about what a busy turn of the engine stage takes.
pub const BATCH: usize = 1_024;
/// Room for what is told in a batch: 40 times what there is on the average.
pub const ROOM: usize = 1 << 16;

/// A stream in both forms.
#[derive(Debug)]
pub struct Case {
    /// For the exchange.
    pub stream: Stream,
    /// For books.
    pub operations: Operations,
    /// For books that know only new orders and cancels.
    pub plain: Operations,
}

impl Case {
    /// Of a stream.
    pub fn new(stream: Stream) -> Self {
        let operations = Operations::of(&stream);
        let plain = plain::of(&operations);
        Self {
            stream,
            operations,
            plain,
        }
    }
}

/// Something that works off a case.
pub trait Contender<'a> {
    /// Stands where the measured part begins.
    fn prepared(case: &'a Case) -> Self;

    /// Operations of its measured part.
    fn operations(&self) -> usize;

    /// The list it works off, which has the fills it must come to.
    fn list(case: &'a Case) -> &'a Operations {
        &case.operations
    }

    /// How many fills each of its operations causes.
    fn fills(case: &'a Case) -> &'a [u8] {
        &Self::list(case).fills_by_operation
    }

    /// The operation at `place` will come soon. Beyond the end too.
    #[inline]
    fn ahead(&mut self, _place: usize) {}

    /// Does the operation at `place`.
    fn apply(&mut self, place: usize);

    /// Adds to `hash` what was told since the last call, and forgets it.
    fn drain(&mut self, hash: &mut FillsHash);

    /// After the last operation.
    ///
    /// # Panics
    /// When it is not as it must be.
    fn check(&self) {}
}

/// What a pass gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass<'a> {
    /// Measured time of all operations, nanoseconds, and what the host took away while they ran.
    pub time_ns: u64,
    /// The same reckoned from the middle batch of all: nothing that the host takes away for milliseconds is in it. 0 when
    /// the batches were not timed.
    pub quiet_ns: u64,
    /// The fills are those of the exchange, or of its book on the plain list, in the same order.
    pub is_right: bool,
    /// How many fills each operation caused.
    pub fills: &'a [u8],
}

/// How a contender's passes are run: a function, so that contenders of different types stand in one list.
pub type Run = for<'a> fn(&'a Case, Option<&mut Vec<u32>>) -> Pass<'a>;

/// One pass. With `each`, the time of every operation is read and put there; without, that of the batches only.
pub fn run<'a, C: Contender<'a>>(case: &'a Case, each: Option<&mut Vec<u32>>) -> Pass<'a> {
    let mut contender = C::prepared(case);
    let mut hash = FillsHash::default();
    let (time_ns, quiet_ns) = match each {
        None => by_batch(&mut contender, &mut hash),
        Some(each) => {
            each.clear();
            each.reserve(contender.operations());
            by_operation(&mut contender, &mut hash, each);
            (each.iter().map(|&time| u64::from(time)).sum(), 0)
        }
    };
    contender.check();
    let list = C::list(case);
    Pass {
        time_ns,
        quiet_ns,
        is_right: (hash.value(), hash.count()) == (list.fills_hash, list.fills),
        fills: C::fills(case),
    }
}

fn by_batch<'a, C: Contender<'a>>(contender: &mut C, hash: &mut FillsHash) -> (u64, u64) {
    let operations = contender.operations();
    let mut times = Vec::with_capacity(operations.div_ceil(BATCH));
    let mut begin = 0;
    while begin < operations {
        let end = operations.min(begin + BATCH);
        let start = Instant::now();
        for place in begin..end {
            contender.ahead(place);
            contender.apply(place);
        }
        times.push(start.elapsed().as_nanos() as u64);
        contender.drain(hash);
        begin = end;
    }
    let time_ns = times.iter().sum();
    // The last batch may be a small one.
    times.truncate((operations / BATCH).max(1));
    times.sort_unstable();
    let middle = times[times.len() / 2];
    (time_ns, middle * operations as u64 / BATCH.min(operations) as u64)
}

/// One reading of the clock an operation, between the operations: each time has one reading in it.
fn by_operation<'a, C: Contender<'a>>(contender: &mut C, hash: &mut FillsHash, each: &mut Vec<u32>) {
    let mut begin = 0;
    while begin < contender.operations() {
        let end = contender.operations().min(begin + BATCH);
        let mut before = Instant::now();
        for place in begin..end {
            contender.ahead(place);
            contender.apply(place);
            let now = Instant::now();
            each.push(u32::try_from((now - before).as_nanos()).unwrap_or(u32::MAX));
            before = now;
        }
        contender.drain(hash);
        begin = end;
    }
}
