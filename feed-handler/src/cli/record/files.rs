//! The files of a recording: one, or one behind the other with the session and the first sequence number in their names.
//!
//! Each is closed and on disk before the next is begun, so that what is there can be read or moved away at any time.

use crate::cli::Failure;
use crate::cli::options::{RecordOptions, Rotation};
use feed_handler::timestamp;
use protocol::text::SessionName;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

const BUFFER_BYTES: usize = 1 << 20;
/// Digits of a sequence number in a name: names sort as the messages do.
const DIGITS: usize = 12;

/// The file being written.
struct Current {
    out: BufWriter<File>,
    path: PathBuf,
    bytes: u64,
    /// Which multiple of the rotation's time it is of.
    slice: u64,
}

/// All of them, and what was written.
pub(super) struct Files {
    path: PathBuf,
    force: bool,
    rotation: Option<Rotation>,
    keep: Option<u32>,
    current: Option<Current>,
    session: SessionName,
    pub(super) files: u64,
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) first: Option<u64>,
}

impl Files {
    /// Without rotation the file is made at once, so that a wrong name is told before anything is waited for.
    pub(super) fn new(options: &RecordOptions) -> Result<Self, Failure> {
        let mut files = Self {
            path: options.file.clone(),
            force: options.force,
            rotation: options.rotate,
            keep: options.keep,
            current: None,
            session: *b"          ",
            files: 0,
            messages: 0,
            bytes: 0,
            first: None,
        };
        if files.rotation.is_none() {
            files.begin(files.path.clone(), 0)?;
        }
        Ok(files)
    }

    /// Session `session` begins: a file of its own.
    pub(super) fn session(&mut self, session: SessionName) -> Result<(), Failure> {
        self.session = session;
        if self.rotation.is_some() {
            self.end()?;
        }
        Ok(())
    }

    /// The next message.
    pub(super) fn write(&mut self, sequence: u64, message: &[u8]) -> Result<(), Failure> {
        let length = u16::try_from(message.len()).map_err(|_| self.failed(ErrorKind::InvalidData.into()))?;
        let bytes = u64::from(length) + 2;
        let slice = self.slice(message);
        let is_over = self.current.as_ref().is_some_and(|current| match self.rotation {
            Some(Rotation::Size(most)) => current.bytes + bytes > most && current.bytes > 0,
            Some(Rotation::Time(_)) => current.slice != slice,
            None => false,
        });
        if is_over {
            self.end()?;
        }
        if self.current.is_none() {
            self.begin(self.name(sequence), slice)?;
            self.remove_old()?;
        }
        if let Some(current) = &mut self.current {
            let written = current
                .out
                .write_all(&length.to_be_bytes())
                .and_then(|()| current.out.write_all(message));
            current.bytes += bytes;
            written.map_err(|source| self.failed(source))?;
        }
        self.first.get_or_insert(sequence);
        self.messages += 1;
        self.bytes += bytes;
        Ok(())
    }

    /// Nothing more comes: what was written is on disk.
    pub(super) fn end(&mut self) -> Result<(), Failure> {
        let Some(mut current) = self.current.take() else {
            return Ok(());
        };
        let synced = current.out.flush().and_then(|()| {
            let file = current.out.get_ref();
            // Pipes and devices have nothing to sync.
            match file.metadata()?.is_file() {
                true => file.sync_all(),
                false => Ok(()),
            }
        });
        synced.map_err(|source| failed(&current.path, source))
    }

