//! The customers' market looks like a market: a whole exchange inline, from a seed, its feed judged by what is known of real
//! ones. The bounds are wide, and the run is always the same: it fails when a change of the customers or of the exchange
//! changes the market's character, and only then.

use std::time::Duration;

use client_sim::simulated::{MarketPlan, simulate};

fn plan() -> MarketPlan {
    MarketPlan {
        duration: Duration::from_secs(150),
        ..MarketPlan::default()
    }
}

#[track_caller]
fn within(name: &str, value: f64, least: f64, most: f64) {
    assert!(
        (least..=most).contains(&value),
        "{name}: {value} is not within {least} and {most}"
    );
}

#[test]
fn it_has_spread_depth_volatility_and_memory_like_a_market() {
    let market = simulate(&plan()).unwrap_or_else(|error| panic!("{error}"));
    let report = market.statistics.report(&market.instruments);
    println!("{report}");
    assert!(market.sent.iter().all(|sent| *sent > 500), "{:?}", market.sent);
    let all: u64 = market.sent.iter().sum();
    assert!(market.refused * 100 < all, "{} of {all} refused", market.refused);
    assert_eq!(report.instruments.len(), 4);
    for of in &report.instruments {
        let name = |what: &str| format!("{} {what}", of.name);
        within(&name("share of the time with two sides"), of.two_sided, 0.98, 1.0);
        within(&name("depth at the touch"), of.depth_touch, 50.0, 20_000.0);
        within(
            &name("depth of five levels"),
            of.depth_levels,
            1.5 * of.depth_touch,
            40.0 * of.depth_touch,
        );
        within(&name("trades"), of.trades as f64, 300.0, 20_000.0);
        within(&name("median size"), of.size_p50, 5.0, 500.0);
        within(
            &name("largest size in medians"),
            of.size_max / of.size_p50,
            15.0,
            5_000.0,
        );
        within(&name("tail index of sizes"), of.size_tail, 1.0, 4.0);
        // Programs and trends: directions are remembered, the less the longer ago.
        within(&name("memory of directions"), of.sign_memory[0], 0.05, 0.8);
        within(
            &name("memory of directions, later"),
            of.sign_memory[2],
            -0.05,
            of.sign_memory[0] + 0.1,
        );
    }
    // A tick of the fourth is most of a percent of its price: spread and moves are those of the tick.
    for of in &report.instruments[..3] {
        let name = |what: &str| format!("{} {what}", of.name);
        within(&name("spread in bps"), of.spread_bps, 0.3, 6.0);
        within(&name("volatility"), of.volatility_bps, 0.1, 5.0);
        within(&name("kurtosis"), of.kurtosis, 3.3, 60.0);
        within(&name("memory of returns"), of.return_memory.abs(), 0.0, 0.3);
        within(&name("memory of moves"), of.move_memory[0], -0.05, 0.7);
    }
    let moves = report.instruments[..3]
        .iter()
        .map(|of| of.move_memory[0] + of.move_memory[1]);
    within(
        "memory of moves, all and two lags together",
        moves.sum(),
        0.3,
        3.0,
    );
    within(
        "correlation",
        report.correlation.expect("there are four"),
        0.1,
        0.8,
    );
}

#[test]
fn the_same_seed_is_the_same_market() {
    let short = |seed| {
        let plan = MarketPlan {
            seed,
            duration: Duration::from_secs(5),
            warm_up: Duration::from_secs(2),
            ..plan()
        };
        simulate(&plan)
            .unwrap_or_else(|error| panic!("{error}"))
            .fingerprint
    };
    assert_eq!(short(3), short(3));
    assert_ne!(short(3), short(4));
}
