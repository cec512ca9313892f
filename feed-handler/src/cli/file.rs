//! Recorded days for those who take one message at a time, and what is said when such a file is damaged.

use super::Failure;
use feed_handler::file::{FileErrorKind, ItchFile};
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::Path;

/// Gives each record to `apply` until it breaks off. Answers the position, in what is unpacked, of a record that is cut at
/// the end of the file.
pub(crate) fn read(
    path: &Path,
    mut apply: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<Option<u64>, Failure> {
    let mut file = ItchFile::open(path).map_err(|source| Failure::File {
        what: format!("cannot read {}", path.display()),
        source,
    })?;
    loop {
        match file.next_piece() {
            Ok(None) => return Ok(None),
            Ok(Some(mut records)) => {
                if records.try_for_each(&mut apply).is_break() {
                    return Ok(None);
                }
            }
            Err(error) => match error.kind {
                FileErrorKind::Cut => return Ok(Some(error.position)),
                FileErrorKind::Read(source) => return Err(explain(path, error.position, source)),
            },
        }
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
