//! Customers beside something that is not one: they check everything, and are polled by whoever measures.

use std::thread;
use std::time::{Duration, Instant};

use client_sim::fleet::{Fleet, FleetConfig, Stage};
use client_sim::report::Report;
use feed_handler::clock::Clock;

/// Who is waited for longer has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Customers {
    pub(crate) fleet: Fleet,
    clock: Clock,
}

impl Customers {
    pub(crate) fn new(config: FleetConfig) -> Result<Self, String> {
        let clock = Clock::new();
        let fleet = Fleet::new(config, clock.now_ns()).map_err(|error| error.to_string())?;
        Ok(Self { fleet, clock })
    }

    pub(crate) fn poll(&mut self) -> Result<(), String> {
        let now_ns = self.clock.now_ns();
        let work = self.fleet.poll(now_ns).map_err(|error| error.to_string())?;
        self.fleet.refresh_market(now_ns);
        if work == 0 {
            // They wait for the exchange, which may want the core.
            thread::yield_now();
        }
        Ok(())
    }

    /// Polls until they are there.
    pub(crate) fn until(&mut self, stage: Stage) -> Result<(), String> {
        let since = Instant::now();
        while self.fleet.stage() != stage {
            self.poll()?;
            if since.elapsed() > PATIENCE {
                return Err(format!("the customers are still at {:?}", self.fleet.stage()));
            }
        }
        Ok(())
    }

    /// Ends their trade, and polls until all is answered and counted.
    pub(crate) fn finish(&mut self) -> Result<(), String> {
        self.fleet.stop(self.clock.now_ns());
        self.until(Stage::Done)
    }

    /// Says good-bye; what became of their orders.
    pub(crate) fn leave(&mut self) -> Report {
        let report = Report::new(&mut self.fleet);
        self.fleet.logout(self.clock.now_ns());
        report
    }
}
