//! Journal and snapshots, damaged where no checksum tells: a reader refuses, or reads on, and does not panic.

use std::io;

use engine::journal::{self, BLOCK_BYTES, JournalError, ReadOptions, Segments};
use engine::snapshot::{self, Snapshots};
use protocol::order_entry::DatagramPacker;
use protocol::order_entry::requests::{CancelOrder, EnterOrder};
use protocol::testing::fuzz::fuzz;
use zerocopy::IntoBytes;

use crate::world::World;

const FRAME_MAGIC: &[u8; 8] = b"XJFRAME\n";
const HEADER_BYTES: usize = size_of::<snapshot::Header>();
const CHECKSUM: std::ops::Range<usize> = 60..64;

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

/// One segment in memory.
struct Memory(Vec<u8>);

impl Segments for Memory {
    fn list(&mut self) -> io::Result<Vec<u64>> {
        Ok(vec![1])
    }

    fn length(&mut self, _segment: u64) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&mut self, _segment: u64, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.0.get(offset..));
        let rest = rest.unwrap_or(&[]);
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn path(&self, segment: u64) -> String {
        format!("segment {segment} in memory")
    }
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

fn unsqueezed(mut bytes: &[u8]) -> Vec<u8> {
    let mut blocks = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length))
            .min(rest.len())
            .min(BLOCK_BYTES);
        blocks.extend(&rest[..length]);
        blocks.resize(blocks.len().next_multiple_of(BLOCK_BYTES), 0);
        bytes = &rest[length..];
    }
    blocks
}

fn seal(bytes: &mut [u8]) -> [u8; 4] {
    let before = crc32c::crc32c(&bytes[..CHECKSUM.start]);
    let checksum = crc32c::crc32c_append(before, &bytes[CHECKSUM.end..]).to_le_bytes();
    bytes[CHECKSUM].copy_from_slice(&checksum);
    checksum
}

/// Makes every checksum right, as somebody would who wants the reader to believe.
fn believable(blocks: &mut [u8]) {
    let Some(header) = blocks.get_mut(..BLOCK_BYTES) else {
        return;
    };
    seal(header);
    let (mut place, mut previous) = (BLOCK_BYTES, [0; 4]);
    while let Some(frame) = blocks.get_mut(place..).filter(|rest| rest.len() >= BLOCK_BYTES) {
        if !frame.starts_with(FRAME_MAGIC) {
            return;
        }
        let payload = <[u8; 4]>::try_from(&frame[44..48]).map_or(0, u32::from_le_bytes) as usize;
        let length = (64 + payload.min(1 << 20))
            .next_multiple_of(BLOCK_BYTES)
            .min(frame.len());
        frame[12..16].copy_from_slice(&previous);
        previous = seal(&mut frame[..length]);
        place += length;
    }
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
    fuzz("journals", 4_000, &corpus, |bytes| {
        let mut blocks = unsqueezed(bytes);
        // Damage as it happens in one of eight.
        if bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)) % 8 > 0 {
            believable(&mut blocks);
        }
        let mut memory = Memory(blocks);
        let verified = journal::verify_segments(&mut memory);
        for from in [0, 5] {
            let options = ReadOptions {
                from,
                ..ReadOptions::default()
            };
            let mut last = 0;
            let read = journal::replay(
                &mut memory,
                options,
                |_| {},
                |command, _| {
                    assert!(
                        command.sequence > last && command.sequence >= from,
                        "numbers ascend"
                    );
                    last = command.sequence;
                    Ok::<_, JournalError>(())
                },
            );
            if let Err(error) = read {
                assert!(!error.to_string().is_empty());
            }
        }
        verified.is_ok()
    });
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
