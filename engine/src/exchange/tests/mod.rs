//! The exchange against a naive model in cases of their own: the order of refusals, the step rule, expiry, minima, the
//! kill switch, changes, rules of auctions and stops. `tests/model` sets both side by side for random commands, with the
//! same files.

mod changes;
mod compare;
mod expiry;
mod generator;
mod kill_switch;
mod market;
mod minimum;
mod model;
mod operator;
mod plans;
mod refusals;
mod requests;
mod rules;
mod script;
mod setting;
mod snapshots;
mod starts;
mod steps;
mod terms;
mod world;
