//! A file in its scenarios and statements. What the statements mean is decided when they run.

use super::words::{Failure, Outcome};

/// One statement: a line, and the lines below it that say what it causes.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) line: usize,
    /// The last line that belongs to it.
    pub(crate) last: usize,
    /// Without what it causes.
    pub(crate) text: String,
    /// What it causes; `None` when the file does not say.
    pub(crate) causes: Option<Vec<Cause>>,
}

/// One thing that a statement should cause.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) text: String,
}

#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) statements: Vec<Statement>,
}

/// The scenarios of a file. What stands before the first belongs to each.
pub(crate) fn parse(text: &str) -> Outcome<Vec<Scenario>> {
    let mut common: Vec<Statement> = Vec::new();
    let mut scenarios: Vec<Scenario> = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let text = without_comment(text).trim_end();
        let fail = |what: &str| Failure {
            line,
            column: text.len() - text.trim_start().len() + 1,
            what: what.to_owned(),
        };
        if text.trim().is_empty() {
            continue;
        }
        if let Some(name) = text.strip_prefix("scenario ") {
            scenarios.push(Scenario {
                name: name.trim().to_owned(),
                statements: common.clone(),
            });
            continue;
        }
        let statements = match scenarios.last_mut() {
            Some(scenario) => &mut scenario.statements,
            None => &mut common,
        };
        let (statement, causes) = match text.find("->") {
            Some(at) => (&text[..at], Some(split(&text[at + 2..], line, at + 2))),
            None => (text, None),
        };
        if statement.trim().is_empty() {
            let before = statements
                .last_mut()
                .ok_or_else(|| fail("`->` follows the line that causes it"))?;
            before.last = line;
            before
                .causes
                .get_or_insert_default()
                .extend(causes.unwrap_or_default());
        } else {
            statements.push(Statement {
                line,
                last: line,
                text: statement.to_owned(),
                causes,
            });
        }
    }
    if scenarios.is_empty() {
        return Err(Failure {
            line: 1,
            column: 1,
            what: "a file has at least one line `scenario NAME`".to_owned(),
        });
    }
    Ok(scenarios)
}

/// A comment begins with `#` and a blank, at the start of a line or behind a blank; `#7` is an order number.
pub(crate) fn without_comment(line: &str) -> &str {
    let begins = |at: &usize| {
        let before = line[..*at].chars().next_back();
        let behind = line[at + 1..].chars().next();
        before.is_none_or(char::is_whitespace) && behind.is_none_or(char::is_whitespace)
    };
    let at = line.match_indices('#').map(|(at, _)| at).find(begins);
    &line[..at.unwrap_or(line.len())]
}

/// Parts between semicolons that are in no parentheses. `nothing` is no part.
fn split(text: &str, line: usize, offset: usize) -> Vec<Cause> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    let ends = text
        .char_indices()
        .chain([(text.len(), ';')])
        .filter_map(|(at, character)| {
            match character {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            (character == ';' && (depth == 0 || at == text.len())).then_some(at)
        });
    for end in ends {
        let part = &text[start..end];
        let trimmed = part.trim();
        if !trimmed.is_empty() && trimmed != "nothing" {
            parts.push(Cause {
                line,
                column: offset + start + part.len() - part.trim_start().len() + 1,
                text: trimmed.to_owned(),
            });
        }
        start = end + 1;
    }
    parts
}

#[test]
fn comments_are_no_order_numbers() {
    assert_eq!(without_comment("a #1 b # c"), "a #1 b ");
    assert_eq!(without_comment("# a"), "");
}
