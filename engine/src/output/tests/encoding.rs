//! Every kind of event against the messages it must become.

use protocol::layout::WireMessage;
use protocol::market_data::{FeedMessage, messages as itch};
use protocol::order_entry::Response;
use protocol::order_entry::responses as ouch;
use protocol::units::Price;

use super::{TIME, command, event, feed_time, listing, order};
use crate::exchange::command::{Command, CommandKind, OrderOptions, UNKNOWN_INSTRUMENT};
use crate::exchange::event::{Event, EventKind};
use crate::output::{Encoder, MessageSink, Numbers};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Feed(u64, Vec<u8>),
    Session(u32, u64, Vec<u8>),
    Day(u32),
}

#[derive(Default)]
struct Log(Vec<Said>);

impl MessageSink for Log {
    fn feed(&mut self, sequence: u64, message: &[u8]) {
        let decoded = FeedMessage::decode(message).expect("subscribers can read it");
        assert!(!matches!(decoded, FeedMessage::Unknown(_)));
        self.0.push(Said::Feed(sequence, message.to_vec()));
    }

    fn session(&mut self, session: u32, sequence: u64, message: &[u8]) {
        let decoded = Response::decode(message).expect("clients can read it");
        assert!(!matches!(decoded, Response::Unknown(_)));
        if let Response::Accepted(_, options)
        | Response::Replaced(_, options)
        | Response::Executed(_, options)
        | Response::MassCancel(_, options)
        | Response::Restated(_, options) = decoded
        {
            assert!(options.are_defined());
        }
        self.0.push(Said::Session(session, sequence, message.to_vec()));
    }

    fn new_day(&mut self, day: u32, ended: &Numbers) {
        assert!(ended.feed_next() > 1, "as the old day left it");
        self.0.push(Said::Day(day));
    }
}

/// Hears of new days.
#[derive(Default)]
struct Days(Vec<Said>);

impl MessageSink for Days {
    const WANTS_MESSAGES: bool = false;

    fn feed(&mut self, _sequence: u64, _message: &[u8]) {
        unreachable!("it is only counted");
    }

    fn session(&mut self, _session: u32, _sequence: u64, _message: &[u8]) {
        unreachable!("it is only counted");
    }

    fn new_day(&mut self, day: u32, ended: &Numbers) {
        assert!(ended.feed_next() > 1, "as the old day left it");
        self.0.push(Said::Day(day));
    }
}

/// What is said, which comes to the same numbers when it is only counted.
pub(super) fn encode(encoder: &mut Encoder, command: &Command, events: &[Event]) -> Vec<Said> {
    let (mut counting, mut days) = (encoder.clone(), Days::default());
    counting.encode(command, events, &mut days);
    let mut log = Log::default();
    encoder.encode(command, events, &mut log);
    let saved = |encoder: &Encoder| {
        let mut bytes = Vec::new();
        encoder.save(&mut bytes);
        bytes
    };
    assert!(saved(&counting) == saved(encoder), "{events:?}");
    let is_day = |said: &&Said| matches!(said, Said::Day(_));
    assert!(days.0.iter().eq(log.0.iter().filter(is_day)));
    log.0
}

/// An encoder that knows BTC-USD as locate 1 and has said its Stock Directory (feed message 1).
pub(super) fn encoder() -> Encoder {
    let mut encoder = Encoder::new(2, 4);
    let (command, event) = listing();
    assert_eq!(encode(&mut encoder, &command, &[event]).len(), 1);
    encoder
}

/// What one step says, the first acknowledgement of each session being number 1, the first feed message number 2.
#[track_caller]
pub(super) fn check(command: &Command, events: &[Event], expected: &[Said]) {
    assert_eq!(encode(&mut encoder(), command, events), expected);
}

pub(super) fn ack(session: u32, sequence: u64, message: &impl WireMessage) -> Said {
    Said::Session(session, sequence, message.as_bytes().to_vec())
}

pub(super) fn feed(sequence: u64, message: &impl WireMessage) -> Said {
    Said::Feed(sequence, message.as_bytes().to_vec())
}

