//! A subscriber beside a load, on a thread of its own: it receives every message of the feed on both lines, puts them in
//! order without a hole (what the kernel dropped is recovered over TCP, and counted) and rebuilds the books. At the end it
//! has read up to the number that the exchange names, and its best prices are those that the exchange names.
//!
//! It is cheap on purpose, because it shares the machine with what is measured: it sleeps between its looks, so that nobody
//! has to wake it and a look takes many packets.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use feed_handler::arbiter::Start;
use feed_handler::clock::Clock;
use feed_handler::receiver::Receiver;
use feed_handler::recovery::Credentials;
use feed_handler::secure::DoorConnect;
use feed_handler::subscriber::SubscriberStatistics;
use feed_handler::{Capacity, Market, Observer, Retransmission, Subscriber, SubscriberConfig};
use protocol::market_data::FeedMessage;
use protocol::order_entry::own::Ticker;
use protocol::text::SessionName;
use serde_json::{Value, json};
use tls::Trust;

use crate::best::Best;
use crate::fleet::new_order;
use crate::instruments::Instruments;
use crate::latency::Latency;
use crate::latency::feed::FeedEnd;
use crate::market_statistics::{MarketReport, MarketStatistics};

/// Room in the books: a load leaves some thousand orders in them at most, and what is larger is colder.
const CAPACITY: Capacity = Capacity {
    instruments: 1_024,
    orders: 1 << 16,
    levels: 1 << 15,
};
/// Between two looks at lines that were empty. The sockets' buffers hold some tens of milliseconds at the highest rates.
const SLEEP: Duration = Duration::from_millis(1);
/// How long a hole may wait for the other line: a look passes both, but not at once.
const PATIENCE_NS: u64 = 5_000_000;
/// How long the beginning of the feed may take to come without progress.
const JOIN_PATIENCE_NS: u64 = 3_000_000_000;
/// How long the last messages may take.
const END_PATIENCE_NS: u64 = 20_000_000_000;

/// A subscriber over sockets.
type Following = Subscriber<Receiver, DoorConnect>;

/// Where the feed is.
#[derive(Debug, Clone)]
pub struct FeedLines {
    /// Line A.
    pub line_a: SocketAddrV4,
    /// Line B, unless it is off.
    pub line_b: Option<SocketAddrV4>,
    /// Address of the interface the groups are joined on.
    pub interface: Ipv4Addr,
    /// Gap recovery over TCP.
    pub recovery: SocketAddr,
    /// Snapshots over TCP: whoever comes late in the day takes the books from there. `None`: they are rebuilt from the first
    /// message on.
    pub snapshot: Option<SocketAddr>,
    /// Whom to believe there, where it is under TLS.
    pub trust: Option<Trust>,
    /// A login for it: off loopback that door asks for one.
    pub credentials: Credentials,
}

/// Times orders on the feed while it listens.
#[derive(Debug)]
pub struct Listening {
    /// Where it learns of the orders' acknowledgements.
    pub end: FeedEnd,
    /// The clock that they are timed by.
    pub clock: Clock,
    /// Between two looks at lines that were empty.
    pub sleep: Duration,
    /// What is seen of the market, if somebody wants to know.
    pub statistics: Option<MarketStatistics>,
}

/// What is timed, for somebody who asks now and then.
#[derive(Debug, Clone)]
pub struct FeedLatencies(Arc<Mutex<Listening>>);

impl FeedLatencies {
    /// The latencies since they were last taken.
    pub fn take(&self) -> Latency {
        std::mem::take(self.lock().end.joined.latency_mut())
    }

    /// What was seen of the market; `None` when nobody wanted to know.
    pub fn market(&self, instruments: &Instruments) -> Option<MarketReport> {
        let listening = self.lock();
        listening
            .statistics
            .as_ref()
            .map(|statistics| statistics.report(instruments))
    }

