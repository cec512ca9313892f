//! States that are saved and loaded: the same from then on, whatever comes.

use super::generator::Generator;
use super::setting;
use engine::exchange::Exchange;
use engine::exchange::snapshot::Input;
use protocol::testing::Random;

/// Saved at any command, with all that there is then, and loaded under another secret: equal state, equal bytes when it is
/// saved again, equal events and states from then on.
#[test]
fn a_loaded_state_goes_on_as_the_saved_one() {
    for seed in [3, 4] {
        let mut random = Random::new(seed);
        let mut generator = Generator::new(seed);
        let mut world = setting::world(seed);
        world.reload_twin(seed);
        for _ in 0..4_000 {
            world.time += generator.pause();
            if random.chance(1, 50) {
                world.reload_twin(random.below(u64::MAX));
            }
            let command = generator.next(&world);
            world.apply(command);
        }
    }
}

/// Bytes that were changed or cut short are refused, or give another state, and never end the process.
#[test]
fn changed_bytes_are_noticed() {
    let mut generator = Generator::new(5);
    let mut world = setting::world(5);
    for _ in 0..600 {
        world.time += generator.pause();
        let command = generator.next(&world);
        world.apply(command);
    }
    let mut saved = Vec::new();
    world.exchange.save(&mut saved);
    let expected = world.exchange.state_hash();
    let load = |bytes: &[u8]| {
        let exchange = Exchange::load(world.exchange.limits(), 1, &mut Input(bytes));
        exchange.map(|exchange| exchange.state_hash())
    };
    assert_eq!(load(&saved), Ok(expected));
    let mut random = Random::new(6);
    for _ in 0..60 {
        let place = random.below(saved.len() as u64) as usize;
        assert_ne!(load(&saved[..place]), Ok(expected), "cut at {place}");
    }
}
