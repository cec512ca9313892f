//! Answers as bytes in, states and faults out.

use protocol::order_entry::Response;
use protocol::order_entry::responses::{
    AccountQueryResponse, AiqCanceled, CancelReject, MassCancelResponse, OrderAccepted, OrderCanceled,
    OrderExecuted, OrderRejected, OrderReplaced,
};
use protocol::units::Symbol;
use zerocopy::{FromZeros, IntoBytes};

use super::*;
use crate::instruments::tests::bitcoin;

/// Answers of an exchange, made by hand.
struct Answers;

impl Answers {
    fn accepted(user_ref: u32, side: u8, quantity: u32, price: u64) -> Vec<u8> {
        OrderAccepted {
            message_type: b'A',
            user_ref_num: user_ref.into(),
            side,
            quantity: quantity.into(),
            symbol: symbol().0,
            price: price.into(),
            order_reference_number: u64::from(user_ref + 1_000).into(),
            order_state: b'L',
            ..OrderAccepted::new_zeroed()
        }
        .as_bytes()
        .to_vec()
    }

    fn replaced(original: u32, user_ref: u32, outstanding: u32, price: u64) -> Vec<u8> {
        OrderReplaced {
            message_type: b'U',
            orig_user_ref_num: original.into(),
            user_ref_num: user_ref.into(),
            side: b'B',
            quantity: outstanding.into(),
            symbol: symbol().0,
            price: price.into(),
            order_reference_number: u64::from(user_ref + 1_000).into(),
            ..OrderReplaced::new_zeroed()
        }
        .as_bytes()
        .to_vec()
    }

    fn executed(user_ref: u32, quantity: u32, price: u64, liquidity: u8) -> Vec<u8> {
        OrderExecuted {
            message_type: b'E',
            user_ref_num: user_ref.into(),
            quantity: quantity.into(),
            price: price.into(),
            liquidity_flag: liquidity,
            match_number: 77.into(),
            ..OrderExecuted::new_zeroed()
        }
        .as_bytes()
        .to_vec()
    }

    fn executed_with_fee(user_ref: u32, quantity: u32, price: u64, fee: i64) -> Vec<u8> {
        let mut bytes = Self::executed(user_ref, quantity, price, b'R');
        bytes.truncate(34);
        bytes.extend([0, 10, 9, 131]);
        bytes.extend(fee.to_be_bytes());
        bytes
    }

    fn canceled(user_ref: u32, quantity: u32, reason: u8) -> Vec<u8> {
        OrderCanceled {
            message_type: b'C',
            user_ref_num: user_ref.into(),
            quantity: quantity.into(),
            reason,
            ..OrderCanceled::new_zeroed()
        }
        .as_bytes()
        .to_vec()
    }

    fn self_match(user_ref: u32, quantity: u32) -> Vec<u8> {
        AiqCanceled {
            message_type: b'D',
            user_ref_num: user_ref.into(),
            decrement_shares: quantity.into(),
            reason: b'Q',
            ..AiqCanceled::new_zeroed()
        }
        .as_bytes()
        .to_vec()
    }

    fn rejected(user_ref: u32, reason: u16) -> Vec<u8> {
        OrderRejected {
            message_type: b'J',
            user_ref_num: user_ref.into(),
            reason: reason.into(),
            ..OrderRejected::new_zeroed()
        }
        .as_bytes()
        .to_vec()
    }

    fn cancel_refused(user_ref: u32) -> Vec<u8> {
        CancelReject {
            message_type: b'I',
            user_ref_num: user_ref.into(),
            ..CancelReject::new_zeroed()
        }
        .as_bytes()
        .to_vec()
    }

    fn mass_canceled(user_ref: u32) -> Vec<u8> {
        MassCancelResponse {
            message_type: b'X',
            user_ref_num: user_ref.into(),
            ..MassCancelResponse::new_zeroed()
        }
        .as_bytes()
        .to_vec()
    }

    fn next(user_ref: u32) -> Vec<u8> {
        AccountQueryResponse {
            message_type: b'Q',
            next_user_ref_num: user_ref.into(),
            ..AccountQueryResponse::new_zeroed()
        }
        .as_bytes()
        .to_vec()
    }
}

fn symbol() -> Symbol {
    Symbol::new("BTC-USD").expect("short")
}

