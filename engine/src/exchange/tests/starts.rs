//! A start takes its commands in batches; what comes out is what it is command by command.

use engine::poison::Skips;
use engine::recovery::store::{FEED_STREAM, Store};
use engine::recovery::{RecoveryConfig, Start};
use engine::replay::Diverged;
use protocol::testing::Random;

use super::generator::Generator;
use super::setting;
use crate::exchange::command::Command;

const COMMANDS: usize = 6_000;

/// Commands, each with the hash of all events before it; and what they come to one by one.
struct Past {
    config: RecoveryConfig,
    commands: Vec<(Command, u64)>,
    end: Start,
}

impl Past {
    fn new(seed: u64, store_bytes: usize) -> Self {
        let (mut generator, mut world) = (Generator::new(seed), setting::world(seed));
        for _ in 0..COMMANDS {
            let command = generator.next(&mut world);
            world.apply(command);
        }
        let config = RecoveryConfig {
            store_bytes,
            finished_orders: 5,
            ..RecoveryConfig::new(world.exchange.limits())
        };
        let mut end = Start::empty(&config);
        let mut commands = Vec::new();
        for command in world.log {
            commands.push((command, end.replica.events_hash().value()));
            end.replay(&command);
        }
        Self {
            config,
            commands,
            end,
        }
    }

    /// Some frames begin with a command; the store begins behind the first `unstored` commands.
    fn start(&self, random: &mut Random, unstored: usize) -> Result<Start, Diverged> {
        let mut start = Start::empty(&self.config);
        start.catch_up(&Skips::default(), |catching| {
            for (place, (command, events_hash)) in self.commands.iter().enumerate() {
                catching.set_stored(place >= unstored);
                catching.pass(command, random.chance(1, 10).then_some(*events_hash));
            }
            Ok::<_, Diverged>(())
        })?;
        Ok(start)
    }

    /// The same state, numbers and history; the store is compared by [`Past::compare_stores`].
    fn compare(&self, start: &Start) {
        let (found, expected) = (&start.replica, &self.end.replica);
        assert_eq!(found.applied(), expected.applied());
        assert_eq!(found.exchange().state_hash(), expected.exchange().state_hash());
        assert_eq!(found.events_hash(), expected.events_hash());
        let (mut numbers, mut expected_numbers) = (Vec::new(), Vec::new());
        found.encoder().save(&mut numbers);
        expected.encoder().save(&mut expected_numbers);
        assert!(numbers == expected_numbers);
        let (mut history, mut expected_history) = (Vec::new(), Vec::new());
        found.history().save(&mut history);
        expected.history().save(&mut expected_history);
        assert!(history == expected_history);
        assert_eq!(start.store.day(), self.end.store.day());
        assert_eq!(start.store.released(), self.end.store.released());
    }

    /// Messages that both stores have, which are the same; and those that only one of them has.
    fn compare_stores(&self, start: &Start) -> (u64, u64) {
        let (mut both, mut single) = (0, 0);
        let days = [Some(self.end.store.day()), self.end.store.day_before()];
        for day in days.into_iter().flatten() {
            for stream in (0..self.config.limits.sessions).chain([FEED_STREAM]) {
                let last = self
                    .end
                    .store
                    .last_of(day, stream)
                    .expect("a stream that there is");
                for sequence in 1..=last {
                    let expected = stored(&self.end.store, day, stream, sequence);
                    match (stored(&start.store, day, stream, sequence), expected) {
                        (Some(found), Some(expected)) => {
                            assert!(
                                found == expected,
                                "day {day}, stream {stream}, message {sequence}"
                            );
                            both += 1;
                        }
                        (None, None) => {}
                        _ => single += 1,
                    }
                }
            }
        }
        (both, single)
    }
}

fn stored(store: &Store, day: u32, stream: u32, sequence: u64) -> Option<Vec<u8>> {
    let cursor = store.cursor_of(day, stream, sequence).ok()?;
    let stored = store.read(&cursor).ok()??;
    Some(stored.bytes.to_vec())
}

#[test]
fn batches_come_to_what_single_commands_come_to() {
    let mut rolled = 0;
    for seed in 1..=6 {
        // Room for all messages, or for the last few hundred.
        let past = Past::new(seed, if seed % 2 == 0 { 16 << 20 } else { 64 << 10 });
        let mut random = Random::new(seed);
        let start = past.start(&mut random, 0).expect("the hashes are right");
        past.compare(&start);
        assert_eq!(start.store.counters(), past.end.store.counters());
        assert_eq!(start.rolled_ns, past.end.rolled_ns);
        let (both, single) = past.compare_stores(&start);
        assert!(both > 100 && single == 0, "{both} messages, {single} in one only");
        rolled += u32::from(start.rolled_ns.is_some());

        let unstored = random.below(COMMANDS as u64) as usize;
        let start = past.start(&mut random, unstored).expect("the hashes are right");
        past.compare(&start);
        assert!(past.compare_stores(&start).0 > 0);
    }
    assert!(rolled > 0, "days rolled");
}

#[test]
fn a_divergence_is_told_with_its_command() {
    let mut past = Past::new(1, 64 << 10);
    let (command, hash) = &mut past.commands[3_210];
    let (sequence, expected) = (command.sequence, *hash ^ 1);
    *hash = expected;
    let mut start = Start::empty(&past.config);
    let result = start.catch_up(&Skips::default(), |catching| {
        for (command, events_hash) in &past.commands {
            catching.pass(command, Some(*events_hash));
        }
        Ok::<_, Diverged>(())
    });
    let diverged = result.expect_err("another hash");
    assert_eq!((diverged.sequence, diverged.expected), (sequence, expected));
}
