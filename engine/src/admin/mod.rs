//! What an operator asks of a running exchange, over a Unix socket that only its owner may use.
//!
//! ```text
//!  exchange admin --line--> connection's thread --look, change--> desk (recovery stage) --Inbound--> engine
//!                                   |                                 '-- replica: questions, and what became of a change
//!                                   '-- counters: live, read by the thread that was asked
//! ```
//!
//! Nothing here is on the way of an order. A connection's thread does what takes time (reading, hashing, files, text); the
//! recovery stage looks briefly at its replica for it, a few times a turn at most; the engine sees commands like any other.
//!
//! A line is a JSON object, each way: [`Request`] and [`Answer`].

mod accounts;
mod answer;
mod changes;
mod desk;
mod instruments;
mod listing;
mod office;
mod peer;
mod questions;
mod request;
mod server;
mod states;
mod utc;
mod words;

pub use answer::{Answer, Done};
pub use desk::{Bell, Desk, Outcome, Unanswered, desk};
pub use office::{Office, Shown};
pub use peer::name as user_name;
pub use request::{AccountLimits, InstrumentLimits, Login, Request, StateName};
pub use server::{AdminCounters, Opened, Server};
pub use utc::utc;
pub use words::{Names, is_told, words};
