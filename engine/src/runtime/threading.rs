//! Stages on threads: how many threads for how many cores, and how they start, rest, stop and fail together.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::idle::{Idle, IdleStrategy, Rest};
use super::shared::Help;
use super::shutdown::Shutdown;
use super::{Hurry, Stage};
use crate::sys::parker::{Parker, Waker, wake_all};
use crate::sys::{affinity, priority};

/// How long stages may take to finish what they have once shutdown was requested. A sync of a slow disk takes a few
/// seconds; what takes longer will not end.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);

/// A stage that can be moved to its thread.
pub type BoxedStage = Box<dyn Stage + Send>;

/// What a thread does in a turn in which its own stages had nothing to do.
pub type BoxedHelp = Box<dyn Help + Send>;

/// Which of the four stages of the exchange a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Receives, sequences, applies.
    Engine,
    /// Sends acknowledgements and market data.
    Output,
    /// Makes commands durable.
    Journal,
    /// Serves TCP, replicas, questions.
    Recovery,
}

/// Which stages share a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// All on one.
    One,
    /// Engine, journal and output; recovery.
    Two,
    /// Engine; output; journal and recovery.
    Three,
    /// One each.
    Four,
}

impl Layout {
    /// The layout for a number of cores. On two, what an order waits for is on one thread (the disk works by itself), and
    /// the rest on the other: an order crosses no thread. A separate output core pays off from three cores on (measured).
    pub fn for_cores(cores: usize) -> Self {
        match cores {
            0 | 1 => Self::One,
            2 => Self::Two,
            3 => Self::Three,
            _ => Self::Four,
        }
    }

    /// The roles on each thread, in the order in which the thread polls them.
    pub fn groups(self) -> &'static [&'static [Role]] {
        use Role::{Engine, Journal, Output, Recovery};
        match self {
            Self::One => &[&[Engine, Journal, Output, Recovery]],
            Self::Two => &[&[Engine, Journal, Output], &[Recovery]],
            Self::Three => &[&[Engine], &[Output], &[Journal, Recovery]],
            Self::Four => &[&[Engine], &[Output], &[Journal], &[Recovery]],
        }
    }

    /// True when the same thread polls both.
    pub fn share_a_thread(self, one: Role, other: Role) -> bool {
        let mut groups = self.groups().iter();
        groups.any(|roles| roles.contains(&one) && roles.contains(&other))
    }

    /// Puts stages on threads. The first thread is pinned to the first of `cores` and so on; threads beyond them are not
    /// pinned. Without `idle`, each thread gets the strategy for its core.
    ///
    /// # Errors
    ///
    /// When the process has no descriptor left.
    pub fn plans(
        self,
        mut stages: Vec<(Role, BoxedStage)>,
        cores: &[usize],
        idle: Option<IdleStrategy>,
    ) -> io::Result<Vec<Plan>> {
        let isolated = affinity::isolated();
        let mut plans = Vec::new();
        for (index, roles) in self.groups().iter().enumerate() {
            let core = cores.get(index).copied();
            let mut chosen: Vec<BoxedStage> = Vec::new();
            for &role in *roles {
                chosen.extend(
                    stages
                        .extract_if(.., |(of, _)| *of == role)
                        .map(|(_, stage)| stage),
                );
            }
            let idle = idle.unwrap_or_else(|| IdleStrategy::choose(core, &isolated));
            plans.push(Plan::new(chosen, core, idle)?);
        }
        plans.retain(|plan| !plan.stages.is_empty());
        Ok(plans)
    }
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::for_cores(affinity::available().len())),
            "1" => Ok(Self::One),
            "2" => Ok(Self::Two),
            "3" => Ok(Self::Three),
            "4" => Ok(Self::Four),
            _ => Err(format!("{text:?} is no number of threads: auto, 1, 2, 3 or 4")),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.groups().len())
    }
}

/// A thread to be.
pub struct Plan {
    name: String,
    core: Option<usize>,
    idle: IdleStrategy,
    /// Steps above the usual.
    priority: u32,
    /// It runs at once when it wakes.
    is_prompt: bool,
    stages: Vec<BoxedStage>,
    /// Of other threads' stages.
    spare: Option<BoxedHelp>,
    parker: Parker,
}

impl Plan {
    /// A thread that polls `stages` in their order, named after them.
    ///
    /// # Errors
    ///
    /// When the process has no descriptor left.
    pub fn new(stages: Vec<BoxedStage>, core: Option<usize>, idle: IdleStrategy) -> io::Result<Self> {
        let names: Vec<_> = stages.iter().map(|stage| stage.name()).collect();
        Ok(Self {
            name: names.join("+"),
            core,
            idle,
            priority: 0,
            is_prompt: false,
            stages,
            spare: None,
            parker: Parker::new()?,
        })
    }

