//! What somebody could do to make operations dear.

use benches::market::{ACCOUNTS, PRICE_MAX, START_TICK, TICK_SIZE};
use benches::script::{Name, Script};
use engine::exchange::book::Side;
use protocol::testing::Random;

/// How large.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// "A million" orders.
    pub(crate) orders: u32,
    /// "A hundred thousand" levels.
    pub(crate) levels: u32,
    /// Measured operations of a case whose operations are short.
    pub(crate) operations: u32,
    /// Of a case whose operations may be long.
    pub(crate) long: u32,
}

/// A case and what it is called.
pub(crate) type Case = (&'static str, fn(Scale) -> Script);

/// All of them.
pub(crate) const CASES: [Case; 9] = [
    ("orders over the whole range, each on its own level", spread),
    ("cancels from the middle of a level of 1,000,000", one_level),
    (
        "the best level comes and goes, the next is at the far end",
        far_best,
    ),
    (
        "fill or kill against a book of others (to compare)",
        fill_or_kill_plain,
    ),
    (
        "fill or kill of an account with 1,000,000 orders",
        fill_or_kill_of_many,
    ),
    (
        "fill or kill that 100,000 levels do not fill",
        fill_or_kill_of_levels,
    ),
    (
        "mass cancel that finds nothing among 1,000,000 orders",
        mass_cancel_of_many,
    ),
    ("mass cancel of 10,000 orders", mass_cancel_of_all),
    (
        "a level of its own for each of 1,000 accounts, replaced in turns",
        crowd,
    ),
];

const HIGHEST_TICK: u32 = PRICE_MAX / TICK_SIZE;

/// Enter and cancel in turns, at random over the whole range, among many that lie like that.
fn spread(scale: Scale) -> Script {
    let mut script = Script::new(scale.levels + 1_000);
    let mut random = Random::new(1);
    let mut live: Vec<Name> = (0..scale.levels)
        .map(|_| anywhere(&mut script, &mut random))
        .collect();
    script.measure();
    for _ in 0..scale.operations / 2 {
        let place = random.below(live.len() as u64) as usize;
        script.cancel(live.swap_remove(place));
        live.push(anywhere(&mut script, &mut random));
    }
    script
}

fn anywhere(script: &mut Script, random: &mut Random) -> Name {
    let session = random.below(u64::from(ACCOUNTS)) as u32;
    if random.chance(1, 2) {
        let tick = random.between(1, u64::from(START_TICK - 1)) as u32;
        script.rest(session, Side::Buy, tick, 1)
    } else {
        let tick = random.between(u64::from(START_TICK + 1), u64::from(HIGHEST_TICK)) as u32;
        script.rest(session, Side::Sell, tick, 1)
    }
}

fn one_level(scale: Scale) -> Script {
    let mut script = Script::new(scale.orders + 1_000);
    let mut random = Random::new(2);
    let mut live: Vec<Name> = (0..scale.orders)
        .map(|order| script.rest(order % ACCOUNTS, Side::Buy, START_TICK, 1))
        .collect();
    script.measure();
    for _ in 0..scale.operations.min(scale.orders / 2) {
        let place = random.below(live.len() as u64) as usize;
        script.cancel(live.swap_remove(place));
    }
    script
}

fn far_best(scale: Scale) -> Script {
    let mut script = Script::new(1_000);
    script.rest(0, Side::Buy, 1, 1);
    script.rest(0, Side::Sell, HIGHEST_TICK, 1);
    script.measure();
    for _ in 0..scale.operations / 4 {
        let bid = script.rest(1, Side::Buy, START_TICK - 1, 1);
        script.cancel(bid);
        let ask = script.rest(1, Side::Sell, START_TICK + 1, 1);
        script.cancel(ask);
    }
    script
}

fn fill_or_kill_plain(scale: Scale) -> Script {
    let mut script = Script::new(scale.long + 1_000);
    for order in 0..scale.long {
        script.rest(1 + order % (ACCOUNTS - 1), Side::Sell, START_TICK + 1, 1);
    }
    script.measure();
    for _ in 0..scale.long {
        script.fill_or_kill(0, Side::Buy, START_TICK + 1, 1);
    }
    script
}

fn fill_or_kill_of_many(scale: Scale) -> Script {
    let mut script = Script::new(scale.orders + scale.long + 1_000);
    for order in 0..scale.long {
        script.rest(1 + order % (ACCOUNTS - 1), Side::Sell, START_TICK + 1, 1);
    }
    // All but one of those it may have.
    for order in 0..scale.orders - 1 {
        script.rest(0, Side::Buy, START_TICK - 1 - order % 1_000, 1);
    }
    script.measure();
    for _ in 0..scale.long {
        script.fill_or_kill(0, Side::Buy, START_TICK + 1, 1);
    }
    script
}

fn fill_or_kill_of_levels(scale: Scale) -> Script {
    let mut script = Script::new(scale.levels + 1_000);
    for level in 0..scale.levels {
        script.rest(1 + level % (ACCOUNTS - 1), Side::Buy, START_TICK - 1 - level, 1);
    }
    script.measure();
    for _ in 0..scale.long {
        script.fill_or_kill(0, Side::Sell, START_TICK - scale.levels, scale.levels + 1);
    }
    script
}

fn mass_cancel_of_many(scale: Scale) -> Script {
    let mut script = Script::new(scale.orders + 1_000);
    for order in 0..scale.orders - 1 {
        script.rest(0, Side::Buy, START_TICK - 1 - order % 1_000, 1);
    }
    script.measure();
    for _ in 0..scale.long {
        script.cancel_no_group(0);
    }
    script
}

fn mass_cancel_of_all(scale: Scale) -> Script {
    let each = scale.orders / 100;
    let mut script = Script::new(scale.long * each + 1_000);
    for order in 0..scale.long * each {
        script.rest(order % scale.long, Side::Buy, START_TICK - 1 - order % 1_000, 1);
    }
    script.measure();
    for account in 0..scale.long {
        script.cancel_all(account);
    }
    script
}

fn crowd(scale: Scale) -> Script {
    let mut script = Script::new(ACCOUNTS * 2);
    let mut live: Vec<Name> = (0..ACCOUNTS)
        .map(|account| script.rest(account, Side::Buy, START_TICK - 1 - account * 64, 1))
        .collect();
    script.measure();
    for turn in 0..scale.operations / 2 {
        let account = turn % ACCOUNTS;
        script.cancel(live[account as usize]);
        let tick = START_TICK - 1 - account * 64 - turn % 4_096;
        live[account as usize] = script.rest(account, Side::Buy, tick, 1);
    }
    script
}
