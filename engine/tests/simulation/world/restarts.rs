//! Restarts in order: at every cut the journal gives the state that the exchange had there, whatever the secret of its
//! indices, in one go or in many.

use engine::assembly::{Nobody, Replay, StartError};
use engine::exchange::Exchange;
use engine::journal::{self, ReadOptions};

use super::World;

/// A command, and the state's hash after it.
type Cut = (u64, u64);

fn cut(exchange: &Exchange) -> Cut {
    (exchange.sequence(), exchange.state_hash())
}

impl World {
    /// Runs and ends in order `rounds` times; compares what the exchange ended with, each time, with the journal.
    /// Gives how many commands there were.
    pub(crate) fn restarts(mut self, rounds: usize) -> u64 {
        let mut cuts = Vec::new();
        // Everything ends in order here.
        self.setting.has_disk_failures = false;
        self.setting.has_full_disk = false;
        self.setting.has_crashes_at_start = false;
        // What an operator changed while it ran, and what differs in a changed file, a start journals anew.
        self.setting.has_operator = false;
        self.setting.has_changes = false;
        self.setting.permissions.clear();
        self.setting.late = 0;
        for customer in &mut self.customers {
            customer.without_poison();
        }
        self.start();
        for _ in 0..rounds {
            for _ in 0..self.random.below(self.setting.turns) {
                self.turn(true);
            }
            let exchange = self.exchange.take().expect("it runs");
            let last = exchange.stop().expect("it ends in order");
            assert!(last.is_equal(), "engine and replica have different states");
            cuts.push(cut(&last.exchange));
            self.start();
        }
        // Nobody talks to it: it ends as it began, and that is where it ended before.
        let exchange = self.exchange.take().expect("it runs");
        let last = exchange.stop().expect("it ends in order");
        assert_eq!(
            cuts.last(),
            Some(&cut(&last.exchange)),
            "a start alone changes something"
        );

        // In one go, with the states at the cuts and at some places between them.
        let (until, _) = *cuts.last().expect("there are rounds");
        let mut between: Vec<u64> = (0..8).map(|_| 1 + self.random.below(until)).collect();
        between.extend(cuts.iter().map(|(sequence, _)| *sequence));
        let states = self.replayed(until, 7, &between);
        for known in &cuts {
            assert!(states.contains(known), "after command {}", known.0);
        }
        // From the beginning up to each place, with another secret each time.
        for (seed, state) in (100..).zip(&states) {
            assert_eq!(
                self.replayed(state.0, seed, &[state.0]),
                [*state],
                "up to command {}",
                state.0
            );
        }
        until
    }

    /// The states after some commands of the journal, replayed up to `until`.
    fn replayed(&self, until: u64, hash_seed: u64, places: &[u64]) -> Vec<Cut> {
        let mut replay = Replay::new(self.config.capacities.limits, hash_seed);
        let mut states = Vec::new();
        let options = ReadOptions {
            until,
            ..ReadOptions::default()
        };
        let disk = &mut self.outside.disk.clone();
        let take = |command: &_, expected| -> Result<(), StartError> {
            // What follows in the last frame is behind the cut.
            if replay.exchange.sequence() < until {
                replay.apply(command, expected, &mut Nobody)?;
                if places.contains(&replay.exchange.sequence()) {
                    states.push(cut(&replay.exchange));
                }
            }
            Ok(())
        };
        journal::replay(disk, options, |_| {}, take)
            .unwrap_or_else(|error| panic!("the journal is not whole: {error}"));
        states
    }
}
