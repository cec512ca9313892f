//! Many events of one kind in one line: `700 x (A.1.. executed 1 at 5.00 #1.. added; executed ...)`. A number that ends
//! with two points goes up by one with each turn.

use super::script::Cause;
use super::words::{Failure, Outcome};

/// Longest pattern that is looked for.
const PERIOD_MAX: usize = 4;
/// Fewer turns are written out.
const TURNS_MIN: usize = 4;

/// What the causes say, one text for each event.
pub(crate) fn expand(causes: &[Cause]) -> Outcome<Vec<(Cause, String)>> {
    let mut all = Vec::new();
    for cause in causes {
        let Some((turns, inside)) = cause.text.split_once(" x (") else {
            all.push((cause.clone(), cause.text.clone()));
            continue;
        };
        let fail = || Failure {
            line: cause.line,
            column: cause.column,
            what: "a repetition is written `700 x (EVENT; EVENT)`".to_owned(),
        };
        let turns: u64 = turns.parse().map_err(|_| fail())?;
        let inside = inside.strip_suffix(')').ok_or_else(fail)?;
        for turn in 0..turns {
            for event in inside.split(';') {
                let words: Vec<_> = event.split_whitespace().map(|word| counted(word, turn)).collect();
                all.push((cause.clone(), words.join(" ")));
            }
        }
    }
    Ok(all)
}

/// `#7..` in the third turn is `#9`.
fn counted(word: &str, turn: u64) -> String {
    if let Some(word) = word.strip_suffix(',') {
        return counted(word, turn) + ",";
    }
    match word.strip_suffix("..").map(split_number) {
        Some((before, Some(number))) => format!("{before}{}", number + turn),
        _ => word.to_owned(),
    }
}

/// A word and the number it ends with.
fn split_number(word: &str) -> (&str, Option<u64>) {
    let digits = word.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (before, number) = word.split_at(word.len() - digits);
    (before, number.parse().ok())
}

/// The texts with long repetitions in one.
pub(crate) fn shorten(texts: &[String]) -> Vec<String> {
    let mut short = Vec::new();
    let mut at = 0;
    while at < texts.len() {
        let found = (1..=PERIOD_MAX)
            .map(|period| (period, turns(&texts[at..], period)))
            .find(|(_, turns)| *turns >= TURNS_MIN);
        match found {
            None => {
                short.push(texts[at].clone());
                at += 1;
            }
            Some((period, turns)) => {
                let first = &texts[at..at + period];
                let second = &texts[at + period..at + 2 * period];
                let pattern: Vec<_> = first
                    .iter()
                    .zip(second)
                    .map(|(one, two)| marked(one, two))
                    .collect();
                short.push(format!("{turns} x ({})", pattern.join("; ")));
                at += turns * period;
            }
        }
    }
    short
}

/// How often the first `period` texts come, with numbers going up by one or staying.
fn turns(texts: &[String], period: usize) -> usize {
    if texts.len() < 2 * period {
        return 1;
    }
    let patterns: Vec<_> = (0..period)
        .map(|place| marked(&texts[place], &texts[place + period]))
        .collect();
    let comes = |turn: usize| {
        patterns.iter().enumerate().all(|(place, pattern)| {
            let words: Vec<_> = pattern
                .split(' ')
                .map(|word| counted(word, turn as u64))
                .collect();
            texts
                .get(turn * period + place)
                .is_some_and(|text| *text == words.join(" "))
        })
    };
    (0..).take_while(|turn| comes(*turn)).count()
}

/// The first text, with points behind the numbers that are one higher in the second.
fn marked(one: &str, two: &str) -> String {
    let mark = |(one, two): (&str, &str)| {
        let (one, comma) = one.strip_suffix(',').map_or((one, ""), |one| (one, ","));
        let two = two.strip_suffix(',').unwrap_or(two);
        let ((before, number), (same, next)) = (split_number(one), split_number(two));
        let goes_up = before == same && number.map(|number| number + 1) == next && next.is_some();
        let points = if goes_up { ".." } else { "" };
        format!("{one}{points}{comma}")
    };
    let words: Vec<_> = one.split(' ').zip(two.split(' ')).map(mark).collect();
    words.join(" ")
}

#[test]
fn repetitions_are_shortened_and_expanded() {
    let mut texts = vec!["accepted #9".to_owned()];
    for turn in 0..5 {
        texts.push(format!("A.{} executed 1 at 5.00 #{}", turn + 3, turn + 9));
        texts.push(format!("executed 1 at 5.00 match {}, and more", turn + 1));
    }
    let short = shorten(&texts);
    assert_eq!(short.len(), 2, "{short:?}");
    let causes: Vec<_> = short
        .iter()
        .map(|text| Cause {
            line: 1,
            column: 1,
            text: text.clone(),
        })
        .collect();
    let long: Vec<_> = expand(&causes)
        .expect("it is well formed")
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    assert_eq!(long, texts);
}
