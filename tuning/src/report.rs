//! Telling what was found: a table for people, an object for programs.

use serde_json::{Value, json};

use crate::finding::{Finding, Verdict};
use crate::knobs::{Knob, NOT_MEASURED};

/// Where the knobs are explained.
const DOCUMENT: &str = "tuning/README.md";
/// Columns of a line.
const WIDTH: usize = 120;
/// Width of a verdict.
const VERDICT: usize = 15;
/// Width of a key.
const KEY: usize = 24;
/// Where the details of a knob begin.
const INDENT: usize = 4;
/// Width of a detail's name.
const LABEL: usize = 8;

/// What was looked at, with what was found.
pub type Findings = [(&'static Knob, Finding)];

/// Whether anything is bad.
pub fn is_any_bad(findings: &Findings) -> bool {
    findings
        .iter()
        .any(|(_, finding)| finding.verdict == Verdict::Bad)
}

/// What a change brings, or what the present state costs: measured now, else as known.
fn gain(knob: &Knob, finding: &Finding) -> String {
    match &finding.measured {
        Some(measured) if knob.gain == NOT_MEASURED => format!("measured now: {measured}"),
        Some(measured) => format!("measured now: {measured}; {}", knob.gain),
        None => knob.gain.to_owned(),
    }
}

/// The section that explains a knob.
fn section(knob: &Knob) -> String {
    format!("{DOCUMENT}#{}", knob.key)
}

/// A table. Details of what could be better; with `all`, of everything.
pub fn text(findings: &Findings, all: bool) -> String {
    let mut text = String::new();
    let mut part = None;
    for (knob, finding) in findings {
        if part != Some(knob.part) {
            part = Some(knob.part);
            text.push_str(&format!("\n{}\n", knob.part.name()));
        }
        let head = format!("  {:<VERDICT$}  {:<KEY$}", finding.verdict, knob.key);
        wrapped(&mut text, &head, VERDICT + KEY + 6, &finding.found);
        let is_wrong = matches!(finding.verdict, Verdict::CouldBeBetter | Verdict::Bad);
        if !all && !is_wrong {
            continue;
        }
        let gain = gain(knob, finding);
        let section = section(knob);
        let details = [
            ("wanted", Some(finding.wanted.as_str())),
            ("why", Some(knob.why)),
            ("brings", Some(gain.as_str())),
            ("do", finding.command.as_deref()),
            ("see", Some(section.as_str())),
        ];
        for (label, detail) in details {
            if let Some(detail) = detail {
                let head = format!("{:INDENT$}{label:<LABEL$}", "");
                wrapped(&mut text, &head, INDENT + LABEL, detail);
            }
        }
    }
    let counts: Vec<_> = Verdict::ALL
        .into_iter()
        .filter_map(|verdict| {
            let count = findings
                .iter()
                .filter(|(_, finding)| finding.verdict == verdict)
                .count();
            (count > 0).then(|| format!("{count} {verdict}"))
        })
        .collect();
    text.push_str(&format!("\n{}\n", counts.join(", ")));
    text
}

/// Writes `detail` behind `head`, further lines below it.
fn wrapped(text: &mut String, head: &str, indent: usize, detail: &str) {
    let mut line = format!("{head:<indent$}");
    let mut is_first = true;
    for word in detail.split_whitespace() {
        if !is_first && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(line.trim_end());
            text.push('\n');
            line = format!("{:indent$}{word}", "");
            continue;
        }
        if !is_first {
            line.push(' ');
        }
        line.push_str(word);
        is_first = false;
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

/// One object.
pub fn json(findings: &Findings) -> Value {
    let lines: Vec<_> = findings
        .iter()
        .map(|(knob, finding)| {
            json!({
                "key": knob.key,
                "part": knob.part.name(),
                "verdict": finding.verdict.to_string(),
                "found": finding.found,
                "wanted": finding.wanted,
                "why": knob.why,
                "brings": gain(knob, finding),
                "command": finding.command,
                "section": section(knob),
            })
        })
        .collect();
    json!({ "findings": lines, "bad": is_any_bad(findings) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_details_are_broken_between_words() {
        let mut text = String::new();
        wrapped(&mut text, "  head", 10, &"word ".repeat(40));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("  head    word word"));
        assert!(lines[1].starts_with("          word"));
        assert!(lines.iter().all(|line| line.len() <= WIDTH));
    }
}
