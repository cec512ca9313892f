//! Our contenders, and the bare books that ratios are to.

use benches::ceiling::{Balances, NoMoney};
use benches::contender::round::Entrant;
use benches::contender::{Array, Core, OurBook, run};

/// Commands between the looks at one before its turn.
const AHEAD: usize = 2;

/// Each command by itself.
pub(crate) const EXCHANGE: &str = "exchange";
/// Commands behind the present one are known, as in a received batch.
pub(crate) const EXCHANGE_AHEAD: &str = "exchange, fetched ahead";
/// No money.
pub(crate) const BOOK: &str = "our book alone";
/// Operations behind the present one are known.
pub(crate) const BOOK_AHEAD: &str = "our book alone, fetched ahead";
/// The ceiling of books.
pub(crate) const ARRAY: &str = "array book";
/// The ceiling of exchanges.
pub(crate) const BALANCES: &str = "array book with balances";

/// In the order of the tables.
pub(crate) fn entrants() -> Vec<Entrant> {
    let mut all = exchange_and_ceiling();
    all.extend([
        Entrant {
            name: BOOK,
            run: |case, each| run::<OurBook<'_, 0>>(case, each),
        },
        Entrant {
            name: BOOK_AHEAD,
            run: |case, each| run::<OurBook<'_, AHEAD>>(case, each),
        },
        Entrant {
            name: ARRAY,
            run: |case, each| run::<Array<'_, NoMoney, false>>(case, each),
        },
        Entrant {
            name: "array book, fetched ahead",
            run: |case, each| run::<Array<'_, NoMoney, true>>(case, each),
        },
        Entrant {
            name: "array book with balances, fetched ahead",
            run: |case, each| run::<Array<'_, Balances, true>>(case, each),
        },
    ]);
    all
}

/// Those with money.
pub(crate) fn exchange_and_ceiling() -> Vec<Entrant> {
    vec![
        Entrant {
            name: EXCHANGE,
            run: |case, each| run::<Core<'_, 0>>(case, each),
        },
        Entrant {
            name: EXCHANGE_AHEAD,
            run: |case, each| run::<Core<'_, AHEAD>>(case, each),
        },
        Entrant {
            name: BALANCES,
            run: |case, each| run::<Array<'_, Balances, false>>(case, each),
        },
    ]
}
