//! GLIMPSE 5.0: ends a snapshot; the snapshot itself consists of feed messages.

use crate::layout::wire_messages;

wire_messages! {
    /// End of Snapshot.
    struct EndOfSnapshot = "End of Snapshot", b'G', 21 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Sequence Number: of the first feed message that is not in the snapshot; written padded on the
        /// left.
        sequence_number: [u8; 20] = "Sequence Number",
    }
}