pub(super) fn with_appendage(message: &impl WireMessage, appendage: &[u8]) -> Vec<u8> {
    let mut bytes = message.as_bytes().to_vec();
    let end = bytes.len();
    bytes[end - 2..].copy_from_slice(&(appendage.len() as u16).to_be_bytes());
    bytes.extend_from_slice(appendage);
    bytes
}

/// Of session 2, user ref 71, locate 1, order number 500, 30 lots at 12.3456.
pub(super) fn order_event(kind: EventKind, code: u8) -> Event {
    event(kind, |event| {
        event.code = code;
        event.instrument = 1;
        event.session = 2;
        event.user_ref = 71;
        event.quantity = 30;
        event.price = 123_456;
        event.number = 500;
    })
}

pub(super) fn accepted() -> ouch::OrderAccepted {
    ouch::OrderAccepted {
        message_type: b'A',
        timestamp: TIME.into(),
        user_ref_num: 71.into(),
        side: b'B',
        quantity: 30.into(),
        symbol: *b"BTC-USD ",
        price: 123_456.into(),
        time_in_force: b'0',
        display: b'Y',
        order_reference_number: 500.into(),
        capacity: b'P',
        inter_market_sweep_eligibility: b'N',
        cross_type: b'C',
        order_state: b'L',
        cl_ord_id: *b"CLIENT-ORDER-1",
        appendage_length: 0.into(),
    }
}

fn canceled(reason: u8) -> ouch::OrderCanceled {
    ouch::OrderCanceled {
        message_type: b'C',
        timestamp: TIME.into(),
        user_ref_num: 71.into(),
        quantity: 30.into(),
        reason,
    }
}

fn order_cancel() -> itch::OrderCancel {
    itch::OrderCancel {
        message_type: b'X',
        stock_locate: 1.into(),
        tracking_number: 0.into(),
        timestamp: feed_time(),
        order_reference_number: 500.into(),
        cancelled_shares: 30.into(),
    }
}

fn order_delete() -> itch::OrderDelete {
    itch::OrderDelete {
        message_type: b'D',
        stock_locate: 1.into(),
        tracking_number: 0.into(),
        timestamp: feed_time(),
        order_reference_number: 500.into(),
    }
}

pub(super) fn add_order() -> itch::AddOrder {
    itch::AddOrder {
        message_type: b'A',
        stock_locate: 1.into(),
        tracking_number: 0.into(),
        timestamp: feed_time(),
        order_reference_number: 500.into(),
        buy_sell_indicator: b'S',
        shares: 30.into(),
        stock: *b"BTC-USD ",
        price: 123_456.into(),
    }
}

/// All options, each with a value of its own.
fn options(present: u32) -> OrderOptions {
    OrderOptions {
        present,
        firm: *b"LIME",
        stop_price: 0x1112_1314_1516_1718,
        funds: 0x2122_2324_2526_2728,
        min_quantity: 0x3132_3334,
        max_floor: 0x4142_4344,
        expire_time: 0x5152_5354,
        random_reserves: 0x6162_6364,
        locate_broker: *b"BROK",
        group: 0x7172,
        customer_type: b'R',
        price_type: b'L',
        post_only: b'P',
        self_match: b'B',
        handle_inst: b'I',
        trade_now: b'Y',
        shares_located: b'N',
        user_ref_index: 3,
        side: b'S',
        spare: [0; 9],
    }
}

#[test]
fn accepted_orders() {
    let enter = command(CommandKind::Enter).with_order(order());
    let event = order_event(EventKind::Accepted, b'L');
    check(&enter, &[event], &[ack(2, 1, &accepted())]);

    let market = Event {
        price: Price::MARKET.0 as u32,
        code: b'D',
        ..event
    };
    let expected = ouch::OrderAccepted {
        price: 0x7FFF_FFFF.into(),
        order_state: b'D',
        ..accepted()
    };
    check(&enter, &[market], &[ack(2, 1, &expected)]);
}

