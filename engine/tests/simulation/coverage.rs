//! What runs met, and what many of them must meet: a generator that does not reach a case proves nothing about it.

use std::collections::BTreeMap;
use std::fmt;

/// Cases and how often each was met.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Coverage(BTreeMap<String, u64>);

impl Coverage {
    pub(crate) fn met(&mut self, case: impl Into<String>) {
        self.count(case, 1);
    }

    pub(crate) fn count(&mut self, case: impl Into<String>, times: u64) {
        if times > 0 {
            *self.0.entry(case.into()).or_default() += times;
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (case, times) in &other.0 {
            self.count(case.as_str(), *times);
        }
    }

    /// Cases met less often than `seeds` seeds must meet them: times, and times wanted.
    pub(crate) fn missing(&self, seeds: u64) -> Vec<(&'static str, u64, u64)> {
        REQUIRED
            .iter()
            .map(|&(case, least)| {
                let times = self.0.get(case).copied().unwrap_or(0);
                // The fewer seeds, the more they differ.
                let least = least * seeds / SEEDS;
                (case, times, if seeds < SEEDS { least / 3 } else { least })
            })
            .filter(|&(_, times, least)| times < least)
            .collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|(case, times)| writeln!(f, "{times:>9} {case}"))
    }
}

/// Fewer seeds than this are not judged.
pub(crate) const SEEDS_JUDGED: u64 = 100;
/// The table below is for so many.
const SEEDS: u64 = 1_000;