fn orders() -> Orders {
    let mut orders = Orders::new(16);
    orders.set_instruments([bitcoin()].into_iter().collect());
    orders.start_at(1);
    orders
}

fn enter(orders: &mut Orders, side: u8, quantity: u32, price: u64) -> u32 {
    let user_ref = orders.allocate().expect("room");
    let order = Order {
        user_ref,
        side,
        symbol: symbol(),
        quantity,
        price,
        ..Order::UNUSED
    };
    orders.insert(order, b"O...");
    user_ref
}

fn replace(orders: &mut Orders, original: u32, quantity: u32, price: u64) -> u32 {
    let user_ref = orders.allocate().expect("room");
    let before = *orders.get(original).expect("known");
    let order = Order {
        user_ref,
        kind: RequestKind::Replace,
        original,
        quantity,
        price,
        side: before.side,
        symbol: before.symbol,
        ..Order::UNUSED
    };
    orders.insert(order, b"U...");
    user_ref
}

fn apply(orders: &mut Orders, bytes: &[u8]) -> Result<Vec<Update>, Fault> {
    let response = Response::decode(bytes).expect("well formed");
    let mut updates = Vec::new();
    orders.apply(&response, |update| updates.push(update))?;
    Ok(updates)
}

fn state(orders: &Orders, user_ref: u32) -> OrderState {
    orders.get(user_ref).expect("known").state
}

const PRICE: u64 = 1_000_000;

#[test]
fn an_order_is_followed_to_its_end() {
    let mut orders = orders();
    let number = enter(&mut orders, b'B', 10, PRICE);
    assert_eq!(state(&orders, number), OrderState::Pending);
    assert!(!orders.is_settled());
    apply(&mut orders, &Answers::accepted(number, b'B', 10, PRICE)).expect("true");
    apply(&mut orders, &Answers::executed(number, 4, PRICE, b'A')).expect("true");
    let order = *orders.get(number).expect("known");
    assert_eq!(
        (order.state, order.executed, order.open),
        (OrderState::Live, 4, 6)
    );
    // 4 lots of 0.0001 at 100 are 0.04; 500 ppm of that is 0.00002.
    assert_eq!((order.executed_notional, order.fees), (4_000_000, 2_000));
    apply(&mut orders, &Answers::executed(number, 6, PRICE - 100, b'R')).expect("true");
    assert_eq!(state(&orders, number), OrderState::Filled);
    assert!(orders.is_settled());
    assert_eq!(orders.live_count(), 0);
    assert_eq!(
        apply(&mut orders, &Answers::canceled(number, 1, b'U')),
        Err(Fault::NotLive(number))
    );
}

#[test]
fn fees_round_up_once_an_order_not_once_a_fill() {
    let mut instrument = bitcoin();
    // 0.03 ppm: every fill of one lot costs a small part of the smallest unit.
    instrument.taker_fee_ppm = 1;
    let mut orders = orders();
    orders.set_instruments([instrument].into_iter().collect());
    let number = enter(&mut orders, b'B', 10, 100);
    apply(&mut orders, &Answers::accepted(number, b'B', 10, 100)).expect("true");
    for _ in 0..10 {
        apply(&mut orders, &Answers::executed(number, 1, 100, b'R')).expect("true");
    }
    let order = orders.get(number).expect("known");
    // A lot is worth 100 units: a millionth of it ten times is 0.001, rounded up once.
    assert_eq!((order.executed_notional, order.fees), (1_000, 1));
}

#[test]
fn rebates_round_toward_the_exchange() {
    let mut instrument = bitcoin();
    instrument.maker_fee_ppm = -1_500;
    let mut orders = orders();
    orders.set_instruments([instrument].into_iter().collect());
    let number = enter(&mut orders, b'S', 3, 300);
    apply(&mut orders, &Answers::accepted(number, b'S', 3, 300)).expect("true");
    apply(&mut orders, &Answers::executed(number, 3, 300, b'A')).expect("true");
    // 900 units x 1,500 ppm = 1.35 of rebate: one unit is paid.
    assert_eq!(orders.get(number).expect("known").fees, -1);
}

