//! The recorder: a thread beside a load that takes each second's histograms and does with them what takes time (the
//! progress on the terminal, the log, a soak's windows), so that the sender only exchanges two addresses.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::soak::window::{Window, WindowSink};
use crate::feed_check::FeedLatencies;
use crate::fleet::Fleet;
use crate::latency::log::IntervalLog;
use crate::latency::{Kind, Kinds, Percentiles};

/// What a recorder does beside gathering.
pub(crate) struct RecorderPlan {
    /// How long the load is.
    pub(crate) duration: Duration,
    /// Where the intervals go.
    pub(crate) log: Option<IntervalLog<File>>,
    /// The latencies of the feed, which another thread gathers.
    pub(crate) feed: Option<FeedLatencies>,
    /// For a soak.
    pub(crate) windows: Option<Windows>,
}

/// Seconds put together to windows.
pub(crate) struct Windows {
    /// How long one is.
    pub(crate) length: Duration,
    /// Hears of each when it has ended.
    pub(crate) sink: WindowSink,
}

/// A second of a load.
struct Second {
    kinds: Box<Kinds>,
    length_ns: u64,
    is_warming_up: bool,
    running_ns: u64,
    /// Since the beginning.
    sent: u64,
    answered: u64,
    executions: u64,
}

/// What was recorded.
pub(crate) struct Recorded {
    /// Everything measured.
    pub(crate) kinds: Kinds,
    /// The windows that have ended.
    pub(crate) windows: Vec<Window>,
}

/// The sender's end.
pub(crate) struct Recorder {
    seconds: Sender<Second>,
    empty: Receiver<Box<Kinds>>,
    thread: JoinHandle<Result<Recorded, String>>,
}

impl Recorder {
    /// Starts the thread.
    pub(crate) fn start(plan: RecorderPlan) -> Result<Self, String> {
        let (seconds, taken) = mpsc::channel();
        let (emptied, empty) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || Recording::new(plan).run(&taken, &emptied))
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Self {
            seconds,
            empty,
            thread,
        })
    }

    /// A second has passed.
    pub(crate) fn second(&mut self, fleet: &mut Fleet, length_ns: u64) {
        let empty = self.empty.try_recv().unwrap_or_default();
        let totals = fleet.totals();
        let second = Second {
            length_ns,
            is_warming_up: fleet.is_warming_up(),
            running_ns: fleet.running_ns(),
            sent: totals.requests + totals.cancels,
            answered: totals.answered,
            executions: totals.executions,
            kinds: fleet.shared_mut().latencies.take(empty),
        };
        // A recorder that has ended tells why when it is finished.
        let _ended = self.seconds.send(second);
    }

    /// Waits for the thread.
    pub(crate) fn finish(self) -> Result<Recorded, String> {
        drop(self.seconds);
        match self.thread.join() {
            Ok(recorded) => recorded,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// The thread's side.
struct Recording {
    plan: RecorderPlan,
    progress: Progress,
    whole: Kinds,
    windows: Vec<Window>,
    current: Current,
    /// Since the run's beginning.
    elapsed_ns: u64,
    sent_before: u64,
}

/// The window under way.
#[derive(Default)]
struct Current {
    kinds: Kinds,
    length_ns: u64,
    answered_before: u64,
}

impl Recording {
    fn new(plan: RecorderPlan) -> Self {
        Self {
            progress: Progress::new(plan.duration),
            plan,
            whole: Kinds::default(),
            windows: Vec::new(),
            current: Current::default(),
            elapsed_ns: 0,
            sent_before: 0,
        }
    }

    fn run(mut self, seconds: &Receiver<Second>, emptied: &Sender<Box<Kinds>>) -> Result<Recorded, String> {
        while let Ok(mut second) = seconds.recv() {
            self.take(&mut second)?;
            second.kinds.clear();
            // The sender may have sent its last.
            let _ended = emptied.send(second.kinds);
        }
        // What the feed heard after the last second.
        if let Some(feed) = &self.plan.feed {
            self.whole.of_mut(Kind::OrderFeed).merge(&feed.take());
        }
        self.progress.end();
        Ok(Recorded {
            kinds: self.whole,
            windows: self.windows,
        })
    }

    fn take(&mut self, second: &mut Second) -> Result<(), String> {
        if let Some(feed) = &self.plan.feed {
            second.kinds.of_mut(Kind::OrderFeed).merge(&feed.take());
        }
        let start = Duration::from_nanos(self.elapsed_ns);
        let length = Duration::from_nanos(second.length_ns);
        self.elapsed_ns += second.length_ns;
        if let Some(log) = &mut self.plan.log {
            log.interval(start, length, &second.kinds)
                .map_err(|error| format!("cannot write the log: {error}"))?;
        }
        let sent_in_second = second.sent - self.sent_before;
        self.sent_before = second.sent;
        let latency = second.kinds.acknowledgements().percentiles();
        self.progress.show(second, sent_in_second, &latency);
        self.whole.merge(&second.kinds);
        self.window(second)
    }

    fn window(&mut self, second: &Second) -> Result<(), String> {
        let Some(windows) = &mut self.plan.windows else {
            return Ok(());
        };
        if second.is_warming_up {
            self.current.answered_before = second.answered;
            return Ok(());
        }
        self.current.kinds.merge(&second.kinds);
        self.current.length_ns += second.length_ns;
        // The last second ends when the last answer has come: its window is not a whole one, and is left out.
        if Duration::from_nanos(self.current.length_ns) < windows.length {
            return Ok(());
        }
        let seconds = self.current.length_ns as f64 / 1e9;
        let window = Window::new(
            self.windows.len() as u64 + 1,
            seconds,
            (second.answered - self.current.answered_before) as f64 / seconds,
            self.current.kinds.percentiles(),
            windows.sink.memory(),
        );
        windows.sink.tell(&window)?;
        self.windows.push(window);
        self.current = Current {
            answered_before: second.answered,
            ..Current::default()
        };
        Ok(())
    }
}

/// What is seen meanwhile: a bar on a terminal, else a line now and then.
enum Progress {
    Bar(ProgressBar),
    Lines,
}

impl Progress {
    fn new(duration: Duration) -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines;
        }
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let bar = ProgressBar::with_draw_target(Some(milliseconds), ProgressDrawTarget::stderr());
        // The template is checked by a test.
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Self::Bar(bar)
    }

    fn show(&self, second: &Second, sent_in_second: u64, latency: &Percentiles) {
        let warming = if second.is_warming_up { "warming up, " } else { "" };
        match self {
            Self::Bar(bar) => {
                bar.set_position(second.running_ns / 1_000_000);
                bar.set_message(format!("{warming}{sent_in_second} orders/s  {latency}"));
            }
            Self::Lines => eprintln!(
                "{:>4.0} s  {warming}sent {} ({sent_in_second} a second)  answered {}  executions {}  {latency}",
                second.running_ns as f64 / 1e9,
                second.sent,
                second.answered,
                second.executions,
            ),
        }
    }

    fn end(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

const TEMPLATE: &str = "{elapsed:>4} {bar:30} {eta:>4} left  {wide_msg}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_can_be_drawn() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
