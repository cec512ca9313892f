//! What each target does with an input, and whether it takes it. `engine/fuzz` gives them to a fuzzer that is guided by
//! coverage.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

use feed_handler::recovery::Credentials;
use feed_handler::recovery_link::Connect;
use feed_handler::snapshot::SnapshotJoin;
use feed_handler::{Capacity, Market, Side};

/// Small: a snapshot may bring more than there is room for.
const CAPACITY: Capacity = Capacity {
    instruments: 4,
    orders: 32,
    levels: 16,
};
/// Longer than any pause between two attempts, and shorter than the patience with a server.
const TURN_NS: u64 = 2_500_000_000;

/// Takes apart what `main::joined` put together; the last one is as long as there are bytes.
fn parts(mut bytes: &[u8]) -> VecDeque<Vec<u8>> {
    let mut all = VecDeque::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (part, others) = rest.split_at(length);
        all.push_back(part.to_vec());
        bytes = others;
    }
    all
}

/// A server that says something else on each connection, and then hangs up; behind the last one nobody listens.
#[derive(Debug)]
struct Script(VecDeque<Vec<u8>>);

/// One of its connections. What comes at once is as long as the last byte says.
#[derive(Debug)]
struct Said {
    bytes: VecDeque<u8>,
    piece: usize,
}

impl Read for Said {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.piece.min(into.len());
        self.bytes.read(&mut into[..count])
    }
}

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Connect for Script {
    type Stream = Said;

    fn connect(&mut self) -> Result<Said, ErrorKind> {
        let bytes = self.0.pop_front().ok_or(ErrorKind::ConnectionRefused)?;
        let piece = 16 + bytes.last().map_or(0, |byte| usize::from(*byte));
        Ok(Said {
            bytes: bytes.into(),
            piece,
        })
    }

    fn is_up(&self, _stream: &Said) -> Result<bool, ErrorKind> {
        Ok(true)
    }
}

/// The books fit into their room, and levels are what their orders are.
fn check(market: &Market) {
    let books = market.books();
    assert!(books.order_count() <= CAPACITY.orders as usize);
    assert!(market.instruments().count() <= usize::from(CAPACITY.instruments));
    let mut count = 0;
    for locate in 0..=books.highest_locate() {
        let book = market.book(locate);
        for side in [Side::Buy, Side::Sell] {
            let mut orders = book.orders(side).peekable();
            for level in book.levels(side) {
                let (mut quantity, mut in_level) = (0, 0);
                while let Some(order) = orders.next_if(|order| order.price == level.price) {
                    quantity += u64::from(order.quantity);
                    in_level += 1;
                }
                assert_eq!((level.quantity, level.orders), (quantity, in_level), "{level:?}");
                count += in_level;
            }
            assert!(orders.next().is_none(), "an order without a level");
        }
    }
    assert_eq!(books.order_count() as u64, u64::from(count));
}

/// Snapshots, as somebody gets them who comes late: one after the other until one is whole.
pub(crate) fn snapshot_joins(bytes: &[u8]) -> bool {
    let script = parts(bytes);
    let attempts = script.len() + 1;
    let mut join = SnapshotJoin::new(Script(script), Credentials::default());
    let mut market = Market::new(CAPACITY);
    let (mut now_ns, mut whole, mut refused) = (0, 0, 0);
    // A turn takes at least a piece, or begins or ends an attempt.
    for _ in 0..bytes.len() + 4 * attempts {
        now_ns += TURN_NS;
        let before = join.messages();
        let (taken, joined) = join.poll(now_ns, &mut market);
        assert_eq!(join.messages(), before + taken as u64);
        assert!(join.malformed() <= join.messages());
        check(&market);
        if joined.is_some() {
            assert!(taken > 0, "it ends with a message");
            whole += 1;
        }
        let nobody = feed_handler::recovery::RecoveryFailure::Connect(ErrorKind::ConnectionRefused);
        refused += u32::from(join.failure() == Some(nobody));
        if refused > 1 {
            return whole > 0;
        }
    }
    panic!("it never comes to the end of the script: {join:?}");
}