#[test]
fn accepted_orders_byte_for_byte() {
    let enter = command(CommandKind::Enter)
        .with_order(order())
        .with_options(options(OrderOptions::HAS_FIRM | OrderOptions::HAS_SELF_MATCH));
    let mut expected = b"A\x00\x01\x02\x03\x04\x05\x06\x07\x00\x00\x00\x47B\x00\x00\x00\x1eBTC-USD ".to_vec();
    expected.extend(b"\x00\x00\x00\x00\x00\x01\xe2\x400Y\x00\x00\x00\x00\x00\x00\x01\xf4PNCLCLIENT-ORDER-1");
    expected.extend(b"\x00\x09\x05\x02LIME\x02\x81B");
    check(
        &enter,
        &[order_event(EventKind::Accepted, b'L')],
        &[Said::Session(2, 1, expected)],
    );
}

#[test]
fn accepted_echoes_each_option_it_may() {
    let enter = command(CommandKind::Enter)
        .with_order(order())
        .with_options(options(!OrderOptions::MALFORMED));
    let appendage = [
        b"\x05\x02LIME".as_slice(),
        b"\x05\x03\x31\x32\x33\x34",
        b"\x02\x04R",
        b"\x05\x05\x41\x42\x43\x44",
        b"\x02\x06L",
        b"\x02\x0cP",
        b"\x05\x0d\x61\x62\x63\x64",
        b"\x05\x0f\x51\x52\x53\x54",
        b"\x02\x10Y",
        b"\x02\x11I",
        b"\x03\x18\x71\x72",
        b"\x02\x19N",
        b"\x02\x1c\x03",
        b"\x09\x80\x11\x12\x13\x14\x15\x16\x17\x18",
        b"\x02\x81B",
        b"\x09\x82\x21\x22\x23\x24\x25\x26\x27\x28",
    ]
    .concat();
    check(
        &enter,
        &[order_event(EventKind::Accepted, b'L')],
        &[Said::Session(2, 1, with_appendage(&accepted(), &appendage))],
    );
}

fn replaced() -> ouch::OrderReplaced {
    ouch::OrderReplaced {
        message_type: b'U',
        timestamp: TIME.into(),
        orig_user_ref_num: 70.into(),
        user_ref_num: 71.into(),
        side: b'S',
        quantity: 30.into(),
        symbol: *b"BTC-USD ",
        price: 123_456.into(),
        time_in_force: b'0',
        display: b'Y',
        order_reference_number: 500.into(),
        capacity: b'A',
        inter_market_sweep_eligibility: b'N',
        cross_type: b'O',
        order_state: b'L',
        cl_ord_id: *b"CLIENT-ORDER-1",
        appendage_length: 0.into(),
    }
}

fn replaced_event() -> Event {
    Event {
        detail: u32::from_le_bytes([b'S', b'A', b'O', 0]),
        ..order_event(EventKind::Replaced, b'L')
    }
}

#[test]
fn replaced_orders_with_and_without_their_place_in_the_book() {
    let replace = command(CommandKind::Replace).with_order(order());
    check(&replace, &[replaced_event()], &[ack(2, 1, &replaced())]);

    let book = event(EventKind::BookReplaced, |event| {
        event.instrument = 1;
        event.number = 400;
    });
    let expected = itch::OrderReplace {
        message_type: b'U',
        stock_locate: 1.into(),
        tracking_number: 0.into(),
        timestamp: feed_time(),
        original_order_reference_number: 400.into(),
        new_order_reference_number: 500.into(),
        shares: 30.into(),
        price: 123_456.into(),
    };
    check(
        &replace,
        &[replaced_event(), book],
        &[ack(2, 1, &replaced()), feed(2, &expected)],
    );
}

