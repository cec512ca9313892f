//! What was typed behind `cargo bench -p benches --bench NAME --`.

use std::process::ExitCode;

use crate::workload::{WORKLOADS, Workload};

/// Smoke or measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Under `cargo test`: small inputs, results compared, no time looked at.
    Smoke,
    /// Under `cargo bench`.
    Measure(Options),
    /// Not understood: what to say.
    Wrong(String),
}

/// How to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Operations of a stream.
    pub operations: u32,
    /// Runs of each figure.
    pub runs: u32,
    /// The tables go into `docs/performance.md`.
    pub write: bool,
    /// Messages of a day of market data.
    pub messages: u32,
    /// Instruments of such a day.
    pub instruments: u16,
    /// Which workloads; none means all that the bench has.
    pub workloads: Vec<Workload>,
}

/// What may be typed.
const USAGE: &str = "usage: [--smoke] [--operations N] [--messages N] [--instruments N] [--runs N] [--write] [base|deep|multi|flow|sparse|crowd]...";

impl Mode {
    /// What every bench does with its arguments: the smoke test, or the measurement, which may fail.
    pub fn run(smoke: impl FnOnce(), measure: impl FnOnce(&Options) -> Result<(), String>) -> ExitCode {
        match Self::of(std::env::args().skip(1)) {
            Self::Smoke => smoke(),
            Self::Measure(options) => {
                if let Err(wrong) = measure(&options) {
                    eprintln!("{wrong}");
                    return ExitCode::FAILURE;
                }
            }
            Self::Wrong(wrong) => {
                eprintln!("{wrong}");
                return ExitCode::from(2);
            }
        }
        ExitCode::SUCCESS
    }

    /// Of the arguments, the program's name left out. Only `cargo bench` passes `--bench`; without it nothing else is
    /// read, because `cargo test` passes on what was meant for other tests. With `--smoke` they are read all the same,
    /// so that what a document says of a bench can be tried without measuring.
    pub fn of(arguments: impl IntoIterator<Item = String>) -> Self {
        let arguments: Vec<String> = arguments.into_iter().collect();
        let has = |name: &str| arguments.iter().any(|argument| argument == name);
        let is_smoke = has("--smoke");
        if !is_smoke && !has("--bench") {
            return Self::Smoke;
        }
        match Options::parse(arguments) {
            Ok(_) if is_smoke => Self::Smoke,
            Ok(options) => Self::Measure(options),
            Err(wrong) => Self::Wrong(format!("{wrong}\n{USAGE}")),
        }
    }
}

impl Options {
    /// Those that were named, or [`WORKLOADS`].
    pub fn workloads_or_all(&self) -> Vec<Workload> {
        if self.workloads.is_empty() {
            WORKLOADS.to_vec()
        } else {
            self.workloads.clone()
        }
    }

    fn parse(arguments: Vec<String>) -> Result<Self, String> {
        let mut options = Self {
            operations: 1_000_000,
            runs: 5,
            write: false,
            messages: 25_000_000,
            instruments: 1_000,
            workloads: Vec::new(),
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" | "--smoke" => {}
                "--write" => options.write = true,
                "--operations" => options.operations = number(&argument, arguments.next())?,
                "--messages" => options.messages = number(&argument, arguments.next())?,
                "--instruments" => {
                    let count = number(&argument, arguments.next())?;
                    options.instruments =
                        u16::try_from(count).map_err(|_| format!("{argument}: at most {}", u16::MAX))?;
                }
                "--runs" => options.runs = number(&argument, arguments.next())?,
                name => {
                    let workload = Workload::named(name).ok_or_else(|| format!("{name}: not understood"))?;
                    options.workloads.push(workload);
                }
            }
        }
        Ok(options)
    }
}

/// A number of at least 1.
fn number(name: &str, value: Option<String>) -> Result<u32, String> {
    let value = value.unwrap_or_default();
    match value.replace('_', "").parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{name}: {value:?} is not a number above 0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Mode {
        Mode::of(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn only_cargo_bench_measures() {
        assert_eq!(of(""), Mode::Smoke);
        assert_eq!(of("--nocapture some_test --operations x"), Mode::Smoke);
        assert!(matches!(of("--bench"), Mode::Measure(options) if options.workloads.is_empty()));
        assert_eq!(of("--smoke --bench --operations 1"), Mode::Smoke);
        assert!(matches!(of("--smoke --operations x"), Mode::Wrong(_)));
    }

    #[test]
    fn what_is_typed_counts_and_nonsense_is_told() {
        let Mode::Measure(options) = of("flow --operations 10_000 --runs 3 deep --bench") else {
            panic!("this is right");
        };
        assert_eq!((options.operations, options.runs), (10_000, 3));
        let names: Vec<_> = options.workloads.iter().map(|workload| workload.name).collect();
        assert_eq!(names, ["flow", "deep"]);
        for wrong in [
            "--bench --runs 0",
            "--bench --runs",
            "--bench shallow",
            "--bench --operations x",
            "--bench --instruments 70000",
        ] {
            assert!(matches!(of(wrong), Mode::Wrong(_)), "{wrong}");
        }
    }
}
