//! One image: packets of SoupBinTCP one behind the other, as every reader gets them.

use protocol::market_data::glimpse::EndOfSnapshot;
use protocol::soup::encode;
use zerocopy::IntoBytes;

use crate::exchange::{Exchange, Telling};
use crate::output::displayed;
use crate::recovery::replica::Replica;

/// Images that are there at once.
pub const IMAGES_MAX: usize = 4;
/// Longest packet of an image: Stock Directory and Add Order with attribution come near.
pub const PACKET_BYTES_MAX: usize = 64;
/// Memory is taken and given back in pieces of this size, so that no turn copies or frees a large one.
const CHUNK_BYTES: usize = 64 * 1_024;

/// The displayed state as of one command. It can be read once it is whole.
#[derive(Debug)]
pub(super) struct Image {
    /// Never used again.
    pub(super) number: u64,
    /// The day that its numbers are of.
    pub(super) day: u32,
    /// When it was begun.
    pub(super) begun_ns: u64,
    /// Connections that have not got all of it yet.
    pub(super) readers: u32,
    /// The feed goes on with this number.
    next_sequence: u64,
    telling: Telling,
    /// Whole packets each; none is empty.
    chunks: Vec<Vec<u8>>,
}

impl Image {
    /// Begins an image of `replica`, which is between two commands, and stays as it is until the image is whole.
    pub(super) fn begin(number: u64, replica: &Replica, now_ns: u64) -> Self {
        Self {
            number,
            day: replica.exchange().day(),
            begun_ns: now_ns,
            readers: 0,
            next_sequence: replica.feed_sequence() + 1,
            telling: Telling::BEGINNING,
            chunks: Vec::new(),
        }
    }

    /// Adds about `budget` messages; true when the image is whole.
    pub(super) fn go_on(&mut self, exchange: &Exchange, budget: usize) -> bool {
        let Self { telling, chunks, .. } = self;
        exchange.tell_displayed(telling, budget, |time, event| {
            let instrument = exchange.instrument(event.instrument);
            let symbol = instrument.map_or([b' '; 8], |instrument| instrument.definition.symbol);
            displayed(time, &event, symbol, |message| put(chunks, message));
        });
        if !telling.is_over() {
            return false;
        }
        put(
            &mut self.chunks,
            EndOfSnapshot::new(self.next_sequence).as_bytes(),
        );
        true
    }

    /// The packets of one piece; `None` behind the last.
    pub(super) fn chunk(&self, index: usize) -> Option<&[u8]> {
        self.chunks.get(index).map(Vec::as_slice)
    }
}

/// Puts one message behind the others.
fn put(chunks: &mut Vec<Vec<u8>>, message: &[u8]) {
    let has_room = chunks
        .last()
        .is_some_and(|chunk| chunk.len() + PACKET_BYTES_MAX <= CHUNK_BYTES);
    if !has_room {
        chunks.push(Vec::with_capacity(CHUNK_BYTES));
    }
    let mut packet = [0; PACKET_BYTES_MAX];
    let length = encode::sequenced(message, &mut packet).expect("messages of a snapshot are short");
    if let Some(chunk) = chunks.last_mut() {
        chunk.extend_from_slice(&packet[..length]);
    }
}
