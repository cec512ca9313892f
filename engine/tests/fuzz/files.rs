//! Journal and snapshots, damaged where no checksum tells: a reader refuses, or reads on, and does not panic.

use engine::journal::{BLOCK_BYTES, Segments};
use engine::snapshot::{self, Snapshots};
use protocol::order_entry::DatagramPacker;
use protocol::order_entry::requests::{CancelOrder, EnterOrder};
use protocol::testing::fuzz::fuzz;
use zerocopy::IntoBytes;

use crate::targets;
use crate::world::World;

const HEADER_BYTES: usize = size_of::<snapshot::Header>();

/// A little trading, so that books, balances and history are not empty.
fn traded() -> World {
    let mut world = World::new(7);
    let mut packer = DatagramPacker::default();
    for number in 1..60_u32 {
        packer.start(world.token, u64::from(number));
        let order = EnterOrder {
            message_type: b'O',
            user_ref_num: number.into(),
            side: if number % 3 == 0 { b'B' } else { b'S' },
            quantity: number.into(),
            symbol: *b"BTC-USD ",
            price: (600_000_000 + u64::from(number % 7) * 100).into(),
            time_in_force: b'0',
            display: b'Y',
            capacity: b'P',
            inter_market_sweep_eligibility: b'N',
            cross_type: b'N',
            cl_ord_id: *b"files         ",
            appendage_length: 0.into(),
        };
        let cancel = CancelOrder {
            message_type: b'X',
            user_ref_num: (number / 2).into(),
            quantity: 0.into(),
        };
        assert!(
            packer.push(order.as_bytes()) && packer.push(cancel.as_bytes()),
            "they fit"
        );
        let datagram = packer.finish(None).to_vec();
        world.send(&datagram);
        world.pass(1_000_000);
        world.mend();
    }
    world
}

/// Blocks without the zeros at their ends, each with its length before it: changes hit what is there.
fn squeezed(blocks: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for block in blocks.chunks(BLOCK_BYTES) {
        let used = block
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        bytes.extend((used as u16).to_be_bytes());
        bytes.extend(&block[..used]);
    }
    bytes
}

#[test]
fn journals() {
    let mut disk = traded().end();
    let mut blocks = vec![0; 40 * BLOCK_BYTES];
    let read = disk.read_at(1, 0, &mut blocks).expect("there is a segment");
    blocks.truncate(read);
    let corpus = [
        squeezed(&blocks[..3 * BLOCK_BYTES]),
        squeezed(&blocks[..8 * BLOCK_BYTES]),
        squeezed(&blocks),
    ];
    fuzz("journals", 4_000, &corpus, targets::journals);
}

#[test]
fn snapshots() {
    let world = traded();
    let (limits, finished) = (
        world.config.capacities.limits,
        world.config.capacities.finished_orders as usize,
    );
    let mut disk = world.end();
    let newest = Snapshots::list(&mut disk)
        .expect("memory")
        .pop()
        .expect("the end writes one");
    let snapshot = Snapshots::read(&mut disk, newest).expect("memory");
    let whole = snapshot::open(&snapshot).expect("it was just written");
    whole.replica(limits, 1, finished).expect("it was just written");
    fuzz("snapshots", 2_000, std::slice::from_ref(&snapshot), |bytes| {
        let mut bytes = bytes.to_vec();
        if bytes.len() >= HEADER_BYTES
            && bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)) % 8 > 0
        {
            snapshot::seal(&mut bytes);
        }
        snapshot::open(&bytes).is_ok_and(|image| {
            // Most give another state than the header says, and are refused.
            let _ = image.encoder(limits);
            let _ = image.replica(limits, 1, finished);
            true
        })
    });
}
