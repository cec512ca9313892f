//! A public OUCH client, `slouch`: we read the requests it writes, it reads the responses we write.
//!
//! It knows neither time in force `G` nor self-match mode `B`, which go only to clients that used them, and its
//! timestamps end at 24 hours.

use protocol::order_entry::responses::*;
use protocol::order_entry::{Options, OptionsWriter, Request, options, values, write_message};
use slouch::msg::{self, OuchRequest, OuchResponse, TagValue};
use slouch::types::{
    self, Capacity, CrossType, Display, ElapsedTime, Mpid, OrderToken, Price, PriceType, Side, StockSymbol,
    TimeInForce, UserRefNum,
};

fn user_ref(number: u32) -> UserRefNum {
    UserRefNum::parse(&number.to_be_bytes()).expect("four bytes").1
}

fn firm() -> Mpid {
    Mpid::from("FIRM").expect("upper case")
}

fn symbol() -> StockSymbol {
    StockSymbol::parse(b"BTC-USD ").expect("eight bytes").1
}

fn enter() -> OuchRequest {
    slouch::enter! {
        user_ref_num: user_ref(7),
        side: Side::Sell,
        quantity: 123_456,
        symbol: symbol(),
        price: Price::new(1_999_999_900).expect("their highest price"),
        time_in_force: TimeInForce::ImmediateOrCancel,
        display: Display::Attributable,
        capacity: Capacity::Principal,
        intermarket_sweep: true,
        cross_type: CrossType::ContinuousMarket,
        order_token: OrderToken::from("my order 1").expect("letters and digits"),
    }
}

#[test]
fn we_read_an_enter_order_of_theirs() {
    let bytes = enter().encode();
    let Ok(Request::Enter(message, options)) = Request::decode(&bytes) else {
        panic!("{bytes:?}")
    };
    assert_eq!(message.user_ref_num.get(), 7);
    assert_eq!(message.side, values::side::SELL);
    assert_eq!(message.quantity.get(), 123_456);
    assert_eq!(message.symbol, *b"BTC-USD ");
    assert_eq!(message.price.get(), 1_999_999_900);
    assert_eq!(message.time_in_force, values::time_in_force::IMMEDIATE_OR_CANCEL);
    assert_eq!(message.display, values::display::ATTRIBUTABLE);
    assert_eq!(message.capacity, values::capacity::PRINCIPAL);
    assert_eq!(message.inter_market_sweep_eligibility, values::sweep::ELIGIBLE);
    assert_eq!(message.cross_type, values::cross_type::CONTINUOUS);
    assert_eq!(message.cl_ord_id, *b"my order 1    ");
    assert!(options.is_empty());
}

#[test]
fn we_read_a_market_order_of_theirs() {
    for price in [Price::market(), Price::market_cross()] {
        let read = protocol::units::Price(u64::from_be_bytes(price.encode()));
        assert!(read.is_market_sentinel() || read >= protocol::units::Price::MARKET_THRESHOLD);
    }
}

