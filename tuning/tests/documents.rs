//! `tuning/README.md` has a section for each knob, and each of its sections of a knob has its knob.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tuning::knobs::KNOBS;

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    fs::read_to_string(path).expect("it is there")
}

/// What a heading is called in a link.
fn anchor(heading: &str) -> String {
    heading.trim().to_lowercase().replace(' ', "-")
}

/// Sections of a knob with their text: those of the third level.
fn sections(readme: &str) -> Vec<(String, &str)> {
    readme
        .split("\n### ")
        .skip(1)
        .map(|section| {
            let (heading, text) = section.split_once('\n').unwrap_or((section, ""));
            // A heading of a higher level ends it.
            (anchor(heading), text.split("\n## ").next().unwrap_or_default())
        })
        .collect()
}

#[test]
fn each_knob_has_its_section_and_each_section_its_knob() {
    let readme = readme();
    let sections: BTreeSet<_> = sections(&readme).into_iter().map(|(anchor, _)| anchor).collect();
    let knobs: BTreeSet<_> = KNOBS.iter().map(|knob| knob.key.to_owned()).collect();
    assert_eq!(knobs.len(), KNOBS.len(), "a key is there twice");
    let unknown: Vec<_> = sections.difference(&knobs).collect();
    let missing: Vec<_> = knobs.difference(&sections).collect();
    assert!(
        unknown.is_empty() && missing.is_empty(),
        "tuning/README.md: no knob for the sections {unknown:?}, no section for the knobs {missing:?}"
    );
}

#[test]
fn each_section_says_what_why_gain_and_undo() {
    let readme = readme();
    for (anchor, text) in sections(&readme) {
        for part in ["**What.**", "**Why.**", "**Gain.**", "**Undo.**"] {
            assert!(text.contains(part), "tuning/README.md#{anchor} lacks {part}");
        }
    }
}

#[test]
fn what_can_not_be_tested_is_said() {
    assert!(readme().contains("\n## What was not tried\n"));
}
