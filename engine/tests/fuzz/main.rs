//! The readers of the exchange's own files, and the exchange itself behind its doors, given valid bytes that were changed a
//! little: no panic, and books and balances add up. `FUZZ_SECONDS=60 cargo test -p engine --test fuzz -- --nocapture` runs each
//! target for a minute. And what one customer may do to another: nothing.

mod authority;
mod doors;
mod files;
mod retransmission;
mod snapshot_door;
mod targets;
mod world;

use engine::config::DEFAULT;
use protocol::soup::encode;
use protocol::testing::fuzz::fuzz;
use snapshot_door::SnapshotDoor;

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

/// What subscribers say who come late: a login, and what may follow it.
fn late_comers() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut buffer = [0; 64];
    for (session, next, silence) in [
        ("", 1, None),
        ("", 0, Some(2_000)),
        ("ITCH000001", 1, None),
        ("+", 1, None),
        ("ITCH000002", 1, None),
        ("", u64::MAX, Some(99_999)),
    ] {
        let length = encode::login("FEED", "secret", session, next, silence, &mut buffer).expect("it fits");
        let login = buffer[..length].to_vec();
        all.push([&login, &encode::CLIENT_HEARTBEAT[..], &encode::LOGOUT[..]].concat());
        let length = encode::unsequenced(b"anything", &mut buffer).expect("it fits");
        all.push([&login, &buffer[..length], &login].concat());
        let length = encode::debug(b"late", &mut buffer).expect("it fits");
        all.push([&buffer[..length], &login].concat());
        all.push(login);
    }
    all
}

#[test]
fn snapshot_door() {
    let mut door = SnapshotDoor::new();
    fuzz("snapshot_door", 20_000, &late_comers(), |said| door.visit(said));
    door.end();
}
