//! Recovery: what was released, kept for those who missed it.
pub mod credentials;
pub mod store;
