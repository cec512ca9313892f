//! The machine: the only place with `unsafe`. Knows nothing of exchanges.
#![allow(unsafe_code, reason = "system interfaces; each block carries its proof")]

pub mod file;
