//! Runs a file, compares what it says with what is, and puts the one in place of the other.

use std::fmt;

use engine::exchange::command::{Command, CommandKind};
use engine::exchange::event::EventKind;

use super::script::{self, Cause, Scenario, Statement};
use super::words::{Failure, Outcome, Word, Words};
use super::world::{LIMITS, World};
use super::{decimal, given, operator, request, runs, state, tell};

/// Lines of what holds that are shown.
const SHOWN_MAX: usize = 30;

/// Something that does not hold, and what would.
#[derive(Debug)]
pub(crate) struct Trouble {
    failure: Failure,
    scenario: String,
    /// The lines it replaces, first and last, and the text that would hold in their place.
    correction: Option<(usize, usize, String)>,
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { line, column, what } = &self.failure;
        let column = if *column == 0 {
            String::new()
        } else {
            format!(":{column}")
        };
        write!(
            formatter,
            "{line}{column}: {what}\n    in scenario: {}",
            self.scenario
        )?;
        if let Some((_, _, text)) = &self.correction {
            let lines: Vec<_> = text.lines().take(SHOWN_MAX).collect();
            write!(formatter, "\n    what holds:\n{}", lines.join("\n"))?;
            if text.lines().count() > SHOWN_MAX {
                write!(formatter, "\n        ... (SCENARIOS=write shows all)")?;
            }
        }
        Ok(())
    }
}

/// What is wrong in a file.
pub(crate) fn file(text: &str) -> Vec<Trouble> {
    let scenarios = match script::parse(text) {
        Ok(scenarios) => scenarios,
        Err(failure) => {
            return vec![Trouble {
                failure,
                scenario: String::new(),
                correction: None,
            }];
        }
    };
    let mut found: Vec<Trouble> = Vec::new();
    for scenario in &scenarios {
        for trouble in run(scenario) {
            // What is wrong in the common lines is wrong in each scenario.
            if !found
                .iter()
                .any(|known| known.failure.line == trouble.failure.line)
            {
                found.push(trouble);
            }
        }
    }
    found
}

/// The file with what holds in place of what does not.
pub(crate) fn corrected(text: &str, found: &[Trouble]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut corrections: Vec<_> = found
        .iter()
        .filter_map(|trouble| trouble.correction.as_ref())
        .collect();
    corrections.sort_by_key(|(first, _, _)| std::cmp::Reverse(*first));
    for (first, last, text) in corrections {
        lines.splice(first - 1..*last, [text.clone()]);
    }
    lines.join("\n") + "\n"
}

fn run(scenario: &Scenario) -> Vec<Trouble> {
    let mut world = World::new(LIMITS);
    let mut found = Vec::new();
    for statement in &scenario.statements {
        let trouble = |failure, correction| Trouble {
            failure,
            scenario: scenario.name.clone(),
            correction,
        };
        match statement_holds(&mut world, statement) {
            Ok(None) => {}
            Ok(Some((failure, text))) => {
                found.push(trouble(failure, Some((statement.line, statement.last, text))));
            }
            // What follows would be wrong because of this.
            Err(failure) => {
                found.push(trouble(failure, None));
                break;
            }
        }
    }
    found
}

/// `None` when it holds, else what is wrong and what would hold. `Err` when the line says nothing that can be run.
fn statement_holds(world: &mut World, statement: &Statement) -> Outcome<Option<(Failure, String)>> {
    let mut words = Words::new(&statement.text, statement.line);
    let first = words.need("a statement")?;
    let only_requests_cause = || match &statement.causes {
        None => Ok(()),
        Some(_) => Err(first.fail("only what customers and the operator ask causes something")),
    };
    match first.text {
        "given" => {
            only_requests_cause()?;
            words.next();
            given_line(world, &statement.text, statement.line)?;
            Ok(None)
        }
        "after" => {
            only_requests_cause()?;
            after(world, &mut words)?;
            Ok(None)
        }
        kind if state::KINDS.contains(&kind) => {
            only_requests_cause()?;
            let truth = state::truth(world, &mut Words::new(&statement.text, statement.line))?;
            let holds = is_same(&statement.text, &truth);
            let failure = Failure {
                line: statement.line,
                column: 0,
                what: "this does not hold".to_owned(),
            };
            let indent = statement.text.len() - statement.text.trim_start().len();
            Ok((!holds).then(|| (failure, " ".repeat(indent) + &truth)))
        }
        _ => {
            let command = command(world, first, &mut words)?;
            let told = apply(world, first, command)?;
            compare(statement, &told)
        }
    }
}

/// What a customer, the operator or the engine's clock asks.
fn command(world: &mut World, first: Word<'_>, words: &mut Words<'_>) -> Outcome<Command> {
    if first.text == "operator" {
        return operator::asks(world, words);
    }
    if let Some(command) = of_the_clock(world, first, words)? {
        return Ok(command);
    }
    if !first
        .text
        .starts_with(|character: char| character.is_ascii_uppercase())
    {
        let kinds = state::KINDS.join(", ");
        return Err(first.fail(format!(
            "a line begins with: scenario, given, after, operator, expiry, imbalance, reopening, {kinds}, or a session"
        )));
    }
    request::of_customer(world, first, words)
}

/// Commands that the engine sequences when its clock has reached a time.
fn of_the_clock(world: &World, first: Word<'_>, words: &mut Words<'_>) -> Outcome<Option<Command>> {
    let command = match first.text {
        "expiry" => Command::new(CommandKind::Expire),
        "imbalance" => Command::new(CommandKind::Imbalance),
        "reopening" => {
            let symbol = words.need("a symbol")?;
            Command {
                instrument: if symbol.text == "NOTHING" {
                    0
                } else {
                    world.instrument(symbol)?
                },
                ..Command::new(CommandKind::Reopen)
            }
        }
        _ => return Ok(None),
    };
    words.end()?;
    Ok(Some(command))
}

