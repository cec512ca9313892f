//! SoupBinTCP login packets, their length and type bytes included.

use crate::layout::wire_messages;
use zerocopy::network_endian::U16;

wire_messages! {
    /// Login Accepted.
    struct LoginAccepted = "Login Accepted", b'A', 33 {
        /// Packet Length: 31.
        packet_length: U16 = "Packet Length",
        /// Packet Type.
        packet_type: u8 = "Packet Type",
        /// Session: exactly 10 characters (others pad on the left).
        session: [u8; 10] = "Session",
        /// Sequence Number: of the next Sequenced Data; written padded on the left.
        sequence_number: [u8; 20] = "Sequence Number",
    }

    /// Login Rejected.
    struct LoginRejected = "Login Rejected", b'J', 4 {
        /// Packet Length: 2.
        packet_length: U16 = "Packet Length",
        /// Packet Type.
        packet_type: u8 = "Packet Type",
        /// Reject Reason Code: A=not authorized S=session not available.
        reject_reason_code: u8 = "Reject Reason Code",
    }

    /// Login Request (3.00 / 4.00).
    struct LoginRequest = "Login Request (3.00 / 4.00)", b'L', 49 {
        /// Packet Length: 47.
        packet_length: U16 = "Packet Length",
        /// Packet Type.
        packet_type: u8 = "Packet Type",
        /// Username: any case; read with either padding, written padded on the right.
        username: [u8; 6] = "Username",
        /// Password: any case; read with either padding, written padded on the right.
        password: [u8; 10] = "Password",
        /// Requested Session: blank = the current one; + in place of the first character = read-only replay
        /// (our own).
        requested_session: [u8; 10] = "Requested Session",
        /// Requested Sequence Number: first wanted; 0 = start with the most recently generated message.
        requested_sequence_number: [u8; 20] = "Requested Sequence Number",
    }

    /// Login Request (4.10).
    struct LoginRequest410 = "Login Request (4.10)", b'L', 54 {
        /// Packet Length: 52.
        packet_length: U16 = "Packet Length",
        /// Packet Type.
        packet_type: u8 = "Packet Type",
        /// Username: any case; read with either padding, written padded on the right.
        username: [u8; 6] = "Username",
        /// Password: any case; read with either padding, written padded on the right.
        password: [u8; 10] = "Password",
        /// Requested Session: blank = the current one; + in place of the first character = read-only replay
        /// (our own).
        requested_session: [u8; 10] = "Requested Session",
        /// Requested Sequence Number: first wanted; 0 = start with the most recently generated message.
        requested_sequence_number: [u8; 20] = "Requested Sequence Number",
        /// Heartbeat Timeout: milliseconds of silence after which the client wants to be disconnected; kept
        /// between 1,000 and 60,000.
        heartbeat_timeout: [u8; 5] = "Heartbeat Timeout",
    }
}
