//! A password, read where nobody looks: from a file, or from the terminal without showing it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use engine::password::{Hash, Password};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::{Failure, print};

/// Where a password comes from.
#[derive(Debug, clap::Args)]
pub(super) struct PasswordArgument {
    /// Read the password from the first line of this file, `-` for standard input; left out: from the terminal.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// `exchange hash-password`: the hash of a password, for the configuration file.
#[derive(Debug, clap::Args)]
pub(super) struct HashArguments {
    #[command(flatten)]
    password: PasswordArgument,
}

pub(super) fn run(arguments: &HashArguments) -> Result<(), Failure> {
    print(&(arguments.password.hash("a session")? + "\n"))
}

/// Shows what is typed again when it goes.
struct Hidden<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn new(terminal: &'a File) -> nix::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut hidden = before.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(terminal, SetArg::TCSAFLUSH, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // Nothing can be done for a terminal that has gone.
        let _ = tcsetattr(self.terminal, SetArg::TCSAFLUSH, &self.before);
    }
}

impl PasswordArgument {
    /// The password's hash. The password itself goes nowhere.
    pub(super) fn hash(&self, username: &str) -> Result<String, Failure> {
        let text = match &self.password_file {
            Some(path) => first_line(path)?,
            None => typed(username)?,
        };
        let password = Password::chosen(&text).ok_or_else(|| {
            Failure::Refused(
                "a password has 1 to 10 visible ASCII characters: a login has room for no more".to_owned(),
            )
        })?;
        let hash = password.hash().map_err(Failure::Ended)?;
        Ok(Hash::text(&hash).to_owned())
    }
}

fn first_line(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let failed = |error| Failure::Refused(format!("{}: can not be read: {error}", path.display()));
    let mut line = Zeroizing::new(String::new());
    let read = if path == Path::new("-") {
        io::stdin().lock().read_line(&mut line)
    } else {
        File::open(path).and_then(|file| BufReader::new(file).read_line(&mut line))
    };
    read.map_err(failed)?;
    Ok(without_end(line))
}

/// The line without its end, in the same memory.
fn without_end(mut line: Zeroizing<String>) -> Zeroizing<String> {
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    line
}

fn typed(username: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::Refused(format!(
            "there is no terminal to ask for a password ({error}): use --password-file"
        ))
    };
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty");
    let terminal = terminal.map_err(failed)?;
    let ask = |prompt: String| {
        let hidden = Hidden::new(&terminal).map_err(std::io::Error::from)?;
        (&terminal).write_all(prompt.as_bytes())?;
        let mut line = Zeroizing::new(String::new());
        BufReader::new(&terminal).read_line(&mut line)?;
        drop(hidden);
        (&terminal).write_all(b"\n")?;
        Ok(without_end(line))
    };
    let first = ask(format!("password of {username}: ")).map_err(failed)?;
    let again = ask("once more: ".to_owned()).map_err(failed)?;
    if first != again {
        return Err(Failure::Refused("the two are not the same".to_owned()));
    }
    Ok(first)
}
