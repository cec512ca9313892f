//! What may be typed.

use super::date::Date;
use clap::{Args, Parser, Subcommand};
use feed_handler::arbiter::Start;
use feed_handler::book::Capacity;
use feed_handler::candle::Interval;
use feed_handler::loss::LossPlan;
use feed_handler::recovery::Credentials;
use feed_handler::subscriber::{Retransmission, SubscriberConfig};
use feed_handler::switchable::Switchable;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;
use tls::TlsArguments;

const EXIT_CODES: &str = "\
Exit codes:
  0  done; also after Ctrl-C, and when the reader of the output went away
  1  a file or the output cannot be read or written, or a file is damaged
  2  wrong usage
  3  nobody publishes on the lines
  4  cannot join: the recovery service cannot be reached, or refused
  5  no such instrument
  6  the feed cannot be trusted: it became stale, or does not fit the capacity
  130  Ctrl-C pressed twice";

const WATCH_KEYS: &str = "\
Keys:
  up down j k  another instrument
  i            candles of another interval
  t            trades of this instrument, or of all
  q            quit";

/// Follows the exchange's market data: prices, trades, books, recordings.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Options of every verb.
#[derive(Debug, Args)]
#[command(next_help_heading = "Feed")]
pub(crate) struct Common {
    /// Line A: multicast group and port
    #[arg(
        long,
        global = true,
        value_name = "GROUP:PORT",
        default_value = "239.192.0.1:26477"
    )]
    pub(crate) a: SocketAddrV4,
    /// Line B, or `off`
    #[arg(
        long,
        global = true,
        value_name = "GROUP:PORT",
        default_value = "239.192.0.2:26477"
    )]
    pub(crate) b: Switchable<SocketAddrV4>,
    /// Gap recovery over TCP, or `off`
    #[arg(
        long,
        global = true,
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:26478"
    )]
    pub(crate) recovery: Switchable<SocketAddr>,
    /// Where small gaps are asked for over UDP before gap recovery is, or `off`. Without it, the address of --recovery
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub(crate) retransmission: Option<Switchable<SocketAddr>>,
    /// Where to take the books from (GLIMPSE), instead of replaying the day up to now: the exchange's is 127.0.0.1:26479.
    /// Volume and last trade then begin with the join. For `quote`, `book` and `trades`: the others want the whole day
    #[arg(long, global = true, value_name = "ADDRESS:PORT|off", default_value = "off")]
    pub(crate) snapshot: Switchable<SocketAddr>,
    /// Address of the interface the groups are joined on
    #[arg(long, global = true, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) interface: Ipv4Addr,
    /// User name for recovery, where it asks for one
    #[arg(long, global = true, value_name = "NAME", default_value = "")]
    pub(crate) username: String,
    /// Password for recovery
    #[arg(long, global = true, value_name = "PASSWORD", default_value = "")]
    pub(crate) password: String,
    /// How long to wait for a publisher, and for a join without progress
    #[arg(long, global = true, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(crate) wait: Duration,
    /// Resting orders to make room for, all instruments together
    #[arg(long, global = true, value_name = "N", default_value_t = Capacity::default().orders)]
    pub(crate) max_orders: u32,
    /// Price levels to make room for, all instruments together
    #[arg(long, global = true, value_name = "N", default_value_t = Capacity::default().levels)]
    pub(crate) max_levels: u32,
    /// Drop this share (0 to 1) of the datagrams of A and of B on purpose, to see recovery at work
    #[arg(long, global = true, value_name = "A,B", value_parser = shares)]
    pub(crate) drop: Option<[f64; 2]>,
    /// Seed of --drop
    #[arg(long, global = true, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Pin to this core
    #[arg(long, global = true, value_name = "N")]
    pub(crate) core: Option<usize>,
    #[command(flatten)]
    pub(crate) tls: TlsArguments,
}

