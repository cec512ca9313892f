//! The real binary on free ports of this machine: starts, stops, conflicts.

mod changes;
#[allow(dead_code, reason = "the crash tester uses the rest")]
mod client;
mod days;
#[allow(dead_code, reason = "the crash tester uses the rest")]
mod exchange;
mod faults;
mod operating;
mod retransmission;
mod slow;
mod starts;
mod strangers;
mod surroundings;
mod traced;
