//! The whole exchange behind its doors: order datagrams with the right token, SoupBinTCP of customers and strangers.

use protocol::order_entry::own::{BalanceRequest, ReRequest};
use protocol::order_entry::requests::{AccountQuery, CancelOrder, MassCancel, ModifyOrder, ReplaceOrder};
use protocol::order_entry::{DatagramPacker, write_message};
use protocol::soup::encode;
use protocol::testing::fuzz::fuzz;
use zerocopy::{Immutable, IntoBytes};

use crate::world::{World, order};

/// Executions until an exchange ends, is judged, and another one begins.
const LIFE: u64 = 4_000;
const MILLISECOND: u64 = 1_000_000;
const LOGIN_BYTES: usize = 64;

fn bytes_of(message: &(impl IntoBytes + Immutable)) -> Vec<u8> {
    message.as_bytes().to_vec()
}

/// Requests that mean something, around the numbers that a young session has.
fn requests() -> Vec<Vec<u8>> {
    let mut all = vec![
        bytes_of(&AccountQuery { message_type: b'Q' }),
        bytes_of(&ReRequest {
            message_type: b'r',
            sequence_number: 1.into(),
            message_count: 9.into(),
        }),
        bytes_of(&BalanceRequest {
            message_type: b'b',
            asset: *b"USD     ",
        }),
    ];
    for number in 1..12_u32 {
        let side = if number % 2 == 0 { b'B' } else { b'S' };
        let order = order(number, side, 10 * number, 600_000_000);
        let mut buffer = [0; 128];
        let stop = [9, 128, 0, 0, 0, 0, 0x23, 0xc3, 0x46, 0];
        let options: &[u8] = if number % 3 == 0 { &stop } else { &[] };
        let length = write_message(&order, options, &mut buffer).expect("it fits");
        all.push(buffer[..length].to_vec());
    }
    all.push(bytes_of(&ReplaceOrder {
        message_type: b'U',
        orig_user_ref_num: 4.into(),
        user_ref_num: 20.into(),
        quantity: 7.into(),
        price: 600_000_000.into(),
        time_in_force: b'0',
        display: b'Y',
        inter_market_sweep_eligibility: b'N',
        cl_ord_id: *b"fuzz          ",
        appendage_length: 0.into(),
    }));
    all.push(bytes_of(&CancelOrder {
        message_type: b'X',
        user_ref_num: 2.into(),
        quantity: 1.into(),
    }));
    all.push(bytes_of(&ModifyOrder {
        message_type: b'M',
        user_ref_num: 3.into(),
        side: b'S',
        quantity: 5.into(),
    }));
    all.push(bytes_of(&MassCancel {
        message_type: b'C',
        user_ref_num: 30.into(),
        firm: *b"FRM0",
        symbol: *b"        ",
        appendage_length: 0.into(),
    }));
    all
}

/// A way in (one byte), then what is said there.
fn corpus() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut packer = DatagramPacker::default();
    for some in requests().chunks(4) {
        packer.start([0; 8], 1);
        for request in some {
            assert!(packer.push(request), "four requests fit");
        }
        all.push([&[0], packer.finish(None)].concat());
    }
    let mut buffer = [0; 256];
    for request in requests() {
        let length = encode::unsequenced(&request, &mut buffer).expect("it fits");
        all.push([&[1], &buffer[..length]].concat());
    }
    let mut login = [0; LOGIN_BYTES];
    for (way, name, session, next) in [
        (2, "T1", "", 1),
        (2, "T1", "+", 1),
        (3, "X", "", 0),
        (3, "X", "+", 7),
    ] {
        let length = encode::login(name, "secret", session, next, Some(2_000), &mut login).expect("it fits");
        all.push([&[way], &login[..length]].concat());
    }
    all
}

#[test]
fn doors() {
    let mut world = World::new(1);
    let mut count = 0;
    fuzz("doors", 20_000, &corpus(), |bytes| {
        let before = world.exchange.exchange().sequence();
        if let Some((way, said)) = bytes.split_first() {
            match way % 4 {
                0 => {
                    let mut datagram = said.to_vec();
                    // The right token, now and then another.
                    if let Some(token) = datagram.first_chunk_mut::<8>()
                        && token[7] != 0xff
                    {
                        *token = world.token;
                    }
                    world.send(&datagram);
                    world.pass(MILLISECOND);
                }
                1 => {
                    world.links[1].say(said);
                    world.pass(MILLISECOND);
                }
                way => world.visit(way == 3, said),
            }
        }
        world.mend();
        count += 1;
        let is_taken = world.exchange.exchange().sequence() > before;
        if count % LIFE == 0 {
            let ended = std::mem::replace(&mut world, World::new(count));
            ended.end();
        }
        is_taken
    });
    world.end();
}
