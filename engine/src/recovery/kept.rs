//! The newest message of each stream: of the store those that it has no room for any more, in a snapshot all of them. Who logs in
//! and asks for the newest need not wait until it is made again from the journal, however long ago it was told.
//!
//! Must not be here: other messages.

use crate::exchange::snapshot::{Broken, Input, Output};

/// Longest message that is kept. Longer ones are made again.
pub(crate) const KEPT_BYTES_MAX: usize = 240;

#[derive(Debug, Clone, Copy)]
struct Row {
    /// Number in its stream; 0: nothing is kept.
    sequence: u64,
    day: u32,
    length: u16,
    bytes: [u8; KEPT_BYTES_MAX],
}

/// What a stream takes of memory.
pub(crate) const KEPT_ROW_BYTES: usize = size_of::<Row>();
const _: () = assert!(KEPT_ROW_BYTES == 256);

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

    /// Keeps nothing any more.
    pub(super) fn clear(&mut self) {
        for row in &mut self.0 {
            row.sequence = 0;
        }
    }

    /// Keeps what `other` keeps, which is of as many streams.
    pub(super) fn keep_all(&mut self, other: &Self) {
        self.0.copy_from_slice(&other.0);
    }

    /// Appends it to a snapshot.
    pub(super) fn save(&self, into: &mut Vec<u8>) {
        let kept = || (0..).zip(&self.0).filter(|(_, row)| row.sequence > 0);
        let out = &mut Output(into);
        out.count(kept().count());
        for (stream, row) in kept() {
            out.u32(stream);
            out.u32(row.day);
            out.u64(row.sequence);
            out.count(row.length.into());
            out.bytes(&row.bytes[..usize::from(row.length)]);
        }
    }

    /// Takes in what was saved.
    ///
    /// # Errors
    /// When the bytes are not those of messages of these streams.
    pub(super) fn load(&mut self, from: &mut Input<'_>) -> Result<(), Broken> {
        for _ in 0..from.count(self.0.len())? {
            let (stream, day, sequence) = (from.u32()? as usize, from.u32()?, from.u64()?);
            let length = from.count(KEPT_BYTES_MAX)?;
            let message = from.bytes(length)?;
            if stream >= self.0.len() || sequence == 0 {
                return Err(Broken("a message of no stream"));
            }
            self.keep(stream, day, sequence, message);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded_and_nothing_else() {
        let mut kept = Kept::new(3);
        kept.keep(0, 7, 12, b"filled");
        kept.keep(2, 7, 1, &[9; KEPT_BYTES_MAX]);
        kept.keep(1, 7, 1, &[9; KEPT_BYTES_MAX + 1]);
        let mut bytes = Vec::new();
        kept.save(&mut bytes);
        let load = |streams, bytes: &[u8]| {
            let mut kept = Kept::new(streams);
            kept.load(&mut Input(bytes)).map(|()| kept)
        };
        let mut loaded = load(3, &bytes).expect("it was just saved");
        assert_eq!(loaded.get(0, 7, 12), Some(&b"filled"[..]));
        assert_eq!(loaded.get(2, 7, 1), Some(&[9; KEPT_BYTES_MAX][..]));
        for (stream, day, sequence) in [(0, 6, 12), (0, 7, 11), (1, 7, 1), (1, 0, 0)] {
            assert_eq!(loaded.get(stream, day, sequence), None);
        }
        for end in 0..bytes.len() {
            assert!(load(3, &bytes[..end]).is_err(), "cut at {end}");
        }
        assert!(load(2, &bytes).is_err(), "there is no third stream");
        loaded.clear();
        assert_eq!(loaded.get(0, 7, 12), None);
        loaded.keep_all(&kept);
        assert_eq!(loaded.get(0, 7, 12), Some(&b"filled"[..]));
    }
}
