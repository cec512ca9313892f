//! The operator's socket of a real exchange: each verb, what stays over a restart, and who may not harm anybody.

#[allow(dead_code, reason = "the restart tests use the rest")]
#[path = "../restart/client.rs"]
mod client;
mod hostile;
mod verbs;
mod world;
