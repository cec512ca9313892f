//! The whole state of the exchange as bytes, and back: what a snapshot holds of it.
//!
//! What is written is what the state means, not how it lies in memory: each queue's orders in the order of their priority,
//! each account's by age, balances that are not zero. Loading inserts everything into an empty exchange, so that ladders,
//! indices and heaps come out sound whatever the file says; whoever loads compares `Exchange::state_hash`.
//!
//! An order is named in the file by its handle, and gets the same one back. What is not written: links, places and
//! buckets, which inserting makes anew, and what is empty between two commands, which is the only time at which a state
//! can be saved.
//!
//! Nothing can be forgotten by halves: each struct is taken apart and put together with all its fields named, so that a
//! new field does not compile until it is decided here.

mod bytes;
mod load;
mod record;
mod save;

pub use bytes::{Broken, Input, Output};
