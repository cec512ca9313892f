//! An exchange that disturbs nobody: free ports, a directory of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use client_sim::feed_check::FeedLines;
use engine::assembly::{self, Final, Running};
use engine::config::{Config, Durability};

/// It runs until it is stopped.
pub(crate) struct Venue {
    pub(crate) running: Running,
    directory: PathBuf,
}

impl Venue {
    /// Starts it. The thread that orders wait for is pinned to the first of `cores`, if there is one.
    pub(crate) fn start(durability: Durability, cores: &[usize]) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("exchange-bench-{}-{count}", std::process::id()));
        let mut config = Config::built_in();
        config.network.use_free_ports();
        config.threads.cores = cores.to_vec();
        config.journal.durability = durability;
        config.journal.directory = directory.clone();
        let running =
            assembly::start(&config).map_err(|error| format!("the exchange does not start: {error}"))?;
        Ok(Self { running, directory })
    }

    /// Value of a counter.
    pub(crate) fn counter(&self, group: &str, name: &str) -> u64 {
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

    /// Where its market data is.
    pub(crate) fn feed(&self) -> FeedLines {
        let addresses = self.running.addresses();
        FeedLines {
            line_a: addresses.line_a,
            line_b: addresses.line_b,
            interface: Ipv4Addr::LOCALHOST,
            recovery: SocketAddr::V4(addresses.recovery_tcp),
        }
    }

    /// Stops it, and removes what it kept.
    pub(crate) fn stop(self) -> Result<Final, String> {
        let last = self.running.stop()?;
        if self.directory.exists() {
            std::fs::remove_dir_all(&self.directory)
                .map_err(|error| format!("{}: {error}", self.directory.display()))?;
        }
        Ok(last)
    }
}
