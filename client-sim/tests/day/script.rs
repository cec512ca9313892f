//! What happens on the day.

use client_sim::request::{self, GOOD_TILL_CANCELED, IMMEDIATE_OR_CANCEL, NewOrder};
use engine::exchange::command::{Command, CommandKind};
use engine::exchange::instrument::State;
use protocol::order_entry::requests::{AccountQuery, MassCancel, ModifyOrder};
use protocol::order_entry::{Answer, OptionsWriter, Response, options, own};
use protocol::units::{Price, Symbol};
use zerocopy::IntoBytes;

use crate::world::World;

const BUY: u8 = b'B';
const SELL: u8 = b'S';

fn symbol(name: &str) -> Symbol {
    Symbol::new(name).expect("it is short")
}

/// A limit order in BTC-USD, the price in dollars.
fn bitcoin(side: u8, lots: u32, dollars: u64) -> NewOrder {
    NewOrder::limit(symbol("BTC-USD"), side, lots, dollars * 10_000)
}

/// One in ETH-USD.
fn ether(side: u8, lots: u32, dollars: u64) -> NewOrder {
    NewOrder {
        symbol: symbol("ETH-USD"),
        ..bitcoin(side, lots, dollars)
    }
}

/// One that outlives the day.
fn lasting(order: NewOrder) -> NewOrder {
    NewOrder {
        time_in_force: GOOD_TILL_CANCELED,
        ..order
    }
}

fn at_once(order: NewOrder) -> NewOrder {
    NewOrder {
        time_in_force: IMMEDIATE_OR_CANCEL,
        ..order
    }
}

/// At the market; it may wait for a cross.
fn market(order: NewOrder) -> NewOrder {
    NewOrder {
        price: Price::MARKET.0,
        ..order
    }
}

fn displayed_as(display: u8, order: NewOrder) -> NewOrder {
    NewOrder { display, ..order }
}

fn hidden(order: NewOrder) -> NewOrder {
    displayed_as(b'N', order)
}

fn only_at(cross_type: u8, order: NewOrder) -> NewOrder {
    NewOrder { cross_type, ..order }
}

fn stop(dollars: u64, order: NewOrder) -> NewOrder {
    NewOrder {
        stop_price: dollars * 10_000,
        ..order
    }
}

fn set_state(locate: u16, state: State) -> Command {
    Command {
        instrument: locate,
        ..Command::new(CommandKind::SetState).with_state(state as u8)
    }
}

/// The reason of the customer's newest refusal.
fn refusal(world: &mut World, name: &str) -> u16 {
    world.customer(name).last(|response| match response {
        Response::Rejected(rejected, _) => Some(rejected.reason.get()),
        _ => None,
    })
}

/// State and open quantity of an order, as the exchange answers.
fn status(world: &mut World, name: &str, user_ref: u32) -> (u8, u32) {
    let question = own::OrderStatusRequest {
        message_type: b's',
        user_ref_num: user_ref.into(),
    };
    world.by(name, |customer| customer.say(question.as_bytes()));
    let answer = world.customer(name).answers.pop().expect("it is answered");
    match Answer::decode(&answer) {
        Ok(Answer::OrderStatus(status)) => (status.state, status.open.get()),
        other => panic!("not a status: {other:?}"),
    }
}

pub(crate) fn play(world: &mut World) {
    before_the_opening(world);
    world.until(30);
    trading(world);
    unseen_orders(world);
    stops(world);
    world.restart();
    requests_of_all_kinds(world);
    a_halt(world);
    a_volatility_pause(world);
    before_the_close(world);
    world.until(150);
}

/// Orders collect; the book may be crossed.
fn before_the_opening(world: &mut World) {
    world.until(2);
    world.by("ANN", |ann| ann.enter(&bitcoin(BUY, 50, 60_010)));
    world.by("BOB", |bob| bob.enter(&bitcoin(SELL, 80, 59_990)));
    world.by("CAT", |cat| cat.enter(&hidden(bitcoin(BUY, 10, 60_000))));
    world.by("ANN", |ann| ann.enter(&only_at(b'O', bitcoin(BUY, 20, 60_005))));
    world.by("DAN", |dan| dan.enter(&market(bitcoin(SELL, 10, 0))));
    // Missed: it is too low to trade.
    world.by("DAN", |dan| dan.enter(&only_at(b'O', bitcoin(BUY, 5, 59_000))));
    world.by("CAT", |cat| cat.enter(&at_once(bitcoin(BUY, 1, 60_000))));
    assert_eq!(refusal(world, "CAT"), 0x0014, "an immediate order can not wait");
    world.until(12);
    world.by("ANN", |ann| ann.enter(&only_at(b'C', bitcoin(SELL, 5, 59_000))));
}

