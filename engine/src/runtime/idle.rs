//! What a thread does when its stages have nothing to do.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use super::Hurry;

/// How long a parked thread looked for work before, and how long it sleeps at most. Spinning bridges the gaps of a busy
/// exchange; waking a sleeping thread costs 5 us or more. The sleep bounds what nothing wakes the thread for: timers.
const SPIN_TIME: Duration = Duration::from_micros(75);
/// The same while something is about to be finished: most syncs take less.
const SPIN_TIME_SOON: Duration = Duration::from_millis(1);
const PARK_TIME_MAX: Duration = Duration::from_micros(500);
/// How long a thread sleeps that nobody waits for.
const LEISURE_TIME: Duration = Duration::from_millis(1);
/// The same when nobody is there who could wait. Each look takes a core from somebody, where there are more threads than cores.
const SOLITUDE_TIME: Duration = Duration::from_millis(64);
/// The same when somebody waits who has time.
const CALM_TIME: Duration = Duration::from_micros(400);

/// Idle turns between two looks at the clock, which costs more (32 ns) than an idle turn.
const TURNS_PER_LOOK: u32 = 16;

/// What to do in a turn without work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleStrategy {
    /// Look again at once: the shortest latency, for a core that nobody else wants.
    Spin,
    /// Let other threads of the core run, then look again.
    Yield,
    /// Look again for 75 us, then sleep until there is work, 500 us at most.
    Park,
}

impl IdleStrategy {
    /// The strategy for a thread pinned to `core` (or not pinned). Spinning takes the core from everybody else, so it is
    /// for cores that the kernel keeps free.
    pub fn choose(core: Option<usize>, isolated: &[usize]) -> Self {
        match core {
            Some(core) if isolated.contains(&core) => Self::Spin,
            _ => Self::Park,
        }
    }
}

impl FromStr for IdleStrategy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "spin" => Ok(Self::Spin),
            "yield" => Ok(Self::Yield),
            "park" => Ok(Self::Park),
            _ => Err(format!("{text:?} is no idle strategy: spin, yield or park")),
        }
    }
}

impl fmt::Display for IdleStrategy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Spin => "spin",
            Self::Yield => "yield",
            Self::Park => "park",
        })
    }
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    Spin,
    Yield,
    /// Until there is work, so long at most.
    Park(Duration),
    /// So long, whatever other threads do; who comes from outside ends it.
    Sleep(Duration),
    /// So long, whatever happens.
    Nap(Duration),
}

/// Follows a strategy through idle turns.
#[derive(Debug)]
pub(super) struct Idle {
    strategy: IdleStrategy,
    turns: u32,
    since: Option<Instant>,
}

impl Idle {
    pub(super) fn new(strategy: IdleStrategy) -> Self {
        Self {
            strategy,
            turns: 0,
            since: None,
        }
    }

    /// There was work.
    #[inline]
    pub(super) fn reset(&mut self) {
        self.turns = 0;
        self.since = None;
    }

