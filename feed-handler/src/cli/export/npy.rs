//! A file of one NumPy array (format 1.0): rows of hftbacktest's event type, 64 bytes each, little-endian.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

/// Bytes before the rows; a multiple of 64, so that rows are aligned where the file is mapped.
const HEAD_BYTES: usize = 256;
const BUFFER_BYTES: usize = 1 << 16;

/// One row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    /// Kind of event and flags.
    pub(super) ev: u64,
    /// Nanoseconds, at the exchange.
    pub(super) exch_ts: i64,
    /// Nanoseconds, at the subscriber.
    pub(super) local_ts: i64,
    /// Price.
    pub(super) px: f64,
    /// Quantity.
    pub(super) qty: f64,
    /// Order number, where the event is about one order.
    pub(super) order_id: u64,
}

/// The rows written so far.
pub(super) struct Npy {
    out: BufWriter<File>,
    rows: u64,
}

impl Npy {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, File::create(path)?);
        out.write_all(&head(0))?;
        Ok(Self { out, rows: 0 })
    }

    pub(super) fn write(&mut self, row: &Row) -> io::Result<()> {
        self.rows += 1;
        let fields = [
            row.ev.to_le_bytes(),
            row.exch_ts.to_le_bytes(),
            row.local_ts.to_le_bytes(),
            row.px.to_le_bytes(),
            row.qty.to_le_bytes(),
            row.order_id.to_le_bytes(),
            // `ival` and `fval` are for the user's own.
            [0; 8],
            [0; 8],
        ];
        self.out.write_all(fields.as_flattened())
    }

    /// The head says how many rows there are, which is known at the end.
    pub(super) fn finish(&mut self) -> io::Result<u64> {
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&head(self.rows))?;
        self.out.flush()?;
        Ok(self.rows)
    }
}

fn head(rows: u64) -> [u8; HEAD_BYTES] {
    let fields = [
        ("ev", "<u8"),
        ("exch_ts", "<i8"),
        ("local_ts", "<i8"),
        ("px", "<f8"),
        ("qty", "<f8"),
        ("order_id", "<u8"),
        ("ival", "<i8"),
        ("fval", "<f8"),
    ];
    let fields = fields
        .map(|(name, kind)| format!("('{name}', '{kind}')"))
        .join(", ");
    let text = format!("{{'descr': [{fields}], 'fortran_order': False, 'shape': ({rows},), }}");
    let mut head = [b' '; HEAD_BYTES];
    head[..8].copy_from_slice(b"\x93NUMPY\x01\x00");
    head[8..10].copy_from_slice(&((HEAD_BYTES - 10) as u16).to_le_bytes());
    head[10..10 + text.len()].copy_from_slice(text.as_bytes());
    head[HEAD_BYTES - 1] = b'\n';
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_has_room_for_any_number_of_rows() {
        let head = head(u64::MAX);
        let text = std::str::from_utf8(&head[10..]).unwrap();
        assert!(
            text.ends_with(" \n") && text.contains("'shape': (18446744073709551615,), }"),
            "{text}"
        );
    }
}
