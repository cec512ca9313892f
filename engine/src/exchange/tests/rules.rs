//! Rules of auctions, stops, reserve and hidden orders, pauses and the day in cases worked out by hand; `script` says how
//! they read.

use super::market::{ONE, instrument, market_of};
use super::script::{check, check_in, command};
use engine::exchange::command::{Command, CommandKind, InstrumentDefinition};
use engine::exchange::event::EventKind;

/// Orders that collect, a reference price in tenths, and what comes of it: volume and price.
#[test]
fn a_cross_has_most_volume_then_least_imbalance_then_the_reference_then_the_lower_price() {
    let cases: [(&[&str], u64, &str); 12] = [
        (&["0 B 5 10", "1 S 5 11"], 100, "0 at 0"),
        (&["0 B 5 10", "1 S 5 10"], 0, "5 at 10"),
        // All of it from 9 to 11: the reference, as far as it goes.
        (&["0 B 5 11", "1 S 5 9"], 100, "5 at 10"),
        (&["0 B 5 11", "1 S 5 9"], 200, "5 at 11"),
        (&["0 B 5 11", "1 S 5 9"], 30, "5 at 9"),
        // 10 and 11 are as close to 10.5.
        (&["0 B 5 11", "1 S 5 9"], 105, "5 at 10"),
        // Above 10 nobody is left over.
        (&["0 B 5 12", "0 B 3 10", "1 S 5 9"], 30, "5 at 11"),
        // More at 10 and below than above, whatever the reference.
        (&["0 B 4 12", "0 B 4 10", "1 S 5 9", "1 S 9 11"], 500, "5 at 10"),
        (&["0 B 4 12", "0 B 4 10", "1 S 8 9", "1 S 9 11"], 500, "8 at 10"),
        // Market orders alone trade at the reference.
        (&["0 B 4 M", "1 S 5 M"], 70, "4 at 7"),
        (&["0 B 5 12", "1 S 5 9", "0 B 2 9", "1 S 2 12"], 120, "5 at 11"),
        (&["0 B 5 10 n", "1 S 9 10 f2"], 100, "5 at 10"),
    ];
    for (orders, reference, expected) in cases {
        let mut world = market_of(
            4,
            InstrumentDefinition {
                reference_price: (reference * ONE / 10) as u32,
                ..instrument()
            },
        );
        let mut result = String::new();
        for line in ["state A"].iter().chain(orders).chain(&["state T"]) {
            let command = command(&mut world, line);
            for event in world.apply(command).events {
                if event.kind() == EventKind::CrossDone {
                    result = format!("{} at {}", event.quantity, u64::from(event.price) / ONE);
                }
            }
        }
        assert_eq!(result, expected, "{orders:?} around {reference} tenths");
    }
}

#[test]
fn market_orders_first_then_the_better_price_then_what_is_shown_then_the_rest() {
    check(
        "
        state A
        0 S 3 10 n
        1 S 4 10 f1
        2 S 2 10
        3 S 1 9
        0 S 1 M
        2 B 7 12
        state T
            CrossMatch C 1 at 10
            CrossExecuted 2/2 1 #6
            CrossExecutedUnseen 0/2 1 #5
            CrossMatch C 1 at 10
            CrossExecuted 2/2 1 #6
            CrossExecuted 3/1 1 #4
            CrossMatch C 1 at 10
            CrossExecuted 2/2 1 #6
            CrossExecuted 1/1 1 #2
            CrossMatch C 2 at 10
            CrossExecuted 2/2 2 #6
            CrossExecuted 2/1 2 #3
            CrossMatch C 2 at 10
            CrossExecuted 2/2 2 #6
            CrossExecutedUnseen 0/1 2 #1
            CrossDone C 7 at 10
            TradingAction T
            Restated 1 #7
            Added S 1 at 10 #7
        ",
    );
}

#[test]
fn what_an_auction_leaves_over_goes_when_it_waited_for_this_one() {
    check(
        "
        0 B 1 9 xO
        state A
        0 B 5 M
        1 S 2 10
        2 B 1 9 xC
        3 S 4 12 xC
        state T
            CrossMatch C 2 at 12
            CrossExecutedUnseen 0/2 2 #2
            CrossExecuted 1/1 2 #3
            CrossMatch C 3 at 12
            CrossExecutedUnseen 0/2 3 #2
            CrossExecutedUnseen 3/1 3 #5
            CrossDone C 5 at 12
            TradingAction T
            CanceledUnbooked 2/1 1 H
            CanceledUnbooked 3/1 1 H
        state V
        0 B 5 M
        state T
            CrossDone H 0 at 0
            TradingAction T
            CanceledUnbooked 0/3 5 I
        state X
            TradingAction H
        1 S 2 10
            Rejected 0x0002
        state A
        1 S 1 9
        state X
            CrossMatch O 1 at 9
            CrossExecutedUnseen 0/1 1 #1
            CrossExecuted 1/3 1 #7
            CrossDone O 1 at 9
            TradingAction H
        ",
    );
}

