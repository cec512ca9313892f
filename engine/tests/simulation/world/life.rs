//! Starts and deaths of the exchange: crashes at any time, commands that end the process, snapshots and journals damaged at
//! rest.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::PoisonError;

use engine::assembly::Inline;
use engine::config::Durability;
use engine::exchange::command::Command;
use engine::journal::Crash;
use engine::poison::{self, simulated};
use engine::runtime::sim_net::tcp;
use engine::snapshot::Snapshots;
use protocol::testing::Random;

use super::{DISK_BYTES, World, last_sequence, sequences};

impl World {
    /// Starts; the exchange may be killed before it is ready, several times.
    pub(super) fn start(&mut self) {
        loop {
            self.start_once();
            let is_killed = self.setting.has_crashes_at_start && self.random.below(3) == 0;
            let turns = if is_killed {
                self.random.below(6)
            } else {
                u64::from(u32::MAX)
            };
            for _ in 0..turns {
                if self.exchange.as_ref().is_none_or(Inline::is_ready) {
                    break;
                }
                self.turn(false);
            }
            if !is_killed {
                return;
            }
            self.coverage.met("crashes at start");
            self.kill();
        }
    }

    pub(super) fn start_once(&mut self) {
        self.failures = self.outside.disk.failed();
        self.failed_turns = 0;
        self.low_turns = 0;
        self.outside.disk.set_capacity(DISK_BYTES);
        self.may_fail = false;
        self.was_poisoned = false;
        self.change_file();
        self.recovered = last_sequence(&self.outside.disk);
        self.started_ns = self.exchange_ns();
        for death in &mut self.deaths {
            death.turns = 0;
        }
        self.exchange = Some(self.started());
        // Whatever the start has read, it tells: so it must not be lost any more.
        assert!(
            self.outside.disk.is_settled(),
            "the exchange has started on what is in caches only"
        );
        let mut disk = self.outside.disk.clone();
        if Snapshots::list(&mut disk).is_ok_and(|all| !all.is_empty()) {
            self.coverage.met("starts with a snapshot there");
        }
        if self.today() > 1 {
            self.coverage.met("starts on a later day");
        }
        self.coverage.met("starts");
        self.tell(format_args!(
            "the exchange starts after command {}, on day {}",
            self.recovered,
            self.today()
        ));
    }

    /// A start; the operator leaves out whatever ends it.
    pub(super) fn started(&mut self) -> Inline {
        loop {
            let (order_entry, to_order_entry) = tcp(self.setting.tcp);
            let (gap_recovery, to_gap_recovery) = tcp(self.setting.tcp);
            let (glimpse, to_glimpse) = tcp(self.setting.tcp);
            self.order_entry = to_order_entry;
            *self.gap_recovery.lock().unwrap_or_else(PoisonError::into_inner) = to_gap_recovery;
            *self.glimpse.lock().unwrap_or_else(PoisonError::into_inner) = to_glimpse;
            let start = || Inline::start(&self.config, &self.outside, order_entry, gap_recovery);
            match catch_unwind(AssertUnwindSafe(start)) {
                Ok(started) => {
                    let mut started = started.unwrap_or_else(|error| panic!("does not start: {error}"));
                    started.open_glimpse(glimpse);
                    return started;
                }
                Err(panic) => {
                    let Some(command) = poison::take_applying().filter(is_poison) else {
                        resume_unwind(panic);
                    };
                    assert!(!self.outside.skips.contains(&command), "it was left out");
                    self.outside.skips.leave_out(&command);
                    self.skipped += 1;
                    self.coverage.met("starts that a command has ended");
                    self.tell(format_args!("command {} is left out", command.sequence));
                }
            }
        }
    }

    /// The process is gone, and perhaps the power.
    pub(super) fn kill(&mut self) {
        self.exchange = None;
        (self.may_fail, self.was_poisoned) = (false, false);
        // Where power is lost the process is killed now and then, too: what it left in caches may be lost later.
        let is_power = self.setting.has_power_losses && self.random.below(3) > 0;
        let crash = if is_power || self.config.journal.durability != Durability::Sync {
            Crash::PowerLoss
        } else {
            Crash::Kill
        };
        self.outside.disk.crash(crash);
        self.coverage.met(format!("crashes: {crash:?}"));
        self.tell(format_args!("the process is gone: {crash:?}"));
        // What was not durable is gone, and its numbers are given again.
        let frames = sequences(&self.outside.disk).expect("the journal is whole");
        let last = frames.last().copied().unwrap_or(0);
        for (from, to) in &mut self.low {
            (*from, *to) = ((*from).min(last), (*to).min(last));
        }
        self.flip_a_bit(&frames);
        if self.setting.has_bad_snapshots {
            self.harm_snapshots();
        }
    }

