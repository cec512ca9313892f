//! The exchange proper: pure. No sockets, clocks, threads, files, logging, randomness, floats, allocation after start.
//! The same commands give the same events, byte for byte, on every machine.

pub mod command;
pub mod event;
