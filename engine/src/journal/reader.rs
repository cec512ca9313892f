//! Reading the journal from its first command, or a later one, to its last whole frame.

use super::disk::Segments;
use super::error::JournalError;
use super::frame::{
    BLOCK_BYTES, Commands, FORMAT_VERSION, FRAME_BYTES_MAX, Found, FrameHeader, HEADER_BYTES, SegmentHeader,
    check_payload,
};
use super::recovered::{Position, Recovered, Torn};
use super::scan::{Rest, scan};

/// Bytes read at once; several of the longest frames.
const WINDOW_BYTES: usize = 4 << 20;
const _: () = assert!(WINDOW_BYTES >= 2 * FRAME_BYTES_MAX);

/// What a reader insists on, and where it stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOptions {
    /// Every frame must have been written with this configuration; `None`: any.
    pub configuration_hash: Option<u64>,
    /// Begin with the segment that has this command: what is before it is not looked at. 1 = the first of all.
    pub from: u64,
    /// Stop behind the frame with this command, without looking at what follows. With the number of a command whose
    /// write has ended, a journal can be read while it is written.
    pub until: u64,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            configuration_hash: None,
            from: 1,
            until: u64::MAX,
        }
    }
}

/// How far reading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of segments passed, from the one on that was begun with.
    pub bytes: u64,
    /// Bytes of all segments from there on, the unused rest of the last included.
    pub bytes_total: u64,
    /// The last command read.
    pub sequence: u64,
}

/// The commands of one frame, borrowed from the reader.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// The frame's header.
    pub header: FrameHeader,
    /// Where the frame begins.
    pub position: Position,
    payload: &'a [u8],
}

impl<'a> Batch<'a> {
    /// The commands, in order.
    pub fn commands(&self) -> Commands<'a> {
        Commands::new(self.payload)
    }

    /// They, as they lie in the journal.
    pub(super) fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// Lends frame after frame, each checked: checksum, version, configuration, chain, sequence numbers.
pub struct Reader<S: Segments> {
    segments: S,
    options: ReadOptions,
    list: Vec<u64>,
    /// Index into `list` of the segment being read.
    index: usize,
    /// Its header, once that was found whole.
    header: Option<SegmentHeader>,
    offset: u64,
    window: Window,
    bytes_passed: u64,
    bytes_total: u64,
    recovered: Recovered,
    ended: bool,
}

/// A part of the segment being read.
struct Window {
    bytes: Vec<u8>,
    start: u64,
    filled: usize,
}

impl Window {
    /// The bytes at `offset`, at least `length` of them unless the segment ends.
    fn at<S: Segments>(
        &mut self,
        segments: &mut S,
        segment: u64,
        offset: u64,
        length: usize,
    ) -> Result<&[u8], JournalError> {
        let end = self.start + self.filled as u64;
        if offset < self.start || offset + length as u64 > end {
            let whole = segments
                .length(segment)
                .map_err(JournalError::io("look at", segments.path(segment)))?;
            // No longer than what there is to read.
            let wanted = usize::try_from(whole).map_or(WINDOW_BYTES, |whole| whole.min(WINDOW_BYTES));
            if self.bytes.len() < wanted {
                self.bytes.resize(wanted, 0);
            }
            self.filled = segments
                .read_at(segment, offset, &mut self.bytes)
                .map_err(JournalError::io("read", segments.path(segment)))?;
            self.start = offset;
        }
        let from = usize::try_from(offset - self.start).expect("within the window");
        let bytes = &self.bytes[from..self.filled];
        Ok(&bytes[..length.min(bytes.len())])
    }

    fn forget(&mut self) {
        self.filled = 0;
    }
}

impl<S: Segments> Reader<S> {
    /// A reader at the first command of the segment that `options` begin with.
    ///
    /// # Errors
    /// The segments can not be listed, or the first one does not begin with command 1.
    pub fn new(mut segments: S, options: ReadOptions) -> Result<Self, JournalError> {
        let list = segments
            .list()
            .map_err(JournalError::io("list the segments in", segments.place()))?;
        let mut reader = Self {
            segments,
            options,
            list,
            index: 0,
            header: None,
            offset: 0,
            window: Window {
                bytes: Vec::new(),
                start: 0,
                filled: 0,
            },
            bytes_passed: 0,
            bytes_total: 0,
            recovered: Recovered::default(),
            ended: false,
        };
        // Nothing to be read is nothing to be looked at: somebody may be writing there.
        if options.until > 0 {
            let first = reader.find_first(options.from)?;
            // Older ones may be removed at any time.
            for index in first..reader.list.len() {
                reader.bytes_total += reader.length(reader.list[index])?;
            }
            if !reader.enter(first)? {
                reader.conclude("the first segment's header is not whole")?;
            }
        }
        Ok(reader)
    }

