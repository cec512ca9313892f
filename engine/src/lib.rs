//! The exchange. The modules follow the way of an order: in through [`sys`] and `ingress`, numbered by the sequencer,
//! decided by [`exchange`], made durable by `journal`, told to the world by `output`, remembered by `recovery`.

pub mod exchange;
pub mod runtime;
pub mod sys;