fn apply(world: &mut World, first: Word<'_>, command: Command) -> Outcome<Vec<String>> {
    let events = world.apply(command).map_err(|broken| first.fail(broken))?;
    Ok(tell::tell(world, &command, &events))
}

/// `given THING ...`, or `given [700 times] REQUEST`, which must not be refused.
fn given_line(world: &mut World, text: &str, line: usize) -> Outcome<()> {
    let mut words = Words::new(text, line);
    words.next();
    let mut definition = words.clone();
    let first = words.need("capacity, asset, instrument, account, session, or a request")?;
    match first.text {
        "capacity" => return given::capacity(world, first, &mut words),
        "asset" | "instrument" | "account" | "session" => return given::given(world, first, &mut definition),
        _ => {}
    }
    let mut times = 1;
    let mut first = first;
    if first.text.bytes().all(|byte| byte.is_ascii_digit()) {
        times = first.number("how often")?;
        words.keyword("times")?;
        first = words.need("a request")?;
    } else if !first
        .text
        .starts_with(|character: char| character.is_ascii_uppercase())
        && !["operator", "expiry", "imbalance", "reopening"].contains(&first.text)
    {
        return Err(
            first.fail("allowed here: capacity, asset, instrument, account, session, a number, or a request")
        );
    }
    for _ in 0..times {
        let command = command(world, first, &mut words.clone())?;
        let events = world.apply(command).map_err(|broken| first.fail(broken))?;
        let is_refused = |kind| kind == EventKind::Rejected || kind == EventKind::OperationRefused;
        if events.iter().any(|event| is_refused(event.kind())) {
            let told = tell::tell(world, &command, &events);
            return Err(first.fail(format!("this is refused: {}", told.join("; "))));
        }
    }
    Ok(())
}

/// `after 5s`, `after 200ms`, `after 1ns`
fn after(world: &mut World, words: &mut Words<'_>) -> Outcome<()> {
    let word = words.need("a time")?;
    let units = [("ms", 6), ("us", 3), ("ns", 0), ("s", 9)];
    let time = units
        .iter()
        .find_map(|(unit, decimals)| decimal::parse(word.text.strip_suffix(unit)?, *decimals))
        .and_then(|time| u64::try_from(time).ok());
    world.time += time.ok_or_else(|| word.fail("a time is written 5s, 200ms, 10us or 1ns"))?;
    words.end()
}

/// Compares what a request caused with what the file says.
fn compare(statement: &Statement, told: &[String]) -> Outcome<Option<(Failure, String)>> {
    let whole = |what: String| Failure {
        line: statement.line,
        column: 0,
        what,
    };
    let Some(causes) = &statement.causes else {
        let failure = whole("what it causes must be listed behind `->`".to_owned());
        return Ok(Some((failure, rewritten(statement, told))));
    };
    let expected = runs::expand(causes)?;
    for (cause, text) in &expected {
        check_beginning(cause, text)?;
    }
    let count = expected.len().max(told.len());
    let differs = |place: &usize| match (expected.get(*place), told.get(*place)) {
        (Some((_, expected)), Some(told)) => !is_same(expected, told),
        _ => true,
    };
    let Some(place) = (0..count).find(differs) else {
        return Ok(None);
    };
    let nothing = "nothing more".to_owned();
    let (line, column, wanted) = match expected.get(place) {
        Some((cause, text)) => (cause.line, cause.column, text),
        None => (statement.line, 0, &nothing),
    };
    let is = told.get(place).unwrap_or(&nothing);
    let what = format!("event {}\n    expected  {wanted}\n    actual    {is}", place + 1);
    Ok(Some((Failure { line, column, what }, rewritten(statement, told))))
}

/// A misspelled event is no difference but a mistake.
fn check_beginning(cause: &Cause, text: &str) -> Outcome<()> {
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or_default();
    let is_owner = first.starts_with(|character: char| character.is_ascii_uppercase());
    let word = if is_owner {
        words.next().unwrap_or_default()
    } else {
        first
    };
    if tell::BEGINNINGS.contains(&word) {
        return Ok(());
    }
    let allowed = tell::BEGINNINGS.join(", ");
    Err(Failure {
        line: cause.line,
        column: cause.column,
        what: format!("`{word}`: allowed here: nothing, {allowed}"),
    })
}

/// The statement with what it really causes.
fn rewritten(statement: &Statement, told: &[String]) -> String {
    let request = statement.text.trim_end();
    match runs::shorten(told).as_slice() {
        [] => format!("{request}  -> nothing"),
        [only] => format!("{request}  -> {only}"),
        all => {
            let lines: Vec<_> = all.iter().map(|event| format!("\n        -> {event}")).collect();
            format!("{request}{}", lines.concat())
        }
    }
}

/// Word for word the same; numbers may differ in the zeros at their end.
fn is_same(one: &str, other: &str) -> bool {
    let mut one = one.split_whitespace();
    let mut other = other.split_whitespace();
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one == other || is_same_number(one, other) => {}
            _ => return false,
        }
    }
}

/// `6@60`, `60.0,` and `60.00` are the numbers that they look like.
fn is_same_number(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim_end_matches(','), other.trim_end_matches(','));
    match (one.split_once('@'), other.split_once('@')) {
        (Some((quantity, price)), Some((same, alike))) => {
            decimal::is_equal(quantity, same) && decimal::is_equal(price, alike)
        }
        _ => {
            decimal::is_equal(one.trim_start_matches('-'), other.trim_start_matches('-'))
                && one.starts_with('-') == other.starts_with('-')
        }
    }
}