#[test]
fn we_read_every_option_of_theirs() {
    let mut request = enter();
    let sent = [
        TagValue::Firm(firm()),
        TagValue::MinQty(5),
        TagValue::Retail(Some(false)),
        TagValue::MaxFloor(6),
        TagValue::PriceType(PriceType::Limit),
        TagValue::PegOffset(types::SignedPrice::new(-5).expect("in range")),
        TagValue::DiscretionPrice(Price::new(9).expect("in range")),
        TagValue::DiscretionPriceType(PriceType::Limit),
        TagValue::DiscretionPegOffset(types::SignedPrice::new(-6).expect("in range")),
        TagValue::PostOnly(true),
        TagValue::RandomReserves(7),
        TagValue::ExpireTime(ElapsedTime::new(86_399).expect("below a day")),
        TagValue::TradeNow(None),
        TagValue::HandleInst(types::HandleInst::NoInstructions),
        TagValue::GroupId(300),
        TagValue::SharesLocated(false),
        TagValue::LocateBroker(firm()),
        TagValue::UserRefIndex(9),
    ];
    for option in sent {
        request.add_option(option).expect("an option of Enter Order");
    }
    let bytes = request.encode();
    let options = Request::decode(&bytes).expect("decoded").options();
    assert_eq!(options.iter().count(), sent.len());
    assert!(options.are_defined(), "{options:?}");
    assert_eq!(options.firm(), Some(*b"FIRM"));
    assert_eq!(options.min_quantity(), Some(5));
    assert_eq!(options.u8(options::CUSTOMER_TYPE), Some(b'X'));
    assert_eq!(options.max_floor(), Some(6));
    assert_eq!(options.u8(options::PRICE_TYPE), Some(b'L'));
    assert_eq!(options.i32(options::PEG_OFFSET), Some(-5));
    assert_eq!(options.u64(options::DISCRETION_PRICE), Some(9));
    assert_eq!(options.u8(options::DISCRETION_PRICE_TYPE), Some(b'L'));
    assert_eq!(options.i32(options::DISCRETION_PEG_OFFSET), Some(-6));
    assert!(options.is_post_only());
    assert_eq!(options.u32(options::RANDOM_RESERVES), Some(7));
    assert_eq!(options.expire_time(), Some(86_399));
    assert_eq!(options.u8(options::TRADE_NOW), Some(b' '));
    assert_eq!(options.u8(options::HANDLE_INST), Some(b' '));
    assert_eq!(options.group_id(), Some(300));
    assert_eq!(options.u8(options::SHARES_LOCATED), Some(b'N'));
    assert_eq!(options.array(options::LOCATE_BROKER), Some(*b"FIRM"));
    assert_eq!(options.user_ref_index(), Some(9));
}

#[test]
fn we_read_their_other_requests() {
    let replace = msg::ReplaceOrder::new(
        user_ref(7),
        user_ref(8),
        99,
        Price::new(5).expect("in range"),
        TimeInForce::Day,
        Display::Visible,
        false,
        OrderToken::from("x").expect("a letter"),
    );
    let bytes = OuchRequest::ReplaceOrder(replace.expect("in range")).encode();
    let Ok(Request::Replace(message, _)) = Request::decode(&bytes) else {
        panic!("{bytes:?}")
    };
    assert_eq!(
        (message.orig_user_ref_num.get(), message.user_ref_num.get()),
        (7, 8)
    );
    assert_eq!((message.quantity.get(), message.price.get()), (99, 5));
    assert_eq!((message.time_in_force, message.display), (b'0', b'Y'));
    assert_eq!(
        (message.inter_market_sweep_eligibility, message.cl_ord_id),
        (b'N', *b"x             ")
    );

    let bytes = slouch::cancel! { user_ref_num: user_ref(7), quantity: 3 }.encode();
    let Ok(Request::Cancel(message, _)) = Request::decode(&bytes) else {
        panic!("{bytes:?}")
    };
    assert_eq!((message.user_ref_num.get(), message.quantity.get()), (7, 3));

    let modify = msg::ModifyOrder::new(user_ref(7), Side::Sell, 2).expect("in range");
    let bytes = OuchRequest::ModifyOrder(modify).encode();
    let Ok(Request::Modify(message, _)) = Request::decode(&bytes) else {
        panic!("{bytes:?}")
    };
    assert_eq!(
        (message.user_ref_num.get(), message.side, message.quantity.get()),
        (7, b'S', 2)
    );

    let mut request = slouch::mass_cancel! { user_ref_num: user_ref(9), firm: firm(), symbol: symbol() };
    request
        .add_option(TagValue::Side(Side::Buy))
        .expect("an option of Mass Cancel");
    let bytes = request.encode();
    let Ok(Request::MassCancel(message, options)) = Request::decode(&bytes) else {
        panic!("{bytes:?}")
    };
    assert_eq!(
        (message.user_ref_num.get(), message.firm, message.symbol),
        (9, *b"FIRM", *b"BTC-USD ")
    );
    assert_eq!(options.side(), Some(b'B'));

    let bytes = slouch::disable_entry! { user_ref_num: user_ref(10), firm: firm() }.encode();
    let Ok(Request::DisableOrderEntry(message, _)) = Request::decode(&bytes) else {
        panic!("{bytes:?}")
    };
    assert_eq!((message.user_ref_num.get(), message.firm), (10, *b"FIRM"));

    let bytes = slouch::enable_entry! { user_ref_num: user_ref(11), firm: firm() }.encode();
    let Ok(Request::EnableOrderEntry(message, _)) = Request::decode(&bytes) else {
        panic!("{bytes:?}")
    };
    assert_eq!((message.user_ref_num.get(), message.firm), (11, *b"FIRM"));

    let bytes = slouch::account_query!().encode();
    assert!(
        matches!(Request::decode(&bytes), Ok(Request::AccountQuery(..))),
        "{bytes:?}"
    );
}

