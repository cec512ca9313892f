//! Public crates. None has money; all get the plain list, one book for each instrument.

mod lobster;
mod matchcore;
#[cfg(feature = "orderbook-rs")]
mod orderbook_rs;
mod rust_ob;

use benches::contender::Case;
use benches::contender::round::Entrant;
use benches::contender::{Contender, run};
use benches::fills::{FillsHash, Tape};
use benches::operations::{Operation, Operations};

/// What a crate's book is asked.
pub(crate) trait Peer {
    /// Empty.
    fn new(operations: &Operations) -> Self;
    /// Does one of the plain list's operations and writes its fills down.
    fn apply(&mut self, operation: &Operation, tape: &mut Tape);
}

/// What the command line needs so that all of them take part.
pub(crate) const FEATURES: &str = if cfg!(feature = "orderbook-rs") {
    " --features orderbook-rs"
} else {
    ""
};

/// Trades beyond an order's limit, so that its fills are its own.
pub(crate) const WRONG: &str = "matchcore 0.4.0";

/// In tables after ours.
pub(crate) fn entrants() -> Vec<Entrant> {
    vec![
        Entrant {
            name: WRONG,
            run: |case, each| run::<Taking<'_, matchcore::Books>>(case, each),
        },
        Entrant {
            name: "rust_ob 2.5.3",
            run: |case, each| run::<Taking<'_, rust_ob::Books>>(case, each),
        },
        Entrant {
            name: "lobster 0.7.0",
            run: |case, each| run::<Taking<'_, lobster::Books>>(case, each),
        },
        #[cfg(feature = "orderbook-rs")]
        Entrant {
            name: "orderbook-rs 0.15.3",
            run: |case, each| run::<Taking<'_, orderbook_rs::Books>>(case, each),
        },
    ]
}

/// True for a name of [`entrants`].
pub(crate) fn is_peer(name: &str) -> bool {
    entrants().iter().any(|entrant| entrant.name == name)
}

/// A peer that takes part.
struct Taking<'a, P> {
    operations: &'a Operations,
    peer: P,
    tape: Tape,
}

impl<'a, P: Peer> Contender<'a> for Taking<'a, P> {
    fn prepared(case: &'a Case) -> Self {
        let operations = &case.plain;
        let mut taking = Self {
            operations,
            peer: P::new(operations),
            tape: Tape::new(),
        };
        for operation in &operations.setup {
            taking.peer.apply(operation, &mut taking.tape);
            taking.tape.drain(&mut FillsHash::default());
        }
        taking
    }

    fn operations(&self) -> usize {
        self.operations.measured.len()
    }

    fn list(case: &'a Case) -> &'a Operations {
        &case.plain
    }

    fn apply(&mut self, place: usize) {
        self.peer.apply(&self.operations.measured[place], &mut self.tape);
    }

    fn drain(&mut self, hash: &mut FillsHash) {
        self.tape.drain(hash);
    }
}
