//! `client-sim load`: an open loop of orders against a running exchange, every answer and every message of the feed checked.

mod driving;
mod files;
pub(crate) mod recorder;

use std::fmt;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use feed_handler::clock::Clock;
use feed_handler::interrupt::Interrupt;
use feed_handler::recovery::Credentials;
use feed_handler::switchable::Switchable;
use protocol::authentication::TAG_BYTES;
use protocol::units::Symbol;
use serde_json::{Value, json};
use tls::TlsArguments;

pub(crate) use driving::rest;
pub use driving::{drive, last_tickers};
pub(crate) use files::{Files, REPORT};
use recorder::{Recorded, Recorder, RecorderPlan, Windows};

use super::arguments::{self, MacArguments, Rate};
use crate::connection::{Door, ORDERS_PER_DATAGRAM_MAX};
use crate::feed_check::{FeedCheck, FeedFigures, FeedLines, Listening};
use crate::fleet::{FeedJoin, Fleet, FleetConfig, Mix, Participant};
use crate::latency::feed::orders_to_feed;
use crate::market_statistics::{MarketReport, MarketStatistics};
use crate::pacer::Arrivals;
use crate::report::Report;
use crate::workload::Role;

/// Datagrams of a session under way at most, when nothing but the machine limits the rate: enough that nobody waits for a
/// thread that has not its turn. The exchange's socket holds some thousand of them.
const MAX_RATE_DATAGRAMS: u32 = 64;
/// And so many requests, be they alone in their datagrams: less does not fill bursts.
const MAX_RATE_WINDOW_MIN: u32 = 448;

/// Up to this many orders a second the feed's thread looks often and times every order.
const GENTLE_RATE: u64 = 100_000;
/// The exchange's gap recovery and its snapshots, where nothing else is configured.
const RECOVERY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 26_478);
const SNAPSHOTS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 26_479);
/// Orders of which only half is known, on their way between acknowledgement and feed.
const FEED_SLOTS: usize = 1 << 15;
/// Between two looks at the books of a market whose statistics are wanted.
const MARKET_STEP_NS: u64 = 100_000_000;