    /// Where others run on its core, it does not wait for the end of their slices when it wakes.
    pub fn wake_promptly(&mut self) {
        self.is_prompt = true;
    }

    /// Of another thread's stage it does a little whenever its own have nothing to do.
    pub fn help(&mut self, stage: BoxedHelp) {
        self.spare = Some(stage);
    }

    /// How it rests.
    pub fn idle(&self) -> IdleStrategy {
        self.idle
    }

    /// Where others want its core too, it gets more of it by so many steps of `nice`.
    pub fn raise(&mut self, steps: u32) {
        self.priority = steps;
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.core {
            Some(core) => write!(formatter, "{} on core {core}, {}", self.name, self.idle),
            None => write!(formatter, "{} on any core, {}", self.name, self.idle),
        }?;
        match self.priority {
            0 => Ok(()),
            steps => write!(formatter, ", priority {steps} above the usual"),
        }
    }
}

/// Polls each stage once; returns the work done. This is all that a test with a simulated outside needs.
#[inline]
pub fn turn(stages: &mut [BoxedStage]) -> usize {
    stages.iter_mut().map(|stage| stage.poll()).sum()
}

/// Threads at work.
#[derive(Debug)]
pub struct Running {
    threads: Vec<JoinHandle<()>>,
    refusals: Vec<String>,
    shutdown: Shutdown,
}

/// Starts the threads. They run until `shutdown` is requested and then until nothing is left to do; a panic in a stage
/// fails the shutdown, and after a failure no thread does anything more.
///
/// # Errors
///
/// When a thread can not be started; those that were are stopped again.
pub fn spawn(plans: Vec<Plan>, shutdown: &Shutdown) -> io::Result<Running> {
    spawn_within(plans, shutdown, DRAIN_TIME_MAX)
}

fn spawn_within(plans: Vec<Plan>, shutdown: &Shutdown, drain_time: Duration) -> io::Result<Running> {
    let wakers: Vec<_> = plans
        .iter()
        .map(|plan| (plan.idle == IdleStrategy::Park).then(|| plan.parker.waker()))
        .collect();
    let drain = Arc::new(Drain::new(plans.len(), drain_time));
    let (started, starts) = mpsc::channel();
    let mut threads = Vec::new();
    for (index, plan) in plans.into_iter().enumerate() {
        let others = wakers.iter().enumerate().filter(|(other, _)| *other != index);
        let worker = Worker {
            index,
            idle: Idle::new(plan.idle),
            stages: plan.stages,
            spare: plan.spare,
            parker: plan.parker,
            others: others.filter_map(|(_, waker)| waker.clone()).collect(),
            shutdown: shutdown.clone(),
            drain: Arc::clone(&drain),
        };
        let (name, core, steps, is_prompt) = (plan.name.clone(), plan.core, plan.priority, plan.is_prompt);
        let started = started.clone();
        let body = move || {
            let pinned = core.and_then(|core| affinity::pin(core).err());
            let raised = (steps > 0).then(|| priority::raise(steps).err()).flatten();
            let late = is_prompt.then(|| priority::wake_promptly().err()).flatten();
            let refusals = [pinned, raised, late].into_iter().flatten();
            let refusals: Vec<_> = refusals.map(|reason| format!("thread {name} {reason}")).collect();
            // The receiver lives until all threads have reported.
            let _ = started.send(refusals);
            drop(started);
            let shutdown = worker.shutdown.clone();
            // The stages are dropped in here, on their own thread: sockets of io_uring can only be closed there.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(move || worker.run())) {
                shutdown.fail(format!(
                    "thread {name} panicked: {}",
                    panic_message(panic.as_ref())
                ));
            }
        };
        match thread::Builder::new().name(plan.name).spawn(body) {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                shutdown.fail(format!("a thread could not be started: {error}"));
                for thread in threads {
                    // Panics were turned into failures inside the thread.
                    let _ = thread.join();
                }
                return Err(error);
            }
        }
    }
    drop(started);
    Ok(Running {
        threads,
        refusals: starts.iter().flatten().collect(),
        shutdown: shutdown.clone(),
    })
}

impl Running {
    /// What the machine refused (pinning, priority), a sentence each.
    pub fn refusals(&self) -> &[String] {
        &self.refusals
    }

    /// Waits until all threads have ended.
    ///
    /// # Errors
    ///
    /// The failure that stopped the exchange.
    pub fn join(self) -> Result<(), String> {
        for thread in self.threads {
            // Panics were turned into failures inside the thread.
            let _ = thread.join();
        }
        self.shutdown.failure().map_or(Ok(()), Err)
    }
}

