//! The final account: every version of what happened must agree.

use std::collections::BTreeMap;

use engine::assembly::Final;
use engine::exchange::book::Side;
use engine::journal::{self, ReadOptions};
use engine::sequencer::TIME_MAX_NS;
use protocol::order_entry::{Answer, Response};

use super::answers;
use super::told::{Journal, Told};
use super::wire::{Stream, Whose};
use super::{Digest, Place, World, configuration, session_of};
use crate::attacker::NAME;
use crate::book::Books;
use crate::coverage::Coverage;
use crate::customer::{Answered, Fate, Question};
use crate::hash_of;
use crate::statement::Statement;

/// What an order may outlive its time: turns take time, and the clock may have gone back.
const EXPIRY_SLACK_NS: u64 = 3_000_000_000;

impl World {
    /// Every account of what happened must agree.
    pub(super) fn account(mut self) -> Digest {
        let exchange = self.exchange.take().expect("it runs");
        let last = exchange.stop().expect("it ends in order");
        self.watch();
        assert!(last.is_equal(), "engine and replica have different states");
        last.exchange
            .check_invariants()
            .unwrap_or_else(|error| panic!("books and balances: {error}"));
        let told = self.told(&last);
        self.compare_streams(&last, &told);
        self.compare_customers(&last, &told);
        self.compare_attacker(&last, &told);
        self.compare_money(&last, &told);
        let books = self.compare_feed(&told);
        self.compare_books(&last, &books);
        let mut coverage = std::mem::take(&mut self.coverage);
        for customer in &self.customers {
            coverage.add(&customer.coverage);
        }
        if let Some(attacker) = &self.attacker {
            coverage.add(&attacker.coverage);
        }
        coverage.add(&told.coverage);
        self.count(&mut coverage);
        let days = self.customers.iter().flat_map(|customer| &customer.days);
        let streams = days.flat_map(|day| &day.stream);
        let told = streams
            .chain(told.days.values().flat_map(|day| &day.feed))
            .fold(0_u64, |hash, message| hash.rotate_left(7) ^ hash_of(message));
        Digest {
            hash: self.wire.hash ^ told.rotate_left(32) ^ last.exchange.state_hash(),
            commands: last.exchange.sequence(),
            coverage,
        }
    }

    fn count(&self, coverage: &mut Coverage) {
        let counters = self.outside.network.counters();
        for (case, count) in [
            ("datagrams lost", counters.lost),
            ("datagrams doubled", counters.duplicated),
            ("datagrams reordered", counters.reordered),
            ("datagrams damaged", counters.damaged),
            ("datagrams cut short", counters.truncated),
            ("datagrams delayed", counters.delayed),
            ("datagrams stopped by a cut", counters.cut),
            ("datagrams watched", self.wire.datagrams),
            ("messages watched", self.wire.count()),
            ("seeds", 1),
            ("turns", self.turns),
        ] {
            coverage.count(case, count);
        }
    }

    /// The journal, applied again, gives the same state; its commands have times that ascend (P16), numbers that are used
    /// once (P3), and somebody who wanted them.
    fn told(&self, last: &Final) -> Told {
        let limits = self.config.capacities.limits;
        let mut journal = Journal::new(limits, super::MIDNIGHT_NS, self.outside.skips.clone(), &self.low);
        for customer in &self.customers {
            let session = session_of(&last.exchange, &customer.username).expect("it is configured");
            for answer in &customer.answers {
                journal.expect(session, answer);
            }
        }
        journal::replay(
            &mut self.outside.disk.clone(),
            ReadOptions::default(),
            |_| {},
            |command, expected| journal.apply(command, expected),
        )
        .unwrap_or_else(|error| panic!("the journal is not whole: {error}"));
        let (exchange, told) = journal.finish();
        assert_eq!(
            exchange.state_hash(),
            last.exchange.state_hash(),
            "the journal gives another state"
        );
        assert_eq!(
            exchange.skips(),
            self.skipped,
            "commands that the operator left out"
        );
        told
    }