#[test]
fn a_replacement_carries_the_chain_on() {
    let mut orders = orders();
    let first = enter(&mut orders, b'B', 10, PRICE);
    apply(&mut orders, &Answers::accepted(first, b'B', 10, PRICE)).expect("true");
    let second = replace(&mut orders, first, 20, PRICE + 100);
    // The original goes on executing until its replacement is answered.
    apply(&mut orders, &Answers::executed(first, 3, PRICE, b'A')).expect("true");
    let updates = apply(&mut orders, &Answers::replaced(first, second, 17, PRICE + 100)).expect("true");
    assert_eq!(updates[0].change, Change::Replaced { original: first });
    assert_eq!(state(&orders, first), OrderState::Replaced);
    assert_eq!(orders.newest(first).map(|order| order.user_ref), Some(second));
    let order = *orders.get(second).expect("known");
    assert_eq!((order.executed, order.open, order.quantity), (3, 17, 20));
    apply(&mut orders, &Answers::canceled(second, 17, b'U')).expect("true");
    assert_eq!(state(&orders, second), OrderState::Canceled);
    assert_eq!(orders.live_count(), 0);
}

#[test]
fn a_replacement_to_no_more_than_executed_ends_the_chain() {
    // Told as Replaced and Canceled, or as Canceled alone.
    for told_as_replaced in [true, false] {
        let mut orders = orders();
        let first = enter(&mut orders, b'B', 10, PRICE);
        apply(&mut orders, &Answers::accepted(first, b'B', 10, PRICE)).expect("true");
        apply(&mut orders, &Answers::executed(first, 5, PRICE, b'A')).expect("true");
        let second = replace(&mut orders, first, 4, PRICE + 100);
        if told_as_replaced {
            apply(&mut orders, &Answers::replaced(first, second, 5, PRICE)).expect("true");
        }
        apply(&mut orders, &Answers::canceled(second, 5, b'U')).expect("true");
        assert_eq!(state(&orders, second), OrderState::Canceled);
        assert_eq!(orders.get(second).expect("known").executed, 5);
        assert!(orders.is_settled());
        assert_eq!(orders.live_count(), 0);
    }
}

#[test]
fn a_refused_replacement_leaves_the_original() {
    let mut orders = orders();
    let first = enter(&mut orders, b'B', 10, PRICE);
    apply(&mut orders, &Answers::accepted(first, b'B', 10, PRICE)).expect("true");
    let second = replace(&mut orders, first, 20, PRICE);
    apply(&mut orders, &Answers::rejected(second, 0x20)).expect("true");
    assert_eq!(state(&orders, second), OrderState::Rejected);
    assert_eq!(orders.get(second).expect("known").reason, 0x20);
    assert_eq!(state(&orders, first), OrderState::Live);
}

#[test]
fn an_answer_to_a_higher_number_says_that_the_lower_was_lost() {
    let mut orders = orders();
    let numbers: Vec<u32> = (0..3).map(|_| enter(&mut orders, b'B', 1, PRICE)).collect();
    let updates = apply(&mut orders, &Answers::accepted(numbers[2], b'B', 1, PRICE)).expect("true");
    let lost: Vec<u32> = updates
        .iter()
        .filter(|update| update.change == Change::NotApplied)
        .map(|update| update.order.user_ref)
        .collect();
    assert_eq!(lost, numbers[..2]);
    assert!(orders.is_settled());
    assert_eq!(orders.totals().not_applied, 2);
    assert_eq!(
        apply(&mut orders, &Answers::accepted(numbers[0], b'B', 1, PRICE)),
        Err(Fault::AnsweredTwice(numbers[0]))
    );
}

#[test]
fn account_query_settles_what_is_below_and_keeps_what_is_not() {
    let mut orders = orders();
    let first = enter(&mut orders, b'B', 1, PRICE);
    let second = enter(&mut orders, b'B', 1, PRICE);
    let updates = apply(&mut orders, &Answers::next(second)).expect("true");
    assert_eq!(updates.len(), 1);
    assert_eq!(state(&orders, first), OrderState::NotApplied);
    assert_eq!(state(&orders, second), OrderState::Pending);
    assert_eq!(orders.unanswered(), (second, second + 1));
    apply(&mut orders, &Answers::next(100)).expect("true");
    assert_eq!(enter(&mut orders, b'B', 1, PRICE), 100);
}

