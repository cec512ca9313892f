//! Whose orders may be touched: a table of everything that a customer can say about another's orders. Both are of one firm,
//! and use the same numbers.

use std::collections::BTreeMap;

use protocol::order_entry::own::{OpenOrdersRequest, OrderStatusRequest};
use protocol::order_entry::requests::{
    CancelOrder, DisableOrderEntry, EnableOrderEntry, EnterOrder, MassCancel, ModifyOrder, ReplaceOrder,
};
use protocol::order_entry::{Answer, DatagramPacker};
use protocol::soup::encode;
use zerocopy::IntoBytes;

use crate::world::World;

const MILLISECOND: u64 = 1_000_000;
/// Numbers that the owner's resting orders have.
const NUMBERS: std::ops::Range<u32> = 2..6;
/// The intruder's own resting order has one of them.
const SHARED: u32 = 3;

fn enter(number: u32, price: u64) -> Vec<u8> {
    let order = EnterOrder {
        message_type: b'O',
        user_ref_num: number.into(),
        side: b'S',
        quantity: 10.into(),
        symbol: *b"BTC-USD ",
        price: price.into(),
        time_in_force: b'0',
        display: b'Y',
        capacity: b'P',
        inter_market_sweep_eligibility: b'N',
        cross_type: b'N',
        cl_ord_id: *b"mine          ",
        appendage_length: 0.into(),
    };
    order.as_bytes().to_vec()
}

/// Everything of an account that a stranger might change: open orders by number, what it has, how much it was told.
fn state(world: &World, session: u32) -> (BTreeMap<u32, (u32, u64)>, String, Option<u64>) {
    let exchange = world.exchange.exchange();
    let account = exchange.session(session).expect("it is configured").account;
    let open = exchange
        .open_orders(account)
        .map(|order| (order.user_ref, (order.open, order.number)))
        .collect();
    let balances: Vec<_> = (0..2).map(|asset| exchange.balance(account, asset)).collect();
    (
        open,
        format!("{balances:?}"),
        world.exchange.session_sequence(session),
    )
}

/// The intruder says something over TCP; gives what it was answered.
fn intrude(world: &mut World, message: &[u8]) -> Vec<Vec<u8>> {
    let mut buffer = [0; 256];
    let length = encode::unsequenced(message, &mut buffer).expect("it fits");
    world.links[1].say(&buffer[..length]);
    let mut answers = Vec::new();
    for _ in 0..20 {
        world.pass(MILLISECOND);
        let lives = world.links[1].receive(|answer| answers.push(answer.to_vec()));
        assert!(lives.is_some(), "it did not break the protocol");
    }
    answers
}

#[test]
fn nobody_touches_another_accounts_orders() {
    let mut world = World::new(3);
    let mut packer = DatagramPacker::default();
    packer.start(world.token, 1);
    for number in NUMBERS {
        assert!(
            packer.push(&enter(number, 610_000_000 + 100 * u64::from(number))),
            "it fits"
        );
    }
    let datagram = packer.finish(None).to_vec();
    world.send(&datagram);
    for _ in 0..20 {
        world.pass(MILLISECOND);
    }
    intrude(&mut world, &enter(SHARED, 620_000_000));
    let owner = state(&world, 0);
    assert_eq!(owner.0.len(), NUMBERS.len(), "all rest: {owner:?}");
    assert_eq!(state(&world, 1).0.len(), 1);

    // Foreign UserRefNums, and foreign order reference numbers in their place.
    let references: Vec<u32> = owner.0.values().map(|(_, reference)| *reference as u32).collect();
    let foreign: Vec<u32> = NUMBERS
        .filter(|number| *number != SHARED)
        .chain(references)
        .collect();
    let mut next = 100;
    let mut table: Vec<(&str, u32, Vec<u8>)> = Vec::new();
    for number in foreign {
        // What it has itself it may touch.
        if number == SHARED {
            continue;
        }
        let cancel = |quantity: u32| CancelOrder {
            message_type: b'X',
            user_ref_num: number.into(),
            quantity: quantity.into(),
        };
        table.push(("cancel", number, cancel(0).as_bytes().to_vec()));
        table.push(("reduce", number, cancel(1).as_bytes().to_vec()));
        let modify = ModifyOrder {
            message_type: b'M',
            user_ref_num: number.into(),
            side: b'T',
            quantity: 5.into(),
        };
        table.push(("modify", number, modify.as_bytes().to_vec()));
        next += 1;
        let replace = ReplaceOrder {
            message_type: b'U',
            orig_user_ref_num: number.into(),
            user_ref_num: next.into(),
            quantity: 1.into(),
            price: 630_000_000.into(),
            time_in_force: b'0',
            display: b'Y',
            inter_market_sweep_eligibility: b'N',
            cl_ord_id: *b"not mine      ",
            appendage_length: 0.into(),
        };
        table.push(("replace", number, replace.as_bytes().to_vec()));
        let status = OrderStatusRequest {
            message_type: b's',
            user_ref_num: number.into(),
        };
        table.push(("status", number, status.as_bytes().to_vec()));
    }
    let mass = |number: u32, symbol: &[u8; 8]| MassCancel {
        message_type: b'C',
        user_ref_num: number.into(),
        firm: *b"FRM0",
        symbol: *symbol,
        appendage_length: 0.into(),
    };
    table.push((
        "open orders",
        0,
        OpenOrdersRequest { message_type: b'o' }.as_bytes().to_vec(),
    ));
    table.push((
        "mass cancel of a symbol",
        500,
        mass(500, b"BTC-USD ").as_bytes().to_vec(),
    ));
    table.push((
        "mass cancel of the firm",
        501,
        mass(501, b"        ").as_bytes().to_vec(),
    ));
    let disable = DisableOrderEntry {
        message_type: b'D',
        user_ref_num: 502.into(),
        firm: *b"FRM0",
        appendage_length: 0.into(),
    };
    table.push(("order entry of the firm off", 502, disable.as_bytes().to_vec()));

    for (what, number, message) in table {
        let answers = intrude(&mut world, &message);
        assert_eq!(state(&world, 0), owner, "{what} {number}: the owner notices");
        for answer in answers {
            match Answer::decode(&answer).expect("an answer of the exchange") {
                Answer::OrderStatus(status) => {
                    assert_eq!(status.state, b'U', "{what} {number}: nothing is known of it");
                    assert_eq!(status.order_reference_number.get(), 0);
                }
                Answer::OpenOrder(order) => {
                    let number = order.user_ref_num.get();
                    assert!(number == SHARED || number == 0, "{what}: {number} is not its own");
                }
                other => panic!("{what} {number}: {other:?}"),
            }
        }
    }
    assert!(state(&world, 1).0.is_empty(), "its own order was canceled");

    // What the intruder has switched off is its own entry, not the owner's.
    packer.start(world.token, 2);
    assert!(packer.push(&enter(50, 611_000_000)), "it fits");
    let datagram = packer.finish(None).to_vec();
    world.send(&datagram);
    intrude(&mut world, &enter(600, 620_000_000));
    assert_eq!(state(&world, 0).0.len(), NUMBERS.len() + 1);
    assert!(state(&world, 1).0.is_empty());
    let enable = EnableOrderEntry {
        message_type: b'E',
        user_ref_num: 601.into(),
        firm: *b"FRM0",
        appendage_length: 0.into(),
    };
    intrude(&mut world, enable.as_bytes());
    intrude(&mut world, &enter(602, 620_000_000));
    assert_eq!(state(&world, 1).0.len(), 1);
    world.end();
}