/// Sends orders at a rate and measures the answers.
#[derive(Debug, Args)]
pub struct LoadArguments {
    /// The exchange's order-entry door (TCP; it tells where orders go over UDP).
    #[arg(long, default_value = "127.0.0.1:26400")]
    pub server: SocketAddrV4,
    /// Orders a second of all sessions together, such as 5000 or 20k, or `max`.
    #[arg(long, default_value = "5000")]
    pub rate: Rate,
    /// How orders are spread over the time, at a rate.
    #[arg(long, value_enum, default_value_t = Arrivals::Even)]
    pub arrivals: Arrivals,
    /// How long to send.
    #[arg(long = "for", default_value = "10s", value_parser = arguments::duration)]
    pub duration: Duration,
    /// How long to send before that: not counted, in no figure of the report.
    #[arg(long, value_name = "TIME", value_parser = arguments::duration)]
    pub warm_up: Option<Duration>,
    /// How many sessions: the first of the built-in demonstration accounts, unless --login names others.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=10))]
    pub sessions: u8,
    /// A login as USER:PASSWORD or USER:PASSWORD@ACCOUNT; may be given several times. Roles are dealt in turn.
    #[arg(long = "login", value_parser = arguments::login)]
    pub logins: Vec<(String, String, String)>,
    /// Orders put into one datagram at most.
    #[arg(long, default_value_t = ORDERS_PER_DATAGRAM_MAX, value_parser = clap::value_parser!(u16).range(1..=28))]
    pub orders_per_datagram: u16,
    /// Pads every datagram of orders to one size.
    #[arg(long)]
    pub equal_size: bool,
    /// Who sends how much.
    #[arg(long, default_value = "maker=6,trader=3,investor=1", value_parser = arguments::mix)]
    pub mix: Mix,
    /// A price to begin with, as SYMBOL=PRICE, for instruments without one yet; the built-in instruments have theirs.
    #[arg(long = "price", value_parser = arguments::reference)]
    pub references: Vec<(Symbol, u64)>,
    /// Requests of a session without an answer at most; enough to keep the exchange busy unless said otherwise.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub window: Option<u32>,
    /// Prices that a market maker quotes on each side of an instrument.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=256))]
    pub levels: u64,
    /// Seed of everything that looks random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Orders over TCP instead of UDP.
    #[arg(long)]
    pub tcp: bool,
    /// The secret of all accounts that take part.
    #[command(flatten)]
    pub authentication: MacArguments,
    /// Whom to believe.
    #[command(flatten)]
    pub tls: TlsArguments,
    /// Orders that rest are good till canceled: what is live when the day ends goes over the roll.
    #[arg(long)]
    pub gtc: bool,
    /// Share of datagrams lost on purpose in each direction, in percent.
    #[arg(long, default_value_t = 0.0, value_parser = percent)]
    pub loss: f64,
    /// Market data, line A.
    #[arg(long, value_name = "GROUP:PORT", default_value = "239.192.0.1:26477")]
    pub a: SocketAddrV4,
    /// Market data, line B.
    #[arg(long, value_name = "GROUP:PORT", default_value = "239.192.0.2:26477")]
    pub b: SocketAddrV4,
    /// Gap recovery over TCP.
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = RECOVERY)]
    pub recovery: SocketAddr,
    /// Where to take the books from, instead of replaying the day up to now: the exchange's is 127.0.0.1:26479. Without it
    /// that one, where --recovery is the usual one too, else none.
    #[arg(long, value_name = "ADDRESS:PORT|off")]
    pub snapshot: Option<Switchable<SocketAddr>>,
    /// Address of the interface on which market data comes.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub interface: Ipv4Addr,
    /// Tells how much the market looked like one: spread, depth, volatility, sizes, memory.
    #[arg(long, conflicts_with = "no_feed")]
    pub market: bool,
    /// Does not listen to market data: only the answers are checked.
    #[arg(long)]
    pub no_feed: bool,
    /// One JSON object at the end instead of text.
    #[arg(long)]
    pub json: bool,
    /// A directory for `report.json`, `report.txt`, `latency.hlog` (HdrHistogram's interval log) and `latency.svg`; made
    /// when it is not there.
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
}

/// A share in percent, 0 to 50.
pub(crate) fn percent(text: &str) -> Result<f64, String> {
    text.trim_end_matches('%')
        .parse()
        .ok()
        .filter(|share| (0.0..=50.0).contains(share))
        .ok_or_else(|| "a share from 0 to 50 percent".to_owned())
}

/// Percent as millionths.
pub(crate) fn millionths(percent: f64) -> u32 {
    (percent * 10_000.0).round() as u32
}

/// How many requests of a session may wait for their answers at this rate. At a fixed rate the loop is open: as many as
/// come to wait, up to what the socket's buffer holds.
pub fn window(rate: Rate, orders_per_datagram: u16) -> u32 {
    match rate {
        Rate::Max => (MAX_RATE_DATAGRAMS * u32::from(orders_per_datagram)).max(MAX_RATE_WINDOW_MIN),
        Rate::PerSecond(_) => 4_096,
    }
}

/// Room for a session's unfinished orders, when so many requests may wait for their answer: those, as many that rest, and
/// some for the quotes of a market maker. A table that is larger than it must be is colder than it must be.
pub fn room(window: u32) -> usize {
    2 * window as usize + 256
}

impl LoadArguments {
    /// Where the books are taken from.
    fn snapshots(&self) -> Option<SocketAddr> {
        match self.snapshot {
            Some(Switchable(given)) => given,
            None => (self.recovery == RECOVERY).then_some(SNAPSHOTS),
        }
    }