/// What they make of a message of ours.
fn theirs<T: protocol::layout::WireMessage>(message: &T) -> OuchResponse {
    theirs_with(message, &[])
}

fn theirs_with<T: protocol::layout::WireMessage>(message: &T, appendage: &[u8]) -> OuchResponse {
    let mut buffer = [0; 128];
    let length = write_message(message, appendage, &mut buffer).expect("room");
    OuchResponse::parse(&buffer[..length]).expect("they read it").1
}

const TIME: u64 = 86_399_123_456_789;

fn nanoseconds(time: types::NaiveTime) -> u64 {
    // Their crate writes the clock's time with nine decimals.
    let text = time.format("%H:%M:%S:%f").to_string();
    let parts: Vec<u64> = text
        .split(':')
        .map(|part| part.parse().expect("digits"))
        .collect();
    ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 1_000_000_000 + parts[3]
}

fn accepted() -> OrderAccepted {
    OrderAccepted {
        message_type: b'A',
        timestamp: TIME.into(),
        user_ref_num: 7.into(),
        side: values::side::BUY,
        quantity: 3_000_000_000.into(),
        symbol: *b"BTC-USD ",
        price: 4_294_967_294.into(),
        time_in_force: values::time_in_force::DAY,
        display: values::display::HIDDEN,
        order_reference_number: u64::MAX.into(),
        capacity: values::capacity::AGENCY,
        inter_market_sweep_eligibility: values::sweep::NOT_ELIGIBLE,
        cross_type: values::cross_type::HALT,
        order_state: values::order_state::DEAD,
        cl_ord_id: *b"my order 1    ",
        appendage_length: 0.into(),
    }
}

#[test]
fn they_read_accepted_and_replaced() {
    let OuchResponse::OrderAccepted(read) = theirs(&accepted()) else {
        panic!("another message")
    };
    assert_eq!(nanoseconds(read.timestamp()), TIME);
    assert_eq!(
        (read.user_ref_num().val(), read.side(), read.quantity()),
        (7, Side::Buy, 3_000_000_000)
    );
    assert_eq!(
        (read.symbol().to_str(), read.price().val()),
        ("BTC-USD", 4_294_967_294)
    );
    assert_eq!(
        (read.time_in_force(), read.display()),
        (TimeInForce::Day, Display::Hidden)
    );
    assert_eq!(
        (read.order_ref_num(), read.capacity()),
        (u64::MAX, Capacity::Agency)
    );
    assert_eq!(
        (read.intermarket_sweep(), read.cross_type()),
        (false, CrossType::Halt)
    );
    assert_eq!(read.order_state(), types::OrderState::Dead);
    assert_eq!(read.order_token().to_str(), "my order 1");
    assert!(read.options().is_empty());

    let message = OrderReplaced {
        message_type: b'U',
        timestamp: TIME.into(),
        orig_user_ref_num: 7.into(),
        user_ref_num: 8.into(),
        side: values::side::SELL,
        quantity: 5.into(),
        symbol: *b"ETH-USD ",
        price: 6.into(),
        time_in_force: values::time_in_force::GOOD_TILL_TIME,
        display: values::display::VISIBLE,
        order_reference_number: 9.into(),
        capacity: values::capacity::OTHER,
        inter_market_sweep_eligibility: values::sweep::ELIGIBLE,
        cross_type: values::cross_type::OPENING,
        order_state: values::order_state::LIVE,
        cl_ord_id: *b"x             ",
        appendage_length: 0.into(),
    };
    let OuchResponse::OrderReplaced(read) = theirs(&message) else {
        panic!("another message")
    };
    assert_eq!(
        (read.old_ref_num().val(), read.new_ref_num().val(), read.side()),
        (7, 8, Side::Sell)
    );
    assert_eq!(
        (read.quantity(), read.symbol().to_str(), read.price().val()),
        (5, "ETH-USD", 6)
    );
    assert_eq!(
        (read.order_ref_num(), read.order_state()),
        (9, types::OrderState::Live)
    );
    assert_eq!(
        (read.cross_type(), read.order_token().to_str()),
        (CrossType::Opening, "x")
    );
}

