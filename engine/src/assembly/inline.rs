//! The same exchange on the caller's thread, with the outside in memory: for simulation.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::error::StartError;
use super::running::Final;
use super::stages::{Outside, SUBSCRIBERS_BESIDE, Seams, Stages, build};
use crate::config::Config;
use crate::exchange::Exchange;
use crate::exchange::command::Command;
use crate::journal::SimDisk;
use crate::poison::Skips;
use crate::recovery::archive;
use crate::recovery::credentials::MarketDataLogins;
use crate::recovery::door::DoorConfig;
use crate::recovery::durable::OpenJournal;
use crate::runtime::Stage;
use crate::runtime::clock::Clock;
use crate::runtime::shared::Follow;
use crate::runtime::shutdown::Shutdown;
use crate::runtime::sim_net::{SimListener, SimSender, SimSocket, Switchboard};
use crate::token::TokenMint;

/// The outside of a simulated exchange. It outlives the exchange: a crash takes the one, not the other.
#[derive(Debug, Clone)]
pub struct Simulated {
    /// The clock, turned by the caller.
    pub clock: Clock,
    /// UDP.
    pub network: Switchboard,
    /// The disk.
    pub disk: SimDisk,
    /// The machine's address.
    pub address: Ipv4Addr,
    /// The secret of the indices: shows in nothing that anybody is told.
    pub hash_seed: u64,
    /// Commands of the journal that the operator leaves out.
    pub skips: Skips,
}

/// The outside in memory.
enum Memory {}

impl Outside for Memory {
    type Orders = SimSocket;
    type Acknowledgements = SimSender;
    type MarketData = SimSender;
    type Door = SimListener;
    type Disk = SimDisk;
    type Snapshots = SimDisk;
}

/// An exchange that does nothing but what [`Inline::turn`] lets it do.
pub struct Inline {
    stages: Stages<Memory>,
    shutdown: Shutdown,
}

impl Inline {
    /// Starts on what the disk holds; the TCP doors are the caller's, as connections end with the process.
    ///
    /// # Errors
    /// As [`super::start`].
    pub fn start(
        config: &Config,
        outside: &Simulated,
        order_entry: SimListener,
        gap_recovery: SimListener,
    ) -> Result<Self, StartError> {
        let journal: OpenJournal = {
            let disk = outside.disk.clone();
            Arc::new(move || Box::new(disk.clone()))
        };
        let port = config.network.order_entry_udp.port();
        let udp = SocketAddrV4::new(outside.address, port);
        let feed = SocketAddrV4::new(outside.address, 0);
        let seams = Seams {
            clock: outside.clock.clone(),
            orders: outside.network.bind(udp),
            acknowledgements: outside.network.sender(udp),
            market_data: outside.network.sender(feed),
            order_entry,
            gap_recovery,
            glimpse: None,
            re_requests: outside.network.sender(udp),
            retransmission: config.network.retransmission.as_ref().map(|door| {
                let address = SocketAddrV4::new(outside.address, door.address.port());
                (outside.network.bind(address), outside.network.sender(address))
            }),
            disk: Some(outside.disk.clone()),
            snapshots: Some(outside.disk.clone()),
            skips: outside.skips.clone(),
            remove_before: None,
            journal: Some(Arc::clone(&journal)),
            archive: Some(archive::Sources {
                skips: outside.skips.clone(),
                journal,
                snapshots: Box::new(outside.disk.clone()),
                limits: config.capacities.limits,
            }),
            has_helpers: false,
            subscribers: SUBSCRIBERS_BESIDE,
            udp_port: port,
            hash_seed: outside.hash_seed,
            tokens: TokenMint::new(outside.hash_seed),
        };
        let shutdown = Shutdown::default();
        let stages = build(config, seams, &shutdown, |_| {})?;
        Ok(Self { stages, shutdown })
    }

    /// Opens the door for snapshots of the books, to everybody.
    pub fn open_glimpse(&mut self, listener: SimListener) {
        let recovery = &mut self.stages.recovery;
        recovery.open_glimpse(listener, MarketDataLogins::Open, DoorConfig::default());
    }

    /// Lets each stage have one turn; returns the work done.
    pub fn turn(&mut self) -> usize {
        self.stages.engine.poll()
            + self.stages.journal.poll()
            + self.stages.output.poll()
            + self.stages.recovery.poll()
    }

    /// A command of the operator; turns until it can be taken.
    pub fn operate(&mut self, command: Command) {
        while !self.stages.engine.operate(command) {
            self.turn();
        }
    }

    /// The same when it can be taken at once; else false.
    pub fn try_operate(&mut self, command: Command) -> bool {
        self.stages.engine.operate(command)
    }

    /// Gives one stage a turn, as when threads are not equally fast: engine, journal, output, recovery, and recovery by the thread
    /// that helps it, by `stage` modulo 5. Returns the work done.
    pub fn turn_one(&mut self, stage: usize) -> usize {
        match stage % 5 {
            0 => self.stages.engine.poll(),
            1 => self.stages.journal.poll(),
            2 => self.stages.output.poll(),
            3 => self.stages.recovery.follow(),
            _ => self.stages.recovery.poll(),
        }
    }

    /// The engine's exchange as it is now; some of it may not be released.
    pub fn exchange(&self) -> &Exchange {
        self.stages.engine.exchange()
    }

    /// Number of the newest message of a session's stream, as of the last command that recovery has applied.
    pub fn session_sequence(&self, session: u32) -> Option<u64> {
        let replica = self.stages.recovery.replica();
        replica.map(|replica| replica.session_sequence(session))
    }

    /// True when the setup is released.
    pub fn is_ready(&self) -> bool {
        self.released() >= self.stages.ready_at
    }

    /// Turns until the setup is released.
    ///
    /// # Errors
    /// Why it failed.
    pub fn turn_until_ready(&mut self) -> Result<(), String> {
        while self.released() < self.stages.ready_at {
            self.turn();
            if let Some(failure) = self.failure() {
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Number of the last command that may be told to the world.
    pub fn released(&self) -> u64 {
        self.stages.released.load(Ordering::Acquire)
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<String> {
        self.shutdown.failure()
    }

    /// Ends in order.
    ///
    /// # Errors
    /// Why it failed.
    pub fn stop(mut self) -> Result<Final, String> {
        self.shutdown.request();
        loop {
            let work = self.turn();
            if let Some(failure) = self.failure() {
                return Err(failure);
            }
            let stages = &self.stages;
            let drained = Stage::is_drained(&stages.engine)
                && Stage::is_drained(&stages.journal)
                && Stage::is_drained(&stages.output)
                && Stage::is_drained(&stages.recovery);
            if work == 0 && drained {
                break;
            }
        }
        self.stages.recovery.close();
        let last = self.released();
        self.stages.recovery.take_last_snapshot(last);
        Ok(Final {
            exchange: self.stages.engine.into_exchange(),
            replica: self.stages.recovery.into_exchange(),
        })
    }
}
