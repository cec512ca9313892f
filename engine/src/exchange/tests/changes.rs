//! What the operator changes while the exchange runs.

use super::market::{ONE, PLENTY, enter, instrument, market, market_of, next};
use super::world::{World, define, no_options, plain_order};
use engine::exchange::command::{
    AccountChange, Command, CommandKind, InstrumentChange, InstrumentDefinition, OrderOptions,
};
use engine::exchange::event::{Event, EventKind, Refusal};

const BUYER: u32 = 0;
const SELLER: u32 = 1;

/// Changes the instrument.
fn change(world: &mut World, edit: impl Fn(&mut InstrumentChange)) -> Vec<Event> {
    let mut change = InstrumentChange::new(&world.model.instruments[0].definition);
    edit(&mut change);
    let mut command = define(CommandKind::ChangeInstrument, &change);
    command.instrument = 1;
    world.apply(command).events
}

fn change_fees(world: &mut World, maker_ppm: i32, taker_ppm: i32) -> Vec<Event> {
    change(world, |change| {
        (change.maker_fee_ppm, change.taker_fee_ppm) = (maker_ppm, taker_ppm);
    })
}

/// Changes an account.
fn change_account(world: &mut World, account: u32, edit: impl Fn(&mut AccountChange)) -> Vec<Event> {
    let mut change = AccountChange::new(account, &world.model.accounts[account as usize].definition);
    edit(&mut change);
    world.apply(define(CommandKind::ChangeAccount, &change)).events
}

/// Replaces the session's order `user_ref` by one of `quantity` lots at `price`.
fn replace(world: &mut World, session: u32, user_ref: u32, quantity: u32, price: u64) -> Vec<Event> {
    let mut order = plain_order();
    (order.user_ref, order.orig_user_ref) = (next(world, session), user_ref);
    (order.quantity, order.price) = (quantity, price * ONE);
    let mut command = Command::new(CommandKind::Replace).with_order(order);
    command.session = session;
    world.apply(command).events
}

#[track_caller]
fn assert_refused(events: &[Event], refusal: Refusal) {
    assert_eq!(events.len(), 1);
    assert_eq!(
        (events[0].kind(), events[0].detail),
        (EventKind::OperationRefused, refusal as u32)
    );
}

/// Fees of 0.1 % and 0.2 %.
fn with_fees() -> World {
    market_of(
        2,
        InstrumentDefinition {
            maker_fee_ppm: 1_000,
            taker_fee_ppm: 2_000,
            ..instrument()
        },
    )
}

fn held(world: &World, account: u32) -> u128 {
    world.exchange.balance(account, 0).held
}

/// What the account has paid or got of the quote asset.
fn spent(world: &World, account: u32) -> i128 {
    PLENTY as i128 - world.exchange.balance(account, 0).total() as i128
}

#[test]
fn an_order_goes_by_the_fees_it_entered_under() {
    let mut world = with_fees();
    enter(&mut world, BUYER, b'B', 10, 1_000);
    assert_eq!(held(&world, BUYER), 10_020);
    assert_eq!(change_fees(&mut world, 30_000, 50_000), []);
    assert_eq!(held(&world, BUYER), 10_020, "what rests is not touched");
    enter(&mut world, SELLER, b'S', 10, 1_000);
    assert_eq!(spent(&world, BUYER), 10_010, "0.1 %");
    assert_eq!(spent(&world, SELLER), -10_000 + 500, "5 %");
    enter(&mut world, BUYER, b'B', 10, 1_000);
    assert_eq!(held(&world, BUYER), 10_500);
}

#[test]
fn lower_fees_return_nothing_of_what_is_held() {
    let mut world = with_fees();
    enter(&mut world, BUYER, b'B', 10, 1_000);
    change_fees(&mut world, 0, 0);
    enter(&mut world, SELLER, b'S', 4, 1_000);
    assert_eq!((spent(&world, BUYER), held(&world, BUYER)), (4_004, 6_012));
    assert_eq!(spent(&world, SELLER), -4_000);
}

#[test]
fn a_new_number_takes_the_fees_of_its_time_and_a_reduction_keeps_its_own() {
    let mut world = with_fees();
    enter(&mut world, BUYER, b'B', 10, 1_000);
    change_fees(&mut world, 0, 100_000);
    let events = replace(&mut world, BUYER, 1, 5, 1_000);
    assert_eq!((events[0].number, events[1].kind()), (1, EventKind::Reduced));
    assert_eq!(held(&world, BUYER), 5_010);
    let events = replace(&mut world, BUYER, 2, 5, 999);
    assert_eq!(events[0].number, 2);
    assert_eq!(held(&world, BUYER), 4_995 + 500);
}

#[test]
fn only_a_new_number_needs_funds_for_higher_fees() {
    let mut world = with_fees();
    // All that the buyer has, but for a little.
    for _ in 0..4 {
        enter(&mut world, BUYER, b'B', 500, 49_899);
    }
    let available = world.exchange.balance(BUYER, 0).available;
    assert!(available < 10_000);
    change_fees(&mut world, 0, 100_000);
    assert_eq!(replace(&mut world, BUYER, 1, 500, 49_800)[0].detail, 0x0020);
    let events = replace(&mut world, BUYER, 1, 500, 49_899);
    assert_eq!(events[0].kind(), EventKind::Replaced);
    assert_eq!(world.exchange.balance(BUYER, 0).available, available);
}

