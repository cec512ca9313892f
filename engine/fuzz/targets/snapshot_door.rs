//! `snapshot_door` of `tests/fuzz`: one exchange for all inputs.

#![no_main]

#[allow(dead_code, reason = "here it never ends")]
#[path = "../../tests/fuzz/snapshot_door.rs"]
mod snapshot_door;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/fuzz/world.rs"]
mod world;

use std::cell::RefCell;

use snapshot_door::SnapshotDoor;

thread_local! {
    static DOOR: RefCell<SnapshotDoor> = RefCell::new(SnapshotDoor::new());
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _is_taken = DOOR.with_borrow_mut(|door| door.visit(bytes));
});
