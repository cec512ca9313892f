//! Ctrl-C ends a program in order: the first one asks, the second does not wait.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Exit code of a program that was asked twice.
const EXIT_INTERRUPTED: i32 = 130;
/// Nobody asks again so soon. But `timeout`, and others who end a whole group of processes, say everything twice.
const ONCE: Duration = Duration::from_millis(200);

/// Tells whether somebody wants the program to end.
#[derive(Debug, Clone)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens to SIGINT and SIGTERM from now on, on a thread of its own: who is asked again ends at once, with exit code 130,
    /// even where a full pipe holds up everything else.
    ///
    /// # Errors
    ///
    /// When there can be no handler, or no thread.
    pub fn listen() -> io::Result<Self> {
        let interrupt = Self {
            asked: Arc::new(AtomicBool::new(false)),
        };
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let asking = interrupt.clone();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let mut first = None;
            for _ in signals.forever() {
                asking.ask();
                if first.get_or_insert_with(Instant::now).elapsed() >= ONCE {
                    signal_hook::low_level::exit(EXIT_INTERRUPTED);
                }
            }
        })?;
        Ok(interrupt)
    }

    /// True once asked.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Asks from inside.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }
}
