//! Crosses, imbalances, unseen orders and the roll of the day, byte by byte.

use protocol::market_data::messages as itch;
use protocol::order_entry::responses as ouch;

use super::encoding::{
    Said, accepted, ack, add_order, check, encode, encoder, feed, order_event, with_appendage,
};
use super::{TIME, command, event, feed_time};
use crate::exchange::command::CommandKind;
use crate::exchange::event::{CarriedText, Event, EventKind};

/// The timestamp of OUCH and of ITCH.
const TIME_8: &[u8] = b"\x00\x01\x02\x03\x04\x05\x06\x07";
const TIME_6: &[u8] = b"\x02\x03\x04\x05\x06\x07";

fn side(kind: EventKind, session: u32, number: u64, code: u8) -> Event {
    event(kind, |event| {
        event.instrument = 1;
        event.session = session;
        event.user_ref = 9;
        event.quantity = 20;
        event.price = 123_456;
        event.code = code;
        event.number = number;
    })
}

fn executed(flag: u8, match_number: u64) -> ouch::OrderExecuted {
    ouch::OrderExecuted {
        message_type: b'E',
        timestamp: TIME.into(),
        user_ref_num: 9.into(),
        quantity: 20.into(),
        price: 123_456.into(),
        liquidity_flag: flag,
        match_number: match_number.into(),
        appendage_length: 0.into(),
    }
}

#[test]
fn executions_against_unseen_orders_name_neither_order_nor_side() {
    let events = [
        side(EventKind::ExecutedUnseen, 0, 400, b'J'),
        side(EventKind::ExecutedIncoming, 2, 900, b'R'),
    ];
    let published = [
        b"P\x00\x01\x00\x00".as_slice(),
        TIME_6,
        b"\x00\x00\x00\x00\x00\x00\x00\x00B\x00\x00\x00\x14BTC-USD \x00\x01\xe2\x40",
        b"\x00\x00\x00\x00\x00\x00\x03\x84",
    ]
    .concat();
    check(
        &command(CommandKind::Enter),
        &events,
        &[
            ack(0, 1, &executed(b'J', 900)),
            ack(2, 1, &executed(b'R', 900)),
            Said::Feed(2, published),
        ],
    );
}

#[test]
fn a_cross_tells_each_side_and_its_volume_once() {
    let matched = event(EventKind::CrossMatch, |event| {
        event.instrument = 1;
        event.number = 900;
        event.quantity = 20;
        event.price = 123_456;
        event.code = b'O';
    });
    let fee = event(EventKind::Fee, |event| event.number = 7);
    let done = event(EventKind::CrossDone, |event| {
        event.instrument = 1;
        event.number = 901;
        event.quantity = 5;
        event.detail = 1;
        event.price = 123_456;
        event.code = b'O';
    });
    let with_price = [
        b"C\x00\x01\x00\x00".as_slice(),
        TIME_6,
        b"\x00\x00\x00\x00\x00\x00\x01\x90\x00\x00\x00\x14\x00\x00\x00\x00\x00\x00\x03\x84N\x00\x01\xe2\x40",
    ]
    .concat();
    let cross = [
        b"Q\x00\x01\x00\x00".as_slice(),
        TIME_6,
        b"\x00\x00\x00\x01\x00\x00\x00\x05BTC-USD \x00\x01\xe2\x40\x00\x00\x00\x00\x00\x00\x03\x85O",
    ]
    .concat();
    check(
        &command(CommandKind::SetState),
        &[
            matched,
            side(EventKind::CrossExecuted, 0, 400, b'O'),
            fee,
            side(EventKind::CrossExecutedUnseen, 1, 401, b'O'),
            done,
        ],
        &[
            ack(0, 1, &executed(b'O', 900)),
            Said::Feed(2, with_price),
            Said::Session(
                1,
                1,
                with_appendage(&executed(b'O', 900), b"\x09\x83\x00\x00\x00\x00\x00\x00\x00\x07"),
            ),
            Said::Feed(3, cross),
        ],
    );
    // The flags are those of the auctions; both sides may be displayed.
    for flag in *b"OCH" {
        let sides = [0, 1].map(|session| side(EventKind::CrossExecuted, session, 400, flag));
        let said = encode(
            &mut encoder(),
            &command(CommandKind::SetState),
            &[matched, sides[0], sides[1]],
        );
        let told: Vec<_> = said
            .iter()
            .filter(|said| matches!(said, Said::Session(..)))
            .cloned()
            .collect();
        assert_eq!(told, [0, 1].map(|session| ack(session, 1, &executed(flag, 900))));
        assert_eq!(said.len(), 4);
    }
}

