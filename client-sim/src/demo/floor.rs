//! The trading floor: customers, a subscriber with planned loss, and a late subscriber, all on one thread.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::assembly::Addresses;
use feed_handler::clock::Clock;
use feed_handler::loss::LossPlan;
use feed_handler::{Capacity, Market, Observer, Retransmission, Side, State, Subscriber, SubscriberConfig};
use protocol::text::SessionName;
use protocol::units::{Price, Symbol};
use serde_json::{Value, json};

use super::late::Late;
use super::snapshot::{InstrumentView, LEVELS, Snapshot};
use super::ticker_check::TickerCheck;
use crate::cli::arguments::{self, Rate};
use crate::cli::load::{rest, window};
use crate::connection::ORDERS_PER_DATAGRAM_MAX;
use crate::fleet::{FeedEars, Fleet, FleetConfig, Stage};
use crate::instruments::Instrument;
use crate::latency::Percentiles;
use crate::pacer::Arrivals;
use crate::report::Report;
use feed_handler::interrupt::Interrupt;

/// Time between two snapshots.
const SNAPSHOT_NS: u64 = 100_000_000;
/// Time over which recent latencies are gathered.
const RECENT_NS: u64 = 1_000_000_000;
/// Time between two ticker questions.
const TICKER_NS: u64 = 50_000_000;
/// The late subscriber comes after this part of the run, but no later than a few seconds.
const LATE_AFTER: (u32, Duration) = (3, Duration::from_secs(3));
/// And no later than after so many messages: at the highest rates the exchange keeps seconds of its stream in memory, and
/// whoever comes later cannot begin with the first message.
const LATE_AFTER_MESSAGES: u64 = 200_000;
/// Each step before and after the trading ends within this, or is reported as failed.
const PATIENCE_NS: u64 = 60_000_000_000;

/// What the floor needs to know.
#[derive(Debug, Clone)]
pub(super) struct FloorPlan {
    pub(super) addresses: Addresses,
    pub(super) rate: Rate,
    pub(super) arrivals: Arrivals,
    pub(super) seed: u64,
    /// `None`: until somebody asks.
    pub(super) duration: Option<Duration>,
    pub(super) feed_loss: f64,
    pub(super) order_loss_per_million: u32,
}

/// What the books can hold: the built-in configuration's capacities.
const CAPACITY: Capacity = Capacity {
    instruments: 64,
    orders: 1 << 18,
    levels: 1 << 16,
};

/// The floor.
pub(super) struct Floor {
    fleet: Fleet,
    subscriber: Subscriber,
    late: Option<Late>,
    late_after_ns: u64,
    recovery: std::net::SocketAddrV4,
    tickers: TickerCheck,
    snapshot: Arc<Mutex<Snapshot>>,
    interrupt: Interrupt,
    clock: Clock,
    duration_ns: Option<u64>,
    is_max: bool,
    snapshot_due_ns: u64,
    recent_due_ns: u64,
    ticker_due_ns: u64,
    ticker_turn: usize,
    ack_recent: Percentiles,
    ack_whole: Percentiles,
    /// The sequence number that the exchange named when trading was over.
    target: Option<u64>,
    /// Everything there was to read was read.
    has_caught_up: bool,
}

/// Both listeners of the feed.
struct Listeners<'a> {
    ears: FeedEars<'a>,
    tickers: &'a mut TickerCheck,
}

impl Observer for Listeners<'_> {
    fn session(&mut self, session: SessionName) {
        self.ears.session(session);
    }

    fn message(&mut self, sequence: u64, message: &[u8], market: &Market) {
        self.ears.message(sequence, message, market);
        self.tickers.message(sequence, message, market);
    }
}

/// Figures of the feed, for the summary.
#[derive(Debug, Clone)]
pub(super) struct Figures {
    messages: u64,
    seconds: f64,
    gaps: u64,
    provoked: u64,
    recovered: u64,
    replayed: u64,
    arbitrated: u64,
    dropped: u64,
    longest_gap_ns: u64,
    late_messages: u64,
    tickers: (u64, u64),
}

