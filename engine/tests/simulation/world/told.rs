//! What the journal says, applied once more: every message by the command it comes from, and what was wanted by whom.

use std::collections::BTreeMap;

use engine::assembly::{Replay, StartError};
use engine::exchange::command::{Command, CommandKind, FLAG_LOW_SPACE, whole};
use engine::exchange::{Exchange, Limits};
use engine::output::{MessageSink, Numbers};
use engine::poison::Skips;
use protocol::order_entry::Response;

use super::answers;
use super::permitted::Permitted;
use crate::coverage::Coverage;
use crate::customer::{Answered, Question};
use crate::hash_of;
use crate::statement::{Fees, Rates};

/// Assets of a simulated exchange.
pub(super) const ASSETS: usize = 3;

/// A day by the journal.
#[derive(Default)]
pub(super) struct Day {
    pub(super) feed: Vec<Vec<u8>>,
    /// Number of the last feed message of each command.
    pub(super) ends: Vec<u64>,
    pub(super) sessions: BTreeMap<u32, Vec<Vec<u8>>>,
    /// Hash of each message, and its command; of the feed, and by session.
    pub(super) sources: BTreeMap<Option<u32>, Vec<(u64, u64)>>,
    /// Numbers that requests brought, by session.
    pub(super) numbers: BTreeMap<u32, Vec<u32>>,
}

/// What the journal says: every command, and every message by the command it comes from.
#[derive(Default)]
pub(super) struct Told {
    command: u64,
    /// What it told: the session, or the feed, and the message.
    latest: Vec<(Option<u32>, Vec<u8>)>,
    day: u32,
    pub(super) days: BTreeMap<u32, Day>,
    pub(super) fees: Fees,
    /// Paid in and not out, by account and asset.
    transfers: BTreeMap<u32, [i128; ASSETS]>,
    /// Account queries, and connections that began, by session.
    pub(super) queries: BTreeMap<u32, u64>,
    pub(super) logins: BTreeMap<u32, u64>,
    pub(super) coverage: Coverage,
}

impl Told {
    pub(super) fn transfers_of(&self, account: u32) -> [i128; ASSETS] {
        self.transfers.get(&account).copied().unwrap_or_default()
    }

    fn today(&mut self) -> &mut Day {
        self.days.entry(self.day).or_default()
    }
}

impl MessageSink for Told {
    fn feed(&mut self, sequence: u64, message: &[u8]) {
        let source = (hash_of(message), self.command);
        self.latest.push((None, message.to_vec()));
        let today = self.today();
        today.feed.push(message.to_vec());
        assert_eq!(sequence, today.feed.len() as u64, "the feed has a hole");
        today.sources.entry(None).or_default().push(source);
    }

    fn session(&mut self, session: u32, sequence: u64, message: &[u8]) {
        let source = (hash_of(message), self.command);
        self.latest.push((Some(session), message.to_vec()));
        let today = self.today();
        let stream = today.sessions.entry(session).or_default();
        stream.push(message.to_vec());
        assert_eq!(sequence, stream.len() as u64, "a stream has a hole");
        today.sources.entry(Some(session)).or_default().push(source);
    }

    fn new_day(&mut self, day: u32, _ended: &Numbers) {
        assert_eq!(day, self.day + 1, "days have no holes");
        self.day = day;
        self.coverage.met("days that rolled");
        self.today();
    }
}

/// An answer that the state at some command must give.
struct Expected<'a> {
    session: u32,
    answered: &'a Answered,
    as_of: u64,
}

/// The journal on its way through another exchange.
pub(super) struct Journal<'a> {
    replay: Replay,
    told: Told,
    skips: Skips,
    low: &'a [(u64, u64)],
    first_midnight_ns: u64,
    /// Nanoseconds since 1970.
    moment_ns: u64,
    expected: Vec<Expected<'a>>,
    permitted: Permitted,
}

impl<'a> Journal<'a> {
    pub(super) fn new(limits: Limits, first_midnight_ns: u64, skips: Skips, low: &'a [(u64, u64)]) -> Self {
        let mut replay = Replay::new(limits, 1);
        replay.leave_out(skips.clone());
        Self {
            replay,
            told: Told {
                day: 1,
                ..Told::default()
            },
            skips,
            low,
            first_midnight_ns,
            moment_ns: 0,
            expected: Vec::new(),
            permitted: Permitted::default(),
        }
    }

    /// Some command must give this answer.
    pub(super) fn expect(&mut self, session: u32, answered: &'a Answered) {
        if !matches!(answered.question, Question::OrderStatus(_) | Question::OpenOrders) {
            self.expected.push(Expected {
                session,
                answered,
                as_of: answers::as_of(&answered.messages),
            });
        }
    }

