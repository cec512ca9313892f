//! What `exchange run` has to say, as log events on standard error. The one place where a notice becomes an event: its level
//! is decided here, and so is how it is written.
//!
//! Only the main thread logs, between two looks at the stages. Nothing on an order's way does.

use std::fmt;
use std::io;

use clap::ValueEnum;
use engine::config::{Config, LogLevel};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::set_global_default;
use tracing::{Event, Level, Subscriber, error, info, warn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{self as format, FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Registry, reload};

/// Set for processes whose standard error is systemd's journal.
const JOURNAL: &str = "JOURNAL_STREAM";

#[derive(Debug, clap::Args)]
pub(super) struct LogArguments {
    /// The least serious events that are logged, instead of the configuration's; a reload does not change it then.
    #[arg(long = "log", value_enum, value_name = "LEVEL", env = "EXCHANGE_LOG")]
    level: Option<Least>,
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

impl LogArguments {
    /// What was given holds instead of the configuration.
    pub(super) fn apply(&self, config: &mut Config) {
        if let Some(level) = self.level {
            config.log.level = match level {
                Least::Error => LogLevel::Error,
                Least::Warn => LogLevel::Warn,
                Least::Info => LogLevel::Info,
            };
        }
    }
}

/// The level of this process' log.
pub(super) struct Log {
    level: LogLevel,
    least: reload::Handle<LevelFilter, Registry>,
}

/// From now on events are written in the format that is asked for: all of them until a level is set, as the configuration,
/// which says it, is not read yet.
pub(super) fn install(arguments: &LogArguments) -> Log {
    let level = LogLevel::Info;
    let (filter, least) = reload::Layer::new(filter(level));
    let filtered = Registry::default().with(filter);
    let lines = format::layer().with_writer(io::stderr).with_ansi(false);
    // It fails where there is one already: this process has no other.
    let _ = match arguments.format {
        Format::Text => {
            let has_levels = std::env::var_os(JOURNAL).is_some();
            set_global_default(filtered.with(lines.event_format(Sentences { has_levels })))
        }
        Format::Json => {
            set_global_default(filtered.with(lines.json().flatten_event(true).with_target(false)))
        }
    };
    Log { level, least }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
    }
}

impl Log {
    /// From now on less serious events are not written.
    pub(super) fn set(&mut self, level: LogLevel) {
        self.level = level;
        // It fails where there is no log any more: this process keeps its own.
        let _ = self.least.reload(filter(level));
    }

    /// The same, and writes the lines that say so by the old level or by the new one, whichever lets more through.
    pub(super) fn change(&mut self, level: LogLevel, lines: &[String]) {
        self.set(self.level.max(level));
        for line in lines {
            notice(line);
        }
        self.set(level);
    }
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
