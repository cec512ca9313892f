//! The host below an exchange: what it is like ([`checks`]), what that costs ([`measure`]), how still it is ([`jitter`]).
//!
//! Everything here looks and changes nothing; `apply.sh` beside it changes, `revert.sh` undoes. Knows nothing of orders and
//! uses no other crate of the workspace but, in the program, the one that makes man pages: so it can be built alone on a new
//! machine.

pub mod checks;
pub mod cores;
pub mod finding;
pub mod host;
pub mod jitter;
pub mod knobs;
pub mod measure;
pub mod report;