#[test]
fn an_imbalance_is_one_message_of_two_events() {
    let volume = event(EventKind::ImbalanceVolume, |event| {
        event.instrument = 1;
        event.number = 0x1_0000_0002;
        event.price = 123_456;
        event.detail = 123_400;
        event.user_ref = 123_500;
        event.code = b'C';
        event.quantity = u32::from(b'L');
    });
    let side = event(EventKind::ImbalanceSide, |event| {
        event.instrument = 1;
        event.number = 0x2_0000_0003;
        event.code = b'S';
    });
    let expected = [
        b"I\x00\x01\x00\x00".as_slice(),
        TIME_6,
        b"\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x03SBTC-USD ",
        b"\x00\x01\xe2\x08\x00\x01\xe2\x40\x00\x01\xe2\x6cCL",
    ]
    .concat();
    check(
        &command(CommandKind::Imbalance),
        &[volume, side],
        &[Said::Feed(2, expected)],
    );
}

#[test]
fn a_stop_that_enters_gets_its_number() {
    let expected = [
        b"T".as_slice(),
        TIME_8,
        b"\x00\x00\x00\x47\x00\x00\x00\x00\x00\x01\xe2\x40Y\x00\x00\x00\x00\x00\x00\x01\xf4",
    ]
    .concat();
    check(
        &command(CommandKind::Enter),
        &[order_event(EventKind::PriorityUpdated, b'Y')],
        &[Said::Session(2, 1, expected)],
    );
}

#[test]
fn a_refreshed_part_is_told_to_its_owner_and_rests() {
    let expected = [
        b"R".as_slice(),
        TIME_8,
        b"\x00\x00\x00\x47R\x00\x10\x09\x01\x00\x00\x00\x00\x00\x00\x01\xf4\x05\x16\x00\x00\x00\x1e",
    ]
    .concat();
    check(
        &command(CommandKind::Enter),
        &[
            order_event(EventKind::Restated, 0),
            order_event(EventKind::Added, b'S'),
        ],
        &[Said::Session(2, 1, expected), feed(2, &add_order())],
    );
}

#[test]
fn surviving_orders_are_accepted_anew_with_what_they_kept() {
    let text = CarriedText {
        cl_ord_id: *b"CLIENT-ORDER-1",
        time_in_force: b'0',
        display: b'Y',
        capacity: b'P',
        sweep: b'N',
        cross_type: b'C',
    };
    let carried = Event {
        detail: u32::from(b'B'),
        ..order_event(EventKind::Carried, b'L')
    };
    check(
        &command(CommandKind::RollDay),
        &[Event::carried_text(1, 2, 71, &text), carried],
        &[ack(2, 1, &accepted())],
    );
}

#[test]
fn with_the_day_all_streams_begin_again() {
    let mut encoder = encoder();
    let roll = command(CommandKind::RollDay);
    encode(&mut encoder, &roll, &[order_event(EventKind::SessionEvent, b'S')]);
    assert_eq!((encoder.feed_next(), encoder.session_next(2)), (2, 2));
    let system = itch::SystemEvent {
        message_type: b'S',
        stock_locate: 0.into(),
        tracking_number: 0.into(),
        timestamp: feed_time(),
        event_code: b'O',
    };
    let events = [
        event(EventKind::DayRolled, |event| event.number = 2),
        event(EventKind::SystemEvent, |event| event.code = b'O'),
    ];
    assert_eq!(
        encode(&mut encoder, &roll, &events),
        [Said::Day(2), feed(1, &system)]
    );
    assert_eq!((encoder.feed_next(), encoder.session_next(2)), (2, 1));
}

#[test]
#[should_panic(expected = "can not follow")]
fn a_side_of_a_cross_needs_its_match() {
    encode(
        &mut encoder(),
        &command(CommandKind::SetState),
        &[side(EventKind::CrossExecuted, 0, 400, b'O')],
    );
}

#[test]
#[should_panic(expected = "all that is said by two events")]
fn a_match_of_a_cross_has_two_sides() {
    encode(
        &mut encoder(),
        &command(CommandKind::SetState),
        &[
            event(EventKind::CrossMatch, |event| event.number = 1),
            side(EventKind::CrossExecuted, 0, 400, b'O'),
        ],
    );
}