#[test]
fn requests_without_an_order_are_answered_once() {
    let mut orders = orders();
    let user_ref = orders.allocate().expect("room");
    let order = Order {
        user_ref,
        kind: RequestKind::MassCancel,
        ..Order::UNUSED
    };
    orders.insert(order, b"C...");
    apply(&mut orders, &Answers::mass_canceled(user_ref)).expect("true");
    assert_eq!(state(&orders, user_ref), OrderState::Answered);
    assert!(apply(&mut orders, &Answers::mass_canceled(user_ref)).is_err());
}

#[test]
fn numbers_of_unfinished_orders_are_never_reused() {
    let mut orders = orders();
    let resting = enter(&mut orders, b'B', 1, PRICE);
    apply(&mut orders, &Answers::accepted(resting, b'B', 1, PRICE)).expect("true");
    for _ in 0..100 {
        let number = enter(&mut orders, b'B', 1, PRICE);
        assert_ne!(number % 16, resting % 16);
        apply(&mut orders, &Answers::rejected(number, 0x20)).expect("true");
    }
    assert_eq!(state(&orders, resting), OrderState::Live);
    while orders.live_count() < 16 {
        let number = enter(&mut orders, b'B', 1, PRICE);
        apply(&mut orders, &Answers::accepted(number, b'B', 1, PRICE)).expect("true");
    }
    assert_eq!(orders.allocate(), Err(NumberError::Full(16)));
    orders.start_at(u32::MAX);
    apply(&mut orders, &Answers::canceled(resting, 1, b'U')).expect("true");
    assert_eq!(orders.allocate(), Err(NumberError::Exhausted));
}

#[test]
fn a_cancel_that_is_refused_is_wanted_no_more() {
    let mut orders = orders();
    let number = enter(&mut orders, b'B', 10, PRICE);
    apply(&mut orders, &Answers::accepted(number, b'B', 10, PRICE)).expect("true");
    assert!(orders.want_cancel(number, 4, 9));
    apply(&mut orders, &Answers::cancel_refused(number)).expect("true");
    let order = orders.get(number).expect("known");
    assert!(!order.cancel_is_open() && order.open == 10);
    assert!(orders.want_cancel(number, 4, 9), "it may be asked for anew");
}

#[test]
fn a_cancel_is_wanted_until_it_had_its_effect() {
    let mut orders = orders();
    let number = enter(&mut orders, b'B', 10, PRICE);
    assert!(orders.want_cancel(number, 4, 9));
    apply(&mut orders, &Answers::accepted(number, b'B', 10, PRICE)).expect("true");
    assert!(orders.get(number).expect("known").cancel_is_open());
    apply(&mut orders, &Answers::canceled(number, 6, b'U')).expect("true");
    assert!(!orders.get(number).expect("known").cancel_is_open());
    assert!(!orders.want_cancel(number, 4, 9));
    // A replacement inherits the wish.
    assert!(orders.want_cancel(number, 0, 9));
    let second = replace(&mut orders, number, 20, PRICE);
    apply(&mut orders, &Answers::replaced(number, second, 20, PRICE)).expect("true");
    assert!(orders.get(second).expect("known").cancel_is_open());
}

#[test]
fn what_others_did_with_the_session_is_counted_not_a_fault() {
    let mut orders = Orders::new(16);
    orders.set_instruments([bitcoin()].into_iter().collect());
    apply(&mut orders, &Answers::accepted(3, b'B', 5, PRICE)).expect("true");
    apply(&mut orders, &Answers::rejected(4, 0x20)).expect("true");
    apply(&mut orders, &Answers::executed(2, 5, PRICE, b'A')).expect("true");
    orders.start_at(5);
    assert_eq!(orders.totals().foreign, 3);
    assert_eq!(state(&orders, 3), OrderState::Live);
    assert_eq!(enter(&mut orders, b'B', 1, PRICE), 5);
}

/// A login reads the stream before it has asked for the instruments.
#[test]
fn instruments_may_be_learned_behind_the_orders_of_another_life() {
    let mut orders = Orders::new(16);
    apply(&mut orders, &Answers::accepted(3, b'B', 5, PRICE)).expect("true");
    assert_eq!(orders.get(3).expect("live").instrument, None);
    orders.set_instruments([bitcoin()].into_iter().collect());
    assert_eq!(orders.get(3).expect("live").instrument, Some(0));
}

