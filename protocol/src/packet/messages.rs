//! MoldUDP64 headers.

use crate::layout::wire_messages;
use zerocopy::network_endian::{U16, U64};

wire_messages! {
    /// Downstream Packet header.
    struct PacketHeader = "Downstream Packet header", 0, 20 {
        /// Session: 10 characters.
        session: [u8; 10] = "Session",
        /// Sequence Number: of the first message; of the next one in a heartbeat and an end of session.
        sequence_number: U64 = "Sequence Number",
        /// Message Count: 0=heartbeat 0xFFFF=end of session, else the number of message blocks.
        message_count: U16 = "Message Count",
    }

    /// Request Packet.
    struct RequestPacket = "Request Packet", 0, 20 {
        /// Session: 10 characters.
        session: [u8; 10] = "Session",
        /// Sequence Number: first requested.
        sequence_number: U64 = "Sequence Number",
        /// Requested Message Count: the answer is one downstream packet with as many of them as fit.
        requested_message_count: U16 = "Requested Message Count",
    }
}