#[test]
fn a_halt_keeps_what_has_collected() {
    check(
        "
        state P
        0 B 1 11
        1 S 1 10
        state H
            TradingAction H
        0 B 1 11
            Rejected 0x0007
        state T
            CrossMatch H 1 at 10
            CrossExecuted 0/1 1 #1
            CrossExecuted 1/1 1 #2
            CrossDone H 1 at 10
            TradingAction T
        state H
            TradingAction H
        state T
            TradingAction T
        ",
    );
}

#[test]
fn the_imbalance_tells_what_a_cross_would_bring() {
    let around_ten = InstrumentDefinition {
        reference_price: 10 * ONE as u32,
        ..instrument()
    };
    check_in(
        around_ten,
        "
        state P
        state A
        0 B 5 12
        imbalance
            ImbalanceVolume 0 near 0 far 0 -
            ImbalanceSide 0 O
        1 S 2 10
        imbalance
            ImbalanceVolume 2 near 10 far 0 L
            ImbalanceSide 3 B
        0 B 1 M
        1 S 3 11 xO
        imbalance
            ImbalanceVolume 5 near 11 far 11 A
            ImbalanceSide 1 B
        2 S 1 13 xC
        2 S 2 12
        imbalance
            ImbalanceVolume 6 near 12 far 11 B
            ImbalanceSide 1 S
        2 S 1 M ioc
            Rejected 0x0014
        ",
    );
}

#[test]
fn a_stop_sets_off_the_next() {
    check(
        "
        0 B 1 M s11
        0 B 1 M s12
        3 S 1 M s13
        1 S 1 11
        1 S 1 12
        1 S 1 13
        1 B 1 9
        2 B 1 11
            Accepted 2/1 1 #8
            ExecutedResting 1/1 1 #4
            ExecutedIncoming 2/1 1 at 11
            PriorityUpdated 0/1 at M #9
            ExecutedResting 1/2 1 #5
            ExecutedIncoming 0/1 1 at 12
            PriorityUpdated 0/2 at M #10
            ExecutedResting 1/3 1 #6
            ExecutedIncoming 0/2 1 at 13
            PriorityUpdated 3/1 at M #11
            ExecutedResting 1/4 1 #7
            ExecutedIncoming 3/1 1 at 9
        ",
    );
}

#[test]
fn buys_from_the_lowest_stop_then_sells_from_the_highest_then_the_older() {
    check(
        "
        0 S 1 30 s11
        0 B 1 2 s11
        0 S 1 31 s12
        0 B 1 3 s9
        0 B 1 1 s9
        0 S 1 32 s8
        1 S 1 10
        2 B 1 10
            Accepted 2/1 1 #8
            ExecutedResting 1/1 1 #7
            ExecutedIncoming 2/1 1 at 10
            PriorityUpdated 0/4 at 3 #9
            Added B 1 at 3 #9
            PriorityUpdated 0/5 at 1 #10
            Added B 1 at 1 #10
            PriorityUpdated 0/3 at 31 #11
            Added S 1 at 31 #11
            PriorityUpdated 0/1 at 30 #12
            Added S 1 at 30 #12
        0 B 1 2 s10
            Accepted 0/7 1 #13
            Added B 1 at 2 #13
        0 B 1 2 s10 o2
            Replaced 0/8 1 #14
            Added B 1 at 2 #14
        0 B 1 2 s10 o8
            Rejected 0x000f
        ",
    );
}

#[test]
fn a_replaced_stop_keeps_its_place_when_it_only_gets_smaller() {
    check(
        "
        0 B 3 12 s12
        1 B 3 12 s12
        0 B 2 12 o1
            Replaced 0/2 2 #1
        0 B 2 M o2
            Replaced 0/3 2 #3
        state A
        0 B 2 M s11 o3
            Replaced 0/4 2 #4
        cancel 0 4 0
            CanceledUnbooked 0/4 2 U
        ",
    );
}

#[test]
fn a_reserve_trades_behind_what_is_shown_and_is_shown_again_once() {
    check(
        "
        0 S 10 10 f3
            Accepted 0/1 10 #1
            Added S 3 at 10 #1
        1 S 2 10 n
            Accepted 1/1 2 #2
        2 S 1 10
        3 B 8 10
            Accepted 3/1 8 #4
            ExecutedResting 0/1 3 #1
            ExecutedIncoming 3/1 3 at 10
            ExecutedResting 2/1 1 #3
            ExecutedIncoming 3/1 1 at 10
            ExecutedUnseen 0/1 4 #1
            ExecutedIncoming 3/1 4 at 10
            Restated 3 #5
            Added S 3 at 10 #5
        3 B 6 11
            Accepted 3/2 6 #6
            ExecutedResting 0/1 3 #5
            ExecutedIncoming 3/2 3 at 10
            ExecutedUnseen 1/1 2 #2
            ExecutedIncoming 3/2 2 at 10
            Added B 1 at 11 #6
        ",
    );
}