impl Floor {
    /// Joins the lines and makes the customers.
    pub(super) fn open(
        plan: &FloorPlan,
        snapshot: Arc<Mutex<Snapshot>>,
        interrupt: Interrupt,
    ) -> Result<Self, String> {
        let clock = Clock::new();
        let addresses = plan.addresses;
        let subscriber = Subscriber::new(&SubscriberConfig {
            line_a: addresses.line_a,
            line_b: addresses.line_b,
            interface: Ipv4Addr::LOCALHOST,
            recovery: Some(SocketAddr::V4(addresses.recovery_tcp)),
            retransmission: addresses
                .retransmission_udp
                .map_or(Retransmission::Off, |door| Retransmission::At(door.into())),
            capacity: CAPACITY,
            loss: Some(LossPlan {
                seed: plan.seed,
                share: [plan.feed_loss; 2],
            }),
            ..SubscriberConfig::default()
        })
        .map_err(|error| format!("cannot listen to market data: {error}"))?;
        let participants = arguments::demo_participants(arguments::DEMO_LOGINS.len());
        let fleet = Fleet::new(
            FleetConfig {
                rate: plan.rate.per_second(),
                arrivals: plan.arrivals,
                seed: plan.seed,
                references: arguments::demo_references(),
                loss_per_million: plan.order_loss_per_million,
                stay: 1,
                window: window(plan.rate, ORDERS_PER_DATAGRAM_MAX),
                ..FleetConfig::new(addresses.order_entry_tcp, participants)
            },
            clock.now_ns(),
        )
        .map_err(|error| error.to_string())?;
        let (part, latest) = LATE_AFTER;
        let late_after = plan
            .duration
            .map_or(latest, |duration| (duration / part).min(latest));
        Ok(Self {
            fleet,
            subscriber,
            late: None,
            late_after_ns: nanoseconds(late_after),
            recovery: addresses.recovery_tcp,
            tickers: TickerCheck::default(),
            snapshot,
            interrupt,
            clock,
            duration_ns: plan.duration.map(nanoseconds),
            is_max: plan.rate == Rate::Max,
            snapshot_due_ns: 0,
            recent_due_ns: 0,
            ticker_due_ns: 0,
            ticker_turn: 0,
            ack_recent: Percentiles::default(),
            ack_whole: Percentiles::default(),
            target: None,
            has_caught_up: false,
        })
    }

    /// Trades until the time is over or somebody asks, then waits until everything has been read.
    pub(super) fn run(mut self) -> Result<Self, String> {
        let mut stage = (self.fleet.stage(), self.clock.now_ns());
        loop {
            let now_ns = self.clock.now_ns();
            let mut work = self.fleet.poll(now_ns).map_err(|error| error.to_string())?;
            work += self.listen(now_ns);
            if stage.0 != self.fleet.stage() {
                stage = (self.fleet.stage(), now_ns);
            }
            self.show(now_ns);
            match self.fleet.stage() {
                Stage::Running => self.trade(now_ns),
                Stage::Done => {
                    self.catch_up(now_ns);
                    if self.has_caught_up {
                        break;
                    }
                }
                Stage::Joining | Stage::Clearing | Stage::Counting if self.interrupt.is_asked() => {
                    return Err("interrupted before the first order".to_owned());
                }
                _ => {}
            }
            // What did not come to its end fails its check.
            if self.fleet.stage() != Stage::Running && now_ns - stage.1 > PATIENCE_NS {
                break;
            }
            if work == 0 {
                let due_ns = self.fleet.next_due_ns(now_ns).saturating_sub(now_ns);
                // The demo is to be gentle to a laptop: at its ordinary rate it sleeps, and shows that in its latencies.
                if self.is_max {
                    rest(due_ns, self.fleet.is_waiting());
                } else {
                    rest(u64::MAX, false);
                }
            }
        }
        self.snapshot_due_ns = 0;
        self.show(self.clock.now_ns());
        self.fleet.logout(self.clock.now_ns());
        Ok(self)
    }

    /// Text and figures of the customers.
    pub(super) fn report(&mut self) -> Report {
        Report::new(&mut self.fleet)
    }

    /// The books rebuilt from the lines.
    pub(super) fn market(&self) -> &Market {
        self.subscriber.market()
    }

    /// The books of the late subscriber, if it read everything.
    pub(super) fn late_market(&self) -> Option<&Market> {
        self.late
            .as_ref()
            .filter(|late| Some(late.next()) == self.subscriber.next_sequence())
            .map(Late::market)
    }