    /// Goes on beyond the end that was set, up to a later one: what was written since is read anew.
    ///
    /// # Errors
    /// The segments can not be listed.
    pub fn go_on(&mut self, until: u64) -> Result<(), JournalError> {
        self.options.until = until;
        self.window.forget();
        let list = self.segments.list();
        self.list = list.map_err(JournalError::io("list the segments in", self.segments.place()))?;
        if let Some(header) = &self.header {
            let here = header.segment;
            self.index = self.list.iter().position(|&segment| segment == here).unwrap_or(0);
        }
        Ok(())
    }

    /// The place in the list of the segment that has command `from`; what is before it counts as read.
    fn find_first(&mut self, from: u64) -> Result<usize, JournalError> {
        if from <= 1 {
            return Ok(0);
        }
        for index in (0..self.list.len()).rev() {
            if let Some(header) = self.header_of(self.list[index])?
                // Numbers begin with 1: whoever wrote 0 wrote no journal.
                && (1..=from).contains(&header.first_sequence)
            {
                self.recovered.last_sequence = header.first_sequence - 1;
                self.recovered.last_frame_checksum = header.previous_checksum;
                return Ok(index);
            }
        }
        Ok(0)
    }

    fn length(&mut self, segment: u64) -> Result<u64, JournalError> {
        let length = self.segments.length(segment);
        length.map_err(JournalError::io("look at", self.segments.path(segment)))
    }

    /// A segment's header; `None` when it is not whole.
    fn header_of(&mut self, segment: u64) -> Result<Option<SegmentHeader>, JournalError> {
        let mut block = [0; BLOCK_BYTES];
        let read = self
            .segments
            .read_at(segment, 0, &mut block)
            .map_err(JournalError::io("read", self.segments.path(segment)))?;
        match SegmentHeader::read(&block[..read]) {
            Found::Valid(header) => Ok(Some(header)),
            Found::Version(found) => Err(JournalError::Version {
                file: self.segments.path(segment),
                offset: 0,
                found,
                expected: FORMAT_VERSION,
            }),
            Found::Nothing | Found::Invalid(_) => Ok(None),
        }
    }