    fn lock(&self) -> MutexGuard<'_, Listening> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears the messages of one look.
struct Timing<'a>(&'a mut Listening);

impl Observer for Timing<'_> {
    fn session(&mut self, _session: SessionName) {
        self.0.end.joined.forget();
    }

    fn message(&mut self, sequence: u64, message: &[u8], market: &Market) {
        if let Some(statistics) = &mut self.0.statistics {
            statistics.message(sequence, message, market);
        }
        // Most messages are of other types, and need not be read twice.
        if !matches!(message.first(), Some(b'A' | b'F' | b'U')) {
            return;
        }
        let number = FeedMessage::decode(message)
            .ok()
            .and_then(|message| new_order(&message));
        if let Some(number) = number.filter(|number| self.0.end.is_sampled(*number)) {
            let now_ns = self.0.clock.now_ns();
            self.0.end.joined.seen(number, now_ns);
        }
    }
}

/// The subscriber at work.
#[derive(Debug)]
pub struct FeedCheck {
    shared: Arc<Shared>,
    thread: JoinHandle<Following>,
    /// From a snapshot or from the first message on, so that the books are known.
    has_books: bool,
    latencies: Option<FeedLatencies>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    /// The number of the next message, and whether the stream is whole up to what is known.
    next: AtomicU64,
    /// Messages of the snapshot so far.
    snapshot: AtomicU64,
    has_joined: AtomicBool,
}

/// What was heard.
#[derive(Debug)]
pub struct FeedFigures {
    /// The number of the last message in order: what came before the load, or is in the snapshot, included.
    pub messages: u64,
    /// Messages in order while the load ran.
    pub during_load: u64,
    /// Counts of the subscriber.
    pub statistics: SubscriberStatistics,
    /// Messages that do not fit: malformed, of an unknown type, or about an order that the book does not have.
    pub misfits: u64,
    /// Executions that the feed tells.
    pub trades: u64,
    /// Instruments whose best prices are those that the exchange named; `None` when that could not be compared, because
    /// somebody traded meanwhile or the beginning of the feed is not kept any more.
    pub best_prices_equal: Option<bool>,
    /// Everything up to the number that the exchange named.
    pub is_whole: bool,
    market: Market,
}

impl FeedCheck {
    /// Begins to listen, and returns when the stream is whole so far. From a snapshot on, else from its first message on, or,
    /// where recovery does not have that any more, from now on; then there are no books to compare.
    ///
    /// # Errors
    /// A line can not be listened to, or no publisher is heard.
    pub fn start(lines: &FeedLines) -> Result<Self, String> {
        Self::begin(lines, None)
    }

    /// As [`FeedCheck::start`]; times the orders of which `listening` is told, too.
    ///
    /// # Errors
    /// As there.
    pub fn measuring(lines: &FeedLines, listening: Listening) -> Result<Self, String> {
        Self::begin(lines, Some(FeedLatencies(Arc::new(Mutex::new(listening)))))
    }

    /// What is timed; `None` unless it began with [`FeedCheck::measuring`].
    pub fn latencies(&self) -> Option<FeedLatencies> {
        self.latencies.clone()
    }

    fn begin(lines: &FeedLines, latencies: Option<FeedLatencies>) -> Result<Self, String> {
        let by_snapshot = lines.snapshot.map(|_| (lines.snapshot, Start::Now, true));
        let others = [(None, Start::At(1), true), (None, Start::Now, false)];
        for (snapshot, start, has_books) in by_snapshot.into_iter().chain(others) {
            let check = Self::follow(lines, snapshot, start, latencies.clone())?;
            if check.joins() {
                return Ok(Self { has_books, ..check });
            }
            // Where nobody speaks, another beginning helps nothing.
            if !check.end().has_heard() {
                break;
            }
        }
        Err(format!(
            "no market data is heard on {} by {}. Is the exchange running (`exchange run`), and are these its lines (--a, --b)?",
            lines.line_a, lines.interface
        ))
    }

