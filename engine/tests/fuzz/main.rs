//! The readers of the exchange's own files, and the exchange itself behind its doors, given valid bytes that were changed a
//! little: no panic, and books and balances add up. `FUZZ_SECONDS=60 cargo test -p engine --test fuzz -- --nocapture` runs each
//! target for a minute. And what one customer may do to another: nothing.

mod authority;
mod doors;
mod files;
mod retransmission;
mod world;

use engine::config::{Config, ConfigError, DEFAULT};
use protocol::testing::fuzz::fuzz;

/// The built-in file by lines, without comments: short inputs are changed where it matters.
fn configurations() -> Vec<Vec<u8>> {
    let lines = DEFAULT
        .lines()
        .map(|line| line.split(" #").next().unwrap_or("").trim());
    let kept: Vec<_> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let bare = kept.join("\n");
    let accounts = world::configuration();
    vec![
        bare.into_bytes(),
        accounts.into_bytes(),
        DEFAULT.as_bytes().to_vec(),
    ]
}

#[test]
fn configuration() {
    fuzz("configuration", 4_000, &configurations(), |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match Config::parse("fuzz.toml", &text) {
            Ok(config) => {
                let _ = config.configuration_hash();
                true
            }
            Err(ConfigError::Invalid(problems)) => {
                assert!(!problems.is_empty(), "refused without a reason");
                let lines = text.lines().count() + 1;
                for problem in &problems {
                    assert!(problem.line <= lines, "line {} of {lines}", problem.line);
                    assert!(
                        problem.line > 0 || !problem.key.is_empty(),
                        "neither line nor key: {problem}"
                    );
                    assert!(
                        !problem.what.is_empty() && !problem.remedy.is_empty(),
                        "{problem:?}"
                    );
                }
                false
            }
            Err(error) => panic!("nothing was read from disk: {error}"),
        }
    });
}
