//! The client's side of retransmission over UDP: when to ask for what is missing, what for, and when to leave it to gap
//! recovery over TCP.
//!
//! A request is one MoldUDP64 packet, its answer another: a hole of some messages is filled within a round trip, without a
//! connection. Either may be lost, and whoever is not known there is never answered. So the first missing message is asked
//! for a few times, each after a while, and then no more; large gaps are not asked for at all.
//!
//! Lives here: tries and their time limits; time is an argument. Must not be here: sockets ([`crate::retransmission_link`]).

use core::ops::Range;
use protocol::packet::RequestPacket;
use protocol::text::SessionName;

/// How much is asked for, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetransmissionConfig {
    /// More missing messages than this are left to gap recovery.
    pub messages_max: u64,
    /// Requests for the same message.
    pub tries_max: u32,
    /// How long an answer may take, nanoseconds.
    pub timeout_ns: u64,
    /// After a gap in which nothing was answered, nothing is asked for this long, nanoseconds.
    pub rest_ns: u64,
}

impl Default for RetransmissionConfig {
    /// 256 messages, twice, 5 ms each; a rest of 2 s.
    fn default() -> Self {
        Self {
            messages_max: 256,
            tries_max: 2,
            timeout_ns: 5_000_000,
            rest_ns: 2_000_000_000,
        }
    }
}

/// What to do about a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send this.
    Ask(RequestPacket),
    /// The answer may still come.
    Wait,
    /// Leave it to gap recovery.
    Leave,
}

/// A gap as it is now.
#[derive(Debug, Clone)]
pub struct Gap {
    /// Its session.
    pub session: SessionName,
    /// The first messages that are missing, up to one that is there.
    pub hole: Range<u64>,
    /// All that are missing.
    pub missing: u64,
    /// It can be left to gap recovery.
    pub can_leave: bool,
}

/// Counts of requests over UDP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RetransmissionStatistics {
    /// Requests made.
    pub requests: u64,
    /// Of these, for a message that had been asked for.
    pub repeated: u64,
    /// Answers.
    pub answers: u64,
    /// Messages in them, those that were there already included.
    pub messages: u64,
    /// Datagrams that are no answer, dropped.
    pub foreign: u64,
    /// Gaps that were left to gap recovery after they had been asked for.
    pub left: u64,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    from: u64,
    since_ns: u64,
    tries: u32,
}

/// Asks.
#[derive(Debug)]
pub struct Requester {
    config: RetransmissionConfig,
    asked: Option<Asked>,
    /// The gap at hand is gap recovery's.
    is_left: bool,
    /// Something of the gap at hand was answered.
    is_answered: bool,
    rest_until_ns: u64,
    statistics: RetransmissionStatistics,
}

impl Requester {
    /// Nothing is missing.
    pub fn new(config: RetransmissionConfig) -> Self {
        Self {
            config,
            asked: None,
            is_left: false,
            is_answered: false,
            rest_until_ns: 0,
            statistics: RetransmissionStatistics::default(),
        }
    }

    /// A gap is open: what is to be done about it now?
    pub fn step(&mut self, gap: &Gap, now_ns: u64) -> Step {
        if gap.can_leave && (self.is_left || gap.missing > self.config.messages_max) {
            return self.leave();
        }
        if now_ns < self.rest_until_ns {
            return if gap.can_leave { self.leave() } else { Step::Wait };
        }
        let tries = match self.asked {
            Some(asked) if asked.from != gap.hole.start => 0,
            Some(asked) if now_ns.saturating_sub(asked.since_ns) < self.config.timeout_ns => {
                return Step::Wait;
            }
            Some(asked) if asked.tries >= self.config.tries_max => {
                self.give_up(now_ns);
                return if gap.can_leave { Step::Leave } else { Step::Wait };
            }
            Some(asked) => asked.tries,
            None => 0,
        };
        self.asked = Some(Asked {
            from: gap.hole.start,
            since_ns: now_ns,
            tries: tries + 1,
        });
        self.statistics.requests += 1;
        self.statistics.repeated += u64::from(tries > 0);
        let count = u16::try_from(gap.hole.end - gap.hole.start).unwrap_or(u16::MAX);
        Step::Ask(RequestPacket::new(gap.session, gap.hole.start, count))
    }

    /// An answer came, with so many messages.
    pub fn answered(&mut self, messages: u64) {
        self.is_answered = true;
        self.statistics.answers += 1;
        self.statistics.messages += messages;
    }

    /// A datagram came that is no answer.
    pub fn foreign(&mut self) {
        self.statistics.foreign += 1;
    }

    /// The socket says that nobody answers there.
    pub fn failed(&mut self, now_ns: u64) {
        if self.asked.is_some() {
            self.give_up(now_ns);
        }
    }

    /// Nothing is missing any more.
    pub fn done(&mut self) {
        (self.asked, self.is_left, self.is_answered) = (None, false, false);
    }

    /// True while an answer may come.
    pub fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    /// Counts so far.
    pub fn statistics(&self) -> &RetransmissionStatistics {
        &self.statistics
    }

    fn leave(&mut self) -> Step {
        self.is_left = true;
        self.asked = None;
        Step::Leave
    }

