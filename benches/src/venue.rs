//! An exchange over real sockets that disturbs nobody: free ports, a directory of its own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use engine::assembly::{self, Final, Running};
use engine::config::{Config, Durability};

/// It runs until it is stopped.
pub struct Venue {
    /// To ask where its doors are.
    pub running: Running,
    directory: PathBuf,
}

impl Venue {
    /// Starts it. The thread that orders wait for is pinned to the first of `cores`, if there is one.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(durability: Durability, cores: &[usize]) -> Result<Self, String> {
        Self::start_with(durability, cores, |_| {})
    }

    /// The same with a configuration that `change` changes.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_with(
        durability: Durability,
        cores: &[usize],
        change: impl FnOnce(&mut Config),
    ) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("exchange-bench-{}-{count}", std::process::id()));
        let mut config = Config::built_in();
        config.network.use_free_ports();
        config.threads.cores = cores.to_vec();
        config.journal.durability = durability;
        config.journal.directory = directory.clone();
        change(&mut config);
        let running =
            assembly::start(&config).map_err(|error| format!("the exchange does not start: {error}"))?;
        Ok(Self { running, directory })
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
        if self.directory.exists() {
            std::fs::remove_dir_all(&self.directory)
                .map_err(|error| format!("{}: {error}", self.directory.display()))?;
        }
        Ok(last)
    }
}
