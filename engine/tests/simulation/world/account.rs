//! The final account: every version of what happened must agree.

use std::collections::BTreeMap;

use engine::assembly::{Final, Replay, StartError};
use engine::exchange::command::{CommandKind, FLAG_LOW_SPACE};
use engine::journal::{self, ReadOptions};
use engine::output::MessageSink;

use super::wire::Stream;
use super::{Digest, World, configuration, session_of};
use crate::book::Books;
use crate::coverage::Coverage;
use crate::customer::Fate;
use crate::hash_of;
use crate::statement::Statement;

/// What an order may outlive its time: turns take time, and the clock may have gone back.
const EXPIRY_SLACK_NS: u64 = 3_000_000_000;

/// What the journal says: every command, and every message by the command it comes from.
#[derive(Default)]
struct Told {
    command: u64,
    feed: Vec<Vec<u8>>,
    /// Number of the last feed message of each command.
    ends: Vec<u64>,
    sessions: BTreeMap<u32, Vec<Vec<u8>>>,
    /// Hash of each message, and its command.
    sources: BTreeMap<Option<u32>, Vec<(u64, u64)>>,
    /// Numbers that requests brought, by session.
    numbers: BTreeMap<u32, Vec<u32>>,
}

impl MessageSink for Told {
    fn feed(&mut self, sequence: u64, message: &[u8]) {
        self.feed.push(message.to_vec());
        assert_eq!(sequence, self.feed.len() as u64, "the feed has a hole");
        let source = (hash_of(message), self.command);
        self.sources.entry(None).or_default().push(source);
    }

