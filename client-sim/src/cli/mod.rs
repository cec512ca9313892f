//! The command line: what each verb of `client-sim` does.

pub mod arguments;
pub mod compare;
pub mod load;
pub mod market;
pub mod soak;
pub mod trade;
