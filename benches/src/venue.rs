//! An exchange over real sockets that disturbs nobody: free ports, a directory of its own.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use engine::assembly::{self, Final, Running};
use engine::config::{Config, Durability};

/// It runs until it is stopped.
pub struct Venue {
    /// To ask where its doors are.
    pub running: Running,
    config: Config,
}

impl Venue {
    /// Starts it. The thread that orders wait for is pinned to the first of `cores`, if there is one.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(durability: Durability, cores: &[usize]) -> Result<Self, String> {
        let mut config = Config::built_in();
        config.threads.cores = cores.to_vec();
        Self::with(config, durability)
    }

    /// Starts one with that configuration, but for its doors and its data.
    ///
    /// # Errors
    /// It does not start.
    pub fn with(mut config: Config, durability: Durability) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        config.network.use_free_ports();
        config.journal.durability = durability;
        config.journal.directory =
            std::env::temp_dir().join(format!("exchange-bench-{}-{count}", std::process::id()));
        Self::begin(config, &mut |_| {})
    }

    fn begin(config: Config, tell: &mut dyn FnMut(&str)) -> Result<Self, String> {
        let running = assembly::start_telling(&config, tell)
            .map_err(|error| format!("the exchange does not start: {error}"))?;
        Ok(Self { running, config })
    }

    /// Where it keeps its data.
    pub fn directory(&self) -> &Path {
        &self.config.journal.directory
    }

    /// Stops it, lets `change` be done to its data, and starts it again; `tell` hears what it says meanwhile.
    ///
    /// # Errors
    /// It has failed, or does not start.
    pub fn restart(
        self,
        change: impl FnOnce(&Path, &Final) -> Result<(), String>,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Self, String> {
        let last = self.running.stop()?;
        change(&self.config.journal.directory, &last)?;
        drop(last);
        Self::begin(self.config, tell)
    }

    /// Value of a counter.
    ///
    /// # Panics
    /// When there is no such counter.
    pub fn counter(&self, group: &str, name: &str) -> u64 {
        let mut value = None;
        for counters in self.running.counters() {
            if counters.group() == group {
                counters.each(&mut |reading| {
                    if reading.label == name {
                        value = Some(reading.value);
                    }
                });
            }
        }
        value.unwrap_or_else(|| panic!("there is no counter {group}.{name}"))
    }

    /// Stops it, and removes what it kept; what is left of it.
    ///
    /// # Errors
    /// It has failed, or its directory can not be removed.
    pub fn stop(self) -> Result<Final, String> {
        let last = self.running.stop()?;
        let directory = &self.config.journal.directory;
        if directory.exists() {
            std::fs::remove_dir_all(directory)
                .map_err(|error| format!("{}: {error}", directory.display()))?;
        }
        Ok(last)
    }
}