/// Executions, partial and whole; replacements that rest and that cross.
fn trading(world: &mut World) {
    world.by("ANN", |ann| {
        ann.enter(&displayed_as(b'A', bitcoin(SELL, 100, 60_100)))
    });
    world.by("BOB", |bob| bob.enter(&bitcoin(BUY, 30, 60_100)));
    let bid = world.by("ANN", |ann| ann.enter(&bitcoin(BUY, 40, 59_900)));
    let bid = world.by("ANN", |ann| ann.replace(bid, 60, 59_950, b'Y'));
    // The same price and less: it keeps its place.
    let bid = world.by("ANN", |ann| ann.replace(bid, 50, 59_950, b'Y'));
    world.by("ANN", |ann| ann.replace(bid, 50, 59_950, b'N'));
    let offer = world.by("BOB", |bob| bob.enter(&bitcoin(SELL, 20, 60_300)));
    world.by("CAT", |cat| cat.enter(&bitcoin(BUY, 5, 60_020)));
    world.by("BOB", |bob| bob.replace(offer, 20, 60_020, b'Y'));
}

/// Hidden orders, and one that shows a part of itself.
fn unseen_orders(world: &mut World) {
    world.by("CAT", |cat| cat.enter(&hidden(bitcoin(SELL, 40, 60_100))));
    // What is left of the displayed order first, then of the hidden one.
    world.by("BOB", |bob| bob.enter(&bitcoin(BUY, 95, 60_100)));
    let reserve = NewOrder {
        max_floor: 10,
        ..bitcoin(SELL, 100, 60_200)
    };
    let shown = world.by("ANN", |ann| ann.enter(&reserve));
    world.by("DAN", |dan| dan.enter(&at_once(bitcoin(BUY, 60, 60_200))));
    let (state, open) = status(world, "ANN", shown);
    assert!(
        state == b'L' && open > 10,
        "all of it is told to its owner: {open} open"
    );
    let floor = |floor| NewOrder {
        max_floor: floor,
        ..bitcoin(SELL, 100, 60_400)
    };
    world.by("CAT", |cat| cat.enter(&floor(0)));
    world.by("CAT", |cat| {
        cat.enter_with(&floor(0), |options| {
            assert!(options.push_u32(options::MAX_FLOOR, 0))
        })
    });
    assert_eq!(refusal(world, "CAT"), 0x0004);
}

/// A stop that sells into the bids when the price falls, one with a limit that comes to rest, one that waits all day.
fn stops(world: &mut World) {
    world.by("ANN", |ann| ann.enter(&bitcoin(BUY, 30, 59_980)));
    let sold = world.by("CAT", |cat| cat.enter(&stop(60_000, market(bitcoin(SELL, 5, 0)))));
    let rests = world.by("CAT", |cat| cat.enter(&stop(60_000, bitcoin(SELL, 8, 60_150))));
    let waits = world.by("CAT", |cat| cat.enter(&stop(50_000, bitcoin(SELL, 8, 49_900))));
    assert_eq!(status(world, "CAT", sold), (b'L', 5));
    world.by("BOB", |bob| bob.enter(&at_once(bitcoin(SELL, 2, 59_980))));
    assert_eq!(status(world, "CAT", sold), (b'F', 0));
    assert_eq!(status(world, "CAT", rests), (b'L', 8));
    assert_eq!(status(world, "CAT", waits), (b'L', 8));
}

