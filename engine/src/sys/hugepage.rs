//! Memory in huge pages where the machine grants them.
//!
//! Random reads in a 256 MiB arena take 135-143 ns with 2 MiB pages and 175-231 ns with 4 KiB pages; transparent huge
//! pages equal reserved ones. So reserved pages are tried first, then transparent ones, then ordinary ones.

use std::alloc::Layout;
use std::fmt;
use std::fs;
use std::io;
use std::ptr::NonNull;

/// Smallest page: alignment of every region.
pub const PAGE_BYTES: usize = 4096;

/// Size of a transparent huge page on x86-64 and on aarch64 with 4 KiB pages.
const TRANSPARENT_BYTES: usize = 2 << 20;

/// Shorter regions would waste most of a huge page.
const HUGE_FROM_BYTES: usize = TRANSPARENT_BYTES / 2;

/// What kind of pages a region lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backing {
    /// Pages reserved with `vm.nr_hugepages`.
    Huge,
    /// Ordinary memory that the kernel merged into huge pages.
    Transparent,
    /// 4 KiB pages.
    Ordinary,
}

impl fmt::Display for Backing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Huge => "reserved huge pages",
            Self::Transparent => "transparent huge pages",
            Self::Ordinary => "ordinary 4 KiB pages",
        })
    }
}

/// Zeroed, page-aligned bytes, present in memory from the start, freed on drop.
#[derive(Debug)]
pub struct Region {
    start: NonNull<u8>,
    length: usize,
    backing: Backing,
}

// SAFETY: a region owns its mapping (invariant Region) and hands out references by the rules of a slice only.
unsafe impl Send for Region {}
// SAFETY: as above; `&Region` gives shared slices only.
unsafe impl Sync for Region {}

impl Region {
    /// Maps `length` bytes. Less than half a huge page is taken from ordinary pages, so that no huge page is wasted.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a length of 0 or beyond the address space; `OutOfMemory` and the like when the kernel has no
    /// memory left.
    pub fn new(length: usize) -> io::Result<Self> {
        let layout = layout(length)?;
        if length < HUGE_FROM_BYTES {
            return Self::ordinary(length);
        }
        if let Some(start) = reserved(layout) {
            return Ok(Self {
                start,
                length,
                backing: Backing::Huge,
            });
        }
        let start = map_aligned(length)?;
        // A refusal is no error: the pages are ordinary then, which the check below finds out.
        // SAFETY: the range is the mapping just made, owned by nobody else.
        unsafe { libc::madvise(start.as_ptr().cast(), length, libc::MADV_HUGEPAGE) };
        let mut region = Self {
            start,
            length,
            backing: Backing::Ordinary,
        };
        populate(start, length)?;
        if fs::read_to_string("/proc/self/smaps").is_ok_and(|smaps| in_huge_pages(&smaps, region.address())) {
            region.backing = Backing::Transparent;
        }
        Ok(region)
    }

    /// Maps `length` bytes in ordinary pages.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn ordinary(length: usize) -> io::Result<Self> {
        layout(length)?;
        let region = Self {
            start: map(length)?,
            length,
            backing: Backing::Ordinary,
        };
        populate(region.start, length)?;
        Ok(region)
    }

    /// What it got.
    pub fn backing(&self) -> Backing {
        self.backing
    }

    /// How to grant reserved huge pages for this region; `None` when it has them or is too short for them.
    pub fn hint(&self) -> Option<String> {
        if self.backing == Backing::Huge || self.length < HUGE_FROM_BYTES {
            return None;
        }
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let Some(page) = field(&meminfo, "Hugepagesize:").map(|kib| kib * 1024) else {
            return Some("this kernel has no huge pages".to_owned());
        };
        let wanted = field(&meminfo, "HugePages_Total:").unwrap_or(0) + self.length.div_ceil(page);
        Some(format!(
            "for reserved huge pages: sysctl -w vm.nr_hugepages={wanted}"
        ))
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Never true: a region has at least one byte.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// All of it.
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: invariant Region: `length` initialised bytes at `start`, alive as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }

    /// All of it, to write.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_slice`, and `&mut self` makes the reference the only one.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }

    /// Where it starts: for the parts of `sys` that share the memory with the kernel and therefore must not make
    /// references to all of it.
    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    fn address(&self) -> usize {
        self.start.as_ptr().addr()
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if self.backing == Backing::Huge {
            let layout = layout(self.length).expect("the region was made with this layout");
            // SAFETY: `start` came from `hugepage_rs::alloc` with the same layout, and this is the only owner.
            unsafe { hugepage_rs::dealloc(self.start.as_ptr(), layout) };
        } else {
            unmap(self.start, self.length);
        }
    }
}

fn layout(length: usize) -> io::Result<Layout> {
    if length == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a memory region of 0 bytes",
        ));
    }
    Layout::from_size_align(length, PAGE_BYTES).map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("a memory region of {length} bytes"),
        )
    })
}

/// Reserved huge pages, present; `None` when there are not enough of them.
fn reserved(layout: Layout) -> Option<NonNull<u8>> {
    // hugepage-rs panics when the kernel does not name its huge page size.
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    let page = field(&meminfo, "Hugepagesize:")? * 1024;
    if field(&meminfo, "HugePages_Total:")? == 0 {
        return None;
    }
    // SAFETY: `layout` was checked not to have size 0.
    let start = NonNull::new(unsafe { hugepage_rs::alloc(layout) })?;
    // A control group's limit on huge pages shows up only when they are touched, and then as a signal that kills:
    // populating reports it instead.
    if populate(start, layout.size().next_multiple_of(page)).is_err() {
        // SAFETY: just allocated with this layout, used by nobody.
        unsafe { hugepage_rs::dealloc(start.as_ptr(), layout) };
        return None;
    }
    Some(start)
}