    fn give_up(&mut self, now_ns: u64) {
        self.leave();
        self.statistics.left += 1;
        if !self.is_answered {
            self.rest_until_ns = now_ns.saturating_add(self.config.rest_ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: SessionName = *b"ITCH000001";
    const CONFIG: RetransmissionConfig = RetransmissionConfig {
        messages_max: 50,
        tries_max: 2,
        timeout_ns: 100,
        rest_ns: 1_000,
    };

    fn gap(hole: Range<u64>, missing: u64) -> Gap {
        Gap {
            session: SESSION,
            hole,
            missing,
            can_leave: true,
        }
    }

    fn ask(from: u64, count: u16) -> Step {
        Step::Ask(RequestPacket::new(SESSION, from, count))
    }

    #[test]
    fn a_hole_is_asked_for_and_the_next_one_when_it_is_filled() {
        let mut requester = Requester::new(CONFIG);
        assert!(!requester.is_asking());
        assert_eq!(requester.step(&gap(5..9, 7), 10), ask(5, 4));
        assert_eq!(requester.step(&gap(5..9, 7), 109), Step::Wait);
        requester.answered(4);
        assert_eq!(requester.step(&gap(20..23, 3), 60), ask(20, 3), "at once");
        requester.answered(3);
        requester.done();
        assert!(!requester.is_asking());
        let expected = RetransmissionStatistics {
            requests: 2,
            answers: 2,
            messages: 7,
            ..RetransmissionStatistics::default()
        };
        assert_eq!(*requester.statistics(), expected);
    }

    #[test]
    fn a_part_of_an_answer_is_asked_for_the_rest() {
        let mut requester = Requester::new(CONFIG);
        assert_eq!(requester.step(&gap(5..45, 40), 0), ask(5, 40));
        requester.answered(36);
        assert_eq!(requester.step(&gap(41..45, 4), 1), ask(41, 4));
    }

    #[test]
    fn what_is_not_answered_is_asked_for_again_and_then_left() {
        let mut requester = Requester::new(CONFIG);
        assert_eq!(requester.step(&gap(5..9, 4), 0), ask(5, 4));
        assert_eq!(requester.step(&gap(5..9, 4), 100), ask(5, 4));
        assert_eq!(requester.step(&gap(5..9, 4), 199), Step::Wait);
        assert_eq!(requester.step(&gap(5..9, 4), 200), Step::Leave);
        assert_eq!(
            requester.step(&gap(5..9, 4), 5_000),
            Step::Leave,
            "until it is mended"
        );
        assert_eq!(requester.step(&gap(7..9, 2), 5_000), Step::Leave);
        requester.done();
        assert_eq!(requester.step(&gap(90..91, 1), 5_001), ask(90, 1));
        let statistics = requester.statistics();
        assert_eq!(
            (statistics.requests, statistics.repeated, statistics.left),
            (3, 1, 1)
        );
    }

    #[test]
    fn who_never_answers_is_left_alone_for_a_while() {
        let mut requester = Requester::new(CONFIG);
        for now_ns in [0, 100] {
            assert_eq!(requester.step(&gap(5..6, 1), now_ns), ask(5, 1));
        }
        assert_eq!(requester.step(&gap(5..6, 1), 200), Step::Leave);
        requester.done();
        assert_eq!(requester.step(&gap(8..9, 1), 1_199), Step::Leave);
        requester.done();
        assert_eq!(requester.step(&gap(8..9, 1), 1_200), ask(8, 1));
        // Who has answered something is asked in the next gap at once.
        requester.answered(1);
        assert_eq!(requester.step(&gap(9..10, 1), 1_201), ask(9, 1));
        assert_eq!(requester.step(&gap(9..10, 1), 1_301), ask(9, 1));
        assert_eq!(requester.step(&gap(9..10, 1), 1_401), Step::Leave);
        requester.done();
        assert_eq!(requester.step(&gap(12..13, 1), 1_402), ask(12, 1));
    }

    #[test]
    fn a_refusal_is_no_waiting() {
        let mut requester = Requester::new(CONFIG);
        requester.failed(0);
        assert_eq!(
            requester.step(&gap(5..6, 1), 0),
            ask(5, 1),
            "nothing was asked before"
        );
        requester.failed(1);
        assert_eq!(requester.step(&gap(5..6, 1), 2), Step::Leave);
    }

    #[test]
    fn large_gaps_are_not_asked_for() {
        let mut requester = Requester::new(CONFIG);
        assert_eq!(requester.step(&gap(5..6, 51), 0), Step::Leave);
        assert_eq!(
            requester.step(&gap(50..52, 2), 0),
            Step::Leave,
            "what is left of it"
        );
        assert_eq!(requester.statistics().requests, 0);
        requester.done();
        assert_eq!(requester.step(&gap(60..110, 50), 0), ask(60, 50));
    }

    #[test]
    fn where_there_is_nothing_else_it_is_tried_on() {
        let mut requester = Requester::new(CONFIG);
        let alone = |hole: Range<u64>, missing| Gap {
            can_leave: false,
            ..gap(hole, missing)
        };
        assert_eq!(requester.step(&alone(5..100, 95), 0), ask(5, 95));
        assert_eq!(requester.step(&alone(5..100, 95), 100), ask(5, 95));
        assert_eq!(requester.step(&alone(5..100, 95), 200), Step::Wait);
        assert_eq!(requester.step(&alone(5..100, 95), 1_199), Step::Wait);
        assert_eq!(requester.step(&alone(5..100, 95), 1_200), ask(5, 95));
        assert_eq!(requester.step(&alone(5..80_000, 79_995), 1_300), ask(5, u16::MAX));
    }
}
