//! Everything that is looked at: its key, why it matters and what it brings.
//!
//! A key is also the heading of the knob's section in `tuning/README.md`, with dashes for spaces; a test holds both
//! together. Figures are of the machine that `tuning/README.md` describes.

use crate::checks::{Context, cpu, disk, interface, kernel, memory, multicast, network, noise};
use crate::finding::Finding;

/// Part of the host that a knob belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Cores and clocks.
    Processor,
    /// Pages and limits.
    Memory,
    /// Sockets and cards.
    Network,
    /// What the kernel allows.
    Kernel,
    /// What the journal is written to.
    Disk,
}

impl Part {
    /// As a heading.
    pub fn name(self) -> &'static str {
        match self {
            Self::Processor => "processor",
            Self::Memory => "memory",
            Self::Network => "network",
            Self::Kernel => "kernel",
            Self::Disk => "disk",
        }
    }
}

/// One thing to look at.
#[derive(Debug, Clone, Copy)]
pub struct Knob {
    /// Its name: the anchor of its section.
    pub key: &'static str,
    /// Where it belongs.
    pub part: Part,
    /// Why it matters, in a sentence.
    pub why: &'static str,
    /// What it brings, as far as that was measured before.
    pub gain: &'static str,
    /// Looks at it.
    pub look: fn(&Context<'_>) -> Finding,
}

/// Nobody has measured what it brings.
pub const NOT_MEASURED: &str = "not measured here";

/// All knobs, in the order of the report.
pub const KNOBS: [Knob; 32] = [
    Knob {
        key: "isolated-cores",
        part: Part::Processor,
        why: "on a core of its own a thread is never put aside for another, and need not be woken",
        gain: "a blocked receiver has a round trip of 24-25 us where a spinning one has 4.4-6.4, measured before on such a \
               machine; isolation itself: not measured here",
        look: cpu::isolated,
    },
    Knob {
        key: "allowed-cores",
        part: Part::Processor,
        why: "a container or cpuset that keeps cores away makes pinning fail and threads share",
        gain: NOT_MEASURED,
        look: cpu::allowed,
    },
    Knob {
        key: "smt-siblings",
        part: Part::Processor,
        why: "two threads of one core share its execution units and caches: a spinning neighbour takes its half",
        gain: NOT_MEASURED,
        look: cpu::siblings,
    },
    Knob {
        key: "frequency-governor",
        part: Part::Processor,
        why: "a core that slows down between orders is slow when the next one comes",
        gain: NOT_MEASURED,
        look: cpu::governor,
    },
    Knob {
        key: "idle-states",
        part: Part::Processor,
        why: "a core in a deep sleep takes tens to hundreds of microseconds to wake",
        gain: NOT_MEASURED,
        look: cpu::idle_states,
    },
    Knob {
        key: "interrupts",
        part: Part::Processor,
        why: "an interrupt stops the thread that runs on its core, in the middle of an order",
        gain: NOT_MEASURED,
        look: noise::interrupts,
    },
    Knob {
        key: "clock-source",
        part: Part::Processor,
        why: "every command is stamped: without the processor's own counter each look at the clock enters the kernel",
        gain: "Instant::now 32 ns with tsc, measured before on such a machine",
        look: cpu::clock_source,
    },
    Knob {
        key: "timer-noise",
        part: Part::Processor,
        why: "watchdogs and statistics of the kernel wake up on every core, the exchange's too",
        gain: "1,300 gaps above 1 us a second, 1.3 % of the time, measured before on such a machine with all of them on",
        look: noise::timers,
    },
    Knob {
        key: "mitigations",
        part: Part::Processor,
        why: "they make each entry of the kernel dearer; without them a hostile program on the same host may read secrets",
        gain: "a system call costs 120-160 ns with them, measured before on such a machine; without them: not measured here",
        look: kernel::mitigations,
    },
    Knob {
        key: "stolen-time",
        part: Part::Processor,
        why: "what the machine below gives to others stops every thread of this one, and no setting inside helps",
        gain: NOT_MEASURED,
        look: noise::stolen,
    },
    Knob {
        key: "huge-pages",
        part: Part::Memory,
        why: "one entry of the processor's address cache covers 2 MiB instead of 4 KiB",
        gain: "random reads in 256 MiB take 135-143 ns instead of 175-231, matching 5-30 % more on deep books, measured \
               before on such a machine",
        look: memory::huge_pages,
    },
    Knob {
        key: "transparent-huge-pages",
        part: Part::Memory,
        why: "where no pages are reserved the exchange asks for these",
        gain: "they equal reserved ones, measured before on such a machine",
        look: memory::transparent,
    },
    Knob {
        key: "locked-memory",
        part: Part::Memory,
        why: "a page that has to come back from disk stops a thread in the middle of an order",
        gain: NOT_MEASURED,
        look: memory::locked,
    },
    Knob {
        key: "swap",
        part: Part::Memory,
        why: "memory that is not locked may be written to the disk, and must be read again before an order goes on",
        gain: NOT_MEASURED,
        look: memory::swap,
    },
    Knob {
        key: "realtime-limits",
        part: Part::Memory,
        why: "the exchange asks for no real-time priority: threads that never sleep would lose time to the kernel's guard",
        gain: "SCHED_FIFO threads that never sleep lose 50 ms of every second, measured before on such a machine",
        look: memory::realtime,
    },
    Knob {
        key: "receive-buffer",
        part: Part::Network,
        why: "datagrams wait there while the exchange works off a burst; what does not fit is dropped and sent again",
        gain: NOT_MEASURED,
        look: network::receive_buffer,
    },
    Knob {
        key: "send-buffer",
        part: Part::Network,
        why: "a burst of market data beyond it is dropped, and every subscriber recovers it as a gap",
        gain: NOT_MEASURED,
        look: network::send_buffer,
    },
    Knob {
        key: "udp-memory",
        part: Part::Network,
        why: "all UDP sockets of the host together may hold no more than this, however large their own buffers are",
        gain: NOT_MEASURED,
        look: network::udp_memory,
    },
    Knob {
        key: "backlog",
        part: Part::Network,
        why: "packets on their way from a card without NAPI, from loopback or a veth pair wait in this queue of each core",
        gain: NOT_MEASURED,
        look: network::backlog,
    },
    Knob {
        key: "busy-polling",
        part: Part::Network,
        why: "a thread that looks for packets itself needs no interrupt, where the card's driver can do that",
        gain: "nothing on loopback and veth, measured before on such a machine; on a card: not measured here",
        look: network::busy_polling,
    },
    Knob {
        key: "interface-state",
        part: Part::Network,
        why: "an interface that is down, too small for a packet or without multicast carries no market data",
        gain: NOT_MEASURED,
        look: interface::state,
    },
    Knob {
        key: "interface-queues",
        part: Part::Network,
        why: "each queue has an interrupt: with one, all packets come by one core; steering in software costs a hop",
        gain: "steering in software does not pay on loopback and veth, measured before on such a machine",
        look: interface::queues,
    },
    Knob {
        key: "interface-rings",
        part: Part::Network,
        why: "a burst that is longer than the card's ring is lost before the kernel has seen it",
        gain: NOT_MEASURED,
        look: interface::rings,
    },
    Knob {
        key: "interface-offloads",
        part: Part::Network,
        why: "bursts of equal datagrams are cut and joined by the kernel's segmentation and receive offloads",
        gain: "12-24 million orders a second with both, 3-4 without, measured before on such a machine on loopback",
        look: interface::offloads,
    },
    Knob {
        key: "multicast-route",
        part: Part::Network,
        why: "without a route of its own each packet to a group makes one, and the kernel frees them later, hundreds at a time; programs \
              that name no interface send and join by it",
        gain: "p99.9 of an order's acknowledgement 35-54 us instead of 110-130, on loopback (here)",
        look: multicast::route,
    },
    Knob {
        key: "multicast-membership",
        part: Part::Network,
        why: "a subscriber hears only what it has joined, and what comes from where the kernel would look for the sender",
        gain: NOT_MEASURED,
        look: multicast::membership,
    },
    Knob {
        key: "io_uring",
        part: Part::Kernel,
        why: "a look for orders that are not there reads memory instead of entering the kernel; the journal needs no thread",
        gain: "an empty look costs 5 ns instead of 160-260, measured before on such a machine",
        look: kernel::io_uring,
    },
    Knob {
        key: "open-files",
        part: Part::Kernel,
        why: "each TCP connection is an open file; the exchange takes 256 at each of two doors",
        gain: NOT_MEASURED,
        look: kernel::open_files,
    },
    Knob {
        key: "file-system",
        part: Part::Disk,
        why: "the journal is written in place into files made beforehand; not every file system keeps them so",
        gain: "a sync into a file that was not filled beforehand takes 2-4 times longer, measured before on such a machine",
        look: disk::file_system,
    },
    Knob {
        key: "write-cache",
        part: Part::Disk,
        why: "a drive with a cache that forgets must empty it at each sync; one that is safe from power loss need not",
        gain: NOT_MEASURED,
        look: disk::write_cache,
    },
    Knob {
        key: "disk-scheduler",
        part: Part::Disk,
        why: "a scheduler that sorts requests holds the journal's one write back to see whether others come",
        gain: NOT_MEASURED,
        look: disk::scheduler,
    },
    Knob {
        key: "sync-latency",
        part: Part::Disk,
        why: "no order is acknowledged before it is on disk: this is the floor of every durable answer",
        gain: "0.15-0.18 ms p50, 0.4-0.7 ms p99, measured before on such a machine",
        look: disk::sync_latency,
    },
];
