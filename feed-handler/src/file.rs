//! Recorded days from files: records of u16 length and message, plain or packed by gzip, which the first bytes tell.
//!
//! Lives here: reading in pieces, whole records of each piece, and where a file stops making sense.
//! Must not be here: what the messages say.

use flate2::bufread::MultiGzDecoder;
use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Read at once. PERF: a piece stays in the second cache between the kernel's copy and its reader. Longer than any record.
const PIECE_BYTES: usize = 256 << 10;
/// Read at once of a packed file. PERF: less than a piece, so that the pieces of a plain file are not copied twice.
const PACKED_BYTES: usize = 64 << 10;
/// What gzip files begin with. As a length it would be one that no ITCH message has.
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// Why a file cannot be read to its end. Everything before the position was given out.
#[derive(Debug)]
pub struct FileError {
    /// Bytes of records before it; of a packed file as they are unpacked.
    pub position: u64,
    /// What happened.
    pub kind: FileErrorKind,
}

/// What happened to a file.
#[derive(Debug)]
pub enum FileErrorKind {
    /// The record at the position is longer than what is left.
    Cut,
    /// It cannot be read, or not unpacked.
    Read(io::Error),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = self.position;
        match &self.kind {
            FileErrorKind::Cut => write!(
                f,
                "the record at byte {position} is cut; everything before it was read. Fetch the file again, or take it as it is"
            ),
            FileErrorKind::Read(error) => write!(
                f,
                "cannot read on behind byte {position}: {error}. A gzip that ends early or is damaged must be fetched again"
            ),
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            FileErrorKind::Cut => None,
            FileErrorKind::Read(error) => Some(error),
        }
    }
}

/// A file being read.
pub struct ItchFile {
    input: Box<dyn Read>,
    taken: Arc<AtomicU64>,
    buffer: Vec<u8>,
    /// Bytes in the buffer, and those at its end that nobody has taken yet.
    filled: usize,
    left: Cell<usize>,
    /// Bytes before the buffer.
    position: u64,
    is_packed: bool,
}

impl fmt::Debug for ItchFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItchFile")
            .field("position", &self.position())
            .field("is_packed", &self.is_packed)
            .finish_non_exhaustive()
    }
}

impl ItchFile {
    /// Opens a file.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::new(File::open(path)?)
    }

    /// Takes whatever can be read.
    pub fn new(input: impl Read + 'static) -> io::Result<Self> {
        let taken = Arc::new(AtomicU64::new(0));
        let counted = Counted {
            input,
            taken: Arc::clone(&taken),
        };
        let mut input = BufReader::with_capacity(PACKED_BYTES, counted);
        let is_packed = input.fill_buf()?.starts_with(&GZIP);
        Ok(Self {
            input: if is_packed {
                Box::new(MultiGzDecoder::new(input))
            } else {
                Box::new(input)
            },
            taken,
            buffer: vec![0; PIECE_BYTES],
            filled: 0,
            left: Cell::new(0),
            position: 0,
            is_packed,
        })
    }

    /// True when it is packed by gzip.
    pub fn is_packed(&self) -> bool {
        self.is_packed
    }

    /// Bytes taken from the file so far: packed ones, if it is packed. For a progress bar.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Bytes of records that were taken so far.
    pub fn position(&self) -> u64 {
        self.position + (self.filled - self.left.get()) as u64
    }

    /// The next records, at least one; `None` at the end of the file. Behind an error there is nothing more. Those of the
    /// piece before that were not taken come again.
    pub fn next_piece(&mut self) -> Result<Option<Records<'_>>, FileError> {
        loop {
            self.position = self.position();
            let left = self.left.get();
            self.buffer.copy_within(self.filled - left..self.filled, 0);
            self.filled = left;
            let count = match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.failed(FileErrorKind::Read(error))),
            };
            self.filled += count;
            self.left.set(self.filled);
            // A full buffer has one.
            if first_record(&self.buffer[..self.filled]).is_some() {
                return Ok(Some(Records {
                    rest: &self.buffer[..self.filled],
                    left: &self.left,
                }));
            }
            if count == 0 {
                return match self.filled {
                    0 => Ok(None),
                    _ => Err(self.failed(FileErrorKind::Cut)),
                };
            }
        }
    }

    fn failed(&self, kind: FileErrorKind) -> FileError {
        FileError {
            position: self.position,
            kind,
        }
    }
}

/// The message of the first record and what is behind it; `None` when the record is not whole.
#[inline]
fn first_record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, after) = bytes.split_first_chunk()?;
    after.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// The messages of a piece.
