//! `recorded_days` of `protocol/tests/fuzz/targets.rs`.

#![no_main]

#[allow(dead_code, reason = "one of several")]
#[path = "../../../protocol/tests/fuzz/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _is_taken = targets::recorded_days(bytes);
});
