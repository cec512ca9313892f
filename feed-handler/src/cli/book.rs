//! `book`: price levels of one instrument, once or whenever they change.

use super::Failure;
use super::feed::Feed;
use super::options::{BookOptions, Common};
use super::output::{cross_json, imbalance_json, imbalance_text, level_json, level_text};
use feed_handler::arbiter::Start;
use feed_handler::ticker::Instrument;
use feed_handler::{Market, Observer, Side};
use protocol::market_data::FeedMessage;
use serde_json::json;
use std::io::{self, Write, stdout};

/// Shortest time between two prints of `--follow`.
const INTERVAL_NS: u64 = 100_000_000;

/// Notes whether what is printed of one instrument changed.
struct Changes {
    locate: u16,
    changed: bool,
}

impl Changes {
    /// True for the state, the imbalance and the cross of the instrument.
    fn is_about_the_auction(&self, message: &[u8]) -> bool {
        let decoded = FeedMessage::decode(message);
        let is_auction = matches!(
            decoded,
            Ok(FeedMessage::StockTradingAction(_) | FeedMessage::Noii(_) | FeedMessage::CrossTrade(_))
        );
        is_auction && decoded.is_ok_and(|decoded| decoded.locate() == Some(self.locate))
    }
}

impl Observer for Changes {
    fn message(&mut self, _sequence: u64, message: &[u8], market: &Market) {
        self.changed |= market.touched() == self.locate || self.is_about_the_auction(message);
    }
}

pub(crate) fn run(common: &Common, options: &BookOptions) -> Result<(), Failure> {
    let mut feed = Feed::open(common, Start::At(1))?;
    feed.join(&mut ())?;
    let mut changes = Changes {
        locate: feed.find(&options.symbol)?,
        changed: true,
    };
    let begun_ns = feed.now_ns();
    let limit_ns = options.duration.map_or(u64::MAX, |limit| limit.as_nanos() as u64);
    let mut printed_ns = None;
    let mut out = stdout().lock();
    loop {
        let now_ns = feed.now_ns();
        let due = printed_ns.is_none_or(|printed_ns| now_ns - printed_ns >= INTERVAL_NS);
        if changes.changed && due {
            print(&mut out, options, &feed, changes.locate)?;
            changes.changed = false;
            printed_ns = Some(now_ns);
        }
        if !options.follow || feed.is_interrupted() {
            return Ok(());
        }
        if now_ns - begun_ns >= limit_ns {
            return feed.check_trust();
        }
        feed.turn(&mut changes);
        feed.tell_state();
    }
}

fn print(out: &mut impl Write, options: &BookOptions, feed: &Feed<'_>, locate: u16) -> io::Result<()> {
    let market = feed.subscriber.market();
    let book = market.book(locate);
    // A new day has not named it yet.
    let instrument = market.instrument(locate).unwrap_or(&Instrument::UNNAMED);
    let lots = instrument.lots_per_unit;
    let side = |side| book.levels(side).take(options.levels);
    if options.json {
        let levels = |of| side(of).map(|level| level_json(level, lots)).collect::<Vec<_>>();
        let object = json!({
            "symbol": options.symbol,
            "state": instrument.state_name(),
            "imbalance": instrument.imbalance.map(|imbalance| imbalance_json(&imbalance, lots)),
            "cross": instrument.cross.map(|cross| cross_json(&cross, lots)),
            "next_sequence": feed.subscriber.next_sequence(),
            "bids": levels(Side::Buy),
            "asks": levels(Side::Sell),
            "digest": format!("{:016x}", book.digest()),
        });
        writeln!(out, "{object}")?;
    } else {
        let next = feed.subscriber.next_sequence().unwrap_or(1);
        let state = instrument.state_name();
        writeln!(out, "{} ({state})  after message {}", options.symbol, next - 1)?;
        if let Some(imbalance) = &instrument.imbalance {
            writeln!(out, "auction  {}", imbalance_text(imbalance, lots))?;
        }
        writeln!(out, "{:>28}  |  asks", "bids")?;
        let (mut bids, mut asks) = (side(Side::Buy), side(Side::Sell));
        loop {
            let (bid, ask) = (bids.next(), asks.next());
            if bid.is_none() && ask.is_none() {
                break;
            }
            let text = |level: Option<_>| level.map_or(String::new(), |level| level_text(Some(level), lots));
            let line = format!("{:>28}  |  {}", text(bid), text(ask));
            // No space at the end, where there is no offer.
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    out.flush()
}
