//! How many instructions an operation takes in the matching core, counted by callgrind: exact, whatever the machine is
//! busy with. `instructions.tsv` beside this folder is the budget; more or less than it by more than 2 % is a failure,
//! and `-- --write` writes a new one.
//!
//! The program runs itself under valgrind, once for each workload and contender. Counting is on only inside
//! [`measured_part`], which reads no clock.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs, process};

use benches::Workload;
use benches::ceiling::Balances;
use benches::contender::{Array, Case, Contender, Core, OurBook};
use benches::fills::FillsHash;
use benches::workload::{CROWD, WORKLOADS};

/// Operations of a stream. What they tell fits a contender's buffer without hashing in between.
const OPERATIONS: u32 = 20_000;
/// Operations of the smoke test.
const SMOKE_OPERATIONS: u32 = 2_000;
/// How far a count may be from the budget, thousandths.
const TOLERANCE: u64 = 20;
/// Who is counted. The ceiling is there to be compared with.
const CONTENDERS: [&str; 3] = ["exchange", "book", "ceiling"];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let Some(place) = arguments.iter().position(|argument| argument == "--inner") {
        let workload = arguments.get(place + 1).and_then(|name| Workload::named(name));
        let contender = arguments
            .get(place + 2)
            .expect("the outer process names a contender");
        inner(
            workload.expect("the outer process names a workload"),
            contender,
            OPERATIONS,
        );
        return ExitCode::SUCCESS;
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        for contender in CONTENDERS {
            inner(WORKLOADS[0], contender, SMOKE_OPERATIONS);
        }
        return ExitCode::SUCCESS;
    }
    match outer(arguments.iter().any(|argument| argument == "--write")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}

/// What is counted. One instance for each contender, called once.
#[inline(never)]
fn measured_part<'a, C: Contender<'a>>(contender: &mut C) {
    for place in 0..contender.operations() {
        contender.ahead(place);
        contender.apply(place);
    }
}

fn inner(workload: Workload, contender: &str, operations: u32) {
    let case = Case::new(workload.reduced().stream(operations));
    match contender {
        "exchange" => count::<Core<'_, 0>>(&case),
        "book" => count::<OurBook<'_, 0>>(&case),
        _ => count::<Array<'_, Balances, false>>(&case),
    }
}

fn count<'a, C: Contender<'a>>(case: &'a Case) {
    let mut contender = C::prepared(case);
    measured_part(&mut contender);
    let mut hash = FillsHash::default();
    contender.drain(&mut hash);
    contender.check();
    assert_eq!(hash.value(), case.operations.fills_hash, "fills are equal");
}

/// A line of the budget: workload, contender, and instructions an operation in hundredths.
type Line = (String, String, u64);

fn outer(write: bool) -> Result<(), String> {
    if !has_valgrind() {
        let told = "valgrind is not installed (Debian: apt-get install valgrind)";
        if env::var("INSTRUCTIONS").is_ok_and(|value| value == "required") {
            return Err(format!("{told}, and INSTRUCTIONS=required"));
        }
        println!("{told}: instructions are not counted");
        return Ok(());
    }
    let folder = env::temp_dir().join(format!("instructions-{}", process::id()));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let counted = count_all(&folder);
    // Of use to nobody any more; what can not be removed lies in the folder for such files.
    let _ = fs::remove_dir_all(&folder);
    let counted = counted?;
    let rustc = rustc();
    if write {
        let text = render(&rustc, &counted);
        return fs::write(budget_path(), text)
            .map_err(|error| format!("{}: {error}", budget_path().display()));
    }
    compare(&rustc, &counted)
}

fn has_valgrind() -> bool {
    Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn count_all(folder: &Path) -> Result<Vec<Line>, String> {
    let mut counted = Vec::new();
    for workload in WORKLOADS.into_iter().chain([CROWD]) {
        for contender in CONTENDERS {
            let instructions = count_one(&folder.join("callgrind.out"), workload.name, contender)?;
            let hundredths = instructions * 100 / u64::from(OPERATIONS);
            println!("{:<8}{contender:<10}{:>10}", workload.name, decimal(hundredths));
            counted.push((workload.name.to_owned(), contender.to_owned(), hundredths));
        }
    }
    Ok(counted)
}

fn count_one(out: &Path, workload: &str, contender: &str) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--collect-atstart=no",
            "--toggle-collect=*measured_part*",
        ])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe().map_err(|error| format!("this program: {error}"))?)
        .args(["--inner", workload, contender])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    if output.status.success() {
        total(out)
    } else {
        Err(format!(
            "valgrind failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        ))
    }
}

/// The sum that callgrind writes at the end of a file.
fn total(path: &Path) -> Result<u64, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    text.lines()
        .find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")))
        .and_then(|number| number.trim().parse().ok())
        .filter(|&number| number > 0)
        .ok_or_else(|| format!("{}: nothing was counted", path.display()))
}

fn rustc() -> String {
    let program = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    Command::new(program)
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn budget_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.tsv")
}

fn decimal(hundredths: u64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn render(rustc: &str, counted: &[Line]) -> String {
    let mut text = format!(
        "# instructions an operation; written by: cargo bench -p benches --bench instructions -- --write\nrustc\t{rustc}\n"
    );
    for (workload, contender, hundredths) in counted {
        writeln!(text, "{workload}\t{contender}\t{}", decimal(*hundredths))
            .expect("a string takes everything");
    }
    text
}

fn compare(rustc: &str, counted: &[Line]) -> Result<(), String> {
    let path = budget_path();
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let written_by = lines
        .next()
        .and_then(|line| line.strip_prefix("rustc\t"))
        .unwrap_or("unknown");
    if written_by != rustc {
        println!("the budget is of {written_by}, this is {rustc}: not compared");
        return Ok(());
    }
    let mut wrong = String::new();
    let mut budget = lines
        .map(parse)
        .collect::<Option<Vec<Line>>>()
        .ok_or("instructions.tsv is not understood")?;
    for (workload, contender, now) in counted {
        let Some(place) = budget
            .iter()
            .position(|line| (&line.0, &line.1) == (workload, contender))
        else {
            writeln!(wrong, "{workload} {contender} is not in the budget")
                .expect("a string takes everything");
            continue;
        };
        let (_, _, allowed) = budget.swap_remove(place);
        if now.abs_diff(allowed) * 1_000 > allowed * TOLERANCE {
            writeln!(
                wrong,
                "{workload} {contender}: {} instructions an operation, the budget says {}",
                decimal(*now),
                decimal(allowed)
            )
            .expect("a string takes everything");
        }
    }
    if wrong.is_empty() {
        println!("within 2 % of the budget");
        return Ok(());
    }
    Err(format!(
        "{wrong}if this is meant: cargo bench -p benches --bench instructions -- --write"
    ))
}

fn parse(line: &str) -> Option<Line> {
    let mut fields = line.split('\t');
    let (workload, contender, number) = (fields.next()?, fields.next()?, fields.next()?);
    let (whole, part) = number.split_once('.')?;
    let hundredths = whole.parse::<u64>().ok()? * 100 + part.parse::<u64>().ok()?;
    Some((workload.to_owned(), contender.to_owned(), hundredths))
}
