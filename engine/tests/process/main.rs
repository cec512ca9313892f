//! The real binary on free ports of this machine: starts, stops, conflicts.

mod changes;
mod client;
mod exchange;
mod starts;