    /// True when the subscriber has read everything that the exchange said there was.
    pub(super) fn has_feed_caught_up(&self) -> bool {
        let next = self.subscriber.next_sequence();
        let target = self.target.filter(|&target| target > 0);
        target.is_some_and(|target| next > Some(target)) && self.subscriber.behind() == 0
    }

    /// Best prices compared while trading.
    pub(super) fn tickers(&self) -> (u64, u64) {
        (self.tickers.equal(), self.tickers.different())
    }

    /// Figures of the feed.
    pub(super) fn figures(&self) -> Figures {
        let statistics = self.subscriber.statistics();
        Figures {
            messages: statistics.stream.delivered,
            seconds: self.fleet.running_ns() as f64 / 1e9,
            gaps: statistics.gaps.gaps + statistics.gaps.gaps_provoked,
            provoked: statistics.gaps.gaps_provoked,
            recovered: statistics.recovered,
            replayed: statistics.replayed,
            arbitrated: statistics.gaps.arbitrated,
            dropped: statistics.dropped_on_purpose.iter().sum(),
            longest_gap_ns: statistics.gaps.longest_ns,
            late_messages: self.late.as_ref().map_or(0, |late| late.next() - 1),
            tickers: self.tickers(),
        }
    }

    fn listen(&mut self, now_ns: u64) -> usize {
        let mut listeners = Listeners {
            ears: self.fleet.feed_ears(now_ns),
            tickers: &mut self.tickers,
        };
        let mut work = self.subscriber.poll_with(now_ns, &mut listeners);
        if let Some(late) = &mut self.late {
            work += late.poll(now_ns);
        }
        self.compare_tickers();
        work
    }

    fn compare_tickers(&mut self) {
        let shared = self.fleet.shared_mut();
        for ticker in std::mem::take(&mut shared.tickers) {
            let is_over = self.target.is_some();
            if let Some(instrument) = shared.instruments.find(Symbol(ticker.symbol)) {
                self.tickers.answered(instrument.locate, ticker);
            }
            if is_over {
                self.target = self.target.max(Some(ticker.as_of_sequence.get()));
            }
        }
        if let Some(next) = self.subscriber.next_sequence() {
            self.tickers.compare(next);
        }
    }

    /// What happens while the customers trade.
    fn trade(&mut self, now_ns: u64) {
        let over = self
            .duration_ns
            .is_some_and(|duration_ns| self.fleet.running_ns() >= duration_ns);
        if over || self.interrupt.is_asked() {
            self.fleet.stop(now_ns);
        }
        let messages = self.subscriber.next_sequence().unwrap_or(0);
        let is_late = self.fleet.running_ns() >= self.late_after_ns || messages >= LATE_AFTER_MESSAGES;
        if self.late.is_none() && is_late {
            self.late = Some(Late::new(self.recovery, CAPACITY));
        }
        if now_ns >= self.ticker_due_ns {
            self.ticker_due_ns = now_ns + TICKER_NS;
            self.ask_ticker();
        }
    }

    fn ask_ticker(&mut self) {
        let instruments = &self.fleet.shared().instruments;
        let Some(instrument) = instruments.get(self.ticker_turn % instruments.len().max(1)) else {
            return;
        };
        let symbol = instrument.symbol;
        // Not connected for a moment: it is asked again soon.
        if self.fleet.ask_ticker(symbol).is_ok() {
            self.ticker_turn += 1;
        }
    }

    /// Trading is over: asks the exchange how long its feed is, and reads up to there.
    fn catch_up(&mut self, now_ns: u64) {
        if self.late.is_none() {
            self.late = Some(Late::new(self.recovery, CAPACITY));
        }
        if self.target.is_none() {
            self.target = Some(0);
            self.ticker_due_ns = 0;
        }
        if now_ns >= self.ticker_due_ns {
            self.ticker_due_ns = now_ns + TICKER_NS;
            self.ask_ticker();
        }
        self.has_caught_up = self.has_feed_caught_up() && self.late_market().is_some();
    }

