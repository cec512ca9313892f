//! The exchange against a naive model, random commands from a seed; the order of refusals; the step rule.
//!
//! `MODEL_COMMANDS` and `MODEL_SEED` run one seed for as long as wanted; a failure prints its seed.

mod changes;
mod expiry;
mod generator;
mod kill_switch;
mod market;
mod minimum;
mod model;
mod random;
mod refusals;
mod steps;
mod world;
