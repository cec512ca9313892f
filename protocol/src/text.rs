//! Characters in fixed fields: numbers, padding, names of sessions.

use crate::malformed::Malformed;

/// A field without the spaces at both ends (clients pad on either side).
pub fn trim(field: &[u8]) -> &[u8] {
    field.trim_ascii()
}

/// True when two fields say the same: padding and case aside, as login names are compared.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    trim(left).eq_ignore_ascii_case(trim(right))
}

/// The number a field says in decimal characters, padded on either side. Blank is not a number.
pub fn parse_number(field: &[u8]) -> Result<u64, Malformed> {
    let digits = trim(field);
    if digits.is_empty() {
        return Err(Malformed::Number);
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Malformed::Number);
        }
        number
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(u64::from(digit)))
            .ok_or(Malformed::Number)
    })
}

/// `number` in decimal characters, padded with `pad` on the left; `None` when it has more than `N` digits.
pub fn number_field<const N: usize>(number: u64, pad: u8) -> Option<[u8; N]> {
    let mut field = [pad; N];
    let mut rest = number;
    let mut places = field.iter_mut().rev();
    loop {
        // A remainder of ten is one digit.
        *places.next()? = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return Some(field);
        }
    }
}

/// The name of a stream: exactly ten characters, so that nobody has to ask on which side it is padded.
pub type SessionName = [u8; 10];

/// The market-data stream's name: `ITCH` and the roll counter in 6 digits. `None` above 999,999.
pub fn market_data_session(roll: u32) -> Option<SessionName> {
    let mut name = *b"ITCH000000";
    name[4..].copy_from_slice(&number_field::<6>(roll.into(), b'0')?);
    Some(name)
}

/// An order-entry stream's name: `O`, the session's index in 5 digits, the roll counter in 4. `None` when one of them
/// has more digits.
pub fn order_entry_session(session: u32, roll: u32) -> Option<SessionName> {
    let mut name = *b"O000000000";
    name[1..6].copy_from_slice(&number_field::<5>(session.into(), b'0')?);
    name[6..].copy_from_slice(&number_field::<4>(roll.into(), b'0')?);
    Some(name)
}

/// `text` as a session name; `None` unless it has exactly ten printable characters and no space.
pub fn session_name(text: &str) -> Option<SessionName> {
    let name: SessionName = text.as_bytes().try_into().ok()?;
    name.iter().all(u8::is_ascii_graphic).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_either_padding() {
        assert_eq!(parse_number(b"   42"), Ok(42));
        assert_eq!(parse_number(b"42   "), Ok(42));
        assert_eq!(parse_number(b"18446744073709551615"), Ok(u64::MAX));
        for wrong in [
            &b"18446744073709551616"[..],
            b"     ",
            b"",
            b"4 2",
            b"-1",
            b"+1",
            b"1a",
        ] {
            assert_eq!(parse_number(wrong), Err(Malformed::Number), "{wrong:?}");
        }
    }

    #[test]
    fn numbers_are_written_padded_on_the_left() {
        assert_eq!(number_field(0, b' '), Some(*b"    0"));
        assert_eq!(number_field(12_345, b' '), Some(*b"12345"));
        assert_eq!(number_field::<5>(123_456, b' '), None);
        assert_eq!(number_field(u64::MAX, b' '), Some(*b"18446744073709551615"));
    }

    #[test]
    fn session_names_have_ten_characters() {
        assert_eq!(market_data_session(1), Some(*b"ITCH000001"));
        assert_eq!(market_data_session(1_000_000), None);
        assert_eq!(order_entry_session(0, 1), Some(*b"O000000001"));
        assert_eq!(order_entry_session(99_999, 9_999), Some(*b"O999999999"));
        assert_eq!(order_entry_session(100_000, 1), None);
        assert_eq!(session_name("ITCH000001"), Some(*b"ITCH000001"));
        assert_eq!(session_name("ITCH 00001"), None);
        assert_eq!(session_name("ITCH"), None);
    }

    #[test]
    fn padding_and_case_do_not_matter() {
        assert!(same(b"  abc ", b"ABC   "));
        assert!(!same(b"abc", b"abd"));
    }
}
