//! States that are saved and loaded: the same from then on, whatever comes.

use super::generator::Generator;
use super::setting;
use crate::exchange::book::Side;
use crate::exchange::unseen::Part;
use engine::exchange::Exchange;
use engine::exchange::snapshot::Input;
use protocol::testing::Random;

/// Saved at any command, with all that there is then, and loaded under another secret: equal state, equal bytes when it is
/// saved again, equal events and states from then on.
#[test]
fn a_loaded_state_goes_on_as_the_saved_one() {
    let mut met = [0; 6];
    for seed in [3, 4, 5] {
        let mut random = Random::new(seed);
        let mut generator = Generator::new(seed);
        let mut world = setting::world(seed);
        world.reload_twin(seed);
        for _ in 0..8_000 {
            if random.chance(1, 50) {
                world.reload_twin(random.below(u64::MAX));
                for (count, has) in met.iter_mut().zip(has(&world.exchange)) {
                    *count += u32::from(has);
                }
            }
            let command = generator.next(&mut world);
            world.apply(command);
        }
    }
    assert!(
        met.iter().all(|&count| count > 0),
        "saved states had everything: {met:?}"
    );
}

/// What a state has: displayed orders, hidden ones, reserves, stops, stops with a reserve, orders that wait for a cross.
fn has(exchange: &Exchange) -> [bool; 6] {
    let mut has = [false; 6];
    for locate in 1..=exchange.instrument_count() {
        has[5] |= exchange.waiting_handles(locate).next().is_some();
        for side in [Side::Buy, Side::Sell] {
            has[0] |= exchange.resting_handles(locate, side).next().is_some();
            for handle in exchange.dark_handles(locate, side) {
                let is_reserve = matches!(exchange.part(handle), Part::Reserve(_));
                has[if is_reserve { 2 } else { 1 }] = true;
            }
            for handle in exchange.stop_handles(locate, side) {
                let has_reserve = matches!(exchange.part(handle), Part::Shown(_));
                has[if has_reserve { 4 } else { 3 }] = true;
            }
        }
    }
    has
}

/// Bytes that were changed or cut short are refused, or give another state, and never end the process.
#[test]
fn changed_bytes_are_noticed() {
    let mut generator = Generator::new(5);
    let mut world = setting::world(5);
    for _ in 0..600 {
        let command = generator.next(&mut world);
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
    // Sums of an order that do not fit its numbers among them: what is not refused has a state that can be asked for.
    let mut refused = 0;
    for place in 0..saved.len() {
        let values = [0, 0x7f, 0xff, random.next_u64() as u8];
        for (value, length) in values
            .into_iter()
            .zip([1, 2, 4, 8].map(|most| 1 + random.below(most)))
        {
            let mut changed = saved.clone();
            let bytes = changed[place..].iter_mut().take(length as usize);
            bytes.for_each(|byte| *byte = value);
            refused += u32::from(load(&changed).is_err());
        }
    }
    assert!(refused > 1_000, "{refused}");
}