    fn show(&mut self, now_ns: u64) {
        if now_ns < self.snapshot_due_ns && self.snapshot_due_ns != 0 {
            return;
        }
        self.snapshot_due_ns = now_ns + SNAPSHOT_NS;
        if now_ns >= self.recent_due_ns {
            self.recent_due_ns = now_ns + RECENT_NS;
            let latencies = &mut self.fleet.shared_mut().latencies;
            self.ack_recent = latencies.interval().acknowledgements().percentiles();
            latencies.fold();
            self.ack_whole = latencies.whole().acknowledgements().percentiles();
        }
        let statistics = self.subscriber.statistics();
        let shared = self.fleet.shared();
        let snapshot = Snapshot {
            stage: match self.fleet.stage() {
                Stage::Joining => "customers log in",
                Stage::Clearing | Stage::Counting => "balances are counted",
                Stage::Running => "trading",
                Stage::Settling => "last answers",
                Stage::Auditing => "balances are counted again",
                Stage::Done => "last messages",
            },
            running_ns: self.fleet.running_ns(),
            totals: self.fleet.totals(),
            ack_recent: self.ack_recent,
            ack: self.ack_whole,
            feed: shared
                .feed
                .here()
                .map_or_else(Percentiles::default, |joined| joined.latency().percentiles()),
            feed_messages: statistics.stream.delivered,
            feed_state: match self.subscriber.state() {
                State::Live => "live",
                State::Recovering => "recovering",
                State::Ended => "session ended",
                State::Stale => "STALE",
            },
            feed_gaps: statistics.gaps.gaps + statistics.gaps.gaps_provoked,
            feed_recovered: statistics.recovered,
            feed_dropped: statistics.dropped_on_purpose.iter().sum(),
            feed_arbitrated: statistics.gaps.arbitrated,
            late_messages: self.late.as_ref().map_or(0, |late| late.next() - 1),
            tickers: self.tickers(),
            faults: shared.checker.fault_count(),
            instruments: shared
                .instruments
                .iter()
                .map(|instrument| view(instrument, self.subscriber.market()))
                .collect(),
        };
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn view(instrument: &Instrument, market: &Market) -> InstrumentView {
    let book = market.book(instrument.locate);
    let text = |price: u32, quantity: u64| {
        (
            format!("{}", instrument.price_decimal(Price(u64::from(price)))),
            instrument.quantity_decimal(quantity).to_string(),
        )
    };
    let side = |side| -> Vec<(String, String)> {
        book.levels(side)
            .take(LEVELS)
            .map(|level| text(level.price, level.quantity))
            .collect()
    };
    let known = market.instrument(instrument.locate);
    InstrumentView {
        symbol: instrument.symbol.to_string(),
        last: known
            .and_then(|known| known.last)
            .map(|trade| text(trade.price, trade.quantity)),
        bids: side(Side::Buy),
        asks: side(Side::Sell),
        trades: known.map_or(0, |known| known.trades),
    }
}

impl Figures {
    /// Members of the JSON object.
    pub(super) fn members(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("feed_messages", json!(self.messages)),
            ("feed_gaps", json!(self.gaps)),
            ("feed_gaps_provoked", json!(self.provoked)),
            ("feed_recovered", json!(self.recovered)),
            ("feed_replayed_at_join", json!(self.replayed)),
            ("feed_arbitrated", json!(self.arbitrated)),
            ("feed_datagrams_dropped", json!(self.dropped)),
            ("feed_longest_gap_ns", json!(self.longest_gap_ns)),
            ("late_subscriber_messages", json!(self.late_messages)),
            ("tickers_equal", json!(self.tickers.0)),
            ("tickers_different", json!(self.tickers.1)),
        ]
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "market data: {} messages ({:.0} a second); {} packets dropped on purpose, {} holes filled by the other line,",
            self.messages,
            if self.seconds > 0.0 {
                self.messages as f64 / self.seconds
            } else {
                0.0
            },
            self.dropped,
            self.arbitrated
        )?;
        writeln!(
            f,
            "             {} gaps ({} of them on purpose), {} messages recovered, longest gap {}",
            self.gaps,
            self.provoked,
            self.recovered,
            crate::latency::Nanoseconds(self.longest_gap_ns)
        )?;
        writeln!(
            f,
            "late subscriber, over TCP alone: {} messages; best prices asked while trading: {} equal, {} different",
            self.late_messages, self.tickers.0, self.tickers.1
        )
    }
}
