//! The stage whole: a small engine feeds it, clients in memory talk to it, time is turned by hand.

mod following;
mod glimpse;
mod market_data;
mod order_entry;
mod questions;
mod re_requests;
mod retransmission;
mod roll;
mod strangers;
mod world;
