//! The real binary on free ports of this machine: starts, stops, conflicts, crashes.

mod changes;
mod client;
mod crash;
mod exchange;
mod starts;