/// Each row plants one lie; each must be caught, and nothing may change.
#[test]
fn planted_lies_are_caught() {
    type Lie = (fn(u32, u32) -> Vec<u8>, fn(u32, u32) -> Fault);
    let lies: [Lie; 13] = [
        (
            |_, _| Answers::accepted(9, b'B', 1, PRICE),
            |_, _| Fault::NeverSent(9),
        ),
        (
            |live, _| Answers::accepted(live, b'B', 10, PRICE),
            |live, _| Fault::AnsweredTwice(live),
        ),
        (
            |_, new| Answers::accepted(new, b'S', 10, PRICE),
            |_, new| Fault::NotAsSent(new),
        ),
        (
            |_, new| Answers::accepted(new, b'B', 11, PRICE),
            |_, new| Fault::NotAsSent(new),
        ),
        (
            |_, new| Answers::accepted(new, b'B', 10, PRICE + 100),
            |_, new| Fault::NotAsSent(new),
        ),
        (
            |live, _| Answers::executed(live, 11, PRICE, b'A'),
            |live, _| Fault::ExecutedBeyondOpen(live),
        ),
        (
            |live, _| Answers::executed(live, 0, PRICE, b'A'),
            |live, _| Fault::ExecutedBeyondOpen(live),
        ),
        (
            |live, _| Answers::executed(live, 1, PRICE + 100, b'A'),
            |live, _| Fault::WorseThanLimit(live),
        ),
        (
            |_, new| Answers::executed(new, 1, PRICE, b'A'),
            |_, new| Fault::NotLive(new),
        ),
        (
            |live, _| Answers::canceled(live, 11, b'U'),
            |live, _| Fault::CanceledBeyondOpen(live),
        ),
        (
            |live, _| Answers::self_match(live, 11),
            |live, _| Fault::CanceledBeyondOpen(live),
        ),
        (
            |live, _| Answers::executed_with_fee(live, 4, PRICE, 4_001),
            |live, _| Fault::WrongFee(live),
        ),
        (
            |_, new| Answers::mass_canceled(new),
            |_, new| Fault::NotAsSent(new),
        ),
    ];
    for (row, (lie, fault)) in lies.into_iter().enumerate() {
        let mut orders = orders();
        let live = enter(&mut orders, b'B', 10, PRICE);
        apply(&mut orders, &Answers::accepted(live, b'B', 10, PRICE)).expect("true");
        let new = enter(&mut orders, b'B', 10, PRICE);
        let before: Vec<Order> = orders.iter().copied().collect();
        assert_eq!(
            apply(&mut orders, &lie(live, new)),
            Err(fault(live, new)),
            "row {row}"
        );
        let after: Vec<Order> = orders.iter().copied().collect();
        assert_eq!(before, after, "row {row}");
    }
    // The true fee is taken.
    let mut orders = orders();
    let live = enter(&mut orders, b'B', 10, PRICE);
    apply(&mut orders, &Answers::accepted(live, b'B', 10, PRICE)).expect("true");
    apply(&mut orders, &Answers::executed_with_fee(live, 4, PRICE, 4_000)).expect("true");
    apply(&mut orders, &Answers::self_match(live, 6)).expect("true");
    assert_eq!(state(&orders, live), OrderState::Canceled);
    assert_eq!(orders.get(live).expect("known").fees_reported, 4_000);
}

/// An order that outlives the day; its name is its number.
fn enter_lasting(orders: &mut Orders, quantity: u32) -> u32 {
    let user_ref = orders.allocate().expect("room");
    let order = Order {
        user_ref,
        side: b'B',
        symbol: symbol(),
        cl_ord_id: [b'0' + user_ref as u8; 14],
        time_in_force: b'G',
        quantity,
        price: 1_000_000,
        ..Order::UNUSED
    };
    orders.insert(order, b"O");
    apply(orders, &Answers::accepted(user_ref, b'B', quantity, 1_000_000)).expect("as sent");
    user_ref
}