    /// What anybody was told, by whichever door and before whichever crash, is what the journal gives.
    fn compare_streams(&self, last: &Final, told: &Told) {
        let mut sources = BTreeMap::new();
        for (day, of_day) in &told.days {
            let messages = of_day.sources.get(&None).cloned().unwrap_or_default();
            sources.insert(Stream::feed(*day), messages);
        }
        for (index, customer) in self.customers.iter().enumerate() {
            let session = session_of(&last.exchange, &customer.username).expect("it is configured");
            for (day, of_day) in &told.days {
                let messages = of_day.sources.get(&Some(session)).cloned().unwrap_or_default();
                let stream = Stream {
                    day: *day,
                    whose: Whose::Customer(index),
                };
                sources.insert(stream, messages);
            }
            for day in &customer.days {
                let by_journal = told.days.get(&day.number());
                let stream = by_journal.and_then(|told| told.sessions.get(&session));
                let stream = stream.map_or(&[][..], Vec::as_slice);
                let pairs = stream.iter().zip(&day.stream);
                let same = pairs.take_while(|(one, other)| one == other).count();
                // Whoever was away for long may have lost the end of a day.
                let is_whole = day.is_whole || day.number() == last.exchange.day();
                let length = if is_whole { stream.len() } else { same };
                assert_eq!(
                    (same, same),
                    (length, day.stream.len()),
                    "the stream of {} on day {} is the journal's up to message {same}; lengths by the journal, and received",
                    customer.username,
                    day.number()
                );
            }
        }
        if self.attacker.is_some() {
            let session = session_of(&last.exchange, NAME).expect("it is configured");
            for (day, of_day) in &told.days {
                let messages = of_day.sources.get(&Some(session)).cloned().unwrap_or_default();
                sources.insert(Stream::attacker(*day), messages);
            }
        }
        self.wire.compare(&sources);
    }

    /// What customers think is what is: the fate of every request, their open orders, their money, their answers.
    fn compare_customers(&self, last: &Final, told: &Told) {
        for (index, customer) in self.customers.iter().enumerate() {
            let name = &customer.username;
            let session = session_of(&last.exchange, name).expect("it is configured");
            let account = last.exchange.session(session).expect("it was just found").account;
            for day in &customer.days {
                let is_last = day.number() == last.exchange.day();
                let by_journal = told.days.get(&day.number());
                let applied = by_journal.and_then(|told| told.numbers.get(&session));
                let applied = applied.map_or(&[][..], Vec::as_slice);
                for (user_ref, fate) in &day.fates {
                    let is_applied = applied.binary_search(user_ref).is_ok();
                    match fate {
                        Fate::Unknown if is_last => {
                            panic!("{name} does not know what became of request {user_ref}")
                        }
                        // It was not answered, and never will be: the stream is over.
                        Fate::Unknown => assert!(
                            !day.is_whole || !is_applied,
                            "{name}: request {user_ref} was applied, and the day has ended without an answer"
                        ),
                        Fate::Answered(_) => assert!(
                            is_applied,
                            "{name}: request {user_ref} was answered and never applied"
                        ),
                        Fate::PassedOver => assert!(
                            !is_applied,
                            "{name}: request {user_ref} was passed over and applied all the same"
                        ),
                    }
                }
                assert!(
                    applied.iter().all(|number| day.fates.contains_key(number)),
                    "{name} never sent what was applied in its name"
                );
            }
            let asked = |kind: &str, count: u64, most: u64| {
                assert!(
                    count <= most,
                    "{name}: {count} {kind} in the journal, and it asked for {most}"
                );
            };
            let queries = told.queries.get(&session).copied().unwrap_or(0);
            if customer.queries == 0 {
                asked("account queries", queries, 0);
            }
            let logins = told.logins.get(&session).copied().unwrap_or(0);
            asked("connections", logins, customer.logins);

            let statement = judged_statement(name, session, told, &customer.answers);
            if !configuration::may_be_throttled(index) {
                check_order(name, session, told, &customer.answers);
            }
            // The exchange looks at its clock each turn; what was due long ago is over.
            let midnight_ns = last.exchange.midnight_ns().unwrap_or(super::MIDNIGHT_NS);
            let clock = self
                .exchange_ns()
                .saturating_sub(midnight_ns)
                // There an overdue day's clock stands still, until the day has ended.
                .min(TIME_MAX_NS)
                .max(last.exchange.now());
            statement.check_expiries(name, clock.saturating_sub(EXPIRY_SLACK_NS));
            let open: BTreeMap<u32, u32> = last
                .exchange
                .open_orders(account)
                .map(|order| (order.user_ref, order.open))
                .collect();
            assert_eq!(statement.open(), open, "{name}: open orders");
            assert_eq!(customer.entry.live_count(), open.len(), "{name}: live orders");
            let balances: Vec<_> = (0..3)
                .map(|asset| last.exchange.balance(account, asset))
                .collect();
            statement.compare(name, &told.transfers_of(account), &balances);
        }
    }

