//! `client-sim load`: an open loop of orders against a running exchange, every answer and every message of the feed checked.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use clap::Args;
use feed_handler::clock::Clock;
use protocol::authentication::TAG_BYTES;
use protocol::order_entry::own::Ticker;
use protocol::units::Symbol;
use serde_json::json;

use super::arguments::{self, MacArguments, Rate};
use super::interrupt::Interrupt;
use crate::connection::{Door, ORDERS_PER_DATAGRAM_MAX};
use crate::feed_check::{FeedCheck, FeedFigures, FeedLines};
use crate::fleet::{Fleet, FleetConfig, Mix, Participant, Stage, TICKERS_MAX};
use crate::report::Report;
use crate::workload::Role;

/// How long the customers may take to join, and to come to an end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Datagrams of a session under way at most, when nothing but the machine limits the rate: enough that nobody waits for a
/// thread that has not its turn. The exchange's socket holds some thousand of them.
const MAX_RATE_DATAGRAMS: u32 = 64;
/// And so many requests, be they alone in their datagrams: less does not fill bursts.
const MAX_RATE_WINDOW_MIN: u32 = 448;
/// Time between progress lines.
const PROGRESS_NS: u64 = 1_000_000_000;

/// Sends orders at a rate and measures the answers.
#[derive(Debug, Args)]
pub struct LoadArguments {
    /// The exchange's order-entry door (TCP; it tells where orders go over UDP).
    #[arg(long, default_value = "127.0.0.1:26400")]
    pub server: SocketAddrV4,
    /// Orders a second of all sessions together, such as 5000 or 20k, or `max`.
    #[arg(long, default_value = "5000")]
    pub rate: Rate,
    /// How long to send.
    #[arg(long = "for", default_value = "10s", value_parser = arguments::duration)]
    pub duration: Duration,
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
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:26478")]
    pub recovery: SocketAddr,
    /// Address of the interface on which market data comes.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub interface: Ipv4Addr,
    /// Does not listen to market data: only the answers are checked.
    #[arg(long)]
    pub no_feed: bool,
    /// One JSON object at the end instead of text.
    #[arg(long)]
    pub json: bool,
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
            rate: self.rate.per_second(),
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
            ..FleetConfig::new(self.server, self.participants())
        })
    }
}

/// Runs the load. True when every check passed.
pub fn run(arguments: &LoadArguments) -> Result<bool, String> {
    let interrupt = Interrupt::listen().map_err(|error| format!("cannot listen to signals: {error}"))?;
    let clock = Clock::new();
    let lines = FeedLines {
        line_a: arguments.a,
        line_b: Some(arguments.b),
        interface: arguments.interface,
        recovery: arguments.recovery,
    };
    let feed = match arguments.no_feed {
        true => None,
        false => Some(FeedCheck::start(&lines).map_err(|error| format!("{error} (--no-feed goes without)"))?),
    };
    let joined_at = feed.as_ref().map_or(0, FeedCheck::next);
    let mut fleet = Fleet::new(arguments.fleet()?, clock.now_ns()).map_err(|error| error.to_string())?;
    drive(
        &mut fleet,
        &clock,
        arguments.duration,
        || interrupt.is_asked(),
        |fleet, line| {
            let totals = fleet.totals();
            eprintln!(
                "{:>4.0} s  sent {} ({} a second)  answered {}  executions {}  {}",
                fleet.running_ns() as f64 / 1e9,
                totals.requests + totals.cancels,
                line.sent_in_second,
                totals.answered,
                totals.executions,
                line.latency
            );
        },
    )?;
    let report = Report::new(&mut fleet);
    let feed = match feed {
        Some(feed) => {
            let tickers = last_tickers(&mut fleet, &clock)?;
            Some(feed.finish(joined_at, &tickers))
        }
        None => None,
    };
    fleet.logout(clock.now_ns());
    let is_feed_right = feed.as_ref().is_none_or(FeedFigures::is_right);
    let passed = report.verdict.every_order_answered && report.verdict.balances_as_implied && is_feed_right;
    let mut out = io::stdout().lock();
    let written = if arguments.json {
        let mut members = report.members();
        let mut checks = json!({
            "every_order_answered": report.verdict.every_order_answered,
            "balances_as_implied": report.verdict.balances_as_implied,
        });
        if let Some(feed) = &feed {
            checks["feed_whole_and_right"] = json!(feed.is_right());
            members.extend(
                feed.members()
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value)),
            );
        }
        members.insert("checks".to_owned(), checks);
        writeln!(out, "{}", serde_json::Value::Object(members))
    } else {
        write!(out, "{report}")
            .and_then(|()| feed.as_ref().map_or(Ok(()), |feed| write!(out, "{feed}")))
            .and_then(|()| {
                writeln!(
                    out,
                    "every order answered: {}; balances as implied by executions and fees: {}{}",
                    yes(report.verdict.every_order_answered),
                    yes(report.verdict.balances_as_implied),
                    feed.as_ref().map_or_else(String::new, told_of_feed)
                )
            })
    };
    written.map_err(|error| format!("cannot write the report: {error}"))?;
    Ok(passed)
}