#[test]
fn less_of_a_reserve_order_is_less_of_its_reserve_first() {
    check(
        "
        0 S 10 10 f3
        cancel 0 1 5
            CanceledUnbooked 0/1 5 U
        cancel 0 1 2
            CanceledUnbooked 0/1 3 U
            Reduced 1 #1
        cancel 0 1 1
            CanceledReduced 0/1 1 U
        0 B 1 10
            Accepted 0/2 1 #2
            SelfMatchDeleted 0/1 1 O
            Added B 1 at 10 #2
        1 B 1 10 n
        1 S 3 9
            Accepted 1/2 3 #4
            ExecutedResting 0/2 1 #2
            ExecutedIncoming 1/2 1 at 10
            SelfMatchUnseen 1/1 1 O
            Added S 2 at 9 #4
        ",
    );
}

#[test]
fn a_match_too_far_away_pauses_until_a_cross() {
    let around_ten = InstrumentDefinition {
        reference_price: 10 * ONE as u32,
        ..instrument()
    };
    check_in(
        around_ten,
        "
        protect 100000
        0 S 1 11
        0 S 1 12
        2 B 1 M s11
        1 B 3 13
            Accepted 1/1 3 #4
            ExecutedResting 0/1 1 #1
            ExecutedIncoming 1/1 1 at 11
            TradingAction P
            Added B 2 at 13 #4
        1 B 1 M
        reopen
            CrossMatch H 1 at 14
            CrossExecutedUnseen 1/2 1 #5
            CrossExecuted 0/2 1 #2
            CrossDone H 1 at 14
            TradingAction T
            PriorityUpdated 2/1 at M #6
            CanceledUnbooked 2/1 1 I
        reopen
            OperationRefused
        0 S 1 16
        1 B 1 M
            Accepted 1/3 1 #8
            TradingAction P
            CanceledUnbooked 1/3 1 K
        ",
    );
}

#[test]
fn a_market_buy_spends_its_funds_and_no_more() {
    check(
        "
        0 S 5 10
        1 B 5 M $35
            Accepted 1/1 5 #2
            ExecutedResting 0/1 3 #1
            ExecutedIncoming 1/1 3 at 10
            CanceledUnbooked 1/1 2 Z
        1 B 5 10 $35
            Rejected 0x000f
        1 S 5 M $35
            Rejected 0x000f
        1 B 5 M $0
            Rejected 0x000f
        ",
    );
}

/// The time of a roll counts from the new day's midnight. One that is refused begins no day.
#[test]
fn only_a_roll_that_is_taken_sets_the_clock_back() {
    let mut world = market_of(1, instrument());
    world.time = 5_000;
    let state = |state| {
        let mut command = Command::new(CommandKind::SetState).with_state(state);
        command.instrument = 1;
        command
    };
    world.apply(state(b'T'));
    let roll = Command::new(CommandKind::RollDay).with_new_day(7_000_000);
    world.time = 10;
    world.apply(roll);
    assert_eq!(
        (world.exchange.now(), world.exchange.midnight_ns()),
        (5_000, None)
    );
    world.time = 6_000;
    world.apply(state(b'X'));
    world.time = 20;
    assert!(world.exchange.may_roll());
    world.apply(roll);
    assert_eq!((world.exchange.now(), world.exchange.day()), (20, 2));
    assert_eq!(world.exchange.midnight_ns(), Some(7_000_000));
}

#[test]
fn what_is_good_till_canceled_begins_the_new_day_in_its_place() {
    check(
        "
        1 S 2 12 n g
        2 B 3 15 s15 g
        0 B 9 8
        0 B 1 9 g
        0 S 5 11 f2 g
        3 S 1 20 xC g
        3 B 3 11
            Accepted 3/2 3 #7
            ExecutedResting 0/3 2 #5
            ExecutedIncoming 3/2 2 at 11
            ExecutedUnseen 0/3 1 #5
            ExecutedIncoming 3/2 1 at 11
            Restated 2 #8
            Added S 2 at 11 #8
        roll
            OperationRefused
        state X
        event M
            SystemEvent M
            CanceledDeleted 0/1 9 E
        roll
            DayRolled
            SystemEvent O
            InstrumentListed
            TradingAction H
            SystemEvent S
            CarriedText
            Carried 0/1 B 1 at 9 #1
            Added B 1 at 9 #1
            CarriedText
            Carried 0/2 S 2 at 11 #2
            Added S 2 at 11 #2
            CarriedText
            Carried 1/1 S 2 at 12 #3
            CarriedText
            Carried 2/1 B 3 at 15 #4
            CarriedText
            Carried 3/1 S 1 at 20 #5
        state A
        0 B 1 9
            Accepted 0/3 1 #6
            Added B 1 at 9 #6
        ",
    );
}
