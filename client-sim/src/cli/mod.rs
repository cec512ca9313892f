//! The command line: what each verb of `client-sim` does.

pub mod arguments;
pub mod interrupt;
pub mod load;
pub mod trade;