#[test]
fn replaced_echoes_the_options_of_its_own_table() {
    let replace = command(CommandKind::Replace)
        .with_order(order())
        .with_options(options(!OrderOptions::MALFORMED));
    let appendage = [
        b"\x05\x02LIME".as_slice(),
        b"\x05\x03\x31\x32\x33\x34",
        b"\x05\x05\x41\x42\x43\x44",
        b"\x02\x06L",
        b"\x02\x0cP",
        b"\x05\x0f\x51\x52\x53\x54",
        b"\x02\x10Y",
        b"\x02\x11I",
        b"\x02\x1c\x03",
        b"\x09\x80\x11\x12\x13\x14\x15\x16\x17\x18",
        b"\x02\x81B",
        b"\x09\x82\x21\x22\x23\x24\x25\x26\x27\x28",
    ]
    .concat();
    check(
        &replace,
        &[replaced_event()],
        &[Said::Session(2, 1, with_appendage(&replaced(), &appendage))],
    );
}

#[test]
fn rejections_name_the_reason_and_the_order() {
    let event = Event {
        detail: 0x0026,
        ..order_event(EventKind::Rejected, 0)
    };
    let expected = ouch::OrderRejected {
        message_type: b'J',
        timestamp: TIME.into(),
        user_ref_num: 71.into(),
        reason: 0x0026.into(),
        cl_ord_id: *b"CLIENT-ORDER-1",
    };
    for kind in [CommandKind::Enter, CommandKind::Replace] {
        check(
            &command(kind).with_order(order()),
            &[event],
            &[ack(2, 1, &expected)],
        );
    }
    let nameless = ouch::OrderRejected {
        cl_ord_id: [b' '; 14],
        ..expected
    };
    for kind in [
        CommandKind::MassCancel,
        CommandKind::DisableOrderEntry,
        CommandKind::EnableOrderEntry,
    ] {
        check(
            &command(kind).with_order(order()),
            &[event],
            &[ack(2, 1, &nameless)],
        );
    }
}

#[test]
fn cancellations_tell_the_book_what_it_shows() {
    let cancel = command(CommandKind::Cancel).with_order(order());
    let owner = ack(2, 1, &canceled(b'I'));
    check(
        &cancel,
        &[order_event(EventKind::CanceledUnbooked, b'I')],
        std::slice::from_ref(&owner),
    );
    check(
        &cancel,
        &[order_event(EventKind::CanceledReduced, b'I')],
        &[owner.clone(), feed(2, &order_cancel())],
    );
    check(
        &cancel,
        &[order_event(EventKind::CanceledDeleted, b'I')],
        &[owner, feed(2, &order_delete())],
    );
}

#[test]
fn self_matches_are_told_to_the_owner_and_leave_the_book_as_cancellations() {
    let enter = command(CommandKind::Enter).with_order(order());
    let prevented = |kind| Event {
        detail: 25,
        ..order_event(kind, b'D')
    };
    let resting = ouch::AiqCanceled {
        message_type: b'D',
        timestamp: TIME.into(),
        user_ref_num: 71.into(),
        decrement_shares: 30.into(),
        reason: b'Q',
        quantity_prevented_from_trading: 25.into(),
        execution_price: 123_456.into(),
        liquidity_flag: b'A',
        aiq_strategy: b'D',
    };
    let incoming = ouch::AiqCanceled {
        liquidity_flag: b'R',
        ..resting
    };
    check(
        &enter,
        &[prevented(EventKind::SelfMatchIncoming)],
        &[ack(2, 1, &incoming)],
    );
    check(
        &enter,
        &[prevented(EventKind::SelfMatchReduced)],
        &[ack(2, 1, &resting), feed(2, &order_cancel())],
    );
    check(
        &enter,
        &[prevented(EventKind::SelfMatchDeleted)],
        &[ack(2, 1, &resting), feed(2, &order_delete())],
    );
}

