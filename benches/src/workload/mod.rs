//! The workloads: streams of commands that are the same on every machine.
//!
//! Of 1,000 operations 600 are limit orders, 300 cancels of random live orders, 25 market orders, 25 immediate-or-cancel
//! limits, 50 replaces. A mid walks for each instrument, one tick up or down in one order of 256. Four of five
//! limit orders are passive: 1 to `width` ticks from the mid, nearer ones likelier (the distance is a uniform number
//! below a uniform number), never crossing. The fifth, and every immediate-or-cancel, reaches the best price of the
//! other side or up to `width / 4` ticks beyond it. Half the replaces lower the quantity in place, half move to a new
//! passive price. Accounts, instruments and sides are drawn evenly. Passive orders have 1 to 100 lots; those that take
//! have up to 300 while more orders live than the workload wants and up to 40 while fewer do, which keeps the number
//! steady without touching the proportions. A microsecond passes from command to command.
//!
//! Where a workload has a `reach`, passive orders lie anywhere up to that many ticks from the mid, every magnitude of
//! the distance as likely as every other: most price levels hold one order, and books that count ticks are mostly empty.
//!
//! The generator runs an exchange to see the events of what it asks. It chooses what to cancel and replace among the
//! orders that are live by the events, and takes only the best prices from the exchange.

mod generator;
mod live;

use engine::exchange::Limits;
use engine::exchange::command::Command;

use crate::market::{self, ACCOUNTS, START_TICK};
use generator::Generator;
pub use live::{LiveOrder, LiveOrders};

/// What a stream is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload {
    /// What it is called on the command line.
    pub name: &'static str,
    /// Instruments.
    pub instruments: u16,
    /// Orders that live at any time, all instruments together.
    pub live: u32,
    /// Accounts, each with one session.
    pub accounts: u32,
    /// Passive orders are at most so many ticks from the mid, unless there is a reach.
    pub width: u32,
    /// Passive orders are at most so many ticks from the mid, evenly over the magnitudes; 0 = none.
    pub reach: u32,
    /// Of its random numbers.
    pub seed: u64,
}

/// All of them.
pub const WORKLOADS: [Workload; 5] = [
    // One instrument, a book that fits the caches by and large.
    Workload {
        name: "base",
        instruments: 1,
        live: 20_000,
        accounts: ACCOUNTS,
        width: 500,
        reach: 0,
        seed: 1,
    },
    // One instrument, a book far beyond the caches.
    Workload {
        name: "deep",
        instruments: 1,
        live: 700_000,
        accounts: ACCOUNTS,
        width: 20_000,
        reach: 0,
        seed: 2,
    },
    Workload {
        name: "multi",
        instruments: 100,
        live: 100_000,
        accounts: ACCOUNTS,
        width: 200,
        reach: 0,
        seed: 3,
    },
    // Orders that do not live long.
    Workload {
        name: "flow",
        instruments: 1,
        live: 1_000,
        accounts: ACCOUNTS,
        width: 100,
        reach: 0,
        seed: 4,
    },
    // Prices over six orders of magnitude: 0.01 to 120,000.00.
    Workload {
        name: "sparse",
        instruments: 1,
        live: 50_000,
        accounts: ACCOUNTS,
        width: 2_000,
        reach: START_TICK - 1,
        seed: 5,
    },
];

/// As base, with accounts that no cache holds. Not among [`WORKLOADS`]: only the core's cost depends on it.
pub const CROWD: Workload = Workload {
    name: "crowd",
    accounts: 1_000_000,
    ..WORKLOADS[0]
};