/// What else customers may ask, and what happens to their orders.
fn requests_of_all_kinds(world: &mut World) {
    // Prevented matches with oneself: BOB's mode is to decrement both.
    world.by("BOB", |bob| bob.enter(&bitcoin(SELL, 10, 60_040)));
    world.by("BOB", |bob| bob.enter(&bitcoin(BUY, 4, 60_040)));
    let order = world.by("ANN", |ann| ann.enter(&bitcoin(BUY, 50, 59_500)));
    world.by("ANN", |ann| {
        let modify = ModifyOrder {
            message_type: b'M',
            user_ref_num: order.into(),
            side: BUY,
            quantity: 40.into(),
        };
        ann.say(modify.as_bytes());
    });
    world.by("ANN", |ann| ann.say(request::cancel(order, 30).as_slice()));
    world.by("ANN", |ann| ann.say(request::cancel(order, 0).as_slice()));
    let post_only = NewOrder {
        post_only: true,
        ..bitcoin(BUY, 5, 60_200)
    };
    world.by("ANN", |ann| ann.enter(&post_only));
    world.by("ANN", |ann| ann.enter(&at_once(bitcoin(BUY, 5, 59_000))));
    world.by("CAT", |cat| {
        let spender = NewOrder {
            funds: 2_000_000_000,
            ..market(bitcoin(BUY, 900_000, 0))
        };
        cat.enter(&spender)
    });
    let for_a_second = NewOrder {
        time_in_force: b'6',
        ..bitcoin(BUY, 5, 59_100)
    };
    let expiry = |options: &mut OptionsWriter<'_>| assert!(options.push_u32(options::EXPIRE_TIME, 1));
    world.by("CAT", |cat| cat.enter_with(&for_a_second, expiry));
    world.pass(2);

    world.by("ANN", |ann| ann.enter(&ether(BUY, 5, 2_900)));
    world.by("ANN", |ann| {
        let number = ann.number();
        let all = MassCancel {
            message_type: b'C',
            user_ref_num: number.into(),
            firm: *b"    ",
            symbol: symbol("ETH-USD").0,
            appendage_length: 0.into(),
        };
        ann.say(all.as_bytes());
    });
    world.by("DAN", |dan| dan.enter(&ether(BUY, 5, 2_900)));
    world.by("DAN", |dan| {
        let number = dan.number();
        dan.say(request::disable_order_entry(number, *b"    ").as_slice());
    });
    world.by("DAN", |dan| {
        let number = dan.number();
        dan.say(request::enable_order_entry(number, *b"    ").as_slice());
    });
    world.by("DAN", |dan| {
        dan.say(AccountQuery { message_type: b'Q' }.as_bytes())
    });
    // He hangs up, and his orders go.
    world.by("DAN", |dan| dan.enter(&ether(BUY, 5, 2_900)));
    world.customer("DAN").hang_up();
    world.settle();
    world.reconnect("DAN");
    questions(world);
}

/// Questions are answered, and what is hidden does not show.
fn questions(world: &mut World) {
    world.by("CAT", |cat| cat.enter(&hidden(ether(SELL, 7, 3_001))));
    world.by("CAT", |cat| cat.enter(&ether(SELL, 9, 3_002)));
    world.by("BOB", |bob| {
        let ticker = own::TickerRequest {
            message_type: b't',
            symbol: symbol("ETH-USD").0,
        };
        bob.say(ticker.as_bytes());
    });
    let answer = world.customer("BOB").answers.pop().expect("it is answered");
    let Ok(Answer::Ticker(ticker)) = Answer::decode(&answer) else {
        panic!("not a ticker: {answer:?}");
    };
    assert_eq!(
        (ticker.ask_price.get(), ticker.ask_quantity.get()),
        (30_020_000, 9)
    );
    world.by("CAT", |cat| {
        cat.say(own::OpenOrdersRequest { message_type: b'o' }.as_bytes())
    });
    let mut open = 0;
    for answer in world.customer("CAT").answers.drain(..) {
        if let Ok(Answer::OpenOrder(order)) = Answer::decode(&answer)
            && order.symbol == symbol("ETH-USD").0
        {
            open += order.open.get();
        }
    }
    assert_eq!(open, 16, "its owner sees all of it");
}

/// The operator halts an instrument, lets orders collect, and opens it again.
fn a_halt(world: &mut World) {
    world.operate(set_state(2, State::Halted));
    world.by("ANN", |ann| ann.enter(&ether(BUY, 5, 3_010)));
    assert_eq!(refusal(world, "ANN"), 0x0007);
    world.operate(set_state(2, State::Auction));
    world.by("ANN", |ann| ann.enter(&ether(BUY, 12, 3_010)));
    world.by("DAN", |dan| dan.enter(&only_at(b'H', ether(SELL, 3, 3_000))));
    world.pass(3);
    world.operate(set_state(2, State::Trading));
}

/// A sweep that would go too far: the instrument pauses, collects, and opens by itself.
fn a_volatility_pause(world: &mut World) {
    world.by("ANN", |ann| ann.enter(&bitcoin(SELL, 50, 64_000)));
    world.by("BOB", |bob| bob.enter(&bitcoin(BUY, 2_000, 65_000)));
    world.by("CAT", |cat| cat.enter(&only_at(b'H', bitcoin(SELL, 4, 64_000))));
    world.by("CAT", |cat| cat.enter(&market(bitcoin(SELL, 3, 0))));
    world.pass(7);
    // Beyond the collar of a market order.
    world.by("ANN", |ann| ann.enter(&bitcoin(BUY, 5, 50_000)));
    world.by("DAN", |dan| dan.enter(&market(ether(SELL, 900, 0))));
    world.by("ANN", |ann| ann.enter(&ether(BUY, 5, 2_000)));
    world.by("DAN", |dan| dan.enter(&market(ether(SELL, 900, 0))));
}

