//! `doctor`: what this host is like for an exchange, what could be better, and how.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand};
use tuning::checks::{self, Context, Wishes};
use tuning::cores::Cores;
use tuning::host::Host;
use tuning::jitter;
use tuning::measure::{Measurements, pages};
use tuning::report;

const EXIT_CODES: &str = "\
Exit codes:
  0  nothing is bad (it may be that something could be better)
  1  something is bad
  2  wrong usage, or a core that is not there

It looks and never changes: tuning/apply.sh does. Each line has its section in tuning/README.md.";

/// Looks at what an exchange asks of this host: found, wanted, why, what it brings, what changes it
#[derive(Debug, Parser)]
#[command(name = "doctor", version, after_help = EXIT_CODES, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    look: LookOptions,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// How still a core is: gaps in a loop that only reads the clock
    Jitter(JitterOptions),
    /// Time of a random read, for the program itself
    #[command(hide = true, name = pages::VERB)]
    Reads,
    /// Write man pages and shell completions below a prefix
    #[command(hide = true)]
    Pages(manual::Arguments),
}

#[derive(Debug, Args)]
struct LookOptions {
    /// The card that orders and market data go by; without it everything is on loopback
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
    /// The cores meant for the exchange, such as 2,3 or 2-5; without it those that are isolated
    #[arg(long, value_name = "LIST", value_parser = cores)]
    cores: Option<Cores>,
    /// The directory of the journal; a file is written there, and removed, to measure the disk
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Only read files: measure nothing
    #[arg(long)]
    quick: bool,
    /// Tell wanted, why and gain of what is good, too
    #[arg(long, conflicts_with = "json")]
    all: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
    /// Look at a host made of files below this directory, and measure nothing
    #[arg(long, value_name = "DIR", hide = true)]
    root: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct JitterOptions {
    /// The core to watch; without it whichever the kernel chooses
    #[arg(long, value_name = "N")]
    core: Option<usize>,
    /// How long it looks
    #[arg(long = "for", value_name = "DURATION", default_value = "20s", value_parser = duration)]
    duration: Duration,
    /// Shortest gap that counts
    #[arg(long, value_name = "DURATION", default_value = "200ns", value_parser = duration)]
    floor: Duration,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

fn cores(text: &str) -> Result<Cores, String> {
    Cores::parse(text)
        .filter(|cores| !cores.is_empty())
        .ok_or_else(|| "cores such as 2,3 or 2-5".to_owned())
}

/// A time with its unit, up to a day.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let nanoseconds: u64 = match &text[digits.len()..] {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err("a time with its unit, such as 20s, 5m or 200ns".to_owned()),
    };
    let count: u64 = digits
        .parse()
        .map_err(|_| "a whole number and its unit, such as 20s".to_owned())?;
    count
        .checked_mul(nanoseconds)
        .map(Duration::from_nanos)
        .filter(|time| !time.is_zero() && time.as_secs() <= 86_400)
        .ok_or_else(|| "a time above zero, a day at most".to_owned())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.verb {
        Some(Verb::Jitter(options)) => watch(&options),
        Some(Verb::Reads) => {
            let (cost, huge_kib) = pages::read_ns();
            print(&format!("{cost} {huge_kib}\n"));
            ExitCode::SUCCESS
        }
        Some(Verb::Pages(options)) => write_pages(&options),
        None => look(&arguments.look),
    }
}

fn look(options: &LookOptions) -> ExitCode {
    let host = options.root.as_deref().map_or_else(Host::this, Host::at);
    // Mounts are named from the root on.
    let data = options.data.clone().map(|data| match options.root {
        Some(_) => data,
        None => std::fs::canonicalize(&data).unwrap_or(data),
    });
    let wishes = Wishes {
        interface: options.interface.clone(),
        cores: options.cores.clone(),
        data,
    };
    let measured = match options.quick || options.root.is_some() {
        true => Measurements::default(),
        false => Measurements::take(wishes.data.as_deref()),
    };
    let findings = checks::look(&Context {
        host: &host,
        wishes: &wishes,
        measured: &measured,
    });
    let text = match options.json {
        true => format!("{}\n", report::json(&findings)),
        false => report::text(&findings, options.all),
    };
    print(&text);
    ExitCode::from(u8::from(report::is_any_bad(&findings)))
}

fn watch(options: &JitterOptions) -> ExitCode {
    if let Some(core) = options.core
        && let Err(reason) = jitter::pin(&Host::this(), core)
    {
        eprintln!("doctor: {reason}");
        return ExitCode::from(2);
    }
    let floor_ns = options.floor.as_nanos() as u64;
    let gaps = jitter::watch(options.duration, floor_ns);
    let text = match options.json {
        true => format!("{}\n", gaps.json(options.core)),
        false => gaps.text(options.core),
    };
    print(&text);
    ExitCode::SUCCESS
}

fn write_pages(options: &manual::Arguments) -> ExitCode {
    match manual::run(&Arguments::command(), options) {
        Ok(written) => {
            print(&written);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("doctor: {}: {error}", options.out.display());
            ExitCode::from(2)
        }
    }
}

/// Whoever reads may have gone away (`| head`); then nobody wants the rest.
fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_and_option_is_explained() {
        assert_eq!(manual::complaints(&Arguments::command()), Vec::<String>::new());
    }
}
