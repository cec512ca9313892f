//! Man pages and shell completions, made from the same definitions that read the command line, so that they can not say
//! anything else.
//!
//! Each program has the hidden verb `pages`, which writes them where a prefix such as `/usr/local` keeps them. So the
//! pages that are installed are those of the program that is installed.
#![forbid(unsafe_code)]

mod complaints;
mod page;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::{Shell, generate_to};

pub use complaints::complaints;

/// Words of the verb `pages`.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// The prefix below which they are written: share/man, share/bash-completion, share/zsh, share/fish.
    #[arg(long, value_name = "PREFIX")]
    pub out: PathBuf,
}

/// Where a prefix keeps the completions of a shell.
const COMPLETIONS: [(Shell, &str); 3] = [
    (Shell::Bash, "share/bash-completion/completions"),
    (Shell::Zsh, "share/zsh/site-functions"),
    (Shell::Fish, "share/fish/vendor_completions.d"),
];

/// Writes the man pages of `command` and of all its verbs, and its completions, below `prefix`. What is there is
/// overwritten. Gives the files.
///
/// # Errors
/// When a file or a directory can not be written.
pub fn write(command: &Command, prefix: &Path) -> io::Result<Vec<PathBuf>> {
    let pages = prefix.join("share/man/man1");
    fs::create_dir_all(&pages)?;
    let mut written = page::write(command, &pages)?;
    for (shell, place) in COMPLETIONS {
        let place = prefix.join(place);
        fs::create_dir_all(&place)?;
        let path = generate_to(shell, &mut command.clone(), command.get_name(), &place)?;
        let path = match shell {
            // Where bash looks for it, it has the program's name and no more.
            Shell::Bash => {
                let plain = place.join(command.get_name());
                fs::rename(&path, &plain)?;
                plain
            }
            _ => path,
        };
        written.push(path);
    }
    Ok(written)
}

/// [`write()`] for a verb: gives one line a file.
///
/// # Errors
/// When a file or a directory can not be written.
pub fn run(command: &Command, arguments: &Arguments) -> io::Result<String> {
    let written = write(command, &arguments.out)?;
    Ok(written
        .iter()
        .map(|path| format!("{}\n", path.display()))
        .collect())
}
