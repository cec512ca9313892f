//! A subscriber that a person waits for: joins, says what is wrong, ends on Ctrl-C.

use super::Failure;
use super::options::Common;
use feed_handler::arbiter::Start;
use feed_handler::clock::Clock;
use feed_handler::interrupt::Interrupt;
use feed_handler::receiver::Receiver;
use feed_handler::recovery::RecoveryFailure;
use feed_handler::secure::DoorConnect;
use feed_handler::{Market, Observer, State, Subscriber};
use protocol::soup::REJECT_NOT_AUTHORIZED;
use std::time::Duration;

/// Without work for this long, the thread rests between polls; the sockets hold what comes meanwhile.
const SPIN_NS: u64 = 50_000;
const REST: Duration = Duration::from_micros(500);

/// A subscriber over sockets.
pub(crate) type Following = Subscriber<Receiver, DoorConnect>;

/// A subscriber, its clock, and the wish to stop.
pub(crate) struct Feed<'a> {
    common: &'a Common,
    pub(crate) subscriber: Following,
    clock: Clock,
    interrupt: Interrupt,
    worked_ns: u64,
    told: State,
}

impl<'a> Feed<'a> {
    /// Joins the lines and listens for Ctrl-C.
    pub(crate) fn open(common: &'a Common, start: Start) -> Result<Self, Failure> {
        Self::follow(common, start, false)
    }

    /// The same for who wants the market as it is now: by a snapshot, where the options name the service.
    pub(crate) fn open_now(common: &'a Common) -> Result<Self, Failure> {
        Self::follow(common, Start::At(1), true)
    }

    fn follow(common: &'a Common, start: Start, may_snapshot: bool) -> Result<Self, Failure> {
        let trust = common.tls.trust().map_err(Failure::Usage)?;
        let subscriber = Subscriber::through(&common.subscriber(start, may_snapshot)?, trust.as_ref())?;
        let interrupt = Interrupt::listen().map_err(|source| Failure::File {
            what: "cannot listen for signals".to_owned(),
            source,
        })?;
        Ok(Self {
            common,
            subscriber,
            clock: Clock::new(),
            interrupt,
            worked_ns: 0,
            told: State::Live,
        })
    }

    /// Nanoseconds since it was opened.
    pub(crate) fn now_ns(&self) -> u64 {
        self.clock.now_ns()
    }

