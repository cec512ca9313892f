//! The optional appendage: bytes of options behind the fixed part of an OUCH message.
//!
//! Some messages always carry the field Appendage Length as the end of their fixed part. The others have a short form
//! without it, and a long form where the field and the options follow.

use super::options::Options;
use crate::layout::WireMessage;
use crate::malformed::Malformed;

/// Bytes of the field Appendage Length.
const LENGTH_BYTES: usize = 2;

/// Views `bytes` as one whole message of type `T`, in short or long form, and its options. The type byte is the
/// caller's to check.
pub(crate) fn split<T: WireMessage>(bytes: &[u8]) -> Result<(&T, Options<'_>), Malformed> {
    let (message, rest) = T::ref_from_prefix(bytes).map_err(|_| Malformed::Short)?;
    let tail = if const { <T as WireMessage>::LAYOUT.has_appendage_length() } {
        &bytes[const { <T as WireMessage>::LAYOUT.size.saturating_sub(LENGTH_BYTES) }..]
    } else if rest.is_empty() {
        return Ok((message, Options::EMPTY));
    } else {
        rest
    };
    let (length, appendage) = tail
        .split_first_chunk::<LENGTH_BYTES>()
        .ok_or(Malformed::Appendage)?;
    match appendage.len().cmp(&usize::from(u16::from_be_bytes(*length))) {
        core::cmp::Ordering::Less => Err(Malformed::Appendage),
        core::cmp::Ordering::Greater => Err(Malformed::Long),
        core::cmp::Ordering::Equal => Ok((message, Options::parse(appendage)?)),
    }
}

/// Writes an OUCH message and its options (the bytes an [`super::OptionsWriter`] made, or none) to the front of
/// `buffer`, with the right Appendage Length whatever the field in `message` says. Without options a message that has
/// a short form is written in it. Returns the bytes written; `None`, with `buffer` as it was, when there is no room or
/// the options are longer than the field can say.
pub fn write_message<T: WireMessage>(message: &T, appendage: &[u8], buffer: &mut [u8]) -> Option<usize> {
    let length = u16::try_from(appendage.len()).ok()?.to_be_bytes();
    let fixed = message.as_bytes();
    let always = const { <T as WireMessage>::LAYOUT.has_appendage_length() };
    let body = if always {
        &fixed[..fixed.len() - LENGTH_BYTES]
    } else {
        fixed
    };
    if !always && appendage.is_empty() {
        buffer.get_mut(..body.len())?.copy_from_slice(body);
        return Some(body.len());
    }
    let total = body.len() + LENGTH_BYTES + appendage.len();
    let (front, back) = buffer.get_mut(..total)?.split_at_mut(body.len());
    front.copy_from_slice(body);
    back[..LENGTH_BYTES].copy_from_slice(&length);
    back[LENGTH_BYTES..].copy_from_slice(appendage);
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order_entry::requests::{AccountQuery, DisableOrderEntry};

    const DISABLE: DisableOrderEntry = DisableOrderEntry {
        message_type: b'D',
        user_ref_num: zerocopy::network_endian::U32::from_bytes([0, 0, 0, 7]),
        firm: *b"FIRM",
        appendage_length: zerocopy::network_endian::U16::from_bytes([0xAA, 0xBB]),
    };

    #[test]
    fn a_message_with_the_field_gets_the_true_length() {
        let mut buffer = [0; 16];
        let length = write_message(&DISABLE, &[2, 200, 9], &mut buffer).unwrap();
        assert_eq!(length, 14);
        assert_eq!(&buffer[9..14], &[0, 3, 2, 200, 9]);
        let (message, options) = split::<DisableOrderEntry>(&buffer[..14]).unwrap();
        assert_eq!(message.user_ref_num.get(), 7);
        assert_eq!(options.iter().collect::<Vec<_>>(), [(200, &[9][..])]);
    }

    #[test]
    fn a_message_without_the_field_has_two_forms() {
        let mut buffer = [0; 8];
        let query = AccountQuery { message_type: b'Q' };
        assert_eq!(write_message(&query, &[], &mut buffer), Some(1));
        assert_eq!(write_message(&query, &[2, 28, 1], &mut buffer), Some(6));
        assert_eq!(buffer[..6], [b'Q', 0, 3, 2, 28, 1]);
        assert!(split::<AccountQuery>(b"Q").unwrap().1.is_empty());
        assert!(split::<AccountQuery>(b"Q\0\0").unwrap().1.is_empty());
        assert_eq!(split::<AccountQuery>(&buffer[..6]).unwrap().1.bytes(), [2, 28, 1]);
    }

    #[test]
    fn an_overrun_and_bytes_left_over_are_malformed() {
        assert_eq!(split::<AccountQuery>(b"Q\0").unwrap_err(), Malformed::Appendage);
        assert_eq!(
            split::<AccountQuery>(b"Q\0\x03\x02\x01").unwrap_err(),
            Malformed::Appendage
        );
        assert_eq!(split::<AccountQuery>(b"Q\0\0\0").unwrap_err(), Malformed::Long);
        assert_eq!(
            split::<DisableOrderEntry>(b"D\0\0").unwrap_err(),
            Malformed::Short
        );
    }

    #[test]
    fn no_room_leaves_the_buffer_alone() {
        let mut buffer = [7; 13];
        assert_eq!(write_message(&DISABLE, &[2, 200, 9], &mut buffer), None);
        assert_eq!(buffer, [7; 13]);
        assert_eq!(write_message(&DISABLE, &[0; 65_536], &mut [0; 70_000]), None);
    }
}
