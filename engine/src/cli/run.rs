//! `exchange run`: starts, says what it is and what it lacks, waits for the end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use engine::assembly;
use engine::config::{Config, Durability};
use engine::poison;
use signal_hook::consts::{SIGHUP, TERM_SIGNALS};
use signal_hook::flag;

use super::{ConfigArgument, Failure, Overrides, log, notify, print};

/// How often the main thread, which has nothing else to do, looks for a signal or a failure.
const LOOK: Duration = Duration::from_millis(20);
/// A signal that comes again so soon is the same one: `timeout`, and others who end a whole group of processes, say everything twice.
const ONCE: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    #[command(flatten)]
    overrides: Overrides,
    #[command(flatten)]
    log: log::LogArguments,
}

impl Arguments {
    fn configuration(&self) -> Result<Config, Failure> {
        let (mut config, _) = self.config.read()?;
        self.overrides.apply(&mut config);
        self.log.apply(&mut config);
        Ok(config)
    }

    /// Reads the configuration again, and says what became of it. A file that is wrong changes nothing.
    fn reload(&self, running: &mut assembly::Running, log: &mut log::Log) {
        let read = self.configuration().map_err(|failure| failure.text());
        let done = read.and_then(|config| Ok((running.reload(&config)?, config.log.level)));
        match done {
            Ok((lines, level)) => log.change(level, &lines),
            Err(error) => log::notice(&format!("reload refused, nothing is changed: {error}")),
        }
    }
}

/// What was said last of the room on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Enough,
    NearlyNone,
}

impl Room {
    /// What is to be said when it has changed.
    fn change(&mut self, is_low: bool, directory: &Path) -> Option<String> {
        let now = if is_low { Self::NearlyNone } else { Self::Enough };
        if *self == now {
            return None;
        }
        *self = now;
        let directory = directory.display();
        Some(match now {
            Self::NearlyNone => format!(
                "{directory}: the disk is nearly full: orders are refused (0x000A), cancels are taken; when it is full the \
                 exchange stops\n    remedy: make room; orders are taken again by themselves"
            ),
            Self::Enough => format!("{directory}: there is room again, orders are taken"),
        })
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut log = log::install(&arguments.log);
    let config = arguments.configuration()?;
    log.set(config.log.level);
    // Before it is ready a signal ends it at once. Later the first one ends it in order, and one that is not the same at once.
    let (stop, hurry) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(true)));
    for signal in TERM_SIGNALS {
        flag::register_conditional_shutdown(*signal, 130, Arc::clone(&hurry))
            .and_then(|_| flag::register(*signal, Arc::clone(&stop)))
            .map_err(|error| Failure::NotStarted(format!("signals can not be handled: {error}")))?;
    }
    // One that comes before it is ready is kept until then.
    let reload = Arc::new(AtomicBool::new(false));
    flag::register(SIGHUP, Arc::clone(&reload))
        .map_err(|error| Failure::NotStarted(format!("signals can not be handled: {error}")))?;
    log::notice(&format!(
        "exchange {} with {}, configuration {:016x}",
        env!("CARGO_PKG_VERSION"),
        config.file,
        config.configuration_hash()
    ));
    if config.journal.durability != Durability::None {
        poison::install(&config.journal.directory);
    }
    let mut running = assembly::start_telling(&config, log::notice)?;
    hurry.store(false, Ordering::Release);
    print(&format!("ready {}\n", running.addresses()))?;
    notify::ready(&format!("ready {}", running.addresses()));
    let mut room = Room::Enough;
    while !stop.load(Ordering::Acquire) && !running.is_ending() {
        thread::sleep(LOOK);
        if let Some(line) = room.change(running.is_low_on_space(), &config.journal.directory) {
            log::notice(&line);
        }
        for line in running.notices() {
            log::notice(&line);
        }
        if reload.swap(false, Ordering::AcqRel) {
            arguments.reload(&mut running, &mut log);
        }
    }
    notify::stopping();
    if !running.is_ending() {
        log::notice("ending in order; once more to end at once");
        thread::spawn(move || {
            thread::sleep(ONCE);
            hurry.store(true, Ordering::Release);
        });
    }
    for line in running.notices() {
        log::notice(&line);
    }
    let counters = running.counters().to_vec();
    let ended = running.stop().map_err(Failure::Ended)?;
    let (commands, hash) = (ended.exchange.sequence(), ended.exchange.state_hash());
    if !ended.is_equal() {
        return Err(Failure::Ended(format!(
            "after command {commands} the engine's state is {hash:016x}, its replica's {:016x}\n    remedy: keep the data \
             directory, run `exchange verify` on it, and report this",
            ended.replica.state_hash()
        )));
    }
    for group in counters {
        let mut text = String::new();
        group.each(&mut |reading| {
            if reading.value > 0 {
                text += &format!(" {}={}", reading.label, reading.value);
            }
        });
        if !text.is_empty() {
            log::notice(&format!("{}:{text}", group.group()));
        }
    }
    log::notice(&format!(
        "ended in order after command {commands}, state {hash:016x}"
    ));
    Ok(())
}