    /// True after Ctrl-C.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupt.is_asked()
    }

    /// One poll, and a rest when there is nothing to do. Answers whether there was something.
    pub(crate) fn turn(&mut self, observer: &mut impl Observer) -> bool {
        let now_ns = self.clock.now_ns();
        if self.subscriber.poll_with(now_ns, observer) > 0 {
            self.worked_ns = now_ns;
            return true;
        }
        if now_ns.saturating_sub(self.worked_ns) < SPIN_NS {
            std::thread::yield_now();
        } else {
            std::thread::sleep(REST);
        }
        false
    }

    /// Polls until the market is whole, and live or at the end of its session.
    pub(crate) fn join(&mut self, observer: &mut impl Observer) -> Result<(), Failure> {
        let wait_ns = self.common.wait.as_nanos() as u64;
        let mut progress = (self.subscriber.next_sequence(), 0);
        loop {
            self.turn(observer);
            if self.is_interrupted() {
                return Err(Failure::Interrupted);
            }
            if let Some(error) = self.subscriber.market().overflow() {
                return Err(Failure::Untrusted(format!(
                    "{error}: more --max-orders or --max-levels are needed to follow this market"
                )));
            }
            if self.subscriber.has_joined() && matches!(self.subscriber.state(), State::Live | State::Ended) {
                self.tell_state();
                return Ok(());
            }
            let now_ns = self.now_ns();
            let next = self.subscriber.next_sequence();
            if next != progress.0 {
                progress = (next, now_ns);
            }
            let failure = self.subscriber.recovery_failure();
            let hopeless = failure.is_some_and(RecoveryFailure::is_final);
            if hopeless || now_ns.saturating_sub(progress.1) >= wait_ns {
                return Err(self.explain(failure));
            }
        }
    }

    /// Tells on the error output when the market stops or begins to be trustworthy, and when its session has ended; to be
    /// called between polls.
    pub(crate) fn tell_state(&mut self) {
        let state = self.subscriber.state();
        let told = core::mem::replace(&mut self.told, state);
        match state {
            _ if state == told => {}
            State::Stale => eprintln!("feed-handler: {}", self.stale_text()),
            State::Ended => eprintln!("feed-handler: the session has ended"),
            State::Live | State::Recovering if told == State::Stale => {
                eprintln!("feed-handler: the feed is back");
            }
            State::Live | State::Recovering => {}
        }
    }

    /// The end of a stream: an error when it cannot be trusted now.
    pub(crate) fn check_trust(&self) -> Result<(), Failure> {
        if self.subscriber.state() == State::Stale && !self.subscriber.is_complete() {
            return Err(Failure::Untrusted(self.stale_text()));
        }
        Ok(())
    }

    /// The locate of a symbol.
    pub(crate) fn find(&self, symbol: &str) -> Result<u16, Failure> {
        find(self.subscriber.market(), symbol)
    }

    fn stale_text(&self) -> String {
        let subscriber = &self.subscriber;
        if let Some(error) = subscriber.market().overflow() {
            return format!(
                "STALE: {error}: more --max-orders or --max-levels are needed to follow this market"
            );
        }
        match (subscriber.behind(), subscriber.recovery_failure()) {
            (0, _) => format!("STALE: silence on {}; waiting", self.lines_text()),
            (behind, Some(failure)) => {
                format!("STALE: {behind} messages behind, recovery: {failure}; trying on")
            }
            (behind, None) => format!("STALE: {behind} messages behind, and no recovery"),
        }
    }

    fn lines_text(&self) -> String {
        let Common { a, b, interface, .. } = self.common;
        match b.0 {
            Some(b) => format!("{a} (A) and {b} (B), interface {interface}"),
            None => format!("{a} (A), interface {interface}"),
        }
    }

    fn explain(&self, failure: Option<RecoveryFailure>) -> Failure {
        let lines = self.lines_text();
        let recovery = match (self.common.snapshot.0, self.common.recovery.0) {
            (Some(address), _) if self.subscriber.waits_for_snapshot() => {
                let service = format!("the snapshot service {address}");
                let failure =
                    failure.map_or("it sends nothing whole".to_owned(), |failure| failure.to_string());
                return Failure::CannotJoin(format!(
                    "cannot join: {service}: {failure}. Check --snapshot, or leave it out to replay the day"
                ));
            }
            (_, Some(address)) => format!("the recovery service {address}"),
            (_, None) => "recovery (--recovery off)".to_owned(),
        };
        if let Some(failure @ RecoveryFailure::Rejected(reason)) = failure {
            let advice = if reason == REJECT_NOT_AUTHORIZED {
                "Give the right --username and --password"
            } else {
                "The first messages asked for are no longer kept there, or not published yet; \
                 `record --from now` needs no replay"
            };
            return Failure::CannotJoin(format!("cannot join: {recovery}: {failure}. {advice}."));
        }
        if let Some(failure @ RecoveryFailure::Untrusted(_)) = failure {
            return Failure::CannotJoin(format!("cannot join: {recovery}: {failure}."));
        }
        if !self.subscriber.has_heard() {
            return Failure::NobodyPublishes(match failure {
                None if self.common.recovery.0.is_some() => format!(
                    "nothing is heard on {lines}, while {recovery} answers. \
                     Check --a, --b, --interface, and that no firewall drops the groups"
                ),
                None => format!(
                    "nobody publishes on {lines}. Is the exchange running? Check --a, --b, --interface"
                ),
                Some(failure) => format!(
                    "nobody publishes on {lines}, and {recovery} does not help ({failure}). \
                     Start the exchange with `exchange run`, or give --a, --b, --recovery, --interface as it has them"
                ),
            });
        }
        let (known, behind) = (self.subscriber.known_sequence(), self.subscriber.behind());
        let next = self.subscriber.next_sequence().unwrap_or(1);
        Failure::CannotJoin(match failure {
            _ if behind == 0 && next > 1 => format!(
                "cannot join at message {next}: the lines have not come that far. Give a smaller --from, or wait"
            ),
            Some(failure) => format!(
                "cannot join: messages {next} to {} have passed, and {recovery}: {failure}. Check --recovery",
                known - 1
            ),
            None => format!(
                "cannot join: messages {next} to {} have passed, and {recovery} does not send them. \
                 Check --recovery",
                known - 1
            ),
        })
    }
}

/// The locate of a symbol.
pub(crate) fn find(market: &Market, symbol: &str) -> Result<u16, Failure> {
    let found = protocol::units::Symbol::new(symbol).and_then(|symbol| market.find(symbol.0));
    found.ok_or_else(|| {
        let known: Vec<_> = market
            .instruments()
            .map(|instrument| instrument.symbol())
            .collect();
        Failure::NoInstrument(format!(
            "there is no instrument {symbol:?}; the feed has {}",
            if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            }
        ))
    })
}