    fn participants(&self) -> Vec<Participant> {
        if self.logins.is_empty() {
            return arguments::demo_participants(usize::from(self.sessions));
        }
        let roles = [Role::MarketMaker, Role::Trader, Role::Investor];
        self.logins
            .iter()
            .zip(roles.iter().cycle())
            .map(|((username, password, account), role)| Participant {
                username: username.clone(),
                password: password.clone(),
                account: account.clone(),
                role: *role,
            })
            .collect()
    }

    /// Market data is recovered by the login that trades first.
    fn credentials(&self) -> Result<Credentials, String> {
        let participants = self.participants();
        let login = participants.first().map(|one| (&*one.username, &*one.password));
        let (username, password) = login.unwrap_or_default();
        Credentials::new(username, password).map_err(|error| error.to_string())
    }

    fn fleet(&self) -> Result<FleetConfig, String> {
        let mac = self.authentication.secret()?;
        let tag = mac.as_ref().map_or(0, |_| TAG_BYTES);
        let mut references = self.references.clone();
        references.extend(arguments::demo_references());
        let window = self
            .window
            .unwrap_or_else(|| window(self.rate, self.orders_per_datagram));
        Ok(FleetConfig {
            mac,
            trust: self.tls.trust()?,
            rate: self.rate.per_second(),
            arrivals: self.arrivals,
            seed: self.seed,
            mix: self.mix,
            door: if self.tcp { Door::Tcp } else { Door::Udp },
            orders_per_datagram: self.orders_per_datagram,
            // A datagram's header, the largest request with its length in front, and the tag.
            pad_to: self
                .equal_size
                .then(|| (18 + usize::from(self.orders_per_datagram) * 52 + tag).min(1_472)),
            loss_per_million: millionths(self.loss),
            references,
            levels: self.levels,
            orders: room(window) + 8 * self.levels as usize,
            window,
            outlive_day: self.gtc,
            warm_up_ns: self
                .warm_up
                .map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 2)),
            ..FleetConfig::new(self.server, self.participants())
        })
    }
}

/// What a load came to.
pub(crate) struct Outcome {
    /// The fleet's figures.
    pub(crate) report: Report,
    /// Those of its subscriber.
    pub(crate) feed: Option<FeedFigures>,
    /// What it saw of the market, if that was asked for.
    pub(crate) market: Option<MarketReport>,
    /// What the recorder gathered.
    pub(crate) recorded: Recorded,
}

impl Outcome {
    /// True when every check passed.
    pub(crate) fn passed(&self) -> bool {
        let verdict = &self.report.verdict;
        let is_feed_right = self.feed.as_ref().is_none_or(FeedFigures::is_right);
        verdict.every_order_answered && verdict.balances_as_implied && is_feed_right
    }

    /// The object of `--json`.
    pub(crate) fn json(&self) -> Value {
        let mut members = self.report.members();
        let mut checks = json!({
            "every_order_answered": self.report.verdict.every_order_answered,
            "balances_as_implied": self.report.verdict.balances_as_implied,
        });
        if let Some(feed) = &self.feed {
            checks["feed_whole_and_right"] = json!(feed.is_right());
            members.extend(
                feed.members()
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value)),
            );
        }
        members.insert("checks".to_owned(), checks);
        if let Some(market) = &self.market {
            members.insert("market".to_owned(), market.json());
        }
        Value::Object(members)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.report)?;
        if let Some(feed) = &self.feed {
            write!(f, "{feed}")?;
        }
        if let Some(market) = &self.market {
            write!(f, "{market}")?;
        }
        writeln!(
            f,
            "every order answered: {}; balances as implied by executions and fees: {}{}",
            yes(self.report.verdict.every_order_answered),
            yes(self.report.verdict.balances_as_implied),
            self.feed.as_ref().map_or_else(String::new, told_of_feed)
        )
    }
}

/// Runs the load. True when every check passed.
pub fn run(arguments: &LoadArguments) -> Result<bool, String> {
    let files = arguments.out.as_deref().map(Files::create).transpose()?;
    let outcome = execute(arguments, files.as_ref(), None)?;
    if let Some(files) = &files {
        files.write(arguments, &outcome)?;
    }
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", outcome.json())
    } else {
        write!(out, "{outcome}")
    }
    .map_err(|error| format!("cannot write the report: {error}"))?;
    Ok(outcome.passed())
}

