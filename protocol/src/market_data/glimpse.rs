//! GLIMPSE 5.0: ends a snapshot; the snapshot itself consists of feed messages.

use crate::layout::wire_messages;

wire_messages! {
    /// End of Snapshot.
    struct EndOfSnapshot = "End of Snapshot", b'G', 21 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Sequence Number: TotalView-ITCH sequence number from which to process live messages.
        sequence_number: [u8; 20] = "Sequence Number",
    }
}
