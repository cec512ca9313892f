//! The readers of the exchange's own files, and the exchange itself behind its doors, given valid bytes that were changed a
//! little: no panic, and books and balances add up. `FUZZ_SECONDS=60 cargo test -p engine --test fuzz -- --nocapture` runs each
//! target for a minute. And what one customer may do to another: nothing.

mod authority;
mod doors;
mod files;
mod targets;
mod world;

use engine::config::DEFAULT;
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
    fuzz("configuration", 4_000, &configurations(), targets::configuration);
}