    /// A bit of the newest snapshot flips, or its end is missing: a start must do with an older one, or none. Or none can
    /// be written until the next crash.
    pub(super) fn harm_snapshots(&mut self) {
        let mut disk = self.outside.disk.clone();
        disk.fail_snapshots(self.random.below(4) == 0);
        let newest = Snapshots::list(&mut disk)
            .ok()
            .and_then(|all| all.last().copied());
        let Some(newest) = newest.filter(|_| self.random.chance(1, 2)) else {
            return;
        };
        let random = &mut self.random;
        disk.change_snapshot(newest, |bytes| {
            if bytes.is_empty() {
                return;
            }
            let place = random.below(bytes.len() as u64) as usize;
            if random.chance(1, 2) {
                bytes[place] ^= 1 << random.below(8);
            } else {
                bytes.truncate(place);
            }
        });
        self.coverage.met("snapshots damaged");
        self.tell(format_args!("snapshot {newest} is damaged"));
    }

    pub(super) fn crash(&mut self) {
        if self.setting.is_uneven {
            // In the middle of a turn.
            self.turn_stages();
        }
        self.kill();
        self.revive();
    }

    /// Some time passes, people talk to nobody, and the exchange starts again.
    pub(super) fn revive(&mut self) {
        if self.setting.has_clock_steps {
            let step = self.random.below(120_000_000_000) as i64 - 60_000_000_000;
            self.offset_ns += step;
            self.coverage.met(if step < 0 {
                "clock steps back"
            } else {
                "clock steps forward"
            });
        }
        for _ in 0..self.random.below(50) {
            self.turn(true);
        }
        self.start();
    }

    /// The exchange ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        (self.may_fail || self.was_poisoned) && self.exchange.is_none()
    }

    /// A command has ended the process. Threads that do not apply it go on until they are gone too.
    pub(super) fn die_of(&mut self, command: &Command) {
        if let Some(exchange) = &mut self.exchange {
            for _ in 0..self.random.below(30) {
                exchange.turn_one(1);
            }
        }
        self.exchange = None;
        self.was_poisoned = true;
        self.coverage.met("commands that ended the process");
        self.tell(format_args!("command {} has ended the process", command.sequence));
    }

    /// Lets the exchange do something, unless a command ends the process meanwhile.
    pub(super) fn guarded(&mut self, run: impl FnOnce(&mut Inline, &mut Random)) {
        let Self { exchange, random, .. } = self;
        let Some(exchange) = exchange else { return };
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(exchange, random))) else {
            return;
        };
        match poison::take_applying().filter(is_poison) {
            Some(command) => self.die_of(&command),
            None => resume_unwind(panic),
        }
    }

    /// A bit flips in the journal at rest: a start on it is refused, or gives a journal that is whole up to the frame
    /// with the flipped bit, if that is the last one (it can not be told from one that was never written whole).
    pub(super) fn flip_a_bit(&mut self, before: &[u64]) {
        let disk = self.outside.disk.clone();
        let Some((segment, offset, bit)) = disk.flip(self.random.next_u64()) else {
            return;
        };
        let place = (segment, offset);
        self.coverage.met("bits flipped at rest");
        let outcome = sequences(&disk);
        disk.flip_bit(segment, offset, bit);
        match outcome {
            Err(error) => {
                self.coverage.met("flipped bits refused");
                self.tell(format_args!("a bit flipped at {place:?}: {error}"));
            }
            Ok(after) => {
                let is_beginning = before.starts_with(&after);
                let cut = before.len() - after.len().min(before.len());
                assert!(
                    is_beginning && cut <= 1,
                    "a bit flipped at {place:?} and {cut} frames are gone, silently"
                );
                self.coverage.met("flipped bits in the last frame, or behind it");
            }
        }
    }
}

/// True for a command that ends the process whenever it is applied.
fn is_poison(command: &Command) -> bool {
    command.order().cl_ord_id.starts_with(simulated::CL_ORD_ID)
}