    /// The next frame; `None` behind the last.
    ///
    /// # Errors
    /// Damage, another version, another configuration, or what the storage says. Then nothing more can be read.
    pub fn next_batch(&mut self) -> Result<Option<Batch<'_>>, JournalError> {
        while !self.ended && self.recovered.last_sequence < self.options.until {
            match self.look()? {
                Found::Valid(header) => {
                    let position = self.place();
                    self.accept(&header)?;
                    let from =
                        usize::try_from(position.offset - self.window.start).expect("within the window");
                    let payload = &self.window.bytes[from + HEADER_BYTES..][..header.payload_bytes as usize];
                    return Ok(Some(Batch {
                        header,
                        position,
                        payload,
                    }));
                }
                Found::Version(found) => return Err(self.version(found)),
                Found::Nothing if self.enter(self.index + 1)? => {}
                Found::Nothing => self.conclude("its first block is empty")?,
                // The unused rest of a segment that another one follows without a hole is nobody's business.
                Found::Invalid(_) if self.enter(self.index + 1)? => {}
                Found::Invalid(what) => self.conclude(what)?,
            }
        }
        Ok(None)
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        Progress {
            bytes: self.bytes_passed + self.offset,
            bytes_total: self.bytes_total,
            sequence: self.recovered.last_sequence,
        }
    }

    /// How the journal ends. Only after [`Self::next_batch`] has returned `None` it is the end.
    pub fn finish(self) -> Recovered {
        self.recovered
    }

    fn place(&self) -> Position {
        Position {
            segment: self.list[self.index],
            offset: self.offset,
        }
    }

    /// Judges what lies at the current place.
    fn look(&mut self) -> Result<Found<FrameHeader>, JournalError> {
        let segment = self.list[self.index];
        let head = self
            .window
            .at(&mut self.segments, segment, self.offset, BLOCK_BYTES)?;
        if head.is_empty() {
            return Ok(Found::Nothing);
        }
        let bytes = FrameHeader::frame_bytes(head).unwrap_or(BLOCK_BYTES);
        let frame = self.window.at(&mut self.segments, segment, self.offset, bytes)?;
        Ok(FrameHeader::read(frame))
    }

    /// Moves to the segment at `index` of the list, if it continues what was read; false when it has no whole header.
    fn enter(&mut self, index: usize) -> Result<bool, JournalError> {
        let Some(&segment) = self.list.get(index) else {
            return Ok(false);
        };
        let Some(header) = self.header_of(segment)? else {
            return Ok(false);
        };
        let expected = self.recovered.last_sequence + 1;
        if header.segment != segment {
            let what = format!("the file is segment {} under another name", header.segment);
            return Err(self.damaged(segment, 0, what));
        }
        if header.first_sequence != expected || header.previous_checksum != self.recovered.last_frame_checksum
        {
            let what = if self.header.is_none() {
                format!(
                    "it is the oldest segment, and begins with command {}: what was before it was removed, and there is no \
                     snapshot to go on from",
                    header.first_sequence
                )
            } else {
                format!(
                    "{} does not continue it: it begins with command {}",
                    self.segments.path(segment),
                    header.first_sequence
                )
            };
            let (segment, offset) = if self.header.is_some() {
                (self.list[self.index], self.offset)
            } else {
                (segment, 0)
            };
            return Err(self.damaged(segment, offset, what));
        }
        if self.header.is_some() {
            self.bytes_passed += self.length(self.list[self.index])?;
        }
        self.window.forget();
        self.index = index;
        self.offset = BLOCK_BYTES as u64;
        self.header = Some(header);
        self.recovered.day_ns = Some(header.day_ns);
        self.recovered.configuration_hash = Some(header.configuration_hash);
        self.recovered.position = Some(self.place());
        Ok(true)
    }

    /// Checks the frame at the current place against what came before, and moves behind it.
    fn accept(&mut self, header: &FrameHeader) -> Result<(), JournalError> {
        let Position { segment, offset } = self.place();
        let expected = self.recovered.last_sequence + 1;
        let configuration = self.header.as_ref().map(|header| header.configuration_hash);
        let what = if header.first_sequence != expected {
            Some(format!(
                "a frame that begins with command {}",
                header.first_sequence
            ))
        } else if header.previous_checksum != self.recovered.last_frame_checksum {
            Some("the frame does not continue the one before (checksum chain)".into())
        } else if Some(header.configuration_hash) != configuration {
            Some("the frame's configuration is not its segment's".into())
        } else {
            let from = usize::try_from(offset - self.window.start).expect("within the window") + HEADER_BYTES;
            let payload = &self.window.bytes[from..from + header.payload_bytes as usize];
            check_payload(header, payload).err()
        };
        if let Some(what) = what {
            return Err(self.damaged(segment, offset, what));
        }
        if let Some(expected) = self.options.configuration_hash
            && expected != header.configuration_hash
        {
            return Err(JournalError::Configuration {
                file: self.segments.path(segment),
                offset,
                sequence: header.first_sequence,
                expected,
                found: header.configuration_hash,
            });
        }
        self.offset += super::frame::padded(header.payload_bytes as usize) as u64;
        self.recovered.last_sequence = header.last_sequence();
        self.recovered.last_frame_checksum = header.checksum;
        self.recovered.position = Some(self.place());
        self.recovered.frames += 1;
        self.recovered.payload_bytes += u64::from(header.payload_bytes);
        Ok(())
    }

    /// The last whole frame was read. What follows may be the rest of one write, or zeros; all else is damage.
    fn conclude(&mut self, what: &'static str) -> Result<(), JournalError> {
        self.ended = true;
        let mut from = self.offset;
        // Without a header the only write there can have been is the header's.
        let mut longest = if self.header.is_some() {
            FRAME_BYTES_MAX
        } else {
            BLOCK_BYTES
        } as u64;
        let place = self.offset;
        let Some(&here) = self.list.get(self.index) else {
            return Ok(());
        };
        for index in self.index..self.list.len() {
            let segment = self.list[index];
            let rest = scan(&mut self.segments, segment, from)
                .map_err(JournalError::io("read", self.segments.path(segment)))?;
            let file = self.segments.path(segment);
            match rest {
                Rest::Whole { offset, sequence } => {
                    let what = format!("{what}, but command {sequence} follows in {file} at offset {offset}");
                    return Err(self.damaged(here, place, what));
                }
                Rest::Until(until)
                    if until - from > longest || (until > from && self.recovered.torn.is_some()) =>
                {
                    let what = format!(
                        "{what}, and more than one write is not whole (up to {file}, offset {until})"
                    );
                    return Err(self.damaged(here, place, what));
                }
                Rest::Until(until) if until > from => {
                    self.recovered.torn = Some(Torn {
                        file,
                        offset: from,
                        bytes: until - from,
                        sequence: self.recovered.last_sequence + 1,
                        what: if segment == here {
                            what
                        } else {
                            "a segment's header is not whole"
                        },
                    });
                }
                Rest::Until(_) => {}
            }
            from = 0;
            longest = BLOCK_BYTES as u64;
        }
        Ok(())
    }

    fn damaged(&self, segment: u64, offset: u64, what: String) -> JournalError {
        JournalError::Damaged {
            file: self.segments.path(segment),
            offset,
            sequence: self.recovered.last_sequence + 1,
            what,
        }
    }

    fn version(&self, found: u32) -> JournalError {
        let Position { segment, offset } = self.place();
        JournalError::Version {
            file: self.segments.path(segment),
            offset,
            found,
            expected: FORMAT_VERSION,
        }
    }
}