#[test]
fn they_read_an_option_of_ours() {
    let mut buffer = [0; 16];
    let mut writer = OptionsWriter::new(&mut buffer);
    assert!(writer.push(options::FIRM, b"FIRM"));
    let appendage = writer.finish();
    assert!(Options::parse(appendage).is_ok());
    let OuchResponse::OrderAccepted(read) = theirs_with(&accepted(), appendage) else {
        panic!("another message")
    };
    assert_eq!(read.options()[..], [TagValue::Firm(firm())]);
}

#[test]
fn they_read_executions_and_cancels() {
    let message = OrderExecuted {
        message_type: b'E',
        timestamp: TIME.into(),
        user_ref_num: 7.into(),
        quantity: 5.into(),
        price: 6.into(),
        liquidity_flag: values::liquidity_flag::REMOVED,
        match_number: 8.into(),
        appendage_length: 0.into(),
    };
    let OuchResponse::OrderExecuted(read) = theirs(&message) else {
        panic!("another message")
    };
    assert_eq!(
        (read.user_ref_num().val(), read.quantity(), read.price().val()),
        (7, 5, 6)
    );
    assert_eq!(
        (read.liquidity(), read.match_number()),
        (types::Liquidity::Removed, 8)
    );

    for (reason, meaning) in values::cancel_reason::ALL {
        let message = OrderCanceled {
            message_type: b'C',
            timestamp: TIME.into(),
            user_ref_num: 7.into(),
            quantity: 5.into(),
            reason: *reason as u8,
        };
        let long = long_form(&message);
        let OuchResponse::OrderCanceled(read) = long else {
            panic!("{meaning}")
        };
        assert_eq!((read.user_ref_num().val(), read.quantity()), (7, 5));
        assert_eq!(
            format!("{:?}", read.reason().encode()),
            format!("{:?}", [*reason as u8])
        );
    }

    let message = AiqCanceled {
        message_type: b'D',
        timestamp: TIME.into(),
        user_ref_num: 7.into(),
        decrement_shares: 5.into(),
        reason: values::cancel_reason::SELF_MATCH,
        quantity_prevented_from_trading: 6.into(),
        execution_price: 8.into(),
        liquidity_flag: values::liquidity_flag::ADDED,
        aiq_strategy: values::self_match::DECREMENT_BOTH,
    };
    let OuchResponse::AiqCanceled(read) = long_form(&message) else {
        panic!("another message")
    };
    assert_eq!(
        (
            read.decrement_shares(),
            read.quantity_prevented(),
            read.price().val()
        ),
        (5, 6, 8)
    );
    assert_eq!(read.aiq_strategy(), types::AiqStrategy::DecrementBothMpid);
}

/// The long form without options: fixed part and a zero Appendage Length.
fn long_form<T: protocol::layout::WireMessage>(message: &T) -> OuchResponse {
    let bytes = [message.as_bytes(), &[0, 0]].concat();
    OuchResponse::parse(&bytes).expect("they read it").1
}

