//! The model by itself: the rules that the exchange does not have yet, in small cases, and random commands that must not
//! make money.

use super::generator::{Features, Generator};
use super::setting;

#[test]
fn no_command_makes_money() {
    for seed in 0..4 {
        let mut generator = Generator::new(seed);
        generator.features = Features::ALL;
        let mut world = setting::world(seed);
        for _ in 0..15_000 {
            let command = generator.next(&mut world);
            let command = world.stamp(command);
            world.model.apply(&command);
            let model = &world.model;
            for (asset, sums) in model.assets.iter().enumerate() {
                let totals = model.accounts.iter().map(|account| account.totals[asset]);
                assert_eq!(totals.sum::<i128>() + sums.fees, sums.deposited - sums.withdrawn);
            }
        }
        for (case, times) in &world.model.coverage {
            println!("{times:>8} {case}");
        }
    }
}
