//! The goals, and which are met: reckoned from the tables, nothing by hand.

use benches::contender::round::Standing;
use benches::document::Table;
use benches::workload::CROWD;

use crate::growth::{self, Grown};
use crate::tables::named;
use crate::{Round, ours, peers};

/// Of the array book with balances, and millions of operations a second.
const CORE: [(&str, f64, f64); 3] = [("base", 0.4, 12.0), ("deep", 0.5, 7.0), ("multi", 0.45, 8.0)];
/// Of the array book.
const BOOK_RATIO: f64 = 2.0 / 3.0;
/// From a thousand live orders to a million.
const GROWTH: f64 = 2.5;
/// p50, p99, p99.9 of a single operation, nanoseconds.
const SINGLE: [(&str, u64); 3] = [("p50", 100), ("p99", 300), ("p99.9", 1_000)];
/// Live orders at which that is wanted.
const SINGLE_LIVE: u32 = 100_000;

/// As text.
pub(crate) fn table(rounds: &[Round], grown: &[Grown]) -> String {
    let mut goals = Goals {
        table: Table::new(&["goal", "wanted", "found", "met"]),
    };
    for (name, ratio, mops) in CORE {
        let round = of(rounds, name);
        let (core, operations) = (faster(&round.standings, EXCHANGE), round.operations);
        let found = core.ratio_to(named(&round.standings, ours::BALANCES)).median;
        goals.at_least(
            &format!("exchange on {name}, part of the array book with balances"),
            ratio,
            found,
        );
        let found = core.mops(operations).median;
        goals.at_least(&format!("exchange on {name}, M operations/s"), mops, found);
    }
    // Books without money do not see how many accounts there are.
    let for_books = || rounds.iter().filter(|round| round.workload != CROWD);
    for round in for_books() {
        let name = round.workload.name;
        let book = faster(&round.standings, BOOK);
        let found = book.ratio_to(named(&round.standings, ours::ARRAY)).median;
        goals.at_least(
            &format!("our book alone on {name}, part of the array book"),
            BOOK_RATIO,
            found,
        );
    }
    for round in for_books() {
        let best = best_peer(&round.standings);
        let peer = if best.is_right {
            best.name.to_owned()
        } else {
            format!("{}, whose fills are wrong", best.name)
        };
        let name = round.workload.name;
        let book = faster(&round.standings, BOOK).ratio_to(best).median;
        goals.at_least(
            &format!("our book alone on {name}, times the fastest public book ({peer})"),
            1.0,
            book,
        );
        if ["deep", "multi"].contains(&name) {
            let core = faster(&round.standings, EXCHANGE).ratio_to(best).median;
            goals.at_least(
                &format!("exchange on {name}, times the fastest public book ({peer})"),
                1.0,
                core,
            );
        }
    }
    if let Some(size) = grown.iter().find(|size| size.live == SINGLE_LIVE) {
        let found = named(&size.standings, ours::EXCHANGE_AHEAD).no_sweeps;
        for ((name, wanted), found) in SINGLE.into_iter().zip([found.p50, found.p99, found.p999]) {
            goals.at_most(
                &format!("single operation at 100,000 live orders, sweeps apart, {name} ns"),
                wanted as f64,
                found as f64,
            );
        }
    }
    for name in [ours::EXCHANGE, ours::EXCHANGE_AHEAD] {
        let found = growth::factor(grown, name);
        goals.at_most(
            &format!("{name}: cost of an operation at 1,000,000 live orders, times that at 1,000"),
            GROWTH,
            found,
        );
    }
    goals.table.to_string()
}

struct Goals {
    table: Table,
}

impl Goals {
    fn at_least(&mut self, goal: &str, wanted: f64, found: f64) {
        self.row(goal, format!("at least {wanted:.2}"), found, found >= wanted);
    }

    fn at_most(&mut self, goal: &str, wanted: f64, found: f64) {
        self.row(goal, format!("at most {wanted:.2}"), found, found <= wanted);
    }

    fn row(&mut self, goal: &str, wanted: String, found: f64, is_met: bool) {
        let met = if is_met { "yes" } else { "**no**" };
        self.table
            .row([goal.to_owned(), wanted, format!("{found:.2}"), met.to_owned()]);
    }
}

fn of<'a>(rounds: &'a [Round], name: &str) -> &'a Round {
    rounds
        .iter()
        .find(|round| round.workload.name == name)
        .expect("a whole run has all workloads")
}

/// A contender that takes each command by itself, and the same as a receive loop runs it.
type Both = (&'static str, &'static str);
const EXCHANGE: Both = (ours::EXCHANGE, ours::EXCHANGE_AHEAD);
const BOOK: Both = (ours::BOOK, ours::BOOK_AHEAD);

/// The faster of the two.
fn faster(standings: &[Standing], (plain, ahead): Both) -> &Standing {
    let (plain, ahead) = (named(standings, plain), named(standings, ahead));
    if plain.ratio_to(ahead).median > 1.0 {
        plain
    } else {
        ahead
    }
}

/// The fastest of others, right or wrong.
fn best_peer(standings: &[Standing]) -> &Standing {
    let peers = standings.iter().filter(|standing| peers::is_peer(standing.name));
    peers
        .max_by(|a, b| a.mops(1).median.total_cmp(&b.mops(1).median))
        .expect("there are public books")
}
