//! The command line: what was typed, and one module for each verb.

mod book;
mod candles;
mod chart;
mod date;
mod day;
mod export;
mod failure;
mod feed;
mod file;
mod options;
mod output;
mod quote;
mod record;
mod replay;
#[cfg(test)]
mod snapshot;
mod stats;
mod trades;
mod watch;

pub(crate) use failure::Failure;
pub(crate) use options::Arguments;

use feed_handler::Charts;
use feed_handler::candle::Interval;
use feed_handler::charts::ChartsConfig;
use options::Verb;

/// Does what was asked.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let common = &arguments.common;
    if let Some(core) = common.core
        && !core_affinity::set_for_current(core_affinity::CoreId { id: core })
    {
        eprintln!("feed-handler: core {core} is not available to this process; running without pinning");
    }
    match &arguments.verb {
        Verb::Quote(options) => quote::run(common, options),
        Verb::Trades(options) => trades::run(common, options),
        Verb::Book(options) => book::run(common, options),
        Verb::Watch(options) => watch::run(common, options),
        Verb::Candles(options) => candles::run(common, options),
        Verb::Stats(options) => stats::run(common, options),
        Verb::Chart(options) => chart::run(common, options),
        Verb::Record(options) => record::run(common, options),
        Verb::Export(options) => export::run(common, options),
        Verb::Replay(options) => replay::run(common, options),
    }
}

/// Charts of one instrument.
fn charts_of(symbol: &str, intervals: &[Interval], candles: usize) -> Result<Charts, Failure> {
    Ok(Charts::new(ChartsConfig {
        intervals: intervals.to_vec(),
        candles,
        symbols: vec![output::symbol_field(symbol)?],
        ..ChartsConfig::default()
    }))
}
