//! The exchange. The modules follow the way of an order: in through [`sys`] and `ingress`, numbered by the sequencer,
//! decided by [`exchange`], made durable by `journal`, told to the world by `output`, remembered by `recovery`.

pub mod admin;
pub mod ahead;
pub mod assembly;
pub mod config;
pub mod exchange;
pub mod ingress;
pub mod journal;
pub mod limits;
pub mod memory;
pub mod output;
pub mod password;
pub mod planted;
pub mod poison;
mod private;
pub mod recovery;
pub mod replay;
pub mod runtime;
pub mod sequencer;
pub mod setup;
pub mod snapshot;
pub mod stat;
pub mod sys;
pub mod token;

// The model's files are part of the library's own tests and of `tests/model.rs`: in both the exchange has one name.
#[cfg(test)]
extern crate self as engine;