/// Two matches, then the rest: what each of three sessions and the feed are told, with ascending numbers.
#[test]
fn executions_share_the_match_number() {
    let enter = command(CommandKind::Enter).with_order(order());
    let resting = |session: u32, number: u64, quantity: u32| {
        event(EventKind::ExecutedResting, |event| {
            event.instrument = 1;
            event.session = session;
            event.user_ref = 9;
            event.quantity = quantity;
            event.price = 1_000;
            event.code = b'A';
            event.number = number;
        })
    };
    let incoming = |match_number: u64, quantity: u32| {
        event(EventKind::ExecutedIncoming, |event| {
            event.instrument = 1;
            event.session = 2;
            event.user_ref = 71;
            event.quantity = quantity;
            event.price = 1_000;
            event.code = b'R';
            event.number = match_number;
        })
    };
    let executed = |user_ref: u32, quantity: u32, flag: u8, match_number: u64| ouch::OrderExecuted {
        message_type: b'E',
        timestamp: TIME.into(),
        user_ref_num: user_ref.into(),
        quantity: quantity.into(),
        price: 1_000.into(),
        liquidity_flag: flag,
        match_number: match_number.into(),
        appendage_length: 0.into(),
    };
    let published = |number: u64, quantity: u32, match_number: u64| itch::OrderExecuted {
        message_type: b'E',
        stock_locate: 1.into(),
        tracking_number: 0.into(),
        timestamp: feed_time(),
        order_reference_number: number.into(),
        executed_shares: quantity.into(),
        match_number: match_number.into(),
    };
    check(
        &enter,
        &[
            order_event(EventKind::Accepted, b'L'),
            resting(0, 400, 10),
            incoming(900, 10),
            resting(1, 401, 20),
            incoming(901, 20),
        ],
        &[
            ack(2, 1, &accepted()),
            ack(0, 1, &executed(9, 10, b'A', 900)),
            ack(2, 2, &executed(71, 10, b'R', 900)),
            feed(2, &published(400, 10, 900)),
            ack(1, 1, &executed(9, 20, b'A', 901)),
            ack(2, 3, &executed(71, 20, b'R', 901)),
            feed(3, &published(401, 20, 901)),
        ],
    );

    // A fee goes to the side it precedes, and is used up by it. Negative fees are rebates.
    let fee = |units: i64| event(EventKind::Fee, |event| event.number = units as u64);
    let charged = with_appendage(
        &executed(71, 10, b'R', 900),
        b"\x09\x83\x00\x00\x00\x00\x00\x00\x01\x02",
    );
    let rebated = with_appendage(
        &executed(9, 10, b'A', 900),
        b"\x09\x83\xff\xff\xff\xff\xff\xff\xff\xfe",
    );
    check(
        &enter,
        &[
            fee(-2),
            resting(0, 400, 10),
            incoming(900, 10),
            resting(0, 401, 10),
            fee(0x102),
            incoming(900, 10),
        ],
        &[
            Said::Session(0, 1, rebated),
            ack(2, 1, &executed(71, 10, b'R', 900)),
            feed(2, &published(400, 10, 900)),
            ack(0, 2, &executed(9, 10, b'A', 900)),
            Said::Session(2, 2, charged),
            feed(3, &published(401, 10, 900)),
        ],
    );
}

#[test]
fn the_book_alone() {
    let replace = command(CommandKind::Replace).with_order(order());
    let added = order_event(EventKind::Added, b'S');
    check(&replace, &[added], &[feed(2, &add_order())]);
    let attributed = itch::AddOrderAttributed {
        message_type: b'F',
        stock_locate: 1.into(),
        tracking_number: 0.into(),
        timestamp: feed_time(),
        order_reference_number: 500.into(),
        buy_sell_indicator: b'S',
        shares: 30.into(),
        stock: *b"BTC-USD ",
        price: 123_456.into(),
        attribution: *b"LIME",
    };
    let firm = Event {
        detail: u32::from_le_bytes(*b"LIME"),
        ..added
    };
    check(&replace, &[firm], &[feed(2, &attributed)]);
    check(
        &replace,
        &[
            order_event(EventKind::Deleted, 0),
            order_event(EventKind::Reduced, 0),
        ],
        &[feed(2, &order_delete()), feed(3, &order_cancel())],
    );
    let Said::Feed(_, bytes) = feed(2, &add_order()) else {
        unreachable!("made as a feed message")
    };
    assert_eq!(
        bytes,
        b"A\x00\x01\x00\x00\x02\x03\x04\x05\x06\x07\x00\x00\x00\x00\x00\x00\x01\xf4S\x00\x00\x00\x1eBTC-USD \x00\x01\xe2\x40"
    );
}

