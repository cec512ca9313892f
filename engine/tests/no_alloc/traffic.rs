//! Datagrams of two customers, made beforehand from a seed. Those of the second have tags.

use std::net::{Ipv4Addr, SocketAddrV4};

use protocol::authentication::{LoginKeys, MacAlgorithm, MacSecret, Secret, TAG_BYTES};
use protocol::order_entry::requests::{AccountQuery, CancelOrder, EnterOrder, MassCancel, ReplaceOrder};
use protocol::order_entry::{DatagramPacker, write_message};
use protocol::packet::DATAGRAM_BYTES_MAX;
use protocol::testing::Random;

use super::market::DOLLAR;

pub(crate) const SESSIONS: u32 = 2;
pub(crate) const DATAGRAMS: usize = 3_000;

/// Where a session's customer sends from.
pub(crate) fn address(session: u32) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, session as u8), 5_000)
}

/// The keys of a session whose datagrams have tags.
pub(crate) fn keys(session: u32) -> Option<LoginKeys> {
    let mac = MacSecret {
        algorithm: MacAlgorithm::Aes128Gmac,
        secret: Secret::new([1; 32]),
    };
    (session == 1).then(|| LoginKeys::derive(&mac, &[2; 16], b"O000010001"))
}

/// What two customers might send: orders that meet, replacements, cancels, questions, nonsense and repeats.
pub(crate) fn traffic() -> Vec<(SocketAddrV4, Vec<u8>)> {
    let mut random = Random::new(42);
    let mut next = [1_u32; SESSIONS as usize];
    let mut packer = DatagramPacker::new(DATAGRAM_BYTES_MAX - TAG_BYTES);
    let mut datagrams: Vec<(SocketAddrV4, Vec<u8>)> = Vec::new();
    for number in 1..=DATAGRAMS as u64 {
        let session = random.below(u64::from(SESSIONS)) as u32;
        packer.start([session as u8 + 1; 8], number);
        for _ in 0..=random.below(8) {
            let message = request(&mut random, &mut next[session as usize]);
            assert!(packer.push(&message), "eight requests fit");
        }
        let mut bytes = match keys(session) {
            None => packer.finish(None).to_vec(),
            Some(keys) => {
                let mac = keys.to_exchange.mac();
                packer
                    .finish_mac(None, |covered| mac.tag(number, covered))
                    .to_vec()
            }
        };
        match random.below(50) {
            0 => bytes.truncate(21),
            1 => bytes[0] = 77,
            _ => {}
        }
        datagrams.push((address(session), bytes));
    }
    datagrams
}

fn request(random: &mut Random, next: &mut u32) -> Vec<u8> {
    let price = 100 * DOLLAR + 100 * random.below(40) - 2_000;
    let quantity = 1 + random.below(50) as u32;
    let recent = next.saturating_sub(1 + random.below(30) as u32).max(1);
    let kind = random.below(20);
    if kind < 17 && kind != 3 && kind != 4 {
        *next += 1;
    }
    let user_ref = (*next - 1).max(1);
    match kind {
        0..3 => written(&ReplaceOrder {
            message_type: b'U',
            orig_user_ref_num: recent.into(),
            user_ref_num: user_ref.into(),
            quantity: quantity.into(),
            price: price.into(),
            time_in_force: b'0',
            display: b'Y',
            inter_market_sweep_eligibility: b'N',
            cl_ord_id: *b"replaced      ",
            appendage_length: 0.into(),
        }),
        3 => written(&AccountQuery { message_type: b'Q' }),
        4 => vec![b'?', 1, 2, 3],
        5 if random.below(10) == 0 => written(&MassCancel {
            message_type: b'C',
            user_ref_num: user_ref.into(),
            firm: *b"    ",
            symbol: *b"        ",
            appendage_length: 0.into(),
        }),
        17.. => written(&CancelOrder {
            message_type: b'X',
            user_ref_num: recent.into(),
            quantity: (random.below(3) as u32).into(),
        }),
        _ => with_options(
            &EnterOrder {
                message_type: b'O',
                // Some come again.
                user_ref_num: if kind == 16 { recent } else { user_ref }.into(),
                side: if random.below(2) == 0 { b'B' } else { b'S' },
                quantity: quantity.into(),
                symbol: if kind == 15 { *b"NOTHING " } else { *b"BTC-USD " },
                price: if kind == 14 { 0x7FFF_FFFF } else { price }.into(),
                time_in_force: match kind {
                    11 => b'6',
                    13 => b'3',
                    _ => b'0',
                },
                display: if kind == 12 { b'A' } else { b'Y' },
                capacity: b'P',
                inter_market_sweep_eligibility: b'N',
                cross_type: b'N',
                cl_ord_id: *b"entered       ",
                appendage_length: 0.into(),
            },
            // Option 15 ExpireTime, one second.
            if kind == 11 { &[5, 15, 0, 0, 0, 1] } else { &[] },
        ),
    }
}

pub(crate) fn written<T: protocol::layout::WireMessage>(message: &T) -> Vec<u8> {
    with_options(message, &[])
}

fn with_options<T: protocol::layout::WireMessage>(message: &T, options: &[u8]) -> Vec<u8> {
    let mut buffer = [0; 128];
    let length = write_message(message, options, &mut buffer).expect("it fits");
    buffer[..length].to_vec()
}