/// Each at least so often in [`SEEDS`] seeds: half of what they meet or less.
const REQUIRED: &[(&str, u64)] = &[
    ("account queries answered", 10000),
    ("accounts that begin with less than all", 150),
    ("acknowledgements asked for again", 7000),
    ("acknowledgements cut short", 500),
    ("acknowledgements of another day", 60),
    ("answered: balance", 6000),
    ("answered: instruments", 3000),
    ("answered: open orders", 3000),
    ("answered: order status", 9000),
    ("answered: ticker", 3000),
    ("answers that fit a state", 12000),
    ("attacks: bindings", 1000),
    ("attacks: connections dropped", 50),
    ("attacks: datagrams repeated under another's address", 500),
    ("attacks: datagrams with another's token", 500),
    ("attacks: floods of questions", 1000),
    ("attacks: floods of re-requests", 100),
    ("attacks: half logins", 1000),
    ("attacks: junk datagrams", 1000),
    ("attacks: junk over TCP", 1000),
    ("attacks: logins", 1000),
    ("attacks: logins to other people's streams", 1000),
    ("attacks: logins with other people's names", 1000),
    ("attacks: repeated logins", 1000),
    ("attacks: requests", 8000),
    ("attacks: tokens guessed", 1000),
    ("bits flipped at rest", 1000),
    ("cancels G", 2000),
    ("cancels H", 90),
    ("cancels I", 10000),
    ("cancels K", 100),
    ("cancels S", 10000),
    ("cancels T", 700),
    ("cancels U", 40000),
    ("cancels Z", 3000),
    ("cancels refused to who may only view", 3000),
    ("clock steps back", 100),
    ("clock steps forward", 700),
    ("commands left out", 400),
    ("commands of the operator", 1000),
    ("commands that ended the process", 600),
    ("connections given up by a customer", 70),
    ("crashes at start", 200),
    ("crashes: Kill", 900),
    ("crashes: PowerLoss", 400),
    ("crosses", 500),
    ("customers that fell silent", 50),
    ("customers that fell silent, their orders to be canceled", 40),
    ("customers that hung up", 60),
    ("customers that hung up, their orders to be canceled", 40),
    ("datagrams cut short", 2000),
    ("datagrams damaged", 2000),
    ("datagrams delayed", 10000),
    ("datagrams doubled", 9000),
    ("datagrams lost", 10000),
    ("datagrams reordered", 3000),
    ("datagrams stopped by a cut", 6000),
    ("datagrams watched", 100000),
    ("days that a customer heard to their end", 1500),
    ("days that a customer lost the end of", 100),
    ("days that a subscriber heard to their end", 700),
    ("days that a subscriber lost the end of", 80),
    ("days that rolled", 600),
    ("dead customers found ended", 100),
    ("deposits", 5000),
    ("disk: NoSpace", 100),
    ("disk: ShortWrite", 90),
    ("disk: SyncError", 90),
    ("disk: WriteError", 100),
    ("disk: full", 100),
    ("displays filled up", 1000),
    ("ends of a stream over TCP", 1500),
    ("ends of a stream over UDP", 800),
    ("executions A", 90000),
    ("executions C", 1000),
    ("executions H", 1000),
    ("executions J", 4000),
    ("executions O", 600),
    ("executions R", 100000),
    ("failures that end the exchange", 300),
    ("feed messages recovered over TCP", 30000),
    ("fees that were set or changed", 2000),
    ("flipped bits in the last frame, or behind it", 80),
    ("flipped bits refused", 1000),
    ("gaps of a subscriber", 1000),
    ("gaps that a login fills", 50),
    ("holes that the other line filled", 25),
    ("imbalances told", 1000),
    ("leaps of time", 5000),
    ("logins", 4000),
    ("logins that only read", 5000),
    ("logins that only read, for the day before", 500),
    ("mass cancels", 3000),
    ("may now cancel", 400),
    ("may now trade", 700),
    ("may now view", 500),
    ("messages read once more", 400000),
    ("nights", 250),
    ("operator: ChangeAccount", 500),
    ("operator: ChangeInstrument", 1000),
    ("operator: KillSwitch", 500),
    ("operator: SetProtection", 200),
    ("operator: SetState", 1000),
    ("order entry disabled", 1000),
    ("order entry enabled", 2000),
    ("orders accepted", 200000),
    ("orders accepted dead", 2000),
    ("orders carried into a new day", 6000),
    ("orders modified", 1000),
    ("orders replaced", 10000),
    ("partial fills", 100000),
    ("pauses", 50),
    ("refused 0x0002", 4000),
    ("refused 0x0003", 400),
    ("refused 0x0004", 400),
    ("refused 0x0006", 100),
    ("refused 0x0007", 8000),
    ("refused 0x0009", 100),
    ("refused 0x000a", 20000),
    ("refused 0x000c", 60000),
    ("refused 0x000d", 1000),
    ("refused 0x000f", 70000),
    ("refused 0x0011", 400),
    ("refused 0x0013", 1000),
    ("refused 0x0014", 1000),
    ("refused 0x0015", 9000),
    ("refused 0x0016", 400),
    ("refused 0x0017", 400),
    ("refused 0x001d", 700),
    ("refused 0x0020", 1000),
    ("refused 0x0026", 4000),
    ("refused 0x0029", 10000),
    ("refused 0x002b", 100),
    ("refused 0x002f", 100),
    ("refused 0x0031", 200),
    ("refused to who may only cancel", 30000),
    ("refused to who may only view", 30000),
    ("requests sent again", 700000),
    ("rolls that the operator wants", 400),
    ("self matches B", 6000),
    ("self matches D", 8000),
    ("self matches O", 7000),
    ("self matches W", 50000),
    ("sent: account query", 10000),
    ("sent: attributed order", 9000),
    ("sent: cancel", 30000),
    ("sent: hidden order", 9000),
    ("sent: immediate order", 5000),
    ("sent: immediate order with a minimum", 5000),
    ("sent: limit order", 300000),
    ("sent: market order", 10000),
    ("sent: market order for an amount", 10000),
    ("sent: mass cancel", 4000),
    ("sent: modify", 3000),
    ("sent: order entry disabled", 1000),
    ("sent: order entry enabled", 2000),
    ("sent: order for an auction", 10000),
    ("sent: order good till a time", 10000),
    ("sent: order good till canceled", 10000),
    ("sent: order that ends the process", 500),
    ("sent: order to be filled or killed", 10000),
    ("sent: order with something wrong", 10000),
    ("sent: post-only order", 10000),
    ("sent: replace", 10000),
    ("sent: replace of any order", 10000),
    ("sent: reserve order", 10000),
    ("sent: stop order at the market", 4000),
    ("sent: stop order with a limit", 4000),
    ("snapshots damaged", 80),
    ("starts", 1000),
    ("starts on a later day", 500),
    ("starts that a command has ended", 400),
    ("starts with a snapshot there", 500),
    ("starts with another file", 200),
    ("stops that entered", 1000),
    ("subscriber at the end of a day", 5000),
    ("subscriber live", 70000),
    ("subscriber recovering", 1000),
    ("subscriber stale", 500),
    ("ways cut both ways", 100),
    ("ways cut one way", 300),
    ("withdrawals", 900),
    ("withdrawals refused", 250),
    ("writes that took long", 2000),
];