#[test]
fn modified_orders() {
    let expected = ouch::OrderModified {
        message_type: b'M',
        timestamp: TIME.into(),
        user_ref_num: 71.into(),
        side: b'S',
        quantity: 30.into(),
    };
    check(
        &command(CommandKind::Modify).with_order(order()),
        &[order_event(EventKind::Modified, b'S')],
        &[ack(2, 1, &expected)],
    );
}

#[test]
fn mass_cancel_responses_repeat_the_request() {
    let response = |symbol: &[u8; 8]| ouch::MassCancelResponse {
        message_type: b'X',
        timestamp: TIME.into(),
        user_ref_num: 71.into(),
        firm: *b"LIME",
        symbol: *symbol,
        appendage_length: 0.into(),
    };
    let request = |instrument: u16, present: u32| {
        let command = Command {
            instrument,
            ..command(CommandKind::MassCancel)
        };
        command
            .with_order(order())
            .with_options(options(OrderOptions::HAS_FIRM | present))
    };
    let event = order_event(EventKind::MassCanceled, 0);
    check(&request(0, 0), &[event], &[ack(2, 1, &response(b"        "))]);
    check(&request(1, 0), &[event], &[ack(2, 1, &response(b"BTC-USD "))]);
    check(
        &request(UNKNOWN_INSTRUMENT, 0),
        &[event],
        &[ack(2, 1, &response(b"CLIENT-O"))],
    );
    let appendage = b"\x03\x18\x71\x72\x02\x1bS\x02\x1c\x03";
    check(
        &request(
            0,
            OrderOptions::HAS_GROUP | OrderOptions::HAS_SIDE | OrderOptions::HAS_USER_REF_INDEX,
        ),
        &[event],
        &[Said::Session(
            2,
            1,
            with_appendage(&response(b"        "), appendage),
        )],
    );
}

#[test]
fn a_cancel_that_may_not_be() {
    let refused = ouch::CancelReject {
        message_type: b'I',
        timestamp: TIME.into(),
        user_ref_num: 71.into(),
    };
    check(
        &command(CommandKind::Cancel).with_order(order()),
        &[order_event(EventKind::CancelRefused, 0)],
        &[ack(2, 1, &refused)],
    );
}

#[test]
fn the_kill_switch_answers() {
    let disabled = ouch::DisableOrderEntryResponse {
        message_type: b'G',
        timestamp: TIME.into(),
        user_ref_num: 71.into(),
        firm: *b"    ",
        appendage_length: 0.into(),
    };
    check(
        &command(CommandKind::DisableOrderEntry).with_order(order()),
        &[order_event(EventKind::OrderEntryDisabled, 0)],
        &[ack(2, 1, &disabled)],
    );
    let enabled = ouch::EnableOrderEntryResponse {
        message_type: b'K',
        timestamp: TIME.into(),
        user_ref_num: 71.into(),
        firm: *b"LIME",
        appendage_length: 0.into(),
    };
    let present = OrderOptions::HAS_FIRM | OrderOptions::HAS_USER_REF_INDEX;
    check(
        &command(CommandKind::EnableOrderEntry)
            .with_order(order())
            .with_options(options(present)),
        &[order_event(EventKind::OrderEntryEnabled, 0)],
        &[Said::Session(2, 1, with_appendage(&enabled, b"\x02\x1c\x03"))],
    );
}

#[test]
fn account_queries_and_session_events() {
    let answer = ouch::AccountQueryResponse {
        message_type: b'Q',
        timestamp: TIME.into(),
        next_user_ref_num: 30.into(),
    };
    check(
        &command(CommandKind::AccountQuery),
        &[order_event(EventKind::AccountAnswered, 0)],
        &[ack(2, 1, &answer)],
    );
    let day = ouch::SystemEvent {
        message_type: b'S',
        timestamp: TIME.into(),
        event_code: b'S',
    };
    check(
        &command(CommandKind::SystemEvent),
        &[order_event(EventKind::SessionEvent, b'S')],
        &[ack(2, 1, &day)],
    );
}