// PERF: who takes them finds out where they end. To look first would be a second way through a piece.
#[derive(Debug)]
pub struct Records<'a> {
    /// Behind the last whole record may be the beginning of one.
    rest: &'a [u8],
    /// The file's: what was not taken.
    left: &'a Cell<usize>,
}

impl<'a> Records<'a> {
    /// Takes all that are still to come, as they are in the file.
    pub fn into_bytes(mut self) -> &'a [u8] {
        let all = self.rest;
        while self.next().is_some() {}
        &all[..all.len() - self.rest.len()]
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (message, rest) = first_record(self.rest)?;
        self.rest = rest;
        self.left.set(rest.len());
        Some(message)
    }
}

/// Counts what is read.
struct Counted<R> {
    input: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.taken.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use protocol::testing::Random;
    use std::io::{Cursor, Write};

    /// Gives what it has in pieces of any length.
    struct Dribble(Cursor<Vec<u8>>, Random);

    impl Read for Dribble {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = self.1.between(1, 100_000).min(buffer.len() as u64);
            self.0.read(&mut buffer[..most as usize])
        }
    }

    fn messages() -> Vec<Vec<u8>> {
        let mut random = Random::new(3);
        (0..20_000)
            .map(|round| {
                let length = if round % 1_000 == 0 {
                    65_535
                } else {
                    random.below(60)
                };
                let mut message = vec![0; length as usize];
                random.fill(&mut message);
                message
            })
            .collect()
    }

    fn file(messages: &[Vec<u8>]) -> Vec<u8> {
        let record = |message: &Vec<u8>| [&(message.len() as u16).to_be_bytes()[..], message].concat();
        messages.iter().flat_map(record).collect()
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: Vec<u8>) -> (Vec<Vec<u8>>, u64, Option<FileError>) {
        let mut file = ItchFile::new(Dribble(Cursor::new(bytes), Random::new(5))).unwrap();
        let mut messages = Vec::new();
        loop {
            match file.next_piece() {
                Ok(Some(records)) => messages.extend(records.map(<[u8]>::to_vec)),
                Ok(None) => return (messages, file.position(), None),
                Err(error) => return (messages, file.position(), Some(error)),
            }
        }
    }

    #[test]
    fn every_record_comes_once_however_it_is_read() {
        let messages = messages();
        let file = file(&messages);
        // A gzip file may be several, one behind the other.
        let half = file.len() / 2;
        let twice = [packed(&file[..half]), packed(&file[half..])].concat();
        for bytes in [file.clone(), packed(&file), twice] {
            let (read, position, error) = read(bytes);
            assert!(read == messages && position == file.len() as u64 && error.is_none());
        }
        assert!(read(Vec::new()).0.is_empty());
    }

    #[test]
    fn what_was_not_taken_comes_again() {
        let messages = messages();
        let bytes = file(&messages);
        let mut file = ItchFile::new(Cursor::new(bytes.clone())).unwrap();
        let mut random = Random::new(7);
        let mut taken = Vec::new();
        while let Some(records) = file.next_piece().unwrap() {
            // None of them now and then.
            taken.extend(records.take(random.below(3_000) as usize).map(<[u8]>::to_vec));
            let before: usize = taken.iter().map(|message: &Vec<u8>| message.len() + 2).sum();
            assert_eq!(file.position(), before as u64);
        }
        assert!(taken == messages);
        let mut file = ItchFile::new(Cursor::new(bytes.clone())).unwrap();
        let mut whole = Vec::new();
        while let Some(records) = file.next_piece().unwrap() {
            whole.extend_from_slice(records.into_bytes());
        }
        assert!(whole == bytes);
    }

    #[test]
    fn what_is_cut_is_told_with_its_place() {
        let messages = messages();
        let whole = file(&messages);
        let last = (whole.len() - messages[messages.len() - 1].len() - 2) as u64;
        let (read_before, position, error) = read(whole[..whole.len() - 1].to_vec());
        let error = error.expect("it is cut");
        assert!(matches!(error.kind, FileErrorKind::Cut));
        assert_eq!((position, error.position), (last, last));
        assert!(read_before == messages[..messages.len() - 1]);

        let mut gzip = packed(&whole);
        gzip.truncate(gzip.len() / 2);
        let (read, position, error) = read(gzip);
        let error = error.expect("the gzip ends early");
        assert!(matches!(error.kind, FileErrorKind::Read(_)), "{error}");
        assert!(!read.is_empty() && read == messages[..read.len()]);
        assert_eq!(position, file(&messages[..read.len()]).len() as u64);
    }
}