    /// There was none. `now` is asked every 16th time.
    #[inline]
    pub(super) fn rest(&mut self, hurry: impl FnOnce() -> Hurry, now: impl FnOnce() -> Instant) -> Rest {
        match self.strategy {
            IdleStrategy::Spin => Rest::Spin,
            IdleStrategy::Yield => Rest::Yield,
            IdleStrategy::Park => {
                // What is under way may need this core: a sync is a kernel's thread, which would wait for the end of our
                // time slice otherwise, some milliseconds.
                let (spin_time, look) = match hurry() {
                    Hurry::Solitude => return Rest::Sleep(SOLITUDE_TIME),
                    Hurry::Leisure => return Rest::Sleep(LEISURE_TIME),
                    // A connection that waits is not read on: what it has sent would end a sleep at once, again and again.
                    Hurry::Calm => return Rest::Nap(CALM_TIME),
                    Hurry::Usual => (SPIN_TIME, Rest::Spin),
                    Hurry::Soon => (SPIN_TIME_SOON, Rest::Yield),
                };
                self.turns = self.turns.wrapping_add(1);
                if !self.turns.is_multiple_of(TURNS_PER_LOOK) {
                    return look;
                }
                let now = now();
                let since = *self.since.get_or_insert(now);
                if now.duration_since(since) < spin_time {
                    return look;
                }
                // After the sleep one idle turn is enough to sleep again.
                self.turns = TURNS_PER_LOOK - 1;
                Rest::Park(PARK_TIME_MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_isolated_core_is_spun_on() {
        assert_eq!(IdleStrategy::choose(Some(3), &[2, 3]), IdleStrategy::Spin);
        assert_eq!(IdleStrategy::choose(Some(1), &[2, 3]), IdleStrategy::Park);
        assert_eq!(IdleStrategy::choose(None, &[2, 3]), IdleStrategy::Park);
    }

    #[test]
    fn strategies_are_written_as_they_are_read() {
        for strategy in [IdleStrategy::Spin, IdleStrategy::Yield, IdleStrategy::Park] {
            assert_eq!(strategy.to_string().parse(), Ok(strategy));
        }
        assert!(
            "sleep"
                .parse::<IdleStrategy>()
                .unwrap_err()
                .contains("spin, yield or park")
        );
    }

    #[test]
    fn park_spins_first_and_sleeps_on_until_there_is_work() {
        let start = Instant::now();
        let mut idle = Idle::new(IdleStrategy::Park);
        let rests = |idle: &mut Idle, count: usize, now: Instant| -> Vec<Rest> {
            (0..count).map(|_| idle.rest(|| Hurry::Usual, || now)).collect()
        };
        // The first look at the clock starts the time.
        assert_eq!(rests(&mut idle, 16, start), [Rest::Spin; 16]);
        assert_eq!(rests(&mut idle, 16, start + SPIN_TIME / 2), [Rest::Spin; 16]);
        let late = start + SPIN_TIME;
        assert_eq!(rests(&mut idle, 15, late), [Rest::Spin; 15]);
        assert_eq!(rests(&mut idle, 3, late), [Rest::Park(PARK_TIME_MAX); 3]);
        idle.reset();
        assert_eq!(rests(&mut idle, 31, late), [Rest::Spin; 31]);
    }

    #[test]
    fn what_is_about_to_be_finished_is_spun_for() {
        let start = Instant::now();
        let mut idle = Idle::new(IdleStrategy::Park);
        let mut last = |hurry, now| (0..16).map(|_| idle.rest(|| hurry, || now)).last();
        assert_eq!(last(Hurry::Soon, start), Some(Rest::Yield));
        assert_eq!(last(Hurry::Soon, start + 2 * SPIN_TIME), Some(Rest::Yield));
        assert_eq!(
            last(Hurry::Soon, start + SPIN_TIME_SOON),
            Some(Rest::Park(PARK_TIME_MAX))
        );
        assert_eq!(
            last(Hurry::Usual, start + 2 * SPIN_TIME),
            Some(Rest::Park(PARK_TIME_MAX)),
            "it has come"
        );
    }

    #[test]
    fn what_nobody_waits_for_sleeps_at_once() {
        let mut idle = Idle::new(IdleStrategy::Park);
        for _ in 0..3 {
            let rest = idle.rest(|| Hurry::Leisure, || unreachable!("no clock needed"));
            assert_eq!(rest, Rest::Sleep(LEISURE_TIME));
        }
        let alone = idle.rest(|| Hurry::Solitude, || unreachable!("no clock needed"));
        assert_eq!(alone, Rest::Sleep(SOLITUDE_TIME));
        let calm = idle.rest(|| Hurry::Calm, || unreachable!("no clock needed"));
        assert_eq!(calm, Rest::Nap(CALM_TIME));
        assert_eq!(idle.rest(|| Hurry::Usual, Instant::now), Rest::Spin);
    }

    #[test]
    fn the_others_never_look_at_the_clock() {
        for (strategy, rest) in [
            (IdleStrategy::Spin, Rest::Spin),
            (IdleStrategy::Yield, Rest::Yield),
        ] {
            let mut idle = Idle::new(strategy);
            for _ in 0..100 {
                let never = || unreachable!("no clock needed");
                assert_eq!(idle.rest(|| Hurry::Usual, never), rest);
            }
        }
    }
}
