//! What a client asks for, and its bytes.

use protocol::order_entry::options::{self, OptionsWriter};
use protocol::order_entry::own::ReRequest;
use protocol::order_entry::requests::{
    CancelOrder, DisableOrderEntry, EnableOrderEntry, EnterOrder, MassCancel, ReplaceOrder,
};
use protocol::order_entry::write_message;
use protocol::units::Symbol;
use zerocopy::IntoBytes;

use crate::orders::{Order, REQUEST_BYTES_MAX};

/// An order to enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOrder {
    /// Instrument.
    pub symbol: Symbol,
    /// `B` or `S`.
    pub side: u8,
    /// Lots.
    pub quantity: u32,
    /// Wire price; [`protocol::units::Price::MARKET`] for a market order.
    pub price: u64,
    /// OUCH time in force.
    pub time_in_force: u8,
    /// Cancel rather than take.
    pub post_only: bool,
    /// Least lots to execute at once (IOC only); 0 = any. Equal to `quantity`: fill or kill.
    pub min_quantity: u32,
    /// The customer's own mark.
    pub tag: u64,
}

/// OUCH time in force Day.
pub const DAY: u8 = b'0';
/// OUCH time in force immediate or cancel.
pub const IMMEDIATE_OR_CANCEL: u8 = b'3';

impl NewOrder {
    /// A limit order that rests.
    pub fn limit(symbol: Symbol, side: u8, quantity: u32, price: u64) -> Self {
        Self {
            symbol,
            side,
            quantity,
            price,
            time_in_force: DAY,
            post_only: false,
            min_quantity: 0,
            tag: 0,
        }
    }

    /// A market order.
    pub fn market(symbol: Symbol, side: u8, quantity: u32) -> Self {
        Self::limit(symbol, side, quantity, protocol::units::Price::MARKET.0)
    }
}

/// A request's bytes: never longer than what the table of orders keeps.
#[derive(Debug, Clone, Copy)]
pub struct Bytes {
    bytes: [u8; REQUEST_BYTES_MAX],
    length: usize,
}

impl Bytes {
    fn new<T: protocol::layout::WireMessage>(message: &T, appendage: &[u8]) -> Self {
        let mut bytes = [0; REQUEST_BYTES_MAX];
        let length = write_message(message, appendage, &mut bytes)
            .expect("the requests made here are shorter than REQUEST_BYTES_MAX");
        Self { bytes, length }
    }

    /// A copy of a request; `None` when it is too long to be one of ours.
    pub(crate) fn copy(request: &[u8]) -> Option<Self> {
        let mut bytes = [0; REQUEST_BYTES_MAX];
        bytes.get_mut(..request.len())?.copy_from_slice(request);
        Some(Self {
            bytes,
            length: request.len(),
        })
    }