/// Sends the load and waits for everything that belongs to it.
pub(crate) fn execute(
    arguments: &LoadArguments,
    files: Option<&Files>,
    windows: Option<Windows>,
) -> Result<Outcome, String> {
    let interrupt = Interrupt::listen().map_err(|error| format!("cannot listen to signals: {error}"))?;
    let clock = Clock::new();
    let lines = FeedLines {
        line_a: arguments.a,
        line_b: Some(arguments.b),
        interface: arguments.interface,
        recovery: arguments.recovery,
        snapshot: arguments.snapshots(),
        trust: arguments.tls.trust()?,
        credentials: arguments.credentials()?,
    };
    let (orders_end, feed) = match arguments.no_feed {
        true => (None, None),
        false => {
            let (orders_end, feed_end) = orders_to_feed(sampled(arguments.rate), FEED_SLOTS);
            let listening = Listening {
                end: feed_end,
                clock,
                sleep: looks(arguments.rate),
                statistics: arguments.market.then(|| MarketStatistics::new(MARKET_STEP_NS)),
            };
            let feed = FeedCheck::measuring(&lines, listening)
                .map_err(|error| format!("{error} (--no-feed goes without)"))?;
            (Some(orders_end), Some(feed))
        }
    };
    let joined_at = feed.as_ref().map_or(0, FeedCheck::next);
    let mut fleet = Fleet::new(arguments.fleet()?, clock.now_ns()).map_err(|error| error.to_string())?;
    fleet.shared_mut().feed = orders_end.map_or(FeedJoin::Nobody, FeedJoin::There);
    let latencies = feed.as_ref().and_then(FeedCheck::latencies);
    let mut recorder = Recorder::start(RecorderPlan {
        duration: arguments.duration,
        log: files.map(Files::log).transpose()?,
        feed: latencies.clone(),
        windows,
    })?;
    let driven = drive(
        &mut fleet,
        &clock,
        arguments.duration,
        || interrupt.is_asked(),
        |fleet, length_ns| recorder.second(fleet, length_ns),
    );
    let feed = match (feed, &driven) {
        (Some(feed), Ok(())) => {
            let tickers = last_tickers(&mut fleet, &clock)?;
            Some(feed.finish(joined_at, &tickers))
        }
        _ => None,
    };
    let market = latencies.and_then(|latencies| latencies.market(&fleet.shared().instruments));
    let recorded = recorder.finish()?;
    driven?;
    fleet.shared_mut().latencies.give_back(&recorded.kinds);
    let report = Report::new(&mut fleet);
    fleet.logout(clock.now_ns());
    Ok(Outcome {
        report,
        feed,
        market,
        recorded,
    })
}

/// One of so many order numbers is timed on the feed: all of them, unless there are very many.
fn sampled(rate: Rate) -> u64 {
    match rate {
        Rate::PerSecond(rate) if rate <= GENTLE_RATE => 1,
        _ => 16,
    }
}

/// Between two looks of the feed's thread: what is read then is timed then. At high rates the machine is needed for more
/// than timing.
fn looks(rate: Rate) -> Duration {
    match rate {
        Rate::PerSecond(rate) if rate <= GENTLE_RATE => Duration::from_micros(50),
        _ => Duration::from_millis(1),
    }
}

/// What a line of text says of the feed's checks.
fn told_of_feed(feed: &FeedFigures) -> String {
    let prices = match feed.best_prices_equal {
        Some(equal) => yes(equal),
        None => "not compared, somebody else traded or the first messages are gone",
    };
    format!(
        "; feed whole and in order: {}; books rebuilt from it have the exchange's best prices: {prices}",
        yes(feed.is_whole && feed.misfits == 0)
    )
}

fn yes(passed: bool) -> &'static str {
    if passed { "yes" } else { "NO" }
}
