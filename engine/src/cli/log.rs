//! What `exchange run` has to say, as log events on standard error. The one place where a notice becomes an event: its level
//! is decided here, and so is how it is written.
//!
//! Only the main thread logs, between two looks at the stages. Nothing on an order's way does.

use std::fmt;
use std::io;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber, error, info, warn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Set for processes whose standard error is systemd's journal.
const JOURNAL: &str = "JOURNAL_STREAM";

#[derive(Debug, clap::Args)]
pub(super) struct LogArguments {
    /// The least serious events that are logged.
    #[arg(
        long = "log",
        value_enum,
        value_name = "LEVEL",
        env = "EXCHANGE_LOG",
        default_value = "info"
    )]
    level: Least,
    /// How events are written to standard error.
    #[arg(
        long = "log-format",
        value_enum,
        value_name = "FORMAT",
        env = "EXCHANGE_LOG_FORMAT",
        default_value = "text"
    )]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Least {
    /// What ends the exchange, and nothing else.
    Error,
    /// What an operator should look at as well.
    Warn,
    /// The ordinary course of a run as well.
    Info,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// The sentence alone; whoever collects it has the time. Under systemd with its level in front, as systemd reads it.
    Text,
    /// An object a line: timestamp, level, message.
    Json,
}

/// From now on events are written as asked.
pub(super) fn install(arguments: &LogArguments) {
    let least = match arguments.level {
        Least::Error => LevelFilter::ERROR,
        Least::Warn => LevelFilter::WARN,
        Least::Info => LevelFilter::INFO,
    };
    let builder = tracing_subscriber::fmt()
        .with_max_level(least)
        .with_writer(io::stderr)
        .with_ansi(false);
    // It fails where there is one already: this process has no other.
    let _ = match arguments.format {
        Format::Text => {
            let has_levels = std::env::var_os(JOURNAL).is_some();
            tracing::subscriber::set_global_default(builder.event_format(Sentences { has_levels }).finish())
        }
        Format::Json => tracing::subscriber::set_global_default(
            builder.json().flatten_event(true).with_target(false).finish(),
        ),
    };
}

/// Events as their sentences.
struct Sentences {
    /// Each line begins with its level as `sd-daemon(3)` has it.
    has_levels: bool,
}

impl<S, N> FormatEvent<S, N> for Sentences
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        for line in text.lines() {
            if self.has_levels {
                write!(writer, "<{}>", severity(*event.metadata().level()))?;
            }
            writeln!(writer, "{line}")?;
        }
        Ok(())
    }
}

/// syslog's number.
fn severity(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        _ => 6,
    }
}

/// Logs what the exchange tells its operator.
pub(super) fn notice(line: &str) {
    if needs_attention(line) {
        warn!("{line}");
    } else {
        info!("{line}");
    }
}

/// Logs what ends it.
pub(super) fn failure(line: &str) {
    error!("{line}");
}

/// How the notices begin that somebody should look at: something is refused, missing, damaged, or about to be.
const ATTENTION: [&str; 15] = [
    "  for ",
    "TLS: certificate",
    "TLS: not renewed",
    "admin: no socket",
    "command ",
    "durability: none",
    "journal: old segments can not be removed",
    "memory is not locked",
    "passwords: ",
    "reload refused",
    "reload: restart needed",
    "snapshot refused",
    "the trading day ",
    "thread ",
    "torn tail cut",
];
/// And what those say that begin with a name.
const ATTENTION_WITHIN: [&str; 2] = ["the disk is nearly full", "is not told"];

fn needs_attention(line: &str) -> bool {
    ATTENTION.iter().any(|start| line.starts_with(start))
        || ATTENTION_WITHIN.iter().any(|words| line.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of the table in docs/OPERATING.md: the lines of a cell, and the level beside it.
    fn documented() -> Vec<(String, String)> {
        let page = include_str!("../../../docs/OPERATING.md");
        let start = page.find("| line | level | means |").expect("the table is there");
        page[start..]
            .lines()
            .skip(2)
            .take_while(|row| row.starts_with('|'))
            .flat_map(|row| {
                let mut cells = row.split('|').map(str::trim).skip(1);
                let (lines, level) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
                lines
                    .split('`')
                    .skip(1)
                    .step_by(2)
                    .map(|line| (line.to_owned(), level.to_owned()))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn levels_are_those_of_the_page() {
        let rows = documented();
        assert!(rows.len() > 20, "{rows:?}");
        for (line, level) in rows {
            let expected = match level.as_str() {
                "warn" => true,
                "info" => false,
                // The line that says that it is ready is no event: it is on standard output.
                _ => {
                    assert!(line.starts_with("ready "), "{line}: {level:?} is no level");
                    continue;
                }
            };
            assert_eq!(needs_attention(&line), expected, "{line}");
        }
    }

    #[test]
    fn severities_are_those_of_syslog() {
        assert_eq!([Level::ERROR, Level::WARN, Level::INFO].map(severity), [3, 4, 6]);
    }
}
