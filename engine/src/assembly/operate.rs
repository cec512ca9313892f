//! What a start does for operators: the socket, what they did before, and who answers them.

use std::sync::Arc;

use super::error::StartError;
use super::stages::{Outside, Stages};
use crate::admin::{AdminCounters, Office, Opened, Shown, desk};
use crate::config::{Config, Durability};
use crate::runtime::counters::Counters;
use crate::runtime::shutdown::Shutdown;
use crate::setup::Remembered;

/// Reads what operators did before, and opens their socket. `is_kept`: there is a data directory, and nobody else uses it.
///
/// # Errors
/// What they did can not be read, or the socket can not be opened.
pub(super) fn open(
    config: &mut Config,
    is_kept: bool,
    tell: &mut impl FnMut(&str),
) -> Result<Option<Opened>, StartError> {
    let directory = &config.journal.directory;
    if is_kept {
        config.remembered = Remembered::read(directory).map_err(|source| StartError::Directory {
            action: "understand what operators added in",
            path: directory.display().to_string(),
            source,
        })?;
    }
    let Some(socket) = &config.operating.socket else {
        return Ok(None);
    };
    if !is_kept && socket.is_relative() {
        tell("admin: no socket, as there is no data directory; one elsewhere is operating.socket = \"/...\"");
        return Ok(None);
    }
    let path = directory.join(socket);
    let opened = Opened::at(&path).map_err(|source| StartError::Socket {
        path: path.display().to_string(),
        source,
    })?;
    tell(&format!("admin: {}", path.display()));
    Ok(Some(opened))
}

/// Puts a desk into the recovery stage; gives who answers from there, and its counters.
pub(super) fn office<W: Outside>(
    config: &Config,
    stages: &mut Stages<W>,
    shutdown: &Shutdown,
) -> (Office, Arc<dyn Counters>) {
    let (bell, desk) = desk();
    stages.recovery.keep_desk(desk);
    let counters = AdminCounters::shared();
    let is_kept = config.journal.durability != Durability::None;
    let shown = Shown {
        directory: is_kept.then(|| config.journal.directory.clone()),
        config: config.clone(),
        credentials: stages.credentials.clone(),
        snapshots: stages.snapshot_counters.clone(),
        notices: stages.notices.clone(),
        shutdown: shutdown.clone(),
        first_day_ns: stages.first_day_ns,
    };
    let office = Office::new(bell, shown, Arc::clone(&counters));
    (office, counters)
}