    /// Whatever it has tried, its open orders and its money are what its stream says.
    fn compare_attacker(&self, last: &Final, told: &Told) {
        if self.attacker.is_none() {
            return;
        }
        let session = session_of(&last.exchange, NAME).expect("it is configured");
        let account = last.exchange.session(session).expect("it was just found").account;
        let statement = judged_statement(NAME, session, told, &[]);
        let open: BTreeMap<u32, u32> = last
            .exchange
            .open_orders(account)
            .map(|order| (order.user_ref, order.open))
            .collect();
        assert_eq!(statement.open(), open, "{NAME}: open orders");
        let balances: Vec<_> = (0..3)
            .map(|asset| last.exchange.balance(account, asset))
            .collect();
        statement.compare(NAME, &told.transfers_of(account), &balances);
    }

    /// Money is neither made nor lost: what all have, and the exchange took, is what was paid in and not out.
    fn compare_money(&self, last: &Final, told: &Told) {
        for asset in 0..last.exchange.asset_count() {
            let accounts = 0..last.exchange.account_count();
            let (mut owned, mut paid) = (0, 0);
            for account in accounts {
                owned += last.exchange.balance(account, asset).total() as i128;
                paid += told.transfers_of(account)[asset as usize];
            }
            let fees = last.exchange.asset(asset).expect("it is below the count").fees;
            assert_eq!(
                owned + fees,
                paid,
                "asset {asset}: all that there is, and all that was paid in"
            );
        }
    }

    /// Each subscriber's feed is the journal's, and its books were the feed's wherever they were looked at. A day begins
    /// with the books that the day before ended with.
    fn compare_feed(&mut self, told: &Told) -> Books {
        let mut digests: BTreeMap<Place, u64> = BTreeMap::new();
        for handler in &mut self.handlers {
            digests.extend(handler.looked_at().map(|taken| (taken, 0)));
        }
        let mut books = Books::default();
        if let Some(digest) = digests.get_mut(&(0, 0)) {
            *digest = books.digest();
        }
        let mut feeds = BTreeMap::new();
        for (day, of_day) in &told.days {
            let mut ends = of_day.ends.iter().peekable();
            let before = std::mem::take(&mut books);
            let mut begins = *day > 1;
            for taken in 0..=of_day.feed.len() as u64 {
                if let Some(digest) = digests.get_mut(&(*day, taken)) {
                    *digest = books.digest();
                }
                if ends.next_if(|end| **end == taken).is_some() {
                    books.check_crossed();
                    while ends.next_if(|end| **end == taken).is_some() {}
                    if std::mem::take(&mut begins) {
                        assert_eq!(
                            books.lines(),
                            before.lines(),
                            "day {day} begins with other orders than rested when the day before ended"
                        );
                    }
                }
                if let Some(message) = of_day.feed.get(taken as usize) {
                    books.message(message);
                }
            }
            for (case, count) in [
                ("crosses", books.crosses),
                ("imbalances told", books.imbalances),
                ("pauses", books.pauses),
            ] {
                self.coverage.count(case, count);
            }
            let hashes: Vec<u64> = of_day.feed.iter().map(|message| hash_of(message)).collect();
            feeds.insert(*day, hashes);
        }
        let mut coverage = std::mem::take(&mut self.coverage);
        for handler in &self.handlers {
            handler.compare(&feeds, &digests, &mut coverage);
        }
        self.coverage = coverage;
        books
    }

    /// The feed's books are the exchange's displayed ones.
    fn compare_books(&self, last: &Final, books: &Books) {
        assert_eq!(books.symbols.len(), usize::from(last.exchange.instrument_count()));
        for locate in 1..=last.exchange.instrument_count() {
            for (side, byte) in [(Side::Buy, b'B'), (Side::Sell, b'S')] {
                let levels: BTreeMap<_, _> = last
                    .exchange
                    .levels(locate, side)
                    .map(|(price, quantity, _)| (price, quantity))
                    .collect();
                assert_eq!(
                    books.ladder(locate, byte),
                    levels,
                    "instrument {locate}, side {side:?}"
                );
            }
        }
    }
}

