//! Commands that end the process: written aside by the panic's hook, refused at the next start, left out when the operator
//! says so.
//!
//! A command is in the journal before it is applied. One that makes the exchange panic would do so again at every start.
//! So the thread that applies it remembers it for as long as that takes, and the hook writes it to `poison` in the data
//! directory before the process ends. A start that finds the file, and the command in the journal, refuses and says which
//! command it is. `exchange skip` writes its number to `skipped` and removes `poison`: from then on whoever applies the
//! journal leaves the command out, its sender is told that it was rejected, and the next start journals that this was
//! done ([`CommandKind::SkipPoison`]).

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Write};
use std::panic;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zerocopy::{FromBytes, IntoBytes};

use crate::exchange::command::{Command, CommandKind};
use crate::planted::{self, Bug};
use crate::private;

/// The command that ended the process.
const POISON: &str = "poison";
/// The commands that the operator has left out.
const SKIPPED: &str = "skipped";
const HEAD: &str = "# Commands that are left out when the journal is applied. Do not edit: the journal gives its state only with them.\n";

thread_local! {
    static APPLYING: Cell<Option<Command>> = const { Cell::new(None) };
}

/// Applies `command` with `run`; a panic in there is the command's.
///
/// PERF: the command is copied, 128 bytes that are in the cache: a few nanoseconds.
#[inline(always)]
pub fn applying<T>(command: &Command, run: impl FnOnce() -> T) -> T {
    APPLYING.set(Some(*command));
    #[cfg(debug_assertions)]
    simulated::spring(command);
    let result = run();
    APPLYING.set(None);
    result
}

/// The command that was being applied when the last panic of this thread was caught, if one was.
pub fn take_applying() -> Option<Command> {
    APPLYING.take()
}

/// Poison for simulations: no release build knows it.
#[cfg(debug_assertions)]
pub mod simulated {
    use std::cell::Cell;

    use crate::exchange::command::{Command, CommandKind};

    /// How the ClOrdID of such an order begins.
    pub const CL_ORD_ID: &[u8] = b"poison";

    thread_local! {
        static IS_DEADLY: Cell<bool> = const { Cell::new(false) };
    }

    /// From now on, on this thread, applying an order with this ClOrdID panics; or no more.
    pub fn set_deadly(is_deadly: bool) {
        IS_DEADLY.set(is_deadly);
    }

    pub(super) fn spring(command: &Command) {
        if IS_DEADLY.get()
            && command.kind == CommandKind::Enter as u8
            && command.order().cl_ord_id.starts_with(CL_ORD_ID)
        {
            panic!("simulated: command {} ends the process", command.sequence);
        }
    }
}

/// From now on a panic while a command is applied writes that command to `directory`. For a process that runs one exchange.
pub fn install(directory: &Path) {
    let directory = directory.to_path_buf();
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        before(info);
        let Some(command) = APPLYING.get() else { return };
        match record(&directory, &command) {
            Ok(()) => eprintln!(
                "exchange: {}, which was being applied, is written to {POISON}",
                tell(&command)
            ),
            Err(error) => eprintln!("exchange: {POISON} can not be written: {error}"),
        }
    }));
}

