//! Screens that tests expect, as files that a person can look at.

use std::path::Path;

/// Compares with `tests/snapshots/NAME`. With SNAPSHOTS=write the file is written instead: look at the difference then.
#[track_caller]
pub(crate) fn check(name: &str, shown: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/snapshots")
        .join(name);
    if std::env::var_os("SNAPSHOTS").is_some_and(|what| what == "write") {
        std::fs::write(&path, shown).expect("the snapshot can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        shown == expected,
        "not as in tests/snapshots/{name} (SNAPSHOTS=write rewrites it):\n{shown}"
    );
}