    /// Reads up to what the exchange has published when it gave `tickers`, compares best prices, ends.
    pub fn finish(self, joined_at: u64, tickers: &[Ticker]) -> FeedFigures {
        let last = tickers
            .iter()
            .map(|ticker| ticker.as_of_sequence.get())
            .max()
            .unwrap_or(u64::MAX);
        let clock = Clock::new();
        while self.next() <= last && clock.now_ns() < END_PATIENCE_NS {
            thread::sleep(SLEEP);
        }
        let has_books = self.has_books;
        let subscriber = self.end();
        let next = subscriber.next_sequence().unwrap_or(0);
        let is_quiet = tickers
            .iter()
            .all(|ticker| ticker.as_of_sequence.get() + 1 == next);
        let counts = subscriber.market().statistics();
        let misfits = counts.malformed + counts.unknown + if has_books { counts.error_count() } else { 0 };
        FeedFigures {
            messages: next.saturating_sub(1),
            during_load: next.saturating_sub(joined_at),
            statistics: subscriber.statistics(),
            misfits,
            trades: subscriber.market().instruments().map(|known| known.trades).sum(),
            best_prices_equal: (has_books && is_quiet && !tickers.is_empty()).then(|| {
                tickers
                    .iter()
                    .all(|ticker| has_best_prices(subscriber.market(), ticker))
            }),
            is_whole: next > last && subscriber.behind() == 0,
            market: subscriber.into_market(),
        }
    }

    /// The number of the next message.
    pub fn next(&self) -> u64 {
        self.shared.next.load(Ordering::Relaxed)
    }

