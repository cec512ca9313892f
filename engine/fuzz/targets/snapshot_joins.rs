//! `snapshot_joins` of `feed-handler/tests/fuzz/targets.rs`.

#![no_main]

#[path = "../../../feed-handler/tests/fuzz/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _is_taken = targets::snapshot_joins(bytes);
});