    /// The next command.
    pub(super) fn apply(&mut self, command: &Command, expected: Option<u64>) -> Result<(), StartError> {
        let kind = CommandKind::from_byte(command.kind).expect("the journal was read");
        let is_low = self
            .low
            .iter()
            .any(|(from, to)| (from + 1..=*to).contains(&command.sequence));
        assert!(
            !is_low || command.flags & FLAG_LOW_SPACE != 0,
            "command {} was taken as if the disk were not nearly full",
            command.sequence
        );
        let told = &mut self.told;
        told.command = command.sequence;
        told.latest.clear();
        let is_skipped = self.skips.contains(command);
        if is_skipped {
            told.coverage.met("commands left out");
        }
        use CommandKind::{DisableOrderEntry, EnableOrderEntry, Enter, MassCancel, Replace};
        match kind {
            // The last number there is is refused each time, and never used.
            Enter | Replace | MassCancel | DisableOrderEntry | EnableOrderEntry
                if command.order().user_ref < u32::MAX =>
            {
                let numbers = told.today().numbers.entry(command.session).or_default();
                let number = command.order().user_ref;
                assert!(
                    numbers.last().is_none_or(|last| *last < number),
                    "session {}: number {number} was applied twice",
                    command.session
                );
                numbers.push(number);
            }
            CommandKind::AccountQuery => *told.queries.entry(command.session).or_default() += 1,
            CommandKind::ConnectionStart => *told.logins.entry(command.session).or_default() += 1,
            _ => {}
        }
        let (day, transfer) = (told.day, self.transfer(kind, command));
        let asks = self.replay.exchange.session(command.session);
        let asks = asks.map(|session| session.account);
        self.replay.apply(command, expected, &mut self.told)?;
        // What is left out is refused for that.
        if let Some(account) = asks.filter(|_| !is_skipped) {
            let Told { latest, coverage, .. } = &mut self.told;
            self.permitted.check(kind, command, account, latest, coverage);
        }
        let accounts = self.replay.exchange.account_count();
        self.permitted
            .note(kind, command, accounts, &mut self.told.coverage);
        self.check_time(command);
        if let Some((account, asset, total)) = transfer {
            let has = self.replay.exchange.balance(account, asset).total();
            assert_eq!(has, total, "account {account}, asset {asset}, after {kind:?}");
        }
        if self.told.day > day {
            self.check_carried();
        }
        self.note_fees(command.time);
        let told = &mut self.told;
        let end = told.today().feed.len() as u64;
        told.today().ends.push(end);
        self.meet_expected(command.sequence);
        Ok(())
    }

    /// The exchange as of the last command, and what it told. Every answer was given by some state.
    pub(super) fn finish(self) -> (Exchange, Told) {
        if let Some(Expected {
            session, answered, ..
        }) = self.expected.first()
        {
            panic!("session {session}: no state gives this answer: {answered:?}");
        }
        (self.replay.exchange, self.told)
    }

    /// Time ascends, over days too.
    fn check_time(&mut self, command: &Command) {
        let midnight_ns = self
            .replay
            .exchange
            .midnight_ns()
            .unwrap_or(self.first_midnight_ns);
        let moment_ns = midnight_ns + command.time;
        assert!(
            moment_ns > self.moment_ns,
            "command {}: {moment_ns} ns after {}",
            command.sequence,
            self.moment_ns
        );
        self.moment_ns = moment_ns;
    }

    /// What an account must have after money was paid in or out: all that is free can be paid out, and nothing more.
    fn transfer(&mut self, kind: CommandKind, command: &Command) -> Option<(u32, u32, u128)> {
        let transfer = command.transfer();
        let (account, asset, amount) = (transfer.account, transfer.asset, whole(transfer.amount));
        let before = self.replay.exchange.balance(account, asset);
        let change = match kind {
            CommandKind::Deposit => amount as i128,
            CommandKind::Withdraw if before.available >= amount => -(amount as i128),
            CommandKind::Withdraw => 0,
            _ => return None,
        };
        self.told.coverage.met(match change {
            0 => "withdrawals refused",
            1.. => "deposits",
            _ => "withdrawals",
        });
        let transfers = self.told.transfers.entry(account).or_default();
        transfers[asset as usize] += change;
        Some((account, asset, before.total().checked_add_signed(change)?))
    }

    /// Orders that the day before left have the first numbers of the new one.
    fn check_carried(&mut self) {
        let mut numbers = Vec::new();
        for message in self.told.today().sessions.values().flatten() {
            if let Ok(Response::Accepted(accepted, _)) = Response::decode(message) {
                numbers.push(accepted.order_reference_number.get());
            }
        }
        numbers.sort_unstable();
        assert!(
            numbers.iter().copied().eq(1..=numbers.len() as u64),
            "day {} begins with order numbers {numbers:?}",
            self.told.day
        );
    }

    fn note_fees(&mut self, time: u64) {
        let day = self.told.day;
        for locate in 1..=self.replay.exchange.instrument_count() {
            let instrument = self
                .replay
                .exchange
                .instrument(locate)
                .expect("it is below the count");
            let rates = Rates {
                maker_ppm: instrument.definition.maker_fee_ppm.into(),
                taker_ppm: instrument.definition.taker_fee_ppm.into(),
            };
            if self.told.fees.set(day, time, usize::from(locate) - 1, rates) {
                self.told.coverage.met("fees that were set or changed");
            }
        }
    }

    /// Answers that the state gives now were right, if it was durable when they were given.
    fn meet_expected(&mut self, sequence: u64) {
        let Self {
            replay,
            told,
            expected,
            ..
        } = self;
        let (exchange, encoder) = (&replay.exchange, &replay.encoder);
        expected.retain(|expected| {
            let Expected {
                session,
                answered,
                as_of,
            } = *expected;
            if answered.day != told.day || sequence > answered.durable {
                return true;
            }
            let is_there = match answered.question {
                Question::Ticker(_) => encoder.feed_next() - 1 == as_of,
                // It does not say which state it is.
                Question::Instruments => true,
                _ => encoder.session_next(session) - 1 == as_of,
            };
            let account = exchange.session(session).map(|session| session.account);
            let fits = account.is_some_and(|account| {
                is_there && answers::fits(exchange, account, answered).expect("it is judged here")
            });
            if fits {
                told.coverage.met("answers that fit a state");
            }
            !fits
        });
    }
}
