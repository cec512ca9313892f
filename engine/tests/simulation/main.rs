//! The whole exchange in one thread, from a seed: many customers and a subscriber over a network that loses, doubles and
//! reorders, noise at the door, a crash in the middle, and at the end every account of what happened must agree.
//!
//! A failure names its seed; `SEED=n cargo test -p engine --test simulation` runs that one alone.

mod book;
mod customer;
mod link;
mod subscriber;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::config::Durability;
use world::{Digest, World};

/// Runs a seed; names it when something is wrong.
fn run(seed: u64) -> Digest {
    catch_unwind(AssertUnwindSafe(|| World::new(seed, Durability::Sync).run())).unwrap_or_else(|_| {
        panic!(
            "seed {seed} failed (see above); SEED={seed} cargo test -p engine --test simulation runs it again"
        )
    })
}

/// The seeds of a test: `SEED`, or the first `count`.
fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("SEED") {
        Ok(seed) => vec![seed.parse().expect("SEED is a number")],
        Err(_) => (0..count).collect(),
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_everybody_agrees() {
    let mut all = Digest::default();
    let seeds = seeds(24);
    for seed in &seeds {
        all.add(&run(*seed));
    }
    if seeds.len() > 1 {
        // A generator that does not reach these cases would prove nothing.
        let Digest {
            executions,
            canceled,
            replaced,
            rejected,
            resent,
            re_requested,
            triggered,
            restated,
            unseen,
            recovered,
            lost,
            disk_failures,
            ..
        } = all;
        assert!(disk_failures >= 5, "only {disk_failures} disk failures");
        for (what, count) in [
            ("executions", executions),
            ("cancels", canceled),
            ("replaces", replaced),
            ("refusals", rejected),
            ("stops that entered", triggered),
            ("displays filled up", restated),
            ("executions of hidden orders", unseen),
            ("orders sent again", resent),
            ("acknowledgements asked for again", re_requested),
            ("feed messages recovered over TCP", recovered),
            ("datagrams lost", lost),
        ] {
            assert!(count >= 20, "only {count} {what} in {} seeds", seeds.len());
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in seeds(2) {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
    assert_ne!(run(1).streams, run(2).streams);
}

/// The state after each ordered end, and at places between, is what the journal gives there.
#[test]
fn the_journal_gives_the_state_at_every_cut() {
    let seeds = seeds(6);
    let commands: u64 = seeds
        .iter()
        .map(|seed| World::new(*seed, Durability::Sync).restarts(4))
        .sum();
    assert!(commands > 500 * seeds.len() as u64, "only {commands} commands");
}

/// The checker is checked: where acknowledgements do not wait for the disk, a loss of power must be noticed.
#[test]
fn an_acknowledgement_before_its_sync_is_noticed() {
    let noticed = (0..10).any(|seed| {
        let run = || World::new(seed, Durability::Async).run();
        catch_unwind(AssertUnwindSafe(run)).is_err()
    });
    assert!(
        noticed,
        "power was lost ten times under load, and nobody missed anything"
    );
}
