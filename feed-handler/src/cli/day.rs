//! A trading day, from the live feed or from a recorded file: what candles, statistics and charts are made of.

use super::Failure;
use super::feed::{Feed, find};
use super::file;
use super::options::{Common, DayOptions};
use feed_handler::arbiter::Start;
use feed_handler::{Market, Observer};
use protocol::market_data::values::event_code;
use protocol::text::{SessionName, market_data_session};
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

/// Records between two looks at whether a reader of a file goes on.
const RECORDS_A_TURN: u64 = 256;

/// Watches a day, and has a turn now and then.
pub(crate) trait Reader: Observer {
    /// The live market is whole: what comes from `next_sequence` on happens now.
    fn joined(&mut self, _next_sequence: u64) {}
    /// Between messages. Answers whether to go on.
    fn turn(&mut self) -> io::Result<ControlFlow<()>> {
        Ok(ControlFlow::Continue(()))
    }
}

/// The market at the end of what was read.
pub(crate) struct Day {
    pub(crate) market: Market,
    /// What was wrong with the file: told when what was read before is shown.
    damage: Option<Failure>,
}

impl Day {
    /// The end of a run whose output is written.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        self.damage.map_or(Ok(()), Err)
    }
}

/// Reads the file, or follows the feed for `limit`. `symbol`, when it is given, must be there.
pub(crate) fn follow(
    common: &Common,
    options: &DayOptions,
    symbol: Option<&str>,
    limit: Duration,
    reader: &mut impl Reader,
) -> Result<Day, Failure> {
    match &options.file {
        Some(path) => {
            let day = read(common, path, reader)?;
            match symbol.map(|symbol| find(&day.market, symbol)) {
                // What is wrong with the file explains more than what it lacks.
                Some(Err(missing)) => Err(day.damage.unwrap_or(missing)),
                Some(Ok(_)) | None => Ok(day),
            }
        }
        None => listen(common, symbol, limit, reader),
    }
}

fn listen(
    common: &Common,
    symbol: Option<&str>,
    limit: Duration,
    reader: &mut impl Reader,
) -> Result<Day, Failure> {
    let mut feed = Feed::open(common, Start::At(1))?;
    feed.join(reader)?;
    if let Some(symbol) = symbol {
        find(feed.subscriber.market(), symbol)?;
    }
    reader.joined(feed.subscriber.next_sequence().unwrap_or(1));
    let begun_ns = feed.now_ns();
    let limit_ns = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    loop {
        if reader.turn()?.is_break() || feed.is_interrupted() {
            break;
        }
        if feed.now_ns() - begun_ns >= limit_ns {
            feed.check_trust()?;
            break;
        }
        feed.turn(reader);
        feed.tell_state();
    }
    Ok(Day {
        market: feed.subscriber.into_market(),
        damage: None,
    })
}

/// Each start of messages (`S` `O`) begins another day, as files may hold several; the market knows.
pub(crate) fn read(
    common: &Common,
    path: &std::path::Path,
    reader: &mut impl Reader,
) -> Result<Day, Failure> {
    let mut market = Market::new(common.capacity());
    let (mut days, mut sequence, mut records) = (0, 0, 0);
    let mut error = None;
    let damage = file::read(path, |message| {
        let begins = message.first() == Some(&b'S') && message.last() == Some(&event_code::START_OF_MESSAGES);
        if begins || records == 0 {
            days += 1;
            sequence = 0;
            reader.session(day_name(days));
        }
        sequence += 1;
        records += 1;
        // A malformed message is counted by the market.
        let _counted = market.apply(message);
        reader.message(sequence, message, &market);
        if records % RECORDS_A_TURN == 0 {
            match reader.turn() {
                Ok(going) => return going,
                Err(failed) => {
                    error = Some(failed);
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    });
    if let Some(error) = error {
        return Err(error.into());
    }
    let _over = reader.turn()?;
    if let Some(overflow) = market.overflow() {
        return Err(Failure::Untrusted(format!(
            "{overflow}: more --max-orders or --max-levels are needed for this file"
        )));
    }
    let path = path.display();
    let damage = match (damage, market.statistics().malformed) {
        (Ok(None), 0) => None,
        (Ok(Some(position)), _) => Some(Failure::Damaged(format!(
            "{path}: the record at byte {position} is cut; everything before it was read"
        ))),
        (Ok(None), malformed) => Some(Failure::Damaged(format!(
            "{path}: {malformed} messages are not ITCH 5.0"
        ))),
        (Err(damaged @ Failure::Damaged(_)), _) => Some(damaged),
        (Err(failure), _) => return Err(failure),
    };
    Ok(Day { market, damage })
}

/// A file does not say the names of its sessions.
fn day_name(days: u32) -> SessionName {
    market_data_session(days).unwrap_or(*b"ITCH999999")
}