/// What a customer must have by all of its stream; on the way, what it was answered about its orders is judged.
fn judged_statement<'a>(name: &str, session: u32, told: &'a Told, answers: &[Answered]) -> Statement<'a> {
    let mut due: BTreeMap<Place, Vec<&Answered>> = BTreeMap::new();
    for answer in answers {
        let as_of = answers::as_of(&answer.messages);
        if !matches!(answer.question, Question::Ticker(_) | Question::Instruments) {
            assert!(
                as_of >= answer.known,
                "{name}: the answer to {:?} is as of {as_of}, and {} were acknowledged before",
                answer.question,
                answer.known
            );
        }
        if matches!(answer.question, Question::OrderStatus(_) | Question::OpenOrders) {
            due.entry((answer.day, as_of)).or_default().push(answer);
        }
    }
    let mut statement = Statement::new(&configuration::TERMS, &told.fees);
    for (day, of_day) in &told.days {
        statement.begin_day(*day);
        let stream = of_day.sessions.get(&session).map_or(&[][..], Vec::as_slice);
        for place in 0..=stream.len() {
            let answers = due.remove(&(*day, place as u64)).unwrap_or_default();
            for answer in answers {
                judge(name, &statement, answer);
            }
            if let Some(message) = stream.get(place) {
                statement.take(message);
            }
        }
    }
    statement.end_carrying();
    assert!(
        due.is_empty(),
        "{name}: answers as of messages that there never were: {due:?}"
    );
    statement
}

/// A question sees the requests that were sent before it over the same connection.
fn check_order(name: &str, session: u32, told: &Told, answers: &[Answered]) {
    for (day, of_day) in &told.days {
        let stream = of_day.sessions.get(&session).map_or(&[][..], Vec::as_slice);
        let mut places = BTreeMap::new();
        for (place, message) in (1_u64..).zip(stream) {
            let number = match Response::decode(message).expect("OUCH") {
                Response::Accepted(accepted, _) => accepted.user_ref_num.get(),
                Response::Replaced(replaced, _) => replaced.user_ref_num.get(),
                Response::Rejected(rejected, _) => rejected.user_ref_num.get(),
                _ => continue,
            };
            places.entry(number).or_insert(place);
        }
        for answer in answers.iter().filter(|answer| answer.day == *day) {
            let is_of_stream = !matches!(answer.question, Question::Ticker(_) | Question::Instruments);
            let place = places.get(&answer.behind).filter(|_| is_of_stream);
            let as_of = answers::as_of(&answer.messages);
            assert!(
                place.is_none_or(|place| *place <= as_of),
                "{name}: an answer is as of {as_of}, and request {} before it was answered at {place:?}",
                answer.behind
            );
        }
    }
}

/// An answer about orders is what the customer's own stream says.
fn judge(name: &str, statement: &Statement<'_>, answer: &Answered) {
    let mut open = BTreeMap::new();
    for message in &answer.messages {
        match Answer::decode(message).expect("it was taken") {
            Answer::OrderStatus(status) => {
                let Question::OrderStatus(asked) = answer.question else {
                    unreachable!("answers fit their questions");
                };
                let found = (
                    status.user_ref_num.get(),
                    status.open.get(),
                    status.executed.get(),
                );
                match statement.known(asked) {
                    // The last ones that ended are remembered, and no more.
                    Some(known) if status.state == b'U' => assert!(
                        (known.state != b'L' || known.user_ref != asked) && found == (asked, 0, 0),
                        "{name}: {known:?} is not known"
                    ),
                    Some(known) => assert_eq!(
                        (status.state, found),
                        (known.state, (known.user_ref, known.open, known.executed)),
                        "{name}: the status of {asked}"
                    ),
                    None => assert_eq!(
                        (status.state, found),
                        (b'U', (asked, 0, 0)),
                        "{name}: nothing is known of {asked}"
                    ),
                }
            }
            Answer::OpenOrder(order) if order.user_ref_num.get() > 0 => {
                open.insert(order.user_ref_num.get(), order.open.get());
            }
            _ => {}
        }
    }
    if answer.question == Question::OpenOrders {
        assert_eq!(open, statement.open(), "{name}: open orders, as answered");
    }
}
