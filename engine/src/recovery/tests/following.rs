//! What another thread does for the stage, and how soon the stage looks again by itself.

use super::world::{World, config, order};
use crate::runtime::shared::Follow;
use crate::runtime::sim_net::TcpSettings;
use crate::runtime::{Hurry, Stage};

/// Orders that rest, each at a price of its own.
fn enter(world: &mut World, user_refs: std::ops::RangeInclusive<u32>) {
    for user_ref in user_refs {
        world.enter(0, order(user_ref, b'B', 1, 1_000_000 + 100 * u64::from(user_ref)));
    }
}

#[test]
fn a_helper_brings_store_and_replica_to_where_the_stage_itself_would() {
    let mut worlds = [World::new(), World::new()];
    for world in &mut worlds {
        enter(world, 1..=100);
    }
    let [alone, helped] = &mut worlds;
    alone.run();
    let mut turns = 0;
    while helped.stage.follow() > 0 {
        turns += 1;
    }
    assert!(turns > 10, "a little at a time: {turns}");
    for stage in [&alone.stage, &helped.stage] {
        assert_eq!(
            stage.replica().map(|replica| replica.applied()),
            Some(alone.sequence())
        );
        assert_eq!(stage.store().released(), alone.sequence());
    }
    let hashes = [&alone.stage, &helped.stage].map(|stage| {
        let replica = stage.replica().expect("nobody has it");
        (
            replica.exchange().state_hash(),
            replica.session_sequence(0),
            replica.feed_sequence(),
        )
    });
    assert_eq!(hashes[0], hashes[1]);
    assert_eq!(helped.stage.poll(), 0, "nothing is left");
}

#[test]
fn who_was_overtaken_is_not_helped() {
    // The window overtakes its reader: messages have to be made again, by the stage itself.
    let mut world = World::with(config(), TcpSettings::default(), 0);
    enter(&mut world, 1..=1_000);
    while world.stage.follow() > 0 {}
    assert!(world.stage.store().released() < world.sequence());
    world.run();
    assert_eq!(world.stage.store().released(), world.sequence());
    enter(&mut world, 1_001..=1_001);
    assert!(world.stage.follow() > 0, "it is up to date again");
}

#[test]
fn it_rests_long_where_little_comes_and_helpers_are_for_that() {
    let mut world = World::new();
    world.run();
    enter(&mut world, 1..=10);
    world.run();
    assert_eq!(
        (world.stage.hurry(), world.stage.wants_help()),
        (Hurry::Solitude, true)
    );
    enter(&mut world, 11..=400);
    world.run();
    assert_eq!(
        (world.stage.hurry(), world.stage.wants_help()),
        (Hurry::Leisure, false)
    );
    enter(&mut world, 401..=401);
    world.run();
    assert_eq!(
        (world.stage.hurry(), world.stage.wants_help()),
        (Hurry::Solitude, true)
    );
}
