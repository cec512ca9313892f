//! The harness the benches share: a market, workloads that are the same on every machine, and how figures are told.
//!
//! A bench has two lives. Under `cargo test` it runs small inputs and compares hashes of the results with fixed ones;
//! no time is looked at. `cargo bench -p benches --bench NAME` measures: several runs, medians with the least and the
//! most beside them, and the same hashes checked in each run. Figures mean something only beside the machine line.

pub mod bound;
pub mod ceiling;
pub mod contender;
pub mod day;
pub mod document;
pub mod fills;
pub mod hash;
pub mod machine;
pub mod market;
pub mod operations;
pub mod options;
pub mod recorded;
pub mod replay;
pub mod report;
pub mod request;
pub mod script;
pub mod venue;
pub mod workload;

pub use options::{Mode, Options};
pub use recorded::Recorded;
pub use report::{Percentiles, Spread};
pub use workload::{Stream, Workload};