impl Common {
    /// The books' room.
    pub(crate) fn capacity(&self) -> Capacity {
        Capacity {
            orders: self.max_orders,
            levels: self.max_levels,
            ..Capacity::default()
        }
    }

    /// The subscription these options describe.
    pub(crate) fn subscriber(
        &self,
        start: Start,
        may_snapshot: bool,
    ) -> Result<SubscriberConfig, super::Failure> {
        let credentials = Credentials::new(&self.username, &self.password)
            .map_err(|error| super::Failure::Usage(error.to_string()))?;
        Ok(SubscriberConfig {
            line_a: self.a,
            line_b: self.b.0,
            interface: self.interface,
            recovery: self.recovery.0,
            retransmission: match self.retransmission {
                None => Retransmission::LikeRecovery,
                Some(Switchable(None)) => Retransmission::Off,
                Some(Switchable(Some(address))) => Retransmission::At(address),
            },
            snapshot: self.snapshot.0.filter(|_| may_snapshot),
            credentials,
            start,
            capacity: self.capacity(),
            loss: self.drop.map(|share| LossPlan {
                seed: self.seed,
                share,
            }),
            ..SubscriberConfig::default()
        })
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Best bid, best ask and last trade of an instrument
    Quote(QuoteOptions),
    /// Trades as they happen
    Trades(TradesOptions),
    /// The book of an instrument
    Book(BookOptions),
    /// Everything at once in the terminal: instruments, ladder, trades, candles, health of the feed
    #[command(after_help = WATCH_KEYS)]
    Watch(WatchOptions),
    /// Open, high, low, close, volume and average price of each interval of the day
    Candles(CandlesOptions),
    /// The day so far: open, high, low, last, volume, average price, turnover
    Stats(StatsOptions),
    /// The day as candles, in the terminal or as an SVG file
    Chart(ChartOptions),
    /// Write the feed to a file (u16 length + message)
    Record(RecordOptions),
    /// Turn a recorded day into CSV or into rows for hftbacktest
    Export(ExportOptions),
    /// Read any ITCH 5.0 file: rebuild its books, count, measure
    Replay(ReplayOptions),
    /// Write man pages and shell completions below a prefix
    #[command(hide = true)]
    Pages(manual::Arguments),
}

#[derive(Debug, Args)]
pub(crate) struct QuoteOptions {
    /// The instrument, for example BTC-USD
    pub(crate) symbol: String,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TradesOptions {
    /// Only this instrument
    pub(crate) symbol: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// End after this many trades
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// End after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// First message to show trades of: a sequence number, `start` of the day, or `now`. What came before is read all
    /// the same, as an execution names an order of before
    #[arg(long, value_name = "N|start|now", default_value = "now")]
    pub(crate) from: From,
}

#[derive(Debug, Args)]
pub(crate) struct BookOptions {
    /// The instrument, for example BTC-USD
    pub(crate) symbol: String,
    /// Price levels of each side
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) levels: usize,
    /// JSON, one object a book
    #[arg(long)]
    pub(crate) json: bool,
    /// Again whenever it changed, at most ten times a second
    #[arg(long)]
    pub(crate) follow: bool,
    /// End --follow after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, requires = "follow")]
    pub(crate) duration: Option<Duration>,
}

/// Where a day is read from.
#[derive(Debug, Args)]
pub(crate) struct DayOptions {
    /// Read this recorded day (ITCH 5.0, also gzip) instead of the feed
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct WatchOptions {
    /// Only these instruments
    #[arg(value_name = "SYMBOL")]
    pub(crate) symbols: Vec<String>,
    /// Time a candle stands for at the beginning
    #[arg(long, value_name = "1s|1m|1h", default_value = "1s", value_parser = interval)]
    pub(crate) interval: Interval,
}

#[derive(Debug, Args)]
pub(crate) struct CandlesOptions {
    /// The instrument, for example BTC-USD
    pub(crate) symbol: String,
    /// Time a candle stands for: whole seconds, minutes or hours
    #[arg(long, value_name = "1s|1m|1h", default_value = "1m", value_parser = interval)]
    pub(crate) interval: Interval,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// End after this time; 0s ends with what there is
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// First message whose candle is shown: a sequence number, `start` of the day, or `now`
    #[arg(long, value_name = "N|start|now", default_value = "start")]
    pub(crate) from: From,
    #[command(flatten)]
    pub(crate) day: DayOptions,
}

#[derive(Debug, Args)]
pub(crate) struct StatsOptions {
    /// Only this instrument
    pub(crate) symbol: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) day: DayOptions,
}

#[derive(Debug, Args)]
pub(crate) struct ChartOptions {
    /// The instrument, for example BTC-USD
    pub(crate) symbol: String,
    /// Write an SVG file; without it the chart is text on the output
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) out: Option<PathBuf>,
    /// Time a candle stands for: whole seconds, minutes or hours; without it whatever fills the chart
    #[arg(long, value_name = "1s|1m|1h", value_parser = interval)]
    pub(crate) interval: Option<Interval>,
    /// The newest candles to draw; without it 120, or as many as the terminal is wide
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub(crate) last: Option<u16>,
    /// Follow the feed for this time before drawing
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    #[command(flatten)]
    pub(crate) day: DayOptions,
}