#[test]
fn fees_of_a_chain_are_added_up_over_schedules() {
    let mut world = with_fees();
    enter(&mut world, BUYER, b'B', 10, 1_000);
    enter(&mut world, SELLER, b'S', 3, 1_000);
    change_fees(&mut world, 7_000, 9_000);
    replace(&mut world, BUYER, 1, 10, 999);
    enter(&mut world, SELLER, b'S', 2, 999);
    let order = world.exchange.order(BUYER, 2).expect("it rests");
    assert_eq!(order.executed_notional, 3_000 + 1_998);
    // 3,000 x 0.1 % and 1,998 x 0.7 %: 16.986, rounded up on the sum.
    assert_eq!(order.fees, 17);
    assert_eq!(spent(&world, BUYER), 4_998 + 17);
}

#[test]
fn a_full_table_takes_only_what_it_has() {
    let mut world = with_fees();
    for rate in 0..63 {
        assert_eq!(change_fees(&mut world, 0, rate), []);
    }
    assert_refused(&change_fees(&mut world, 0, 63), Refusal::Full);
    assert_eq!(change_fees(&mut world, 1_000, 2_000), []);
    assert_eq!(change_fees(&mut world, 0, 62), []);
}

#[test]
fn limits_of_an_instrument_are_for_what_comes() {
    let mut world = market(2);
    enter(&mut world, BUYER, b'B', 10, 1_000);
    let events = change(&mut world, |change| {
        (change.quantity_max, change.collar_ppm) = (5, 100_000);
        (change.reference_price, change.notional_max) = (1_000 * ONE as u32, [4_000, 0]);
        change.fat_finger = [3_000, 0];
    });
    assert_eq!(events, []);
    assert_eq!(enter(&mut world, BUYER, b'B', 6, 1)[0].detail, 0x0013);
    assert_eq!(enter(&mut world, BUYER, b'B', 1, 1_101)[0].detail, 0x0026);
    assert_eq!(enter(&mut world, BUYER, b'B', 5, 1_000)[0].detail, 0x001F);
    assert_eq!(enter(&mut world, BUYER, b'B', 4, 1_000)[0].detail, 0x0006);
    assert_eq!(enter(&mut world, SELLER, b'S', 3, 1_000)[0].detail, 0);
    // The last trade is the reference now.
    change(&mut world, |change| change.reference_price = 2_000 * ONE as u32);
    assert_eq!(enter(&mut world, BUYER, b'B', 1, 1_101)[0].detail, 0x0026);
}

#[test]
fn limits_of_an_account_are_for_what_comes() {
    let mut world = market(2);
    for _ in 0..3 {
        enter(&mut world, BUYER, b'B', 10, 10);
    }
    let events = change_account(&mut world, BUYER, |change| {
        (change.open_orders_max, change.quantity_max) = (3, 9);
        change.firm = *b"NEW ";
    });
    assert_eq!(events, []);
    assert_eq!(enter(&mut world, BUYER, b'B', 10, 10)[0].detail, 0x0031);
    assert_eq!(enter(&mut world, BUYER, b'B', 9, 10)[0].detail, 0x000F);
    change_account(&mut world, BUYER, |change| {
        (change.open_orders_max, change.self_match) = (0, b'D');
    });
    let events = enter(&mut world, BUYER, b'S', 9, 10);
    assert_eq!(events[1].kind(), EventKind::SelfMatchReduced);
    // The firm of what rests is the one of its time.
    let mut order = plain_order();
    order.user_ref = next(&world, BUYER);
    let mut options = no_options();
    (options.present, options.firm) = (OrderOptions::HAS_FIRM, *b"NEW ");
    let command = Command::new(CommandKind::MassCancel)
        .with_order(order)
        .with_options(options);
    assert_eq!(world.apply(command).events.len(), 1);
}

#[test]
fn a_lower_rate_counts_from_the_next_request_on() {
    let mut world = market(2);
    let limit = |world: &mut World, rate, burst| {
        change_account(world, BUYER, |change| {
            (change.rate_per_second, change.rate_burst) = (rate, burst);
        });
    };
    limit(&mut world, 1, 1);
    assert_eq!(enter(&mut world, BUYER, b'B', 1, 10)[0].detail, 0);
    assert_eq!(enter(&mut world, BUYER, b'B', 1, 10)[0].detail, 0);
    assert_eq!(enter(&mut world, BUYER, b'B', 1, 10)[0].detail, 0x0029);
    limit(&mut world, 1, 2);
    assert_eq!(enter(&mut world, BUYER, b'B', 1, 10)[0].detail, 0);
    limit(&mut world, 0, 0);
    assert_eq!(enter(&mut world, BUYER, b'B', 1, 10)[0].detail, 0);
}

#[test]
fn a_new_password_changes_nothing_here() {
    let mut world = market(1);
    let change = |session| Command::new(CommandKind::ChangePassword).with_password_change(session);
    assert_eq!(world.apply(change(0)).events, []);
    assert_refused(&world.apply(change(1)).events, Refusal::Unknown);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut world = market(1);
    assert_refused(
        &change_account(&mut world, 0, |change| change.account = 1),
        Refusal::Unknown,
    );
    assert_refused(
        &change_account(&mut world, 0, |change| change.self_match = b'X'),
        Refusal::Invalid,
    );
    assert_refused(&change_fees(&mut world, -2, 1), Refusal::Invalid);
    assert_refused(
        &change(&mut world, |change| change.quantity_max = 0),
        Refusal::Invalid,
    );
    for instrument in [0, 2] {
        let mut command = define(
            CommandKind::ChangeInstrument,
            &InstrumentChange::new(&world.model.instruments[0].definition),
        );
        command.instrument = instrument;
        assert_refused(&world.apply(command).events, Refusal::Unknown);
    }
}