    /// The same request under another number. Not for replacements, which begin with the number they replace.
    pub(crate) fn renumbered(mut self, user_ref: u32) -> Self {
        debug_assert_ne!(self.bytes[0], b'U');
        self.bytes[1..5].copy_from_slice(&user_ref.to_be_bytes());
        self
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Enter Order.
pub fn enter(user_ref: u32, order: &NewOrder) -> Bytes {
    let mut buffer = [0; 32];
    let mut options = OptionsWriter::new(&mut buffer);
    let mut fits = true;
    if order.post_only {
        fits &= options.push_u8(options::POST_ONLY, b'P');
    }
    if order.min_quantity > 0 {
        fits &= options.push_u32(options::MIN_QTY, order.min_quantity);
    }
    assert!(fits, "two small options fit into 32 bytes");
    let message = EnterOrder {
        message_type: b'O',
        user_ref_num: user_ref.into(),
        side: order.side,
        quantity: order.quantity.into(),
        symbol: order.symbol.0,
        price: order.price.into(),
        time_in_force: order.time_in_force,
        display: b'Y',
        capacity: b'P',
        inter_market_sweep_eligibility: b'N',
        cross_type: b'N',
        cl_ord_id: [b' '; 14],
        appendage_length: 0.into(),
    };
    Bytes::new(&message, options.written())
}

/// Replace Order Request of `order`; `quantity` is the chain's total.
pub fn replace(user_ref: u32, order: &Order, quantity: u32, price: u64) -> Bytes {
    let message = ReplaceOrder {
        message_type: b'U',
        orig_user_ref_num: order.user_ref.into(),
        user_ref_num: user_ref.into(),
        quantity: quantity.into(),
        price: price.into(),
        time_in_force: DAY,
        display: b'Y',
        inter_market_sweep_eligibility: b'N',
        cl_ord_id: [b' '; 14],
        appendage_length: 0.into(),
    };
    Bytes::new(&message, &[])
}

/// Cancel Order Request; `quantity` is the intended total, 0 = cancel all.
pub fn cancel(user_ref: u32, quantity: u32) -> Bytes {
    let message = CancelOrder {
        message_type: b'X',
        user_ref_num: user_ref.into(),
        quantity: quantity.into(),
    };
    Bytes::new(&message, &[])
}

/// Mass Cancel Request for all of the account's firm, in one instrument or in all (blank).
pub fn mass_cancel(user_ref: u32, firm: [u8; 4], symbol: Symbol) -> Bytes {
    let message = MassCancel {
        message_type: b'C',
        user_ref_num: user_ref.into(),
        firm,
        symbol: symbol.0,
        appendage_length: 0.into(),
    };
    Bytes::new(&message, &[])
}

/// Disable Order Entry Request.
pub fn disable_order_entry(user_ref: u32, firm: [u8; 4]) -> Bytes {
    let message = DisableOrderEntry {
        message_type: b'D',
        user_ref_num: user_ref.into(),
        firm,
        appendage_length: 0.into(),
    };
    Bytes::new(&message, &[])
}

/// Enable Order Entry Request.
pub fn enable_order_entry(user_ref: u32, firm: [u8; 4]) -> Bytes {
    let message = EnableOrderEntry {
        message_type: b'E',
        user_ref_num: user_ref.into(),
        firm,
        appendage_length: 0.into(),
    };
    Bytes::new(&message, &[])
}

/// Our Re-request: these messages of the stream again.
pub fn re_request(sequence: u64, count: u16) -> Bytes {
    let message = ReRequest {
        message_type: b'r',
        sequence_number: sequence.into(),
        message_count: count.into(),
    };
    let mut bytes = [0; REQUEST_BYTES_MAX];
    let length = message.as_bytes().len();
    bytes[..length].copy_from_slice(message.as_bytes());
    Bytes { bytes, length }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::order_entry::Request;

    #[test]
    fn requests_say_what_was_asked() {
        let symbol = Symbol::new("BTC-USD").expect("short");
        let order = NewOrder {
            post_only: true,
            min_quantity: 5,
            ..NewOrder::limit(symbol, b'S', 7, 1_000_000)
        };
        let bytes = enter(3, &order);
        let Ok(Request::Enter(message, options)) = Request::decode(bytes.as_slice()) else {
            panic!("not an enter")
        };
        assert_eq!((message.user_ref_num.get(), message.quantity.get()), (3, 7));
        assert_eq!((message.side, message.price.get()), (b'S', 1_000_000));
        assert!(options.is_post_only() && options.are_defined());
        assert_eq!(options.min_quantity(), Some(5));

        let original = Order {
            user_ref: 3,
            ..Order::UNUSED
        };
        let bytes = replace(4, &original, 9, 2_000_000);
        let Ok(Request::Replace(message, _)) = Request::decode(bytes.as_slice()) else {
            panic!("not a replace")
        };
        assert_eq!(
            (message.orig_user_ref_num.get(), message.user_ref_num.get()),
            (3, 4)
        );

        let again = Bytes::copy(enter(3, &order).as_slice())
            .expect("short")
            .renumbered(9);
        let Ok(Request::Enter(message, options)) = Request::decode(again.as_slice()) else {
            panic!("not an enter")
        };
        assert_eq!((message.user_ref_num.get(), options.min_quantity()), (9, Some(5)));

        for (bytes, message_type) in [
            (cancel(3, 0), b'X'),
            (mass_cancel(5, *b"    ", Symbol::BLANK), b'C'),
            (disable_order_entry(6, *b"    "), b'D'),
            (enable_order_entry(7, *b"    "), b'E'),
            (re_request(8, 2), b'r'),
        ] {
            assert_eq!(bytes.as_slice()[0], message_type);
            assert!(Request::decode(bytes.as_slice()).is_ok());
        }
    }
}
