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
        /// Session: LEFT padded with spaces (right-justified).
        session: [u8; 10] = "Session",
        /// Sequence Number: next Sequenced Message to be sent; LEFT padded with spaces.
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
        /// Username: case-insensitive, RIGHT padded with spaces.
        username: [u8; 6] = "Username",
        /// Password: case-insensitive, RIGHT padded with spaces.
        password: [u8; 10] = "Password",
        /// Requested Session: all blanks = currently active session.
        requested_session: [u8; 10] = "Requested Session",
        /// Requested Sequence Number: next wanted; 0 = start with the most recently generated message.
        requested_sequence_number: [u8; 20] = "Requested Sequence Number",
    }

    /// Login Request (4.10).
    struct LoginRequest410 = "Login Request (4.10)", b'L', 54 {
        /// Packet Length: 52.
        packet_length: U16 = "Packet Length",
        /// Packet Type.
        packet_type: u8 = "Packet Type",
        /// Username.
        username: [u8; 6] = "Username",
        /// Password.
        password: [u8; 10] = "Password",
        /// Requested Session.
        requested_session: [u8; 10] = "Requested Session",
        /// Requested Sequence Number.
        requested_sequence_number: [u8; 20] = "Requested Sequence Number",
        /// Heartbeat Timeout: milliseconds without anything from the client after which the server closes the socket.
        heartbeat_timeout: [u8; 5] = "Heartbeat Timeout",
    }
}
