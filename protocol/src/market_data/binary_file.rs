//! Recorded days: u16 length + message, one behind the other, no end mark (NASDAQ calls it BinaryFILE).

use crate::malformed::Malformed;

/// Bytes of the length field.
const LENGTH_BYTES: usize = 2;

/// Where a file stops making sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// Bytes from the start of the file to the record that is not whole.
    pub position: usize,
    /// What is wrong with it.
    pub kind: Malformed,
}

impl core::fmt::Display for Damage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "record at byte {}: {}", self.position, self.kind)
    }
}

impl core::error::Error for Damage {}

/// The messages of a file that is in memory. After a [`Damage`] there is nothing more.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Bytes from the start of the file to the next record.
    pub fn position(&self) -> usize {
        self.position
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<&'a [u8], Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.bytes[self.position..];
        if rest.is_empty() {
            return None;
        }
        let message = rest
            .split_first_chunk::<LENGTH_BYTES>()
            .and_then(|(length, after)| after.get(..usize::from(u16::from_be_bytes(*length))));
        let position = self.position;
        Some(match message {
            Some(message) => {
                self.position += LENGTH_BYTES + message.len();
                Ok(message)
            }
            None => {
                self.position = self.bytes.len();
                Err(Damage {
                    position,
                    kind: Malformed::Short,
                })
            }
        })
    }
}

/// Writes one record to the front of `buffer`. Returns the bytes written; `None`, with `buffer` as it was, when there is
/// no room or the message is longer than 65,535 bytes.
pub fn write_record(message: &[u8], buffer: &mut [u8]) -> Option<usize> {
    let length = u16::try_from(message.len()).ok()?.to_be_bytes();
    let record = buffer.get_mut(..LENGTH_BYTES + message.len())?;
    record[..LENGTH_BYTES].copy_from_slice(&length);
    record[LENGTH_BYTES..].copy_from_slice(message);
    Some(record.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut file = vec![0; 20];
        let mut length = 0;
        for message in [&b"abc"[..], b"", b"d"] {
            length += write_record(message, &mut file[length..]).unwrap();
        }
        file.truncate(length);
        let read: Result<Vec<_>, _> = Reader::new(&file).collect();
        assert_eq!(read, Ok(vec![&b"abc"[..], b"", b"d"]));
        assert_eq!(write_record(b"abc", &mut [0; 4]), None);
    }

    #[test]
    fn a_record_that_is_cut_is_told_with_its_place_once() {
        for cut in [&b"\0\x01a\0"[..], b"\0\x01a\0\x05abcd"] {
            let mut reader = Reader::new(cut);
            assert_eq!(reader.next(), Some(Ok(&b"a"[..])));
            assert_eq!(reader.position(), 3);
            assert_eq!(
                reader.next(),
                Some(Err(Damage {
                    position: 3,
                    kind: Malformed::Short
                }))
            );
            assert_eq!(reader.next(), None);
        }
    }
}
