//! What a target does with an input, and whether it takes it. `engine/fuzz` gives them to a fuzzer that is guided by coverage.

use std::io;

use engine::config::{Config, ConfigError};
use engine::journal::{self, BLOCK_BYTES, JournalError, ReadOptions, Segments};

const FRAME_MAGIC: &[u8; 8] = b"XJFRAME\n";
const CHECKSUM: std::ops::Range<usize> = 60..64;

/// A configuration file.
pub(crate) fn configuration(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    match Config::parse("fuzz.toml", &text) {
        Ok(config) => {
            let _ = config.configuration_hash();
            true
        }
        Err(ConfigError::Invalid(problems)) => {
            assert!(!problems.is_empty(), "refused without a reason");
            let lines = text.lines().count() + 1;
            for problem in &problems {
                assert!(problem.line <= lines, "line {} of {lines}", problem.line);
                assert!(
                    problem.line > 0 || !problem.key.is_empty(),
                    "neither line nor key: {problem}"
                );
                assert!(
                    !problem.what.is_empty() && !problem.remedy.is_empty(),
                    "{problem:?}"
                );
            }
            false
        }
        Err(error) => panic!("nothing was read from disk: {error}"),
    }
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

/// Blocks again, of what `files::squeezed` made of them.
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

/// A segment of the journal, squeezed. In seven of eight its checksums are made right before it is read.
pub(crate) fn journals(bytes: &[u8]) -> bool {
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
}