/// A progress line's figures.
#[derive(Debug)]
pub struct Progress {
    /// Orders of the second that passed.
    pub sent_in_second: u64,
    /// Order to acknowledgement in that second.
    pub latency: crate::latency::Percentiles,
}

/// Polls a fleet from its first login to its last balance; it trades for `duration`, or until `is_asked` to end. `progress`
/// hears of each second.
///
/// # Errors
/// A customer's connection has ended for good.
pub fn drive(
    fleet: &mut Fleet,
    clock: &Clock,
    duration: Duration,
    mut is_asked: impl FnMut() -> bool,
    mut progress: impl FnMut(&Fleet, &Progress),
) -> Result<(), String> {
    let duration_ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let patience_ns = u64::try_from(PATIENCE.as_nanos()).unwrap_or(u64::MAX);
    let mut stage = (fleet.stage(), clock.now_ns());
    let mut reported_ns = 0;
    let mut sent_before = 0;
    loop {
        let now_ns = clock.now_ns();
        let work = fleet.poll(now_ns).map_err(|error| error.to_string())?;
        fleet.refresh_market(now_ns);
        if stage.0 != fleet.stage() {
            stage = (fleet.stage(), now_ns);
            reported_ns = now_ns;
        }
        match fleet.stage() {
            Stage::Done => return Ok(()),
            Stage::Running => {
                if fleet.running_ns() >= duration_ns || is_asked() {
                    fleet.stop(now_ns);
                }
                if now_ns - reported_ns >= PROGRESS_NS {
                    reported_ns += PROGRESS_NS;
                    let totals = fleet.totals();
                    let sent = totals.requests + totals.cancels;
                    let line = Progress {
                        sent_in_second: sent - sent_before,
                        latency: fleet.shared().ack_latency_recent.percentiles(),
                    };
                    sent_before = sent;
                    progress(fleet, &line);
                    fleet.shared_mut().ack_latency_recent.clear();
                }
            }
            Stage::Joining | Stage::Clearing | Stage::Counting if is_asked() => fleet.stop(now_ns),
            // What did not come to its end is reported by the checker.
            _ if now_ns - stage.1 > patience_ns => return Ok(()),
            _ => {}
        }
        if work == 0 {
            match fleet.is_paced() {
                true => rest(
                    fleet.next_due_ns(now_ns).saturating_sub(now_ns),
                    fleet.is_waiting(),
                ),
                // As many are under way as may be: the exchange needs the core more, and what is answered meanwhile comes
                // in larger pieces.
                false => rest(u64::MAX, false),
            }
        }
    }
}

/// The longest sleep, and what a sleep may take longer than it was asked for.
const SLEEP_NS_MAX: u64 = 50_000;
const OVERSLEEP_NS: u64 = 100_000;

/// Gives the core to others while there is nothing to do, but never longer than until `until_due_ns` from now. Who waits for
/// answers does not sleep: the sleep would be measured as the exchange's latency.
pub(crate) fn rest(until_due_ns: u64, is_waiting: bool) {
    if is_waiting || until_due_ns < SLEEP_NS_MAX + OVERSLEEP_NS {
        std::thread::yield_now();
    } else {
        std::thread::sleep(Duration::from_nanos(SLEEP_NS_MAX));
    }
}

/// The best prices and the number of the newest message of the feed, as the exchange says now. To be asked when the fleet
/// is done.
///
/// # Errors
/// No answer comes.
pub fn last_tickers(fleet: &mut Fleet, clock: &Clock) -> Result<Vec<Ticker>, String> {
    let symbols: Vec<Symbol> = fleet
        .shared()
        .instruments
        .iter()
        .map(|instrument| instrument.symbol)
        .take(TICKERS_MAX)
        .collect();
    // All that were asked before are answered, or the fleet would not be done.
    fleet.shared_mut().tickers.clear();
    let patience_ns = u64::try_from(PATIENCE.as_nanos()).unwrap_or(u64::MAX);
    let began_ns = clock.now_ns();
    let mut asked = 0;
    while fleet.shared().tickers.len() < symbols.len() {
        let now_ns = clock.now_ns();
        if now_ns - began_ns > patience_ns {
            return Err("the exchange does not say how its books stand".to_owned());
        }
        // Not connected for a moment: asked again soon.
        if asked < symbols.len() && fleet.ask_ticker(symbols[asked]).is_ok() {
            asked += 1;
        }
        if fleet.poll(now_ns).map_err(|error| error.to_string())? == 0 {
            rest(u64::MAX, false);
        }
    }
    Ok(std::mem::take(&mut fleet.shared_mut().tickers))
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