fn carried(user_ref: u32, name: u8, quantity: u32) -> Vec<u8> {
    OrderAccepted {
        message_type: b'A',
        user_ref_num: user_ref.into(),
        side: b'B',
        quantity: quantity.into(),
        symbol: symbol().0,
        price: 1_000_000.into(),
        time_in_force: b'G',
        cl_ord_id: [b'0' + name; 14],
        order_reference_number: u64::from(user_ref).into(),
        ..OrderAccepted::new_zeroed()
    }
    .as_bytes()
    .to_vec()
}

fn roll(orders: &mut Orders) {
    orders.end_day(&mut |_| {});
    assert_eq!(orders.outlived().next(), None);
    orders.begin_day();
}

#[test]
fn what_outlives_the_day_is_known_by_its_name() {
    let mut orders = orders();
    for quantity in [10, 20, 30] {
        enter_lasting(&mut orders, quantity);
    }
    apply(&mut orders, &Answers::executed(2, 5, 1_000_000, b'A')).expect("open");
    roll(&mut orders);
    assert_eq!((orders.live_count(), orders.iter().count()), (0, 0));
    // Best price first, not as they were entered; of the second what was open.
    for (user_ref, name, open) in [(1, 3, 30), (2, 2, 15), (3, 1, 10)] {
        let updates = apply(&mut orders, &carried(user_ref, name, open)).expect("left");
        let change = Change::Carried {
            before: u32::from(name),
        };
        assert_eq!(updates.last().map(|update| update.change), Some(change));
    }
    let order = orders.get(2).expect("carried");
    assert_eq!((order.quantity, order.open, order.executed), (15, 15, 0));
    assert_eq!((orders.live_count(), orders.totals().carried), (3, 3));
    assert_eq!(orders.not_carried(), None);
    orders.start_at(4);
    assert_eq!(orders.next_user_ref(), 4);
    assert_eq!(orders.totals().foreign, 0);
}

#[test]
fn rounding_in_advance_is_to_the_credit_of_the_next_day() {
    let (mut orders, mut whole) = (orders(), orders());
    for orders in [&mut orders, &mut whole] {
        enter_lasting(orders, 9);
        apply(orders, &Answers::executed(1, 1, 1_000_000, b'R')).expect("open");
    }
    roll(&mut orders);
    apply(&mut orders, &carried(1, 1, 8)).expect("left");
    let before = whole.get(1).expect("live").fees;
    for _ in 0..8 {
        for orders in [&mut orders, &mut whole] {
            apply(orders, &Answers::executed(1, 1, 1_000_000, b'R')).expect("open");
        }
    }
    let (after, all) = (orders.get(1).expect("filled"), whole.get(1).expect("filled"));
    assert_eq!(before + after.fees, all.fees);
}

#[test]
fn what_the_roll_forgets_or_changes_is_a_fault() {
    let mut orders = orders();
    enter_lasting(&mut orders, 10);
    enter_lasting(&mut orders, 20);
    roll(&mut orders);
    assert_eq!(
        apply(&mut orders, &carried(1, 1, 9)),
        Err(Fault::NotAsSent(1)),
        "one lot is gone"
    );
    apply(&mut orders, &carried(1, 2, 20)).expect("left");
    // One that this client never knew.
    apply(&mut orders, &carried(2, 7, 5)).expect("somebody else's");
    assert_eq!((orders.live_count(), orders.totals().foreign), (2, 1));
    assert_eq!(orders.not_carried(), Some(Fault::NotCarried(1)));
    assert_eq!(orders.not_carried(), None);

    let slot = orders.slot(1);
    orders.slots[slot].time_in_force = b'0';
    assert_eq!(orders.outlived().next(), Some(Fault::OutlivedItsDay(1)));
}

#[test]
fn requests_without_an_answer_end_with_their_day() {
    let mut orders = orders();
    enter(&mut orders, b'B', 10, 1_000_000);
    enter_lasting(&mut orders, 20);
    enter(&mut orders, b'B', 30, 1_000_000);
    let mut lost = Vec::new();
    orders.end_day(&mut |update| lost.push((update.order.user_ref, update.change)));
    assert_eq!(lost, [(3, Change::NotApplied)]);
    let totals = orders.totals();
    assert_eq!((totals.answered, totals.not_applied, totals.requests), (1, 2, 3));
    orders.begin_day();
    assert!(!orders.is_started() && orders.is_settled());
    assert_eq!(orders.allocate(), Ok(1));
}