fn map(length: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no memory of ours.
    let start = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start.cast()).ok_or_else(|| io::Error::other("the kernel mapped memory at address 0"))
}

/// A mapping that starts where a transparent huge page can: one page more is mapped and what is beside is returned.
fn map_aligned(length: usize) -> io::Result<NonNull<u8>> {
    let length = length.next_multiple_of(PAGE_BYTES);
    let mapped = length
        .checked_add(TRANSPARENT_BYTES)
        .ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
    let start = map(mapped)?;
    let before = start.as_ptr().align_offset(TRANSPARENT_BYTES);
    // SAFETY: `before` is less than `TRANSPARENT_BYTES`, so `before + length` lies within the mapping.
    let (aligned, end) = unsafe { (start.add(before), start.add(before + length)) };
    if before > 0 {
        unmap(start, before);
    }
    unmap(end, mapped - before - length);
    Ok(aligned)
}

fn unmap(start: NonNull<u8>, length: usize) {
    // SAFETY: the callers own `length` bytes of mapping at `start`, and nothing refers to them any longer.
    let result = unsafe { libc::munmap(start.as_ptr().cast(), length) };
    assert_eq!(
        result,
        0,
        "munmap of a mapping of ours: {}",
        io::Error::last_os_error()
    );
}

/// Makes all pages present, so that the first order does not pay for it.
fn populate(start: NonNull<u8>, length: usize) -> io::Result<()> {
    // SAFETY: the callers own `length` bytes at `start`; populating keeps their content.
    let result = unsafe { libc::madvise(start.as_ptr().cast(), length, libc::MADV_POPULATE_WRITE) };
    if result == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() != Some(libc::EINVAL) {
        return Err(error);
    }
    // Before Linux 5.14: touch every page.
    for offset in (0..length).step_by(PAGE_BYTES) {
        // SAFETY: within the mapping, which is new and zeroed: writing 0 changes nothing.
        unsafe { start.add(offset).write_volatile(0) };
    }
    Ok(())
}

/// The number after `name` in the format of `/proc/meminfo`.
fn field(text: &str, name: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Whether the mapping with `address` has huge pages, by the text of `/proc/self/smaps`.
fn in_huge_pages(smaps: &str, address: usize) -> bool {
    let mut inside = false;
    for line in smaps.lines() {
        if let Some((start, end)) = mapping(line) {
            inside = (start..end).contains(&address);
        } else if inside && let Some(kib) = line.strip_prefix("AnonHugePages:") {
            return kib.split_whitespace().next().is_some_and(|kib| kib != "0");
        }
    }
    false
}

/// The address range at the start of a mapping's first line.
fn mapping(line: &str) -> Option<(usize, usize)> {
    let (start, end) = line.split_whitespace().next()?.split_once('-')?;
    Some((
        usize::from_str_radix(start, 16).ok()?,
        usize::from_str_radix(end, 16).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_zeroed_aligned_and_writable_to_its_last_byte() {
        for length in [
            1,
            PAGE_BYTES,
            100_000,
            TRANSPARENT_BYTES,
            TRANSPARENT_BYTES * 2 + 1,
        ] {
            let mut region = Region::new(length).unwrap();
            assert_eq!(region.len(), length);
            assert_eq!(region.address() % PAGE_BYTES, 0);
            assert!(region.as_slice().iter().all(|&byte| byte == 0));
            region.as_mut_slice().fill(0xA5);
            assert!(region.as_slice().iter().all(|&byte| byte == 0xA5));
            let satisfied = region.backing() == Backing::Huge || length < HUGE_FROM_BYTES;
            assert_eq!(region.hint().is_none(), satisfied);
        }
    }

    #[test]
    fn regions_do_not_overlap() {
        let mut regions: Vec<_> = (0..8).map(|_| Region::new(TRANSPARENT_BYTES).unwrap()).collect();
        for (index, region) in regions.iter_mut().enumerate() {
            region.as_mut_slice().fill(u8::try_from(index).unwrap());
        }
        regions.remove(3);
        for region in &regions {
            let first = region.as_slice()[0];
            assert!(region.as_slice().iter().all(|&byte| byte == first));
        }
    }

    #[test]
    fn lengths_that_can_not_be_are_refused() {
        assert_eq!(Region::new(0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(
            Region::new(usize::MAX).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
        assert!(Region::new(1 << 60).is_err());
    }

    #[test]
    fn the_pages_of_a_mapping_are_read_from_smaps() {
        let smaps = "7f0000000000-7f0000200000 rw-p 00000000 00:00 0 \nSize: 2048 kB\nAnonHugePages:      2048 kB\n\
                     7f0000200000-7f0000201000 rw-p 00000000 00:00 0 \nSize: 4 kB\nAnonHugePages:         0 kB\n";
        assert!(in_huge_pages(smaps, 0x7f00_0000_0000));
        assert!(in_huge_pages(smaps, 0x7f00_001f_ffff));
        assert!(!in_huge_pages(smaps, 0x7f00_0020_0000));
        assert!(!in_huge_pages(smaps, 0x1000));
        assert_eq!(
            field(
                "HugePages_Total:       7\nHugepagesize:    2048 kB",
                "Hugepagesize:"
            ),
            Some(2048)
        );
        assert_eq!(field("MemTotal: 1 kB", "Hugepagesize:"), None);
    }
}