    fn follow(
        lines: &FeedLines,
        snapshot: Option<SocketAddr>,
        start: Start,
        latencies: Option<FeedLatencies>,
    ) -> Result<Self, String> {
        let config = SubscriberConfig {
            line_a: lines.line_a,
            line_b: lines.line_b,
            interface: lines.interface,
            recovery: Some(lines.recovery),
            // What the kernel dropped under load is more than a few packets.
            retransmission: Retransmission::Off,
            snapshot,
            credentials: lines.credentials.clone(),
            start,
            capacity: CAPACITY,
            patience_ns: PATIENCE_NS,
            ..SubscriberConfig::default()
        };
        let mut subscriber =
            Subscriber::through(&config, lines.trust.as_ref()).map_err(|error| error.to_string())?;
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            next: AtomicU64::new(0),
            snapshot: AtomicU64::new(0),
            has_joined: AtomicBool::new(false),
        });
        let its = Arc::clone(&shared);
        let timed = latencies.clone();
        let body = move || {
            let clock = Clock::new();
            while !its.stop.load(Ordering::Relaxed) {
                let (work, sleep) = match &timed {
                    Some(timed) => {
                        let mut listening = timed.lock();
                        listening.end.take();
                        let work = subscriber.poll_with(clock.now_ns(), &mut Timing(&mut listening));
                        (work, listening.sleep)
                    }
                    None => (subscriber.poll(clock.now_ns()), SLEEP),
                };
                let next = subscriber.next_sequence().unwrap_or(0);
                its.next.store(next, Ordering::Relaxed);
                if subscriber.waits_for_snapshot() {
                    its.snapshot
                        .store(subscriber.statistics().snapshot, Ordering::Relaxed);
                }
                its.has_joined.store(subscriber.has_joined(), Ordering::Relaxed);
                if work == 0 {
                    thread::sleep(sleep);
                }
            }
            subscriber
        };
        let thread = thread::Builder::new()
            .name("feed".to_owned())
            .spawn(body)
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Self {
            shared,
            thread,
            has_books: true,
            latencies,
        })
    }

    /// Waits until the stream is whole; false when it does not get any further.
    fn joins(&self) -> bool {
        let clock = Clock::new();
        let mut progress = ((0, 0), 0);
        while !self.shared.has_joined.load(Ordering::Relaxed) {
            let now_ns = clock.now_ns();
            let so_far = (self.next(), self.shared.snapshot.load(Ordering::Relaxed));
            if so_far != progress.0 {
                progress = (so_far, now_ns);
            } else if now_ns - progress.1 > JOIN_PATIENCE_NS {
                return false;
            }
            thread::sleep(SLEEP);
        }
        true
    }

    fn end(self) -> Following {
        self.shared.stop.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(subscriber) => subscriber,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// What the exchange says are the best prices, the books that were rebuilt say too.
fn has_best_prices(market: &Market, ticker: &Ticker) -> bool {
    let locate = market.find(ticker.symbol);
    locate.is_some_and(|locate| Best::rebuilt(market, locate) == Best::told(ticker))
}

impl FeedFigures {
    /// Everything came, in order, and fits.
    pub fn is_right(&self) -> bool {
        self.is_whole && self.misfits == 0 && self.best_prices_equal != Some(false)
    }

    /// The books as rebuilt.
    pub fn market(&self) -> &Market {
        &self.market
    }

    /// Messages that lines A and B skipped: the kernel dropped them.
    pub fn lost_on_lines(&self) -> [u64; 2] {
        self.statistics.lines.map(|line| line.lost)
    }

    /// Members of the JSON object.
    pub fn members(&self) -> Vec<(&'static str, Value)> {
        let lost = self.lost_on_lines();
        vec![
            ("feed_messages", json!(self.during_load)),
            ("feed_messages_since_the_first", json!(self.messages)),
            ("feed_lost_on_a", json!(lost[0])),
            ("feed_lost_on_b", json!(lost[1])),
            ("feed_from_snapshot", json!(self.statistics.snapshot)),
            ("feed_recovered", json!(self.statistics.recovered)),
            ("feed_gaps", json!(self.statistics.gaps.gaps)),
            ("feed_misfits", json!(self.misfits)),
            ("feed_best_prices_equal", json!(self.best_prices_equal)),
        ]
    }
}

impl fmt::Display for FeedFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = self.lost_on_lines();
        writeln!(
            f,
            "market data: {} messages in order; lost by the kernel on line A {a}, on line B {b}, of these recovered over TCP {}; \
             {} do not fit their book",
            self.during_load, self.statistics.recovered, self.misfits
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::market_data::messages::{AddOrder, StockDirectory};
    use zerocopy::{FromZeros, IntoBytes};

    #[test]
    fn best_prices_are_compared_on_both_sides() {
        let mut market = Market::new(Capacity {
            instruments: 4,
            orders: 16,
            levels: 16,
        });
        let listed = StockDirectory {
            message_type: b'R',
            stock_locate: 1.into(),
            stock: *b"BTC-USD ",
            round_lot_size: 1.into(),
            ..StockDirectory::new_zeroed()
        };
        let bid = AddOrder {
            message_type: b'A',
            stock_locate: 1.into(),
            order_reference_number: 1.into(),
            buy_sell_indicator: b'B',
            shares: 5.into(),
            stock: *b"BTC-USD ",
            price: 100.into(),
            ..AddOrder::new_zeroed()
        };
        market.apply(listed.as_bytes()).expect("well formed");
        market.apply(bid.as_bytes()).expect("well formed");
        let told = Ticker {
            symbol: *b"BTC-USD ",
            bid_price: 100.into(),
            bid_quantity: 5.into(),
            ..Ticker::new_zeroed()
        };
        assert!(has_best_prices(&market, &told));
        let more = Ticker {
            bid_quantity: 6.into(),
            ..told
        };
        let other_side = Ticker {
            ask_price: 101.into(),
            ask_quantity: 1.into(),
            ..told
        };
        let unknown = Ticker {
            symbol: *b"ETH-USD ",
            ..told
        };
        for lie in [more, other_side, unknown] {
            assert!(!has_best_prices(&market, &lie), "{lie:?}");
        }
    }
}