#[test]
fn system_events_and_trading_states() {
    let system = itch::SystemEvent {
        message_type: b'S',
        stock_locate: 0.into(),
        tracking_number: 0.into(),
        timestamp: feed_time(),
        event_code: b'Q',
    };
    check(
        &command(CommandKind::SystemEvent),
        &[event(EventKind::SystemEvent, |event| event.code = b'Q')],
        &[feed(2, &system)],
    );
    let state = itch::StockTradingAction {
        message_type: b'H',
        stock_locate: 2.into(),
        tracking_number: 0.into(),
        timestamp: feed_time(),
        stock: *b"ETH-USD ",
        trading_state: b'T',
        reserved: b' ',
        reason: *b"    ",
    };
    let trading = event(EventKind::TradingAction, |event| {
        event.code = b'T';
        event.instrument = 2;
        event.number = u64::from_be_bytes(*b"ETH-USD ");
    });
    check(&command(CommandKind::SetState), &[trading], &[feed(2, &state)]);
}

#[test]
fn listings_say_how_many_lots_a_price_unit_has() {
    let expected = itch::StockDirectory {
        message_type: b'R',
        stock_locate: 1.into(),
        tracking_number: 0.into(),
        timestamp: feed_time(),
        stock: *b"BTC-USD ",
        market_category: b' ',
        financial_status_indicator: b' ',
        round_lot_size: 10_000.into(),
        round_lots_only: b'N',
        issue_classification: b'Q',
        issue_sub_type: *b"Z ",
        authenticity: b'P',
        short_sale_threshold_indicator: b' ',
        ipo_flag: b' ',
        luld_reference_price_tier: b' ',
        etp_flag: b' ',
        etp_leverage_factor: 0.into(),
        inverse_indicator: b'N',
    };
    // Whatever command lists it: the event says all.
    let (_, event) = listing();
    for kind in [CommandKind::AddInstrument, CommandKind::RollDay] {
        let said = encode(&mut Encoder::new(1, 1), &command(kind), &[event]);
        assert_eq!(said, [feed(1, &expected)]);
    }
}

#[test]
fn numbers_ascend_over_commands_and_steps() {
    let mut encoder = encoder();
    let cancel = command(CommandKind::MassCancel).with_order(order());
    for step in 0..3_u64 {
        let events = [
            order_event(EventKind::CanceledDeleted, b'U'),
            order_event(EventKind::CanceledDeleted, b'U'),
        ];
        let said = encode(&mut encoder, &cancel, &events);
        let expected = [1, 2].map(|index| {
            let sequence = step * 2 + index;
            [
                ack(2, sequence, &canceled(b'U')),
                feed(sequence + 1, &order_delete()),
            ]
        });
        assert_eq!(said, expected.as_flattened());
    }
    assert_eq!(encoder.feed_next(), 8);
    assert_eq!(
        (0..4)
            .map(|session| encoder.session_next(session))
            .collect::<Vec<_>>(),
        [1, 1, 7, 1]
    );
}

#[test]
#[should_panic(expected = "two sides are in one step")]
fn a_match_does_not_straddle_steps() {
    let enter = command(CommandKind::Enter).with_order(order());
    encode(
        &mut encoder(),
        &enter,
        &[order_event(EventKind::ExecutedResting, b'A')],
    );
}

#[test]
#[should_panic(expected = "follows the owner's")]
fn the_books_replacement_needs_the_owners_directly_before() {
    let replace = command(CommandKind::Replace).with_order(order());
    let events = [
        replaced_event(),
        order_event(EventKind::Added, b'S'),
        order_event(EventKind::BookReplaced, 0),
    ];
    encode(&mut encoder(), &replace, &events);
}
