//! Looking at each knob: what is there, against what is wanted.
//!
//! A check reads files of the [`Host`] and the [`Measurements`]; it opens, sends and writes nothing itself.

pub mod cpu;
pub mod disk;
pub mod interface;
pub mod kernel;
pub mod memory;
pub mod multicast;
pub mod network;
pub mod noise;

use std::path::PathBuf;

use crate::cores::Cores;
use crate::finding::{Finding, Verdict};
use crate::host::Host;
use crate::knobs::{KNOBS, Knob};
use crate::measure::Measurements;

/// What the operator wants looked at.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// The card that orders and market data go by; nothing for loopback.
    pub interface: Option<String>,
    /// The cores that are meant for the exchange; nothing for those that are isolated.
    pub cores: Option<Cores>,
    /// Where the journal is, or will be.
    pub data: Option<PathBuf>,
}

/// What a check sees.
#[derive(Debug)]
pub struct Context<'a> {
    /// The host.
    pub host: &'a Host,
    /// What to look at.
    pub wishes: &'a Wishes,
    /// What was measured.
    pub measured: &'a Measurements,
}

impl Context<'_> {
    /// Cores that can run threads.
    pub(crate) fn online(&self) -> Option<Cores> {
        self.host.cores("/sys/devices/system/cpu/online")
    }

    /// Cores that the kernel keeps free of ordinary threads.
    pub(crate) fn isolated(&self) -> Option<Cores> {
        self.host.cores("/sys/devices/system/cpu/isolated")
    }

    /// The cores meant for the exchange: those named, else the isolated ones.
    pub(crate) fn chosen(&self) -> Option<Cores> {
        let named = self.wishes.cores.clone();
        named
            .or_else(|| self.isolated())
            .filter(|cores| !cores.is_empty())
    }

    /// Whether this is a guest: its processor says so.
    pub(crate) fn is_guest(&self) -> bool {
        self.has_processor_flag("hypervisor")
    }

    /// A flag of the processor.
    pub(crate) fn has_processor_flag(&self, flag: &str) -> bool {
        let flags = self.host.field("/proc/cpuinfo", "flags");
        flags.is_some_and(|flags| flags.split_whitespace().any(|one| one == flag))
    }

    /// A setting of the kernel by the name that `sysctl` has for it.
    pub(crate) fn sysctl<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.host.number(&sysctl_path(name))
    }
}

/// Where a setting lies.
pub(crate) fn sysctl_path(name: &str) -> String {
    format!("/proc/sys/{}", name.replace('.', "/"))
}

/// `Good` or the other.
pub(crate) fn good_if(is_good: bool, otherwise: Verdict) -> Verdict {
    if is_good { Verdict::Good } else { otherwise }
}

/// Bytes as people say them.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        u64::MAX => "unlimited".to_owned(),
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// Looks at everything, in the order of [`KNOBS`].
pub fn look(context: &Context<'_>) -> Vec<(&'static Knob, Finding)> {
    KNOBS.iter().map(|knob| (knob, (knob.look)(context))).collect()
}