    fn begin(&mut self, path: PathBuf, slice: u64) -> Result<(), Failure> {
        let mut open = OpenOptions::new();
        open.write(true);
        if self.force {
            open.create(true).truncate(true);
        } else {
            open.create_new(true);
        }
        let file = open.open(&path).map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => Failure::Usage(format!(
                "{} exists; give another name, or --force",
                path.display()
            )),
            _ => failed(&path, source),
        })?;
        self.files += 1;
        self.current = Some(Current {
            out: BufWriter::with_capacity(BUFFER_BYTES, file),
            path,
            bytes: 0,
            slice,
        });
        Ok(())
    }

    /// Which multiple of the rotation's time a message is in.
    fn slice(&self, message: &[u8]) -> u64 {
        match self.rotation {
            Some(Rotation::Time(ns)) => timestamp::of(message) / ns,
            _ => 0,
        }
    }

    /// `day-ITCH000001-000000000001.itch`, or the plain name without rotation.
    fn name(&self, sequence: u64) -> PathBuf {
        if self.rotation.is_none() {
            return self.path.clone();
        }
        let (stem, extension) = self.parts();
        let session = String::from_utf8_lossy(&self.session);
        self.path.with_file_name(format!(
            "{stem}-{}-{sequence:0DIGITS$}{extension}",
            session.trim()
        ))
    }

    fn parts(&self) -> (String, String) {
        let text = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
        (
            text(self.path.file_stem()).unwrap_or_default(),
            text(self.path.extension()).map_or(String::new(), |extension| format!(".{extension}")),
        )
    }

    /// True for names that a recording with this name makes, and for nothing else.
    fn is_ours(&self, name: &str) -> bool {
        let (stem, extension) = self.parts();
        let middle = name
            .strip_prefix(&stem)
            .and_then(|rest| rest.strip_suffix(&extension))
            .and_then(|rest| rest.strip_prefix('-'));
        middle
            .and_then(|middle| middle.split_once('-'))
            .is_some_and(|(session, sequence)| {
                session.len() == self.session.len()
                    && session.bytes().all(|byte| byte.is_ascii_alphanumeric())
                    && sequence.len() >= DIGITS
                    && sequence.bytes().all(|byte| byte.is_ascii_digit())
            })
    }

    fn remove_old(&mut self) -> Result<(), Failure> {
        let Some(keep) = self.keep else { return Ok(()) };
        let directory = match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let names = std::fs::read_dir(directory)
            .and_then(|entries| {
                entries
                    .map(|entry| entry.map(|entry| entry.file_name()))
                    .collect::<io::Result<Vec<_>>>()
            })
            .map_err(|source| failed(directory, source))?;
        let mut ours: Vec<_> = names
            .iter()
            .filter_map(|name| name.to_str())
            .filter(|name| self.is_ours(name))
            .collect();
        ours.sort_unstable();
        let old = ours.len().saturating_sub(keep as usize);
        for name in &ours[..old] {
            let path = directory.join(name);
            // A file of a later day than today's may be there too; the one that is written stays.
            if self.current.as_ref().is_some_and(|current| current.path == path) {
                continue;
            }
            std::fs::remove_file(&path).map_err(|source| Failure::File {
                what: format!("cannot remove {}", path.display()),
                source,
            })?;
        }
        Ok(())
    }

    fn failed(&self, source: io::Error) -> Failure {
        let path = self.current.as_ref().map_or(&self.path, |current| &current.path);
        failed(path, source)
    }
}

fn failed(path: &Path, source: io::Error) -> Failure {
    Failure::File {
        what: format!("cannot write {}", path.display()),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::options::From;

    /// A message of that second.
    fn message(second: u64) -> [u8; 12] {
        let mut message = *b"S\0\0\0\0......O";
        message[5..11].copy_from_slice(&(second * 1_000_000_000).to_be_bytes()[2..]);
        message
    }

    #[test]
    fn a_session_begins_a_file_and_the_oldest_go() {
        let directory = std::env::temp_dir().join(format!("feed-handler-files-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let mut files = Files::new(&RecordOptions {
            file: directory.join("feed"),
            duration: None,
            from: From::Now,
            force: false,
            rotate: Some(Rotation::Time(10_000_000_000)),
            keep: Some(3),
        })
        .unwrap();
        files.session(*b"ITCH000009").unwrap();
        for (sequence, second) in [(7, 1), (8, 9), (9, 10), (10, 35)] {
            files.write(sequence, &message(second)).unwrap();
        }
        files.session(*b"ITCH000010").unwrap();
        files.write(1, &message(2)).unwrap();
        files.end().unwrap();
        assert_eq!(
            (files.files, files.messages, files.bytes, files.first),
            (4, 5, 70, Some(7))
        );
        let mut names: Vec<_> = std::fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let expected = [
            "feed-ITCH000009-000000000009",
            "feed-ITCH000009-000000000010",
            "feed-ITCH000010-000000000001",
        ];
        assert_eq!(names, expected);
        std::fs::remove_dir_all(directory).unwrap();
    }
}
