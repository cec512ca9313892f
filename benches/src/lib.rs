//! The harness the benches share.
