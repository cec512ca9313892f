//! Encoders: each writes one whole packet to the front of a given buffer and answers its length; `None`, with the
//! buffer as it was, when there is no room or a value does not fit its field.

use super::HEADER_BYTES;
use super::messages::{LoginAccepted, LoginRejected, LoginRequest, LoginRequest410};
use crate::layout::WireMessage;
use crate::text::{SessionName, number_field};
use crate::units::text_field;

/// From the server after a second of silence.
pub const SERVER_HEARTBEAT: [u8; 3] = *b"\0\x01H";
/// From the client after a second of silence.
pub const CLIENT_HEARTBEAT: [u8; 3] = *b"\0\x01R";
/// From the server: the stream has ended.
pub const END_OF_SESSION: [u8; 3] = *b"\0\x01Z";
/// From the client: it leaves.
pub const LOGOUT: [u8; 3] = *b"\0\x01O";

/// Login Request: of 4.10 length when a heartbeat timeout (at most 99,999 ms) is given, else of 3.00 and 4.00 length.
/// A blank `session` asks for the current one.
pub fn login(
    username: &str,
    password: &str,
    session: &str,
    sequence: u64,
    heartbeat_timeout_ms: Option<u32>,
    buffer: &mut [u8],
) -> Option<usize> {
    let request = LoginRequest {
        packet_length: length_field::<LoginRequest>(),
        packet_type: b'L',
        username: text_field(username)?,
        password: text_field(password)?,
        requested_session: text_field(session)?,
        requested_sequence_number: number_field(sequence, b' ')?,
    };
    let Some(timeout) = heartbeat_timeout_ms else {
        return request.write(buffer);
    };
    let LoginRequest {
        packet_type,
        username,
        password,
        requested_session,
        requested_sequence_number,
        ..
    } = request;
    LoginRequest410 {
        packet_length: length_field::<LoginRequest410>(),
        packet_type,
        username,
        password,
        requested_session,
        requested_sequence_number,
        heartbeat_timeout: number_field(timeout.into(), b' ')?,
    }
    .write(buffer)
}

/// Login Accepted.
pub fn login_accepted(session: SessionName, next_sequence: u64, buffer: &mut [u8]) -> Option<usize> {
    LoginAccepted {
        packet_length: length_field::<LoginAccepted>(),
        packet_type: b'A',
        session,
        sequence_number: number_field(next_sequence, b' ')?,
    }
    .write(buffer)
}

/// Login Rejected: [`super::REJECT_NOT_AUTHORIZED`] or [`super::REJECT_SESSION`].
pub fn login_rejected(reason: u8, buffer: &mut [u8]) -> Option<usize> {
    LoginRejected {
        packet_length: length_field::<LoginRejected>(),
        packet_type: b'J',
        reject_reason_code: reason,
    }
    .write(buffer)
}

/// Sequenced Data: the next message of the stream.
pub fn sequenced(message: &[u8], buffer: &mut [u8]) -> Option<usize> {
    packet(b'S', message, buffer)
}

/// Unsequenced Data, of either direction.
pub fn unsequenced(message: &[u8], buffer: &mut [u8]) -> Option<usize> {
    packet(b'U', message, buffer)
}

/// Debug: free text.
pub fn debug(text: &[u8], buffer: &mut [u8]) -> Option<usize> {
    packet(b'+', text, buffer)
}

fn packet(packet_type: u8, payload: &[u8], buffer: &mut [u8]) -> Option<usize> {
    let length = u16::try_from(payload.len() + 1).ok()?.to_be_bytes();
    let total = HEADER_BYTES + payload.len();
    let packet = buffer.get_mut(..total)?;
    packet[..2].copy_from_slice(&length);
    packet[2] = packet_type;
    packet[HEADER_BYTES..].copy_from_slice(payload);
    Some(total)
}

/// The length field of a packet with a layout: what follows the field.
fn length_field<T: WireMessage>() -> zerocopy::network_endian::U16 {
    (<T as WireMessage>::LAYOUT.size as u16 - 2).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_written() {
        let mut buffer = [7; 5];
        assert_eq!(sequenced(b"abc", &mut buffer), None);
        assert_eq!(buffer, [7; 5]);
        assert_eq!(unsequenced(&[0; 65_535], &mut [0; 70_000]), None);
        assert_eq!(unsequenced(&[0; 65_534], &mut [0; 70_000]), Some(65_537));
        let mut buffer = [0; 64];
        assert_eq!(login("toolong", "", "", 1, None, &mut buffer), None);
        assert_eq!(login("a", "", "", 1, Some(100_000), &mut buffer), None);
    }
}
