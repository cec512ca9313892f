//! A window of a soak, told when it has ended: whoever stops the soak keeps what was told.

use std::fs;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::latency::Kind;
use crate::latency::kinds::KindPercentiles;

/// Resident memory, bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Of the exchange, where its process was named and lives.
    pub(crate) exchange: Option<u64>,
    /// Of this program.
    pub(crate) own: Option<u64>,
}

/// A window.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    number: u64,
    seconds: f64,
    /// Requests with a number answered a second.
    pub(crate) rate: f64,
    /// Latencies of its own.
    pub(crate) latencies: KindPercentiles,
    /// At its end.
    pub(crate) memory: Memory,
}

impl Window {
    /// The window `number` (from 1), which took so many seconds.
    pub(crate) fn new(
        number: u64,
        seconds: f64,
        rate: f64,
        latencies: KindPercentiles,
        memory: Memory,
    ) -> Self {
        Self {
            number,
            seconds,
            rate,
            latencies,
            memory,
        }
    }

    fn json(&self) -> Value {
        json!({
            "window": self.number,
            "seconds": self.seconds,
            "requests_per_second": self.rate,
            "latency_ns": self.latencies.json(),
            "exchange_memory_bytes": self.memory.exchange,
            "own_memory_bytes": self.memory.own,
        })
    }

    fn text(&self) -> String {
        let memory = |bytes: Option<u64>| match bytes {
            Some(bytes) => format!("{:.0} MB", bytes as f64 / 1e6),
            None => "not known".to_owned(),
        };
        format!(
            "window {:>4}: {:.0} requests/s  {}  memory of the exchange {}, own {}",
            self.number,
            self.rate,
            self.latencies.of(Kind::OrderAck),
            memory(self.memory.exchange),
            memory(self.memory.own)
        )
    }
}

/// Who tells of windows.
#[derive(Debug)]
pub(crate) struct WindowSink {
    pid: Option<u32>,
    json: bool,
}

impl WindowSink {
    /// Looks at the memory of process `pid`.
    pub(crate) fn new(pid: Option<u32>, json: bool) -> Result<Self, String> {
        match pid {
            Some(pid) if resident(&pid.to_string()).is_none() => Err(format!(
                "there is no process {pid} (--pid), or its memory can not be read"
            )),
            _ => Ok(Self { pid, json }),
        }
    }

    /// The memory now.
    pub(crate) fn memory(&self) -> Memory {
        Memory {
            exchange: self.pid.and_then(|pid| resident(&pid.to_string())),
            own: resident("self"),
        }
    }

    /// Prints a line.
    pub(crate) fn tell(&self, window: &Window) -> Result<(), String> {
        let mut out = io::stdout().lock();
        let written = if self.json {
            writeln!(out, "{}", window.json())
        } else {
            writeln!(out, "{}", window.text())
        };
        written
            .and_then(|()| out.flush())
            .map_err(|error| format!("cannot write: {error}"))
    }
}

/// Resident bytes of a process, as the kernel says.
fn resident(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_that_of_the_process() {
        let sink = WindowSink::new(Some(std::process::id()), true).expect("this process lives");
        let memory = sink.memory();
        assert!(memory.own.is_some_and(|bytes| bytes > 1 << 20) && memory.exchange.is_some());
        assert!(WindowSink::new(Some(u32::MAX), true).is_err());
    }
}