impl Workload {
    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        WORKLOADS
            .into_iter()
            .chain([CROWD])
            .find(|workload| workload.name == name)
    }

    /// The same density of orders with a twentieth of them, but not fewer than 500: for quick tests.
    pub fn reduced(self) -> Self {
        let live = (self.live / 20).max(500);
        Self {
            live,
            accounts: (self.accounts / 100).max(ACCOUNTS).min(self.accounts),
            width: (u64::from(self.width) * u64::from(live) / u64::from(self.live)) as u32,
            ..self
        }
    }

    /// Capacities that the stream never exhausts.
    pub fn limits(&self) -> Limits {
        let orders = self.live + self.live / 4 + 1_000;
        let levels = match self.reach {
            0 => u32::from(self.instruments) * (4 * self.width + 2_000),
            // No more levels than orders.
            _ => orders,
        };
        market::limits(self.instruments, self.accounts, orders, levels)
    }

    /// The stream: the market, orders up to the wanted number of live ones, then `operations`.
    pub fn stream(&self, operations: u32) -> Stream {
        let mut generator = Generator::new(*self);
        let mut setup = market::commands(self.instruments, self.accounts);
        for command in &mut setup {
            generator.apply(command);
        }
        while generator.live().len() < self.live as usize {
            let mut command = generator.passive_order();
            generator.apply(&mut command);
            setup.push(command);
        }
        generator.start_counting();
        let mut measured = Vec::with_capacity(operations as usize);
        for _ in 0..operations {
            let mut command = generator.operation();
            generator.apply(&mut command);
            measured.push(command);
        }
        generator.finish(setup, measured)
    }
}

/// A workload's commands and what they must lead to.
#[derive(Debug)]
pub struct Stream {
    /// What it is like.
    pub workload: Workload,
    /// The market, and orders until enough live. Not measured.
    pub setup: Vec<Command>,
    /// The operations.
    pub measured: Vec<Command>,
    /// What happened in the measured part.
    pub counts: Counts,
    /// Over all events of the measured part.
    pub events_hash: u64,
    /// Of the exchange at the end.
    pub state_hash: u64,
}

/// What happened in a stream's measured part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Limit orders.
    pub limits: u64,
    /// Limit orders that executed at once, wholly or partly.
    pub limits_crossing: u64,
    /// Cancels.
    pub cancels: u64,
    /// Market orders.
    pub markets: u64,
    /// Immediate-or-cancel limit orders.
    pub immediates: u64,
    /// Replaces.
    pub replaces: u64,
    /// Requests refused: none, or the workload measures refusals.
    pub rejected: u64,
    /// Matches.
    pub matches: u64,
    /// Events.
    pub events: u64,
    /// Fewest orders that lived.
    pub live_least: u64,
    /// Most orders that lived.
    pub live_most: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proportions_are_as_documented() {
        for workload in WORKLOADS.map(Workload::reduced) {
            let counts = workload.stream(40_000).counts;
            let share = |count: u64| count * 1_000 / 40_000;
            let near = |count: u64, wanted: u64| share(count).abs_diff(wanted) <= 1 + wanted / 20;
            assert!(near(counts.limits, 600), "{counts:?}");
            assert!(near(counts.cancels, 300), "{counts:?}");
            assert!(
                near(counts.markets, 25) && near(counts.immediates, 25),
                "{counts:?}"
            );
            assert!(near(counts.replaces, 50), "{counts:?}");
            let crossing = counts.limits_crossing * 100 / counts.limits;
            assert!(
                (18..=22).contains(&crossing),
                "{crossing} % of limit orders cross"
            );
            let live = u64::from(workload.live);
            assert!(
                counts.live_least >= live * 9 / 10 && counts.live_most <= live * 11 / 10 + 50,
                "{counts:?}"
            );
            assert_eq!(counts.rejected, 0, "nothing is refused");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_stream_and_another_does_not() {
        let workload = Workload::named("base").expect("it is there").reduced();
        let (one, two) = (workload.stream(2_000), workload.stream(2_000));
        assert!(one.measured == two.measured && one.setup == two.setup);
        assert_eq!(
            (one.events_hash, one.state_hash),
            (two.events_hash, two.state_hash)
        );
        let other = Workload { seed: 99, ..workload }.stream(2_000);
        assert!(one.measured != other.measured && one.events_hash != other.events_hash);
    }
}
