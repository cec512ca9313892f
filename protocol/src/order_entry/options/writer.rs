//! Writes options.

use super::FEE;

/// Writes options into a given buffer. A push that finds no room changes nothing and answers `false`.
#[derive(Debug)]
pub struct OptionsWriter<'b> {
    buffer: &'b mut [u8],
    length: usize,
}

impl<'b> OptionsWriter<'b> {
    /// Starts at the front of `buffer`; what follows the options there is left as it is.
    pub fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, length: 0 }
    }

    /// Appends any option. False when there is no room, or the value is longer than the 254 bytes an element can say.
    #[must_use]
    pub fn push(&mut self, tag: u8, value: &[u8]) -> bool {
        let Ok(length) = u8::try_from(value.len() + 1) else {
            return false;
        };
        let end = self.length + 2 + value.len();
        let Some(room) = self.buffer.get_mut(self.length..end) else {
            return false;
        };
        room[0] = length;
        room[1] = tag;
        room[2..].copy_from_slice(value);
        self.length = end;
        true
    }

    /// Appends a character or number of one byte.
    #[must_use]
    pub fn push_u8(&mut self, tag: u8, value: u8) -> bool {
        self.push(tag, &[value])
    }

    /// Appends a number of 2 bytes.
    #[must_use]
    pub fn push_u16(&mut self, tag: u8, value: u16) -> bool {
        self.push(tag, &value.to_be_bytes())
    }

    /// Appends a number of 4 bytes.
    #[must_use]
    pub fn push_u32(&mut self, tag: u8, value: u32) -> bool {
        self.push(tag, &value.to_be_bytes())
    }

    /// Appends a number of 8 bytes.
    #[must_use]
    pub fn push_u64(&mut self, tag: u8, value: u64) -> bool {
        self.push(tag, &value.to_be_bytes())
    }

    /// Appends option 131: smallest quote units, negative for a rebate.
    #[must_use]
    pub fn push_fee(&mut self, value: i64) -> bool {
        self.push(FEE, &value.to_be_bytes())
    }

    /// What was written so far.
    pub fn written(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// The options written.
    pub fn finish(self) -> &'b [u8] {
        let Self { buffer, length } = self;
        &buffer[..length]
    }
}
