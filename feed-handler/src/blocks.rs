//! Memory of the ladders' directories: blocks that have room for the same number of pages.
//!
//! Must not be here: which ladder has which block, and what the pages are ([`crate::ladder`]).

use crate::pages::Pages;

/// Directories of one size: the numbers of the pages, and which pages they are.
#[derive(Debug)]
pub(crate) struct Blocks {
    size: usize,
    words: Pages,
    /// Blocks that were ever in use.
    used: u32,
    free: Vec<u32>,
}

impl Blocks {
    /// So many blocks of a size.
    pub(crate) fn new(size: usize, most: usize) -> Self {
        Self {
            size,
            words: Pages::new(most, 2 * size * size_of::<u32>()),
            used: 0,
            free: Vec::with_capacity(most),
        }
    }

    pub(crate) fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.used += 1;
            self.used - 1
        })
    }

    /// Numbers, pages.
    pub(crate) fn block(&self, block: u32) -> (&[u32], &[u32]) {
        self.words.words()[2 * block as usize * self.size..][..2 * self.size].split_at(self.size)
    }

    pub(crate) fn block_mut(&mut self, block: u32) -> (&mut [u32], &mut [u32]) {
        self.words.words_mut()[2 * block as usize * self.size..][..2 * self.size].split_at_mut(self.size)
    }

    pub(crate) fn clear(&mut self) {
        self.used = 0;
        self.free.clear();
    }

    /// Gives a block back.
    pub(crate) fn give_back(&mut self, block: u32) {
        self.free.push(block);
    }

    /// Pages that a block has room for.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Blocks that there are.
    #[cfg(test)]
    pub(crate) fn room(&self) -> usize {
        self.words.words().len() / (2 * self.size)
    }

    /// Blocks that were ever in use.
    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.used as usize
    }

    /// Blocks that can be given back without an allocation.
    #[cfg(test)]
    pub(crate) fn free_capacity(&self) -> usize {
        self.free.capacity()
    }
}
