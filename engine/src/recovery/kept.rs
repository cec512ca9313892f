//! The newest message of each stream, once the store has no room for it any more: who logs in and asks for the newest need not wait
//! until it is made again from the journal.
//!
//! Must not be here: messages that the store has.

/// Longest message that is kept. Longer ones are made again.
const KEPT_BYTES_MAX: usize = 240;

#[derive(Debug, Clone, Copy)]
struct Row {
    /// Number in its stream; 0: nothing is kept.
    sequence: u64,
    day: u32,
    length: u16,
    bytes: [u8; KEPT_BYTES_MAX],
}

const _: () = assert!(size_of::<Row>() == 256);

/// One message of each stream.
#[derive(Debug)]
pub(super) struct Kept(Box<[Row]>);

impl Kept {
    pub(super) fn new(streams: usize) -> Self {
        let nothing = Row {
            sequence: 0,
            day: 0,
            length: 0,
            bytes: [0; KEPT_BYTES_MAX],
        };
        Self(vec![nothing; streams].into_boxed_slice())
    }

    /// Keeps a message in place of an older one.
    pub(super) fn keep(&mut self, stream: usize, day: u32, sequence: u64, bytes: &[u8]) {
        let row = &mut self.0[stream];
        if let Some(room) = row.bytes.get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
            (row.sequence, row.day, row.length) = (sequence, day, bytes.len() as u16);
        }
    }

    /// A message, if it is the one that is kept.
    pub(super) fn get(&self, stream: usize, day: u32, sequence: u64) -> Option<&[u8]> {
        let row = &self.0[stream];
        let is_it = (row.day, row.sequence) == (day, sequence) && sequence > 0;
        is_it.then(|| &row.bytes[..usize::from(row.length)])
    }
}