/// Orders of the day, and orders for the closing auction.
fn before_the_close(world: &mut World) {
    world.until(115);
    world.by("CAT", |cat| cat.enter(&lasting(bitcoin(SELL, 6, 66_000))));
    world.by("CAT", |cat| cat.enter(&lasting(hidden(bitcoin(BUY, 6, 58_000)))));
    world.by("BOB", |bob| bob.enter(&bitcoin(BUY, 7, 59_000)));
    world.by("DAN", |dan| dan.enter(&only_at(b'C', market(ether(BUY, 3, 0)))));
    world.until(122);
    world.by("DAN", |dan| dan.enter(&ether(SELL, 8, 2_990)));
    world.by("ANN", |ann| ann.enter(&ether(BUY, 8, 2_995)));
    world.by("ANN", |ann| ann.enter(&only_at(b'C', ether(BUY, 1, 2_800))));
}

/// Orders that cross, if they may.
pub(crate) fn two_that_cross(world: &mut World) {
    world.by("ANN", |ann| ann.enter(&bitcoin(BUY, 5, 60_010)));
    world.by("BOB", |bob| bob.enter(&bitcoin(SELL, 9, 60_000)));
}

/// An order of the day, and one that outlives it.
pub(crate) fn two_that_rest(world: &mut World) {
    world.by("ANN", |ann| ann.enter(&bitcoin(BUY, 5, 59_000)));
    world.by("BOB", |bob| bob.enter(&lasting(bitcoin(SELL, 9, 61_000))));
}

/// Orders that outlive the day: displayed, with a reserve, hidden, a stop; DAN is canceled when he is cut off.
pub(crate) fn all_that_lasts(world: &mut World) {
    world.by("ANN", |ann| ann.enter(&bitcoin(BUY, 3, 58_000)));
    world.by("ANN", |ann| ann.enter(&lasting(bitcoin(SELL, 9, 61_000))));
    world.by("BOB", |bob| {
        bob.enter(&lasting(NewOrder {
            max_floor: 4,
            ..bitcoin(SELL, 20, 61_000)
        }))
    });
    world.by("CAT", |cat| cat.enter(&lasting(hidden(bitcoin(SELL, 5, 61_000)))));
    world.by("CAT", |cat| {
        cat.enter(&lasting(stop(61_500, bitcoin(BUY, 2, 62_000))))
    });
    world.by("DAN", |dan| dan.enter(&lasting(ether(BUY, 7, 2_900))));
}

/// Number and open lots of each order that a customer has been told of in this day.
fn accepted(world: &mut World, name: &str) -> Vec<(u32, u8, u32)> {
    let messages = world.customer(name).messages.clone();
    let told = messages
        .iter()
        .filter_map(|message| match Response::decode(message) {
            Ok(Response::Accepted(accepted, _)) => Some((
                accepted.user_ref_num.get(),
                accepted.side,
                accepted.quantity.get(),
            )),
            _ => None,
        });
    told.collect()
}

/// Each is told first thing on the new day, under the next number of its session, and is live.
pub(crate) fn all_is_carried(world: &mut World) {
    assert_eq!(accepted(world, "ANN"), [(1, SELL, 9)]);
    assert_eq!(accepted(world, "BOB"), [(1, SELL, 20)]);
    assert_eq!(accepted(world, "CAT"), [(1, SELL, 5), (2, BUY, 2)]);
    assert_eq!(accepted(world, "DAN"), [(1, BUY, 7)]);
    for (name, user_ref, open) in [
        ("ANN", 1, 9),
        ("BOB", 1, 20),
        ("CAT", 1, 5),
        ("CAT", 2, 2),
        ("DAN", 1, 7),
    ] {
        assert_eq!(status(world, name, user_ref), (b'L', open), "{name} {user_ref}");
    }
    assert_eq!(status(world, "ANN", 2).0, b'U', "numbers of the old day are gone");
}

/// The carried orders stand as they stood: displayed ones first, in their order, then what is not displayed.
pub(crate) fn the_carried_trade(world: &mut World) {
    let number = world.customer("DAN").number();
    assert_eq!(number, 1, "he has not seen what is his");
    let taker = world.by("DAN", |dan| dan.enter(&at_once(bitcoin(BUY, 13, 61_000))));
    assert_eq!(taker, 2, "the number behind the carried one");
    assert_eq!(status(world, "ANN", 1), (b'F', 0));
    assert_eq!(status(world, "BOB", 1), (b'L', 16));
    assert_eq!(status(world, "CAT", 1), (b'L', 5));
    // The stop goes off and takes what is left at 61,000 first.
    world.by("DAN", |dan| dan.enter(&bitcoin(SELL, 1, 61_500)));
    world.by("DAN", |dan| dan.enter(&at_once(bitcoin(BUY, 30, 61_600))));
    assert_eq!(status(world, "CAT", 1), (b'F', 0));
    assert_eq!(status(world, "BOB", 1), (b'F', 0));
}