    fn session(&mut self, session: u32, sequence: u64, message: &[u8]) {
        let stream = self.sessions.entry(session).or_default();
        stream.push(message.to_vec());
        assert_eq!(sequence, stream.len() as u64, "a stream has a hole");
        let source = (hash_of(message), self.command);
        self.sources.entry(Some(session)).or_default().push(source);
    }
}

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
        let books = self.compare_feed(&told);
        self.compare_books(&last, &books);
        let mut coverage = std::mem::take(&mut self.coverage);
        for customer in &self.customers {
            coverage.add(&customer.coverage);
        }
        self.count(&mut coverage);
        let streams = self.customers.iter().flat_map(|customer| &customer.stream);
        let told = streams
            .chain(&told.feed)
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

    /// The journal, applied again, gives the same state; its commands have times that ascend (P16) and numbers that are
    /// used once (P3).
    fn told(&self, last: &Final) -> Told {
        let mut replay = Replay::new(self.config.capacities.limits, 1);
        let mut told = Told::default();
        let mut time = 0;
        journal::replay(
            &mut self.outside.disk.copy(),
            ReadOptions::default(),
            |_| {},
            |command, expected| -> Result<(), StartError> {
                assert!(
                    command.time > time,
                    "command {}: time {} after {time}",
                    command.sequence,
                    command.time
                );
                time = command.time;
                told.command = command.sequence;
                let kind = CommandKind::from_byte(command.kind).expect("the journal was read");
                if matches!(
                    kind,
                    CommandKind::Enter
                        | CommandKind::Replace
                        | CommandKind::MassCancel
                        | CommandKind::DisableOrderEntry
                        | CommandKind::EnableOrderEntry
                ) {
                    let numbers = told.numbers.entry(command.session).or_default();
                    numbers.push(command.order().user_ref);
                }
                let mut low = self.low.iter();
                let is_low = low.any(|(from, to)| (from + 1..=*to).contains(&command.sequence));
                assert!(
                    !is_low || command.flags & FLAG_LOW_SPACE != 0,
                    "command {} was taken as if the disk were not nearly full",
                    command.sequence
                );
                replay.apply(command, expected, &mut told)?;
                told.ends.push(told.feed.len() as u64);
                Ok(())
            },
        )
        .unwrap_or_else(|error| panic!("the journal is not whole: {error}"));
        assert_eq!(
            replay.exchange.state_hash(),
            last.exchange.state_hash(),
            "the journal gives another state"
        );
        for (session, numbers) in &told.numbers {
            assert!(
                numbers.is_sorted_by(|one, other| one < other),
                "session {session}: a number was applied twice"
            );
        }
        told
    }

    /// What anybody was told, by whichever door and before whichever crash, is what the journal gives.
    fn compare_streams(&self, last: &Final, told: &Told) {
        let mut sources = BTreeMap::new();
        sources.insert(Stream::Feed, told.sources.get(&None).cloned().unwrap_or_default());
        for (index, customer) in self.customers.iter().enumerate() {
            let session = session_of(&last.exchange, &customer.username).expect("it is configured");
            let messages = told.sources.get(&Some(session)).cloned().unwrap_or_default();
            sources.insert(Stream::Customer(index), messages);
            let stream = told.sessions.get(&session).map_or(&[][..], Vec::as_slice);
            let pairs = stream.iter().zip(&customer.stream);
            let same = pairs.take_while(|(one, other)| one == other).count();
            assert_eq!(
                (same, same),
                (stream.len(), customer.stream.len()),
                "the stream of {} is the journal's up to message {same}; lengths by the journal, and received",
                customer.username
            );
        }
        self.wire.compare(&sources);
    }

    /// What customers think is what is: the fate of every request, their open orders, their money.
    fn compare_customers(&self, last: &Final, told: &Told) {
        for (index, customer) in self.customers.iter().enumerate() {
            let name = &customer.username;
            let session = session_of(&last.exchange, name).expect("it is configured");
            let account = last.exchange.session(session).expect("it was just found").account;
            let applied = told.numbers.get(&session).map_or(&[][..], Vec::as_slice);
            for (user_ref, fate) in &customer.fates {
                match fate {
                    Fate::Unknown => panic!("{name} does not know what became of request {user_ref}"),
                    Fate::Answered(_) => assert!(
                        applied.binary_search(user_ref).is_ok(),
                        "{name}: request {user_ref} was answered and never applied"
                    ),
                    Fate::PassedOver => assert!(
                        applied.binary_search(user_ref).is_err(),
                        "{name}: request {user_ref} was passed over and applied all the same"
                    ),
                }
            }
            assert!(
                applied.iter().all(|number| customer.fates.contains_key(number)),
                "{name} never sent what was applied in its name"
            );
            let statement = Statement::of(&configuration::TERMS, customer.stream.iter());
            // The exchange looks at its clock each turn; what was due long ago is over.
            let clock = (self.exchange_ns() - super::MIDNIGHT_NS).max(last.exchange.now());
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
            statement.compare(name, &configuration::deposits(index), &balances);
        }
    }

    /// Each subscriber's feed is the journal's, and its books were the feed's wherever they were looked at.
    fn compare_feed(&mut self, told: &Told) -> Books {
        let mut digests: BTreeMap<u64, u64> = BTreeMap::new();
        for handler in &mut self.handlers {
            digests.extend(handler.looked_at().map(|taken| (taken, 0)));
        }
        let mut books = Books::default();
        let mut ends = told.ends.iter().peekable();
        for taken in 0..=told.feed.len() as u64 {
            if let Some(digest) = digests.get_mut(&taken) {
                *digest = books.digest();
            }
            if ends.next_if(|end| **end == taken).is_some() {
                books.check_crossed();
                while ends.next_if(|end| **end == taken).is_some() {}
            }
            if let Some(message) = told.feed.get(taken as usize) {
                books.message(message);
            }
        }
        let hashes: Vec<u64> = told.feed.iter().map(|message| hash_of(message)).collect();
        let mut coverage = std::mem::take(&mut self.coverage);
        for handler in &self.handlers {
            handler.compare(&hashes, &digests, &mut coverage);
        }
        self.coverage = coverage;
        books
    }

    /// The feed's books are the exchange's displayed ones.
    fn compare_books(&self, last: &Final, books: &Books) {
        use engine::exchange::book::Side;
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