#[derive(Debug, Args)]
pub(crate) struct RecordOptions {
    /// The file to write; with --rotate, session and first sequence number are put into each name: day.itch becomes
    /// day-ITCH000001-000000000001.itch
    pub(crate) file: PathBuf,
    /// End after this time; without it at the end of the session or Ctrl-C
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// First message to write: a sequence number, `start` of the day, or `now`
    #[arg(long, value_name = "N|start|now", default_value = "start")]
    pub(crate) from: From,
    /// Overwrite the file
    #[arg(long)]
    pub(crate) force: bool,
    /// Go on with a new file after this much exchange time or size, and when a session begins
    #[arg(long, value_name = "1h|100MiB", value_parser = rotation)]
    pub(crate) rotate: Option<Rotation>,
    /// Keep this many of the newest files and remove older ones, those of earlier runs too
    #[arg(long, value_name = "N", requires = "rotate", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep: Option<u32>,
}

/// When a recording goes on with a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotation {
    /// Where the exchange's time passes a multiple of this many nanoseconds.
    Time(u64),
    /// Before a file has more than this many bytes.
    Size(u64),
}

#[derive(Debug, Args)]
pub(crate) struct ExportOptions {
    /// The recorded day to read (ITCH 5.0, also gzip)
    pub(crate) file: PathBuf,
    /// Where to write: a directory, or for hftbacktest with --symbol also a file FILE.npy. What is there is overwritten
    #[arg(long, value_name = "DIR|FILE.npy")]
    pub(crate) to: PathBuf,
    /// csv: trades.csv and quotes.csv (best prices whenever they change); hftbacktest: SYMBOL.npy
    #[arg(long, value_enum)]
    pub(crate) format: Format,
    /// Only this instrument
    #[arg(long)]
    pub(crate) symbol: Option<String>,
    /// The date of the midnight (UTC) before the day's start; timestamps then count from 1970 and not from that midnight
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) date: Option<Date>,
    /// hftbacktest: the changes of price levels, or of each order
    #[arg(long, value_enum, default_value = "price")]
    pub(crate) by: By,
    /// hftbacktest: how much later than at the exchange an event is seen
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = duration)]
    pub(crate) latency: Duration,
}

/// What files to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Csv,
    Hftbacktest,
}

/// What a row of depth is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum By {
    Price,
    Order,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayOptions {
    /// The file to read: BinaryFILE (u16 length + message), plain or packed by gzip
    pub(crate) file: PathBuf,
    /// Tell of so many instruments, the busiest first
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) instruments: usize,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// A sequence number; `start` is 1.
    Sequence(u64),
    /// Now.
    Now,
}

