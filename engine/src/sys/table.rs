//! Tables that are read at random: in huge pages where the machine grants them, and asked for before they are needed.

use std::mem::MaybeUninit;

use super::hugepage::PAGE_BYTES;

/// Shorter tables would waste most of a huge page.
const HUGE_FROM_BYTES: usize = 2 << 20;

/// A table of `length` times `value`, all of it in memory. The kernel is asked for transparent huge pages; when it
/// refuses, the table lies in ordinary ones and works as well, only slower.
///
/// PERF: random reads in 256 MiB take 135-143 ns with 2 MiB pages, 175-231 ns with 4 KiB pages
/// (`cargo bench -p benches --bench exchange -- deep` shows the difference).
pub fn table<T: Clone>(length: usize, value: T) -> Vec<T> {
    let mut table = Vec::with_capacity(length);
    advise_huge(table.spare_capacity_mut());
    // Writing every item is what brings the pages.
    table.resize(length, value);
    table
}

/// Asks for huge pages behind memory that is not written yet.
fn advise_huge<T>(spare: &mut [MaybeUninit<T>]) {
    let bytes = size_of_val(spare);
    if bytes < HUGE_FROM_BYTES {
        return;
    }
    let start = spare.as_mut_ptr().cast::<u8>();
    let before = start.align_offset(PAGE_BYTES);
    let pages = (bytes - before) / PAGE_BYTES;
    // SAFETY: the range lies within `spare`, which is borrowed mutably; the advice changes no content. A refusal leaves
    // ordinary pages, which is what the caller gets then.
    unsafe { libc::madvise(start.add(before).cast(), pages * PAGE_BYTES, libc::MADV_HUGEPAGE) };
}

/// Has the cache line of the item at `index` fetched while other work goes on. Changes nothing that a program can see,
/// and is of no use when there is no such item: no bound is checked, no branch taken.
#[inline(always)]
pub fn prefetch_at<T>(table: &[T], index: u32) {
    // `wrapping_add` computes the address without a claim about what lies there.
    prefetch(table.as_ptr().wrapping_add(index as usize));
}

#[inline(always)]
fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint and never faults, whatever the address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// The same where `index` is often none: then the first item's line is fetched. An address that belongs to nothing would
/// cost a walk through the page tables.
#[inline(always)]
pub fn prefetch_if_any<T>(table: &[T], index: u32) {
    prefetch_at(table, if (index as usize) < table.len() { index } else { 0 });
}

/// Has all cache lines of the first item of `rest` fetched, if there is one.
#[inline(always)]
pub fn prefetch_whole<T>(rest: &[T]) {
    const LINE_BYTES: usize = 64;
    if let Some(first) = rest.first() {
        let first = std::ptr::from_ref(first).cast::<[u8; LINE_BYTES]>();
        for line in 0..=size_of::<T>().div_ceil(LINE_BYTES) {
            prefetch(first.wrapping_add(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_what_was_asked_for_however_long() {
        for length in [0, 1, 1_000, HUGE_FROM_BYTES / 8 + 3] {
            let table = table(length, 7_u64);
            assert_eq!(table.len(), length);
            assert!(table.iter().all(|&item| item == 7));
            (0..3)
                .chain([u32::MAX])
                .for_each(|index| prefetch_at(&table, index));
        }
    }
}
