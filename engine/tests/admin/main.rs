//! The operator's socket of a real exchange: each verb, what stays over a restart, and who may not harm anybody. What it counts,
//! and the door for metrics.

#[allow(dead_code, reason = "the restart tests use the rest")]
#[path = "../restart/client.rs"]
mod client;
mod hostile;
mod metrics;
mod verbs;
mod world;
