//! Numbers and records as bytes, little-endian, and back. Whoever reads believes nothing.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What is read is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub &'static str);

/// Appends to bytes.
#[derive(Debug)]
pub struct Output<'a>(pub &'a mut Vec<u8>);

impl Output<'_> {
    /// A byte.
    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    /// Four bytes.
    pub fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Eight bytes.
    pub fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Sixteen bytes.
    pub fn u128(&mut self, value: u128) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A number of things that follow.
    pub fn count(&mut self, count: usize) {
        self.u64(count as u64);
    }

    /// A struct as it lies in memory.
    pub fn record<T: IntoBytes + Immutable>(&mut self, record: &T) {
        self.0.extend_from_slice(record.as_bytes());
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Room for a count that is known later; [`Output::fill_in`] writes it.
    pub fn later(&mut self) -> usize {
        let place = self.0.len();
        self.u64(0);
        place
    }

    /// Writes a count where [`Output::later`] left room.
    pub fn fill_in(&mut self, place: usize, count: u64) {
        self.0[place..place + 8].copy_from_slice(&count.to_le_bytes());
    }
}

/// Reads from bytes.
#[derive(Debug)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// So many bytes as they are.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Broken> {
        let (head, rest) = self
            .0
            .split_at_checked(count)
            .ok_or(Broken("it ends too early"))?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let (head, rest) = self.0.split_first_chunk().ok_or(Broken("it ends too early"))?;
        self.0 = rest;
        Ok(*head)
    }

    /// A byte.
    pub fn u8(&mut self) -> Result<u8, Broken> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32, Broken> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64, Broken> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Sixteen bytes.
    pub fn u128(&mut self) -> Result<u128, Broken> {
        Ok(u128::from_le_bytes(self.array()?))
    }

    /// A byte that says yes or no.
    pub fn bool(&mut self) -> Result<bool, Broken> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Broken("neither yes nor no")),
        }
    }

    /// A number of things that follow, at most `most`.
    pub fn count(&mut self, most: usize) -> Result<usize, Broken> {
        let count = usize::try_from(self.u64()?).ok();
        let count = count.filter(|&count| count <= most);
        count.ok_or(Broken("more than there is room for"))
    }

    /// A struct as it lies in memory.
    pub fn record<T: FromBytes + Immutable + KnownLayout>(&mut self) -> Result<T, Broken> {
        let (record, rest) = T::read_from_prefix(self.0).map_err(|_| Broken("it ends too early"))?;
        self.0 = rest;
        Ok(record)
    }
}