impl std::str::FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "start" => Ok(Self::Sequence(1)),
            "now" => Ok(Self::Now),
            number => match number.parse() {
                Ok(0) | Err(_) => Err("a sequence number from 1 on, `start` or `now`".to_owned()),
                Ok(sequence) => Ok(Self::Sequence(sequence)),
            },
        }
    }
}

/// A number with a unit: 250ms, 10s, 5m, 2h.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err("a number with a unit: 250ms, 10s, 5m, 2h".to_owned()),
    };
    let number: f64 = number
        .parse()
        .map_err(|_| format!("{number:?} is not a number"))?;
    Duration::try_from_secs_f64(number * seconds).map_err(|error| error.to_string())
}

/// A time as 10m or 1h, or a size as 64KiB, 100MiB or 1GiB.
fn rotation(text: &str) -> Result<Rotation, String> {
    let wrong = || "a time from 1s on, as 10m or 1h, or a size as 64KiB, 100MiB or 1GiB".to_owned();
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let size = units
        .into_iter()
        .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, bytes)));
    if let Some((number, bytes)) = size {
        let size = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(bytes));
        return size
            .filter(|size| *size > 0)
            .map(Rotation::Size)
            .ok_or_else(wrong);
    }
    let time = duration(text).map_err(|_| wrong())?;
    u64::try_from(time.as_nanos())
        .ok()
        .filter(|ns| *ns >= 1_000_000_000)
        .map(Rotation::Time)
        .ok_or_else(wrong)
}

/// Whole seconds, minutes or hours: 1s, 15s, 5m, 1h.
fn interval(text: &str) -> Result<Interval, String> {
    let wrong = || "whole seconds, minutes or hours, at most a day: 1s, 15s, 1m, 5m, 1h".to_owned();
    let length = duration(text).map_err(|_| wrong())?;
    if length.subsec_nanos() != 0 {
        return Err(wrong());
    }
    u32::try_from(length.as_secs())
        .ok()
        .and_then(Interval::from_seconds)
        .ok_or_else(wrong)
}

fn shares(text: &str) -> Result<[f64; 2], String> {
    let (a, b) = text.split_once(',').unwrap_or((text, text));
    let share = |text: &str| match text.trim().parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("one or two shares from 0 to 1, as 0.05 or 0.05,0.1".to_owned()),
    };
    Ok([share(a)?, share(b)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        for wrong in ["10", "s", "-1s", "1d", "1e400s", ""] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn intervals_are_whole_seconds() {
        assert_eq!(interval("1m"), Ok(Interval::MINUTE));
        assert_eq!(interval("90s").map(Interval::seconds), Ok(90));
        for wrong in ["500ms", "0s", "1.5s", "25h", "1d", "x"] {
            assert!(interval(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn streams_begin_at_numbers_or_words() {
        assert_eq!("start".parse(), Ok(From::Sequence(1)));
        assert_eq!("17".parse(), Ok(From::Sequence(17)));
        assert_eq!("now".parse(), Ok(From::Now));
        assert!("0".parse::<From>().is_err());
    }

    #[test]
    fn files_are_rotated_by_time_or_size() {
        assert_eq!(rotation("1h"), Ok(Rotation::Time(3_600_000_000_000)));
        assert_eq!(rotation("100MiB"), Ok(Rotation::Size(100 << 20)));
        for wrong in [
            "100",
            "0MiB",
            "-1KiB",
            "1.5MiB",
            "100ms",
            "MiB",
            "99999999999999GiB",
        ] {
            assert!(rotation(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shares_are_one_or_two() {
        assert_eq!(shares("0.1"), Ok([0.1, 0.1]));
        assert_eq!(shares("0,1"), Ok([0.0, 1.0]));
        assert!(shares("2").is_err() && shares("a").is_err());
    }
}