/// A command in words.
pub fn tell(command: &Command) -> String {
    let kind = match CommandKind::from_byte(command.kind) {
        Some(kind) => format!("{kind:?}"),
        None => format!("kind {}", command.kind),
    };
    format!(
        "command {} ({kind}, session {}, instrument {})",
        command.sequence, command.session, command.instrument
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file whole and durable, or not at all.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file = private::create(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    sync(path)
}

fn sync(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// Writes `command` aside.
///
/// # Errors
/// What the file system says.
pub fn record(directory: &Path, command: &Command) -> io::Result<()> {
    let text = format!("# {}\n{}\n", tell(command), hex(command.as_bytes()));
    write(&directory.join(POISON), &text)
}

/// The command that ended the last process, if one did.
///
/// # Errors
/// The file can not be read, or is not what was written.
pub fn read(directory: &Path) -> io::Result<Option<Command>> {
    let text = match fs::read_to_string(directory.join(POISON)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let digits = text.lines().find(|line| !line.starts_with('#')).unwrap_or("");
    let bytes: Option<Vec<u8>> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let command = bytes.and_then(|bytes| Command::read_from_bytes(&bytes).ok());
    command
        .map(Some)
        .ok_or_else(|| io::Error::other("it does not hold a command"))
}

/// Removes what was written aside.
///
/// # Errors
/// What the file system says.
pub fn forget(directory: &Path) -> io::Result<()> {
    let path = directory.join(POISON);
    fs::remove_file(&path)?;
    sync(&path)
}

/// Commands that are left out, in the order in which the operator said so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skips {
    skipped: Vec<Skip>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Skip {
    command: u64,
    /// Of the command's bytes, so that no other command of this number is left out.
    checksum: u32,
}

impl Skips {
    /// Those of a data directory.
    ///
    /// # Errors
    /// The file can not be read, or is not what was written.
    pub fn read(directory: &Path) -> io::Result<Self> {
        match fs::read_to_string(directory.join(SKIPPED)) {
            Ok(text) => toml::from_str(&text).map_err(|error| io::Error::other(error.message().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// True when the command is left out.
    #[inline]
    pub fn contains(&self, command: &Command) -> bool {
        // PERF: there are none.
        !self.skipped.is_empty() && self.skipped.contains(&Skip::new(command))
    }

    /// From now on the command is left out. Whoever says so has seen that it is the one that ended the process.
    pub fn leave_out(&mut self, command: &Command) {
        if !self.contains(command) {
            self.skipped.push(Skip::new(command));
        }
    }

    /// The commands that say so, from the one behind the first `journaled` on.
    pub fn commands(&self, journaled: u32) -> Vec<Command> {
        if planted::is(Bug::SkipNotJournaled) {
            return Vec::new();
        }
        let rest = self.skipped.iter().skip(journaled as usize);
        rest.map(|skip| {
            let mut command = Command::new(CommandKind::SkipPoison);
            command.body[0] = skip.command;
            command
        })
        .collect()
    }

    fn write(&self, directory: &Path) -> io::Result<()> {
        let text = toml::to_string(self).map_err(io::Error::other)?;
        write(&directory.join(SKIPPED), &format!("{HEAD}{text}"))
    }
}

impl Skip {
    fn new(command: &Command) -> Self {
        Self {
            command: command.sequence,
            checksum: crc32c::crc32c(command.as_bytes()),
        }
    }
}

/// The operator leaves the command out that ended the last process; returns it.
///
/// # Errors
/// When it is not the one that was written aside, or what the file system says.
pub fn skip(directory: &Path, sequence: u64) -> io::Result<Command> {
    let path: PathBuf = directory.join(POISON);
    let command = read(directory)?.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("{}: no command ended the last process", path.display()),
        )
    })?;
    if command.sequence != sequence {
        return Err(io::Error::other(format!(
            "the last process was ended by {}, not by command {sequence}",
            tell(&command)
        )));
    }
    let mut skips = Skips::read(directory)?;
    if !skips.contains(&command) {
        skips.leave_out(&command);
        skips.write(directory)?;
    }
    forget(directory)?;
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::TemporaryDirectory;

    fn command(sequence: u64) -> Command {
        Command {
            sequence,
            time: 7,
            session: 3,
            ..Command::new(CommandKind::Enter)
        }
    }

    #[test]
    fn what_was_written_aside_is_refused_until_it_is_skipped() {
        let directory = TemporaryDirectory::new();
        let path = directory.path();
        assert_eq!(read(path).expect("no file is no error"), None);
        record(path, &command(5)).expect("it can be written");
        assert_eq!(read(path).expect("it was written"), Some(command(5)));
        let error = skip(path, 6).expect_err("another command").to_string();
        assert!(
            error.contains("command 5 (Enter, session 3, instrument 0), not by command 6"),
            "{error}"
        );
        assert_eq!(skip(path, 5).expect("that one"), command(5));
        assert_eq!(read(path).expect("no file is no error"), None);
        skip(path, 5).expect_err("it is skipped");
        let skips = Skips::read(path).expect("it was written");
        assert!(skips.contains(&command(5)) && !skips.contains(&command(6)));
        let other = Command {
            time: 8,
            ..command(5)
        };
        assert!(!skips.contains(&other), "another command of this number");
        let said: Vec<_> = skips.commands(0).iter().map(|command| command.body[0]).collect();
        assert_eq!(said, [5]);
        assert!(skips.commands(1).is_empty(), "said once");
        fs::write(path.join(POISON), "no hex").expect("it can be written");
        read(path).expect_err("not a command");
    }

    #[test]
    fn only_what_is_being_applied_is_remembered() {
        assert_eq!(APPLYING.get(), None);
        let inside = applying(&command(9), || APPLYING.get());
        assert_eq!((inside, APPLYING.get()), (Some(command(9)), None));
        let panicked = panic::catch_unwind(|| applying(&command(9), || panic!("as planned")));
        assert!(panicked.is_err());
        assert_eq!(APPLYING.get(), Some(command(9)), "what the hook sees");
    }
}
