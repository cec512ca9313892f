//! Recorded days as files: records of u16 length and message, plain or compressed with gzip.

use super::Failure;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::ops::ControlFlow;
use std::path::Path;

/// Read at once; longer than any record.
const CHUNK_BYTES: usize = 1 << 20;
/// What a gzip file begins with. A record that begins like this would be 8,075 bytes long, which no message is.
const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];

/// Gives each record to `apply` until it breaks off. Answers the position, in what is unpacked, of a record that is cut at
/// the end of the file.
pub(crate) fn read(
    path: &Path,
    mut apply: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<Option<u64>, Failure> {
    let mut input = open(path)?;
    let mut buffer = vec![0; CHUNK_BYTES];
    let (mut position, mut held) = (0, 0);
    loop {
        let count = input
            .read(&mut buffer[held..])
            .map_err(|source| explain(path, position, source))?;
        if count == 0 {
            return Ok((held > 0).then_some(position));
        }
        let mut rest = &buffer[..held + count];
        while let Some((length, after)) = rest.split_first_chunk()
            && let Some((message, next)) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        {
            if apply(message).is_break() {
                return Ok(None);
            }
            rest = next;
        }
        let (end, left) = (held + count, rest.len());
        position += (end - left) as u64;
        buffer.copy_within(end - left..end, 0);
        held = left;
    }
}

/// The bytes of a file, unpacked. What it is tell its first bytes, not its name.
fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    let failed = |source| Failure::File {
        what: format!("cannot read {}", path.display()),
        source,
    };
    let mut file = BufReader::with_capacity(CHUNK_BYTES, File::open(path).map_err(failed)?);
    let begin = file.fill_buf().map_err(failed)?;
    if begin.starts_with(&GZIP_MAGIC) {
        Ok(Box::new(MultiGzDecoder::new(file)))
    } else {
        Ok(Box::new(file))
    }
}

/// Damage in a compressed file is an error of reading like any other, but not one of the disk.
fn explain(path: &Path, position: u64, source: std::io::Error) -> Failure {
    let path = path.display();
    match source.kind() {
        ErrorKind::UnexpectedEof => Failure::Damaged(format!(
            "{path}: the gzip file is cut; everything before byte {position} of the unpacked day was read"
        )),
        ErrorKind::InvalidData | ErrorKind::InvalidInput => Failure::Damaged(format!(
            "{path}: the gzip file is damaged behind byte {position} of the unpacked day: {source}"
        )),
        _ => Failure::File {
            what: format!("cannot read {path}"),
            source,
        },
    }
}
