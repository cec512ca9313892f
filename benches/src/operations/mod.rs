//! A stream in words that every order book understands: what the contenders get that are not the exchange.
//!
//! Orders are named by the exchange's order numbers, which are dense and ascending. A market order becomes an
//! immediate one at the bound that the collar sets at that moment. Self-match prevention is done beforehand: the own
//! orders that the exchange takes out of the way of an incoming one are canceled before it, which leads to the same
//! fills. So the list is a little longer than the stream (by one in some hundred matches).

mod translator;

use engine::exchange::book::Side;

use crate::fills::FillsHash;
use crate::workload::Stream;
use translator::Translator;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Ask {
    /// A new order that rests with what does not execute.
    Rest,
    /// A new order; what does not execute at once is canceled.
    Immediate,
    /// All of `number` is canceled.
    Cancel,
    /// `number` keeps its place with `quantity` lots left, no more than it had.
    Reduce,
    /// `number` is canceled, and `new_number` rests at `tick` with `quantity` lots. It does not cross.
    Move,
}

/// One operation: 32 bytes, two to a cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(32))]
pub struct Operation {
    /// The order: a new one's number, or the one that is meant.
    pub number: u32,
    /// The number that a moved order goes on with.
    pub new_number: u32,
    /// Limit in ticks. Of a cancel or a reduction 0.
    pub tick: u32,
    /// Lots. Of a cancel 0.
    pub quantity: u32,
    /// Owner.
    pub account: u32,
    /// The order's instrument, from 1.
    pub instrument: u16,
    /// The order's side.
    pub side: Side,
    /// What is asked.
    pub ask: Ask,
}

const _: () = assert!(size_of::<Operation>() == 32);

/// A stream's operations.
#[derive(Debug)]
pub struct Operations {
    /// Up to the measured part. Not measured.
    pub setup: Vec<Operation>,
    /// The measured part.
    pub measured: Vec<Operation>,
    /// By locate less 1: the lowest and the highest tick at which an order rests.
    pub ranges: Vec<(u32, u32)>,
    /// Highest order number.
    pub numbers: u32,
    /// Accounts.
    pub accounts: u32,
    /// Most orders that rest at a time.
    pub live_most: u32,
    /// Fills of the measured part.
    pub fills: u64,
    /// Over all of them.
    pub fills_hash: u64,
    /// Orders that rest at the end.
    pub live_at_end: u32,
    /// How many fills each of the stream's measured commands caused; 255 stands for more.
    pub fills_by_command: Vec<u8>,
    /// The same of the measured operations.
    pub fills_by_operation: Vec<u8>,
}

impl Operations {
    /// Runs the stream once through an exchange and translates.
    ///
    /// # Panics
    /// When the stream has what the words do not reach.
    pub fn of(stream: &Stream) -> Self {
        let mut translator = Translator::new(stream);
        for command in &stream.setup {
            translator.translate(command);
        }
        let setup = std::mem::take(&mut translator.operations);
        translator.fills_hash = FillsHash::default();
        translator.fills_by_command.clear();
        translator.fills_by_operation.clear();
        for command in &stream.measured {
            translator.translate(command);
        }
        assert_eq!(
            translator.exchange.state_hash(),
            stream.state_hash,
            "equal commands lead to equal states"
        );
        Self {
            setup,
            measured: translator.operations,
            ranges: translator.ranges,
            numbers: translator.numbers,
            accounts: stream.workload.accounts,
            live_most: stream.workload.limits().orders,
            fills: translator.fills_hash.count(),
            fills_hash: translator.fills_hash.value(),
            live_at_end: translator.resting.len() as u32,
            fills_by_command: translator.fills_by_command,
            fills_by_operation: translator.fills_by_operation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Workload;
    use crate::workload::WORKLOADS;

    #[test]
    fn every_order_is_told_and_self_matches_are_cleared() {
        for workload in WORKLOADS.map(Workload::reduced) {
            let stream = workload.stream(20_000);
            let operations = Operations::of(&stream);
            let extra = operations.measured.len() as u64 - 20_000;
            assert!(extra < stream.counts.matches / 50, "{extra}");
            assert_eq!(operations.fills, stream.counts.matches);
            let moves = operations
                .measured
                .iter()
                .filter(|operation| matches!(operation.ask, Ask::Move | Ask::Reduce))
                .count() as u64;
            assert_eq!(moves, stream.counts.replaces);
        }
    }
}
