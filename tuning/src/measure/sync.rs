//! How long a write takes to be on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::quantile;

/// A frame of the journal, at least.
const BLOCK: [u8; 4_096] = [0x5a; 4_096];
/// Writes of each kind, and how long they may take.
const WRITES: usize = 300;
const TIME_MAX: Duration = Duration::from_secs(3);

/// Both kinds of writes.
#[derive(Debug, Clone, Copy)]
pub struct Sync {
    /// Into a file that was filled beforehand, as the journal's are.
    pub filled: Latency,
    /// At the end of a file that grows.
    pub appended: Latency,
}

/// Times of a write with its sync, in ms.
#[derive(Debug, Clone, Copy)]
pub struct Latency {
    /// How many there were.
    pub count: usize,
    /// The median.
    pub p50_ms: f64,
    /// One in a hundred.
    pub p99_ms: f64,
}

/// A file that is removed again.
struct Trial {
    file: File,
    path: PathBuf,
}

impl Trial {
    fn new(directory: &Path) -> io::Result<Self> {
        let path = directory.join(format!(".doctor-{}", std::process::id()));
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).open(&path)?;
        Ok(Self { file, path })
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        // What can not be removed is named `.doctor-`; there is nothing else to do about it.
        let _ = fs::remove_file(&self.path);
    }
}

/// Measures in `directory`.
pub(super) fn measure(directory: &Path) -> Result<Sync, String> {
    // Each file is gone before the next one is made.
    let both = || -> io::Result<Sync> {
        let filled = Trial::new(directory).and_then(|trial| filled(&trial))?;
        let appended = Trial::new(directory).and_then(|trial| appended(&trial))?;
        Ok(Sync { filled, appended })
    };
    both().map_err(|error| format!("{} can not be written to: {error}", directory.display()))
}

fn appended(trial: &Trial) -> io::Result<Latency> {
    timed(|_| (&trial.file).write_all(&BLOCK), &trial.file)
}

fn filled(trial: &Trial) -> io::Result<Latency> {
    for _ in 0..WRITES {
        (&trial.file).write_all(&[0; BLOCK.len()])?;
    }
    trial.file.sync_all()?;
    timed(
        |index| trial.file.write_all_at(&BLOCK, (index * BLOCK.len()) as u64),
        &trial.file,
    )
}

fn timed(write: impl Fn(usize) -> io::Result<()>, file: &File) -> io::Result<Latency> {
    let end = Instant::now() + TIME_MAX;
    let mut times = Vec::with_capacity(WRITES);
    while times.len() < WRITES && Instant::now() < end {
        let begun = Instant::now();
        write(times.len())?;
        file.sync_data()?;
        times.push(begun.elapsed().as_nanos() as u64);
    }
    times.sort_unstable();
    Ok(Latency {
        count: times.len(),
        p50_ms: quantile(&times, 0.5) as f64 / 1e6,
        p99_ms: quantile(&times, 0.99) as f64 / 1e6,
    })
}
