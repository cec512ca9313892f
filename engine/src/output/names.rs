//! Session names: exactly 10 characters, ending in the roll counter of the day.

/// Sessions that an order-entry name has room for.
pub const SESSIONS_MAX: u32 = 100_000;

/// Name of the market data stream: `ITCH` and six digits of the roll counter.
pub fn market_data_name(roll: u32) -> [u8; 10] {
    let mut name = *b"ITCH000000";
    write_digits(&mut name[4..], roll);
    name
}

/// Name of an order-entry session's stream: `O`, five digits of the session index, four of the roll counter.
pub fn order_entry_name(session: u32, roll: u32) -> [u8; 10] {
    let mut name = *b"O000000000";
    write_digits(&mut name[1..6], session);
    write_digits(&mut name[6..], roll);
    name
}

/// The lowest digits of `value`, as many as `field` has.
fn write_digits(field: &mut [u8], mut value: u32) {
    for digit in field.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_ten_characters() {
        assert_eq!(&market_data_name(1), b"ITCH000001");
        assert_eq!(&market_data_name(1_234_567), b"ITCH234567");
        assert_eq!(&order_entry_name(0, 1), b"O000000001");
        assert_eq!(&order_entry_name(99_999, 9_999), b"O999999999");
        assert_eq!(&order_entry_name(42, 7), b"O000420007");
    }
}
