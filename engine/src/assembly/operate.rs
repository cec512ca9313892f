//! What a start does for operators: the socket, what they did before, who answers them, and the door for metrics.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_utils::CachePadded;

use super::error::StartError;
use super::stages::{Outside, Stages};
use crate::admin::{AdminCounters, Bell, Office, Opened, Server, Shown, desk};
use crate::config::{Config, Durability};
use crate::runtime::counters::Counters;
use crate::runtime::shutdown::Shutdown;
use crate::setup::Remembered;
use crate::stat::{Flow, Live, MetricsCounters, MetricsDoor, metrics};

/// Who is served beside customers.
pub(super) struct Operators {
    socket: Option<Opened>,
    metrics_counters: Arc<CachePadded<MetricsCounters>>,
    admin_counters: Arc<CachePadded<AdminCounters>>,
}

/// Reads what operators did before, and opens their socket. `is_kept`: there is a data directory, and nobody else uses it.
///
/// # Errors
/// What they did can not be read, or the socket can not be opened.
pub(super) fn open(
    config: &mut Config,
    is_kept: bool,
    tell: &mut impl FnMut(&str),
) -> Result<Operators, StartError> {
    let directory = &config.journal.directory;
    if is_kept {
        config.remembered = Remembered::read(directory).map_err(|source| StartError::Directory {
            action: "understand what operators added in",
            path: directory.display().to_string(),
            source,
        })?;
    }
    Ok(Operators {
        socket: socket(config, is_kept, tell)?,
        metrics_counters: MetricsCounters::shared(),
        admin_counters: AdminCounters::shared(),
    })
}

fn socket(config: &Config, is_kept: bool, tell: &mut impl FnMut(&str)) -> Result<Option<Opened>, StartError> {
    let Some(socket) = &config.operating.socket else {
        return Ok(None);
    };
    if !is_kept && socket.is_relative() {
        tell("admin: no socket, as there is no data directory; one elsewhere is operating.socket = \"/...\"");
        return Ok(None);
    }
    let path = config.journal.directory.join(socket);
    let opened = match Opened::at(&path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == ErrorKind::InvalidInput && socket.is_relative() => {
            tell(&format!(
                "admin: no socket: {}: {error}; name a shorter one, operating.socket = \"/run/...\"",
                path.display()
            ));
            return Ok(None);
        }
        Err(source) => {
            return Err(StartError::Socket {
                path: path.display().to_string(),
                source,
            });
        }
    };
    tell(&format!("admin: {}", path.display()));
    Ok(Some(opened))
}

/// Who answers, once the exchange is ready.
pub(super) struct Prepared {
    socket: Option<Opened>,
    office: Office,
    live: Live,
    bell: Bell,
    metrics_counters: Arc<CachePadded<MetricsCounters>>,
}

/// Those who are served. Dropping it ends that.
#[derive(Debug)]
pub(super) struct Served {
    /// Operators.
    pub(super) admin: Option<Server>,
    /// Who collects metrics.
    pub(super) metrics: Option<MetricsDoor>,
}

impl Operators {
    /// Puts a desk into the recovery stage. `counters` are those of all stages; those of the two doors are added.
    pub(super) fn prepare<W: Outside>(
        self,
        config: &Config,
        stages: &mut Stages<W>,
        shutdown: &Shutdown,
        counters: &mut Vec<Arc<dyn Counters>>,
    ) -> Prepared {
        let (bell, desk) = desk(stages.recovery.rouse().clone());
        stages.recovery.keep_desk(desk);
        counters.push(Arc::clone(&self.admin_counters) as Arc<dyn Counters>);
        counters.push(Arc::clone(&self.metrics_counters) as Arc<dyn Counters>);
        let live = live(stages, counters);
        let is_kept = config.journal.durability != Durability::None;
        let shown = Shown {
            directory: is_kept.then(|| config.journal.directory.clone()),
            config: config.clone(),
            credentials: stages.credentials.clone(),
            live: live.clone(),
            snapshots: stages.snapshot_counters.clone(),
            notices: stages.notices.clone(),
            shutdown: shutdown.clone(),
            first_day_ns: stages.first_day_ns,
        };
        Prepared {
            socket: self.socket,
            office: Office::new(bell.clone(), shown, self.admin_counters),
            live,
            bell,
            metrics_counters: self.metrics_counters,
        }
    }
}

fn live<W: Outside>(stages: &Stages<W>, counters: &[Arc<dyn Counters>]) -> Live {
    let replica = stages.recovery.replica();
    Live {
        counters: counters.to_vec(),
        times: vec![
            Arc::clone(stages.output.waited()),
            Arc::clone(stages.journal.writes()),
            Arc::clone(stages.recovery.behind()),
        ],
        flow: Flow {
            engine: Arc::clone(stages.engine.counters()),
            journal: Arc::clone(stages.journal.counters()),
            output: stages.output.counters(),
            recovery: stages.recovery.counters(),
            released: Arc::clone(&stages.released),
            replayed: stages.recovered.last_sequence,
        },
        refused: replica.map_or_else(|| Arc::from([]), |replica| Arc::clone(replica.refused())),
        low_space: Arc::clone(&stages.low_space),
        began: Instant::now(),
    }
}

impl Prepared {
    /// Serves whoever comes. Metrics are no reason not to trade: a door that can not be had is told.
    ///
    /// # Errors
    /// No thread can be started for operators.
    pub(super) fn serve(self, config: &Config) -> Result<(Served, Option<String>), StartError> {
        let Self {
            socket,
            office,
            live,
            bell,
            metrics_counters,
        } = self;
        let admin = socket.map(|socket| socket.serve(office)).transpose();
        let admin = admin.map_err(|source| StartError::Machine {
            what: "the thread that serves operators can not be started",
            source,
        })?;
        let tell = move || metrics(&live.read(|session| bell.session_name(session)));
        let door = config.network.metrics.map(|address| {
            MetricsDoor::open(address, metrics_counters, tell).map_err(|error| {
                format!("metrics: {address} can not be opened ({error}); the exchange runs without")
            })
        });
        let (metrics, refusal) = match door {
            None => (None, None),
            Some(Ok(door)) => (Some(door), None),
            Some(Err(refusal)) => (None, Some(refusal)),
        };
        Ok((Served { admin, metrics }, refusal))
    }
}
