//! What a client asks for, and its bytes.

use protocol::order_entry::options::{self, OptionsWriter};
use protocol::order_entry::own::ReRequest;
use protocol::order_entry::requests::{
    CancelOrder, DisableOrderEntry, EnableOrderEntry, EnterOrder, MassCancel, ReplaceOrder,
};
use protocol::order_entry::values::{cross_type, display};
use protocol::order_entry::write_message;
use protocol::units::Symbol;
use zerocopy::IntoBytes;

use crate::orders::{CL_ORD_ID_BLANK, Order, REQUEST_BYTES_MAX};

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
    /// OUCH display.
    pub display: u8,
    /// Lots displayed at once, the rest is reserve; 0 = all.
    pub max_floor: u32,
    /// OUCH cross type: which auction the order is for.
    pub cross_type: u8,
    /// Wire price that wakes the order; 0 = it is awake.
    pub stop_price: u64,
    /// Quote units that a market buy may spend; 0 = no such limit.
    pub funds: u64,
    /// ClOrdID; blank: the client gives one that is this order's alone.
    pub cl_ord_id: [u8; 14],
    /// The customer's own mark.
    pub tag: u64,
}

/// OUCH time in force Day.
pub const DAY: u8 = b'0';
/// OUCH time in force immediate or cancel.
pub const IMMEDIATE_OR_CANCEL: u8 = b'3';
/// Time in force good till canceled: beyond the day.
pub const GOOD_TILL_CANCELED: u8 = b'G';

/// What a replacement says anew: nothing of it is kept from the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// OUCH time in force.
    pub time_in_force: u8,
    /// OUCH display.
    pub display: u8,
    /// Lots displayed at once; 0 = all.
    pub max_floor: u32,
    /// Wire price that wakes a waiting stop; 0 = the one that it has.
    pub stop_price: u64,
    /// ClOrdID; blank: the client gives one that is this order's alone.
    pub cl_ord_id: [u8; 14],
}

impl Default for Terms {
    /// Displayed whole, for the day.
    fn default() -> Self {
        Self {
            time_in_force: DAY,
            display: display::VISIBLE,
            max_floor: 0,
            stop_price: 0,
            cl_ord_id: CL_ORD_ID_BLANK,
        }
    }
}

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
            display: display::VISIBLE,
            max_floor: 0,
            cross_type: cross_type::CONTINUOUS,
            stop_price: 0,
            funds: 0,
            cl_ord_id: CL_ORD_ID_BLANK,
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

/// Post-only, MinQty, MaxFloor, StopPrice and Funds, each with its length and tag.
const OPTIONS_BYTES: usize = 3 + 6 + 6 + 10 + 10;

/// Enter Order.
pub fn enter(user_ref: u32, order: &NewOrder) -> Bytes {
    let mut buffer = [0; OPTIONS_BYTES];
    let mut options = OptionsWriter::new(&mut buffer);
    let mut fits = true;
    if order.post_only {
        fits &= options.push_u8(options::POST_ONLY, b'P');
    }
    if order.min_quantity > 0 {
        fits &= options.push_u32(options::MIN_QTY, order.min_quantity);
    }
    if order.max_floor > 0 {
        fits &= options.push_u32(options::MAX_FLOOR, order.max_floor);
    }
    if order.stop_price > 0 {
        fits &= options.push_u64(options::STOP_PRICE, order.stop_price);
    }
    if order.funds > 0 {
        fits &= options.push_u64(options::FUNDS, order.funds);
    }
    assert!(fits, "OPTIONS_BYTES is their sum");
    let message = EnterOrder {
        message_type: b'O',
        user_ref_num: user_ref.into(),
        side: order.side,
        quantity: order.quantity.into(),
        symbol: order.symbol.0,
        price: order.price.into(),
        time_in_force: order.time_in_force,
        display: order.display,
        capacity: b'P',
        inter_market_sweep_eligibility: b'N',
        cross_type: order.cross_type,
        cl_ord_id: order.cl_ord_id,
        appendage_length: 0.into(),
    };
    Bytes::new(&message, options.written())
}

/// Replace Order Request of `order`; `quantity` is the chain's total.
pub fn replace(user_ref: u32, order: &Order, quantity: u32, price: u64, terms: &Terms) -> Bytes {
    let mut buffer = [0; OPTIONS_BYTES];
    let mut options = OptionsWriter::new(&mut buffer);
    let mut fits = true;
    if terms.max_floor > 0 {
        fits &= options.push_u32(options::MAX_FLOOR, terms.max_floor);
    }
    if terms.stop_price > 0 {
        fits &= options.push_u64(options::STOP_PRICE, terms.stop_price);
    }
    assert!(fits, "they are fewer than those of an order");
    let message = ReplaceOrder {
        message_type: b'U',
        orig_user_ref_num: order.user_ref.into(),
        user_ref_num: user_ref.into(),
        quantity: quantity.into(),
        price: price.into(),
        time_in_force: terms.time_in_force,
        display: terms.display,
        inter_market_sweep_eligibility: b'N',
        cl_ord_id: terms.cl_ord_id,
        appendage_length: 0.into(),
    };
    Bytes::new(&message, options.written())
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

        let all = NewOrder {
            cl_ord_id: *b"MINE          ",
            display: b'A',
            max_floor: 2,
            cross_type: b'O',
            stop_price: 900_000,
            funds: 77,
            ..order
        };
        let bytes = enter(3, &all);
        let Ok(Request::Enter(message, options)) = Request::decode(bytes.as_slice()) else {
            panic!("not an enter")
        };
        assert_eq!((message.display, message.cross_type), (b'A', b'O'));
        assert_eq!(&message.cl_ord_id, b"MINE          ");
        assert_eq!(
            (options.max_floor(), options.stop_price(), options.funds()),
            (Some(2), Some(900_000), Some(77))
        );
        assert!(bytes.as_slice().len() <= REQUEST_BYTES_MAX);

        let original = Order {
            user_ref: 3,
            ..Order::UNUSED
        };
        let terms = Terms {
            display: b'N',
            stop_price: 3_000_000,
            ..Terms::default()
        };
        let bytes = replace(4, &original, 9, 2_000_000, &terms);
        let Ok(Request::Replace(message, options)) = Request::decode(bytes.as_slice()) else {
            panic!("not a replace")
        };
        assert_eq!((message.display, message.time_in_force), (b'N', DAY));
        assert_eq!(
            (options.stop_price(), options.max_floor()),
            (Some(3_000_000), None)
        );
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
