//! When a message was made, without decoding it: all messages have their time in the same place.

/// Nanoseconds since the midnight UTC before the trading day's start; 0 for what is too short to have a time.
pub fn of(message: &[u8]) -> u64 {
    match message.get(5..11) {
        Some(&[a, b, c, d, e, f]) => u64::from_be_bytes([0, 0, a, b, c, d, e, f]),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_what_the_decoder_says() {
        for layout in protocol::market_data::messages::LAYOUTS {
            let mut message = vec![0; layout.size];
            message[0] = layout.message_type;
            message[5..11].copy_from_slice(&[1, 2, 3, 4, 5, 6]);
            let decoded = protocol::market_data::FeedMessage::decode(&message).unwrap();
            assert_eq!(decoded.timestamp(), Some(super::of(&message)), "{}", layout.name);
        }
        assert_eq!(super::of(b"S"), 0);
    }
}
