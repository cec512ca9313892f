//! `quote`: best bid, best ask and last trade, once.

use super::Failure;
use super::feed::Feed;
use super::options::{Common, QuoteOptions};
use super::output::{
    cross_json, cross_text, imbalance_json, imbalance_text, level_json, level_text, session_text, trade_json,
};
use feed_handler::decimal;
use serde_json::json;
use std::io::{Write, stdout};

pub(crate) fn run(common: &Common, options: &QuoteOptions) -> Result<(), Failure> {
    let mut feed = Feed::open_now(common)?;
    feed.join(&mut ())?;
    let locate = feed.find(&options.symbol)?;
    let subscriber = &feed.subscriber;
    let market = subscriber.market();
    let quote = market
        .quote(locate)
        .expect("find answers instruments the market has");
    let instrument = &quote.instrument;
    let lots = instrument.lots_per_unit;
    let mut out = stdout().lock();
    if options.json {
        let object = json!({
            "symbol": instrument.symbol(),
            "state": instrument.state_name(),
            "bid": quote.bid.map(|level| level_json(level, lots)),
            "ask": quote.ask.map(|level| level_json(level, lots)),
            "last": instrument.last.map(|trade| trade_json(&trade, instrument)),
            "imbalance": instrument.imbalance.map(|imbalance| imbalance_json(&imbalance, lots)),
            "cross": instrument.cross.map(|cross| cross_json(&cross, lots)),
            "volume": decimal::quantity(instrument.volume, lots).to_string(),
            "trades": instrument.trades,
            "session": session_text(subscriber.session()),
            "next_sequence": subscriber.next_sequence(),
        });
        writeln!(out, "{object}")?;
    } else {
        writeln!(out, "{} ({})", instrument.symbol(), instrument.state_name())?;
        writeln!(out, "  bid   {}", level_text(quote.bid, lots))?;
        writeln!(out, "  ask   {}", level_text(quote.ask, lots))?;
        match instrument.last {
            Some(last) => writeln!(
                out,
                "  last  {} x {}  at {}, match {}",
                decimal::price(last.price),
                decimal::quantity(last.quantity, lots),
                decimal::time_of_day(last.timestamp),
                last.match_number
            )?,
            None => writeln!(out, "  last  -")?,
        }
        if let Some(imbalance) = &instrument.imbalance {
            writeln!(out, "  auction  {}", imbalance_text(imbalance, lots))?;
        }
        if let Some(cross) = &instrument.cross {
            writeln!(out, "  cross  {}", cross_text(cross, lots))?;
        }
    }
    Ok(())
}