struct Worker {
    index: usize,
    stages: Vec<BoxedStage>,
    spare: Option<BoxedHelp>,
    idle: Idle,
    parker: Parker,
    /// The threads that may be parked when this one has produced something.
    others: Vec<Waker>,
    shutdown: Shutdown,
    drain: Arc<Drain>,
}

impl Worker {
    fn run(mut self) {
        let waker = self.parker.waker();
        for stage in &mut self.stages {
            stage.start(&waker);
        }
        while !self.shutdown.is_requested() {
            if self.turn() == 0 && self.help() == 0 {
                self.rest();
            }
        }
        self.finish();
    }

    #[inline]
    fn turn(&mut self) -> usize {
        let work = turn(&mut self.stages);
        if work > 0 {
            self.idle.reset();
            wake_all(&self.others);
        }
        work
    }

    /// What its own stages have left of the turn.
    #[inline]
    fn help(&mut self) -> usize {
        self.spare.as_mut().map_or(0, |stage| stage.help())
    }

    /// Rests as the strategy says. Before it parks it looks for work once more; returns the work done then.
    #[inline]
    fn rest(&mut self) -> usize {
        let stages = &self.stages;
        let hurry = || {
            let hurries = stages.iter().map(|stage| stage.hurry());
            hurries.max().unwrap_or(Hurry::Usual)
        };
        match self.idle.rest(hurry, Instant::now) {
            Rest::Spin => std::hint::spin_loop(),
            Rest::Yield => thread::yield_now(),
            Rest::Sleep(timeout) => self.parker.park(timeout, |watch| {
                for stage in stages {
                    stage.watch(watch);
                }
            }),
            Rest::Nap(time) => self.parker.park(time, |_| {}),
            Rest::Park(timeout) => {
                self.parker.announce();
                let work = self.turn();
                if work > 0 {
                    self.parker.retract();
                    return work;
                }
                let stages = &self.stages;
                self.parker.park(timeout, |watch| {
                    for stage in stages {
                        stage.watch(watch);
                    }
                });
            }
        }
        0
    }

    /// Works on until no thread has anything left to do.
    fn finish(&mut self) {
        let drain = Arc::clone(&self.drain);
        let deadline = Instant::now() + drain.time;
        while self.shutdown.failure().is_none() && !drain.finished.load(Ordering::SeqCst) {
            let generation = drain.begin(self.index);
            let work = self.turn();
            let waiting = self
                .stages
                .iter()
                .find(|stage| !stage.is_drained())
                .map(|stage| stage.name());
            if work > 0 {
                drain.worked();
            } else if waiting.is_none() && drain.idle(self.index, generation) {
                break;
            }
            if Instant::now() >= deadline {
                let names: Vec<_> = self.stages.iter().map(|stage| stage.name()).collect();
                let who = waiting.map_or_else(|| names.join("+"), str::to_owned);
                self.shutdown.fail(format!(
                    "{who} did not finish its work within {:?} of the request to stop",
                    drain.time
                ));
            } else if work == 0 && self.rest() > 0 {
                drain.worked();
            }
        }
    }
}

/// How threads find out together that nothing is left: each works on until all of them have had a turn without work that
/// began after the last turn with work of any of them had ended.
struct Drain {
    time: Duration,
    /// Turns with work so far.
    generation: AtomicU64,
    /// For each thread, the generation in which its last turn was idle; [`BUSY`] during a turn and after one with work.
    idle_in: Vec<AtomicU64>,
    finished: AtomicBool,
}

const BUSY: u64 = u64::MAX;

impl Drain {
    fn new(threads: usize, time: Duration) -> Self {
        Self {
            time,
            generation: AtomicU64::new(0),
            idle_in: (0..threads).map(|_| AtomicU64::new(BUSY)).collect(),
            finished: AtomicBool::new(false),
        }
    }

    /// A turn begins.
    fn begin(&self, thread: usize) -> u64 {
        self.idle_in[thread].store(BUSY, Ordering::SeqCst);
        self.generation.load(Ordering::SeqCst)
    }

    /// It had work.
    fn worked(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// It had none; true when nobody has any left.
    fn idle(&self, thread: usize, generation: u64) -> bool {
        self.idle_in[thread].store(generation, Ordering::SeqCst);
        let all = self
            .idle_in
            .iter()
            .all(|idle| idle.load(Ordering::SeqCst) == generation);
        let finished = all && self.generation.load(Ordering::SeqCst) == generation;
        if finished {
            self.finished.store(true, Ordering::SeqCst);
        }
        finished
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests;
