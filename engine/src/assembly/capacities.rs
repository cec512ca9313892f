//! The capacities a journal was made with, in a file beside it. They decide refusals, so that a replay with others
//! would decide otherwise: they stay for as long as the directory lives, and are known before the journal is read.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::StartError;
use crate::config::{Config, ConfigError, Problem};
use crate::exchange::Limits;
use crate::limits::FEE_SCHEDULES;
use crate::private;

const FILE: &str = "capacities.toml";
const HEAD: &str =
    "# The capacities that the journal in this directory was made with. Do not edit: a replay needs them.\n";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    assets: u32,
    instruments: u32,
    accounts: u32,
    sessions: u32,
    orders: u32,
    levels: u32,
    /// Not in directories that were made before this was a capacity.
    #[serde(default = "fee_schedules_default")]
    fee_schedules: u32,
}

fn fee_schedules_default() -> u32 {
    FEE_SCHEDULES.default as u32
}

impl From<Limits> for Recorded {
    fn from(limits: Limits) -> Self {
        let Limits {
            assets,
            instruments,
            accounts,
            sessions,
            orders,
            levels,
            fee_schedules,
        } = limits;
        Self {
            assets,
            instruments,
            accounts,
            sessions,
            orders,
            levels,
            fee_schedules,
        }
    }
}

impl From<Recorded> for Limits {
    fn from(recorded: Recorded) -> Self {
        let Recorded {
            assets,
            instruments,
            accounts,
            sessions,
            orders,
            levels,
            fee_schedules,
        } = recorded;
        Self {
            assets,
            instruments,
            accounts,
            sessions,
            orders,
            levels,
            fee_schedules,
        }
    }
}

fn path(directory: &Path) -> PathBuf {
    directory.join(FILE)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StartError {
    let path = path.display().to_string();
    move |source| StartError::Directory { action, path, source }
}

/// What `directory` was made with; `None` when nothing was made there yet.
///
/// # Errors
/// The file can not be read, or is not what was written.
pub fn read(directory: &Path) -> Result<Option<Limits>, StartError> {
    let path = path(directory);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", &path)(error)),
    };
    let recorded: Recorded = toml::from_str(&text)
        .map_err(|error| failed("understand", &path)(io::Error::other(error.message().to_owned())))?;
    Ok(Some(recorded.into()))
}

/// Writes the file: whole and durable, or not at all.
///
/// # Errors
/// What the file system says.
pub fn write(directory: &Path, limits: Limits) -> Result<(), StartError> {
    let path = path(directory);
    let text = toml::to_string(&Recorded::from(limits))
        .map_err(|error| failed("write", &path)(io::Error::other(error)))?;
    let unfinished = path.with_extension("unfinished");
    let write = || {
        let mut file = private::create(&unfinished)?;
        file.write_all(HEAD.as_bytes())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        File::open(directory)?.sync_all()
    };
    write().map_err(failed("write", &path))
}

/// Refuses a configuration with other capacities than `recorded`.
///
/// # Errors
/// Each capacity that differs.
pub fn compare(config: &Config, recorded: Limits) -> Result<(), ConfigError> {
    let pairs = |limits: Limits| {
        [
            ("assets", limits.assets),
            ("instruments", limits.instruments),
            ("accounts", limits.accounts),
            ("sessions", limits.sessions),
            ("orders", limits.orders),
            ("levels", limits.levels),
            ("fee_schedules", limits.fee_schedules),
        ]
    };
    let problems: Vec<_> = pairs(recorded)
        .into_iter()
        .zip(pairs(config.capacities.limits))
        .filter(|((_, was), (_, is))| was != is)
        .map(|((key, was), (_, is))| Problem {
            file: config.file.clone(),
            line: 0,
            key: format!("capacities.{key}"),
            what: format!("is {is}, but the journal was made with {was}, and a replay needs the same"),
            remedy: format!("write {key} = {was}, or start with an empty data directory (--data)"),
        })
        .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(ConfigError::Invalid(problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> PathBuf {
        let path = std::env::temp_dir().join(format!("capacities-{}", std::process::id()));
        fs::create_dir_all(&path).expect("the temporary directory can be written");
        path
    }

    #[test]
    fn what_was_written_is_read_and_compared() {
        let directory = directory();
        let config = Config::built_in();
        assert_eq!(read(&directory).expect("no file is no error"), None);
        write(&directory, config.capacities.limits).expect("it can be written");
        let recorded = read(&directory).expect("it can be read").expect("it is there");
        assert_eq!(recorded, config.capacities.limits);
        compare(&config, recorded).expect("they are the same");
        let mut changed = config.clone();
        changed.capacities.limits.orders += 1;
        let error = compare(&changed, recorded).expect_err("they differ").to_string();
        assert!(error.contains("capacities.orders: is 262145"), "{error}");
        assert!(error.contains("write orders = 262144"), "{error}");
        fs::write(directory.join(FILE), "orders = 1").expect("it can be written");
        let error = read(&directory).expect_err("it is not whole").to_string();
        assert!(error.contains("missing field"), "{error}");
        fs::remove_dir_all(directory).expect("it is ours");
    }
}
