//! Order entry: OUCH 5.0 and the messages of our own beside it.
//!
//! Lives here: layouts ([`requests`], [`responses`], [`own`]), their decoders ([`Request`], [`Response`], [`Question`],
//! [`Answer`]), the optional appendage ([`options`]), the values of fields ([`values`]) and the UDP envelope
//! ([`datagram`]).

mod appendage;
pub mod datagram;
pub mod options;
pub mod own;
pub mod question;
pub mod request;
pub mod requests;
pub mod response;
pub mod responses;
pub mod values;

pub use crate::malformed::Malformed;
pub use appendage::write_message;
pub use datagram::{DatagramPacker, OrderDatagram};
pub use options::{Options, OptionsWriter};
pub use question::{Answer, Question};
pub use request::Request;
pub use response::Response;
