//! Memory of the large tables: zeros, taken at the start, in huge pages where the kernel gives them, resident once used.
//!
//! Must not be here: what the bytes mean.
//!
//! PERF: an allocator's large blocks begin 16 bytes behind the beginning of a page, so that every second node of 32 bytes would
//! lie in two cache lines. And tables of many small pages are more than the processor keeps addresses of: each access at random
//! would first look up where its page is.

use memmap2::{MmapMut, MmapOptions};
use zerocopy::FromBytes;

/// From so many bytes on huge pages are asked for.
const HUGE_BYTES: usize = 2 << 20;

/// Bytes that begin at a page.
#[derive(Debug)]
pub(crate) struct Pages(MmapMut);

impl Pages {
    /// `count` rows of `size` bytes, all zeros.
    ///
    /// # Panics
    /// When the system has no addresses left, as every allocation of a `Vec` does.
    pub(crate) fn new(count: usize, size: usize) -> Self {
        let bytes = count.checked_mul(size).expect("tables are smaller than memory");
        // Most of what a table has room for is never used: the system need not have it from the start.
        let map = MmapOptions::new()
            .len(bytes.max(size))
            .no_reserve_swap()
            .map_anon()
            .expect("there are addresses for the tables");
        #[cfg(target_os = "linux")]
        if bytes >= HUGE_BYTES {
            // Small pages are as right, and a kernel may be built without huge ones.
            let _ = map.advise(memmap2::Advice::HugePage);
        }
        Self(map)
    }

    /// The rows of `SIZE` bytes.
    #[inline]
    pub(crate) fn rows<const SIZE: usize>(&self) -> &[[u8; SIZE]] {
        self.0.as_chunks().0
    }

    /// The rows of `SIZE` bytes, to be changed.
    #[inline]
    pub(crate) fn rows_mut<const SIZE: usize>(&mut self) -> &mut [[u8; SIZE]] {
        self.0.as_chunks_mut().0
    }

    /// As words.
    #[inline]
    pub(crate) fn words(&self) -> &[u32] {
        FromBytes::ref_from_bytes(self.0.as_ref()).expect("pages are whole words")
    }

    /// As words, to be changed.
    #[inline]
    pub(crate) fn words_mut(&mut self) -> &mut [u32] {
        FromBytes::mut_from_bytes(self.0.as_mut()).expect("pages are whole words")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_begin_at_a_page_and_are_zeros() {
        for count in [0, 1, 1_000, 1_000_000] {
            let mut pages = Pages::new(count, 8);
            assert!(pages.rows::<8>().len() >= count);
            assert!(pages.rows::<8>().iter().all(|row| *row == [0; 8]));
            assert_eq!(pages.rows::<8>().as_ptr() as usize % 4_096, 0);
            if let Some(last) = pages.rows_mut::<8>().last_mut() {
                *last = [1; 8];
            }
            assert_eq!(pages.rows::<8>().last(), Some(&[1; 8]));
        }
    }
}