#[test]
fn they_read_the_rest() {
    for (reason, meaning) in values::reject_reason::ALL {
        let message = OrderRejected {
            message_type: b'J',
            timestamp: TIME.into(),
            user_ref_num: 7.into(),
            reason: (*reason as u16).into(),
            cl_ord_id: *b"x             ",
        };
        let OuchResponse::OrderRejected(read) = theirs(&message) else {
            panic!("{meaning}")
        };
        assert_eq!(read.reason().encode(), (*reason as u16).to_be_bytes());
        assert_eq!(read.order_token().to_str(), "x");
    }

    let message = SystemEvent {
        message_type: b'S',
        timestamp: TIME.into(),
        event_code: b'S',
    };
    let OuchResponse::SystemEvent(read) = theirs(&message) else {
        panic!("another message")
    };
    assert_eq!(read.event_code(), types::EventCode::StartOfDay);

    let message = OrderModified {
        message_type: b'M',
        timestamp: TIME.into(),
        user_ref_num: 7.into(),
        side: values::side::BUY,
        quantity: 5.into(),
    };
    let OuchResponse::OrderModified(read) = theirs(&message) else {
        panic!("another message")
    };
    assert_eq!(
        (read.user_ref_num().val(), read.side(), read.quantity()),
        (7, Side::Buy, 5)
    );

    let message = MassCancelResponse {
        message_type: b'X',
        timestamp: TIME.into(),
        user_ref_num: 7.into(),
        firm: *b"FIRM",
        symbol: *b"        ",
        appendage_length: 0.into(),
    };
    let OuchResponse::MassCancelResponse(read) = theirs(&message) else {
        panic!("another message")
    };
    assert_eq!(
        (read.user_ref_num().val(), read.firm(), read.symbol().to_str()),
        (7, firm(), "")
    );

    let message = DisableOrderEntryResponse {
        message_type: b'G',
        timestamp: TIME.into(),
        user_ref_num: 7.into(),
        firm: *b"FIRM",
        appendage_length: 0.into(),
    };
    let OuchResponse::DisableOrderEntryResponse(read) = theirs(&message) else {
        panic!("another message")
    };
    assert_eq!((read.user_ref_num().val(), read.firm()), (7, firm()));

    let message = EnableOrderEntryResponse {
        message_type: b'K',
        timestamp: TIME.into(),
        user_ref_num: 8.into(),
        firm: *b"FIRM",
        appendage_length: 0.into(),
    };
    let OuchResponse::EnableOrderEntryResponse(read) = theirs(&message) else {
        panic!("another message")
    };
    assert_eq!((read.user_ref_num().val(), read.firm()), (8, firm()));

    let message = AccountQueryResponse {
        message_type: b'Q',
        timestamp: TIME.into(),
        next_user_ref_num: 9.into(),
    };
    let OuchResponse::AccountQueryResponse(read) = theirs(&message) else {
        panic!("another message")
    };
    assert_eq!(read.next_user_ref_num().val(), 9);

    let message = BrokenTrade {
        message_type: b'B',
        timestamp: TIME.into(),
        user_ref_num: 7.into(),
        match_number: 8.into(),
        reason: values::broken_trade_reason::CONSENT,
        cl_ord_id: *b"x             ",
    };
    let OuchResponse::BrokenTrade(read) = theirs(&message) else {
        panic!("another message")
    };
    assert_eq!(
        (read.match_number(), read.reason()),
        (8, types::BrokenReason::Consent)
    );

    let message = OrderPriorityUpdate {
        message_type: b'T',
        timestamp: TIME.into(),
        user_ref_num: 7.into(),
        price: 5.into(),
        display: values::display::VISIBLE,
        order_reference_number: 9.into(),
    };
    let OuchResponse::OrderPriorityUpdate(read) = theirs(&message) else {
        panic!("another message")
    };
    assert_eq!((read.price().val(), read.order_ref_num()), (5, 9));

    let message = OrderRestated {
        message_type: b'R',
        timestamp: TIME.into(),
        user_ref_num: 7.into(),
        reason: values::restated_reason::REFRESH_OF_DISPLAY,
        appendage_length: 0.into(),
    };
    let OuchResponse::OrderRestated(read) = theirs(&message) else {
        panic!("another message")
    };
    assert_eq!(read.user_ref_num().val(), 7);

    let message = CancelPending {
        message_type: b'P',
        timestamp: TIME.into(),
        user_ref_num: 7.into(),
    };
    assert!(matches!(theirs(&message), OuchResponse::CancelPending(_)));
    let message = CancelReject {
        message_type: b'I',
        timestamp: TIME.into(),
        user_ref_num: 7.into(),
    };
    assert!(matches!(theirs(&message), OuchResponse::CancelRejected(_)));
}
