//! The command line: what was typed, and one module for each verb.

mod book;
mod failure;
mod feed;
mod options;
mod output;
mod quote;
mod record;
mod replay;
mod trades;

pub(crate) use failure::Failure;
pub(crate) use options::Arguments;

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
        Verb::Record(options) => record::run(common, options),
        Verb::Replay(options) => replay::run(common, options),
    }
}
