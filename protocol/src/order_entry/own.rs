//! Messages of our own on the order-entry session: binding, re-request, questions and answers.

use crate::layout::wire_messages;
use zerocopy::network_endian::{I32, I128, U16, U32, U64, U128};

wire_messages! {
    /// Bind UDP.
    struct BindUdp = "Bind UDP", b'u', 3 {
        /// Type.
        message_type: u8 = "Type",
        /// UDP Port: port the client sends from.
        udp_port: U16 = "UDP Port",
    }

    /// UDP Bound.
    struct UdpBound = "UDP Bound", b'u', 27 {
        /// Type.
        message_type: u8 = "Type",
        /// Token: opaque, from the operating system's random source.
        token: [u8; 8] = "Token",
        /// Salt: for the keys of mac mode.
        salt: [u8; 16] = "Salt",
        /// UDP Port: the exchange's.
        udp_port: U16 = "UDP Port",
    }

    /// Re-request.
    struct ReRequest = "Re-request", b'r', 11 {
        /// Type.
        message_type: u8 = "Type",
        /// Sequence Number: first wanted.
        sequence_number: U64 = "Sequence Number",
        /// Message Count.
        message_count: U16 = "Message Count",
    }

    /// Order Status Request.
    struct OrderStatusRequest = "Order Status Request", b's', 5 {
        /// Type.
        message_type: u8 = "Type",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
    }

    /// Order Status.
    struct OrderStatus = "Order Status", b's', 83 {
        /// Type.
        message_type: u8 = "Type",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Order Reference Number: 0 if none.
        order_reference_number: U64 = "Order Reference Number",
        /// State: L live F filled C canceled R rejected U unknown.
        state: u8 = "State",
        /// Side: B S.
        side: u8 = "Side",
        /// Symbol.
        symbol: [u8; 8] = "Symbol",
        /// Quantity: lots, as entered or replaced.
        quantity: U32 = "Quantity",
        /// Executed: lots.
        executed: U32 = "Executed",
        /// Open: lots.
        open: U32 = "Open",
        /// Price: 4 implied decimals.
        price: U64 = "Price",
        /// Executed Notional: smallest quote units of all executions.
        executed_notional: U128 = "Executed Notional",
        /// Fees: smallest quote units; negative is a rebate.
        fees: I128 = "Fees",
        /// As Of Sequence: session sequence number reflected.
        as_of_sequence: U64 = "As Of Sequence",
    }

    /// Open Orders Request.
    struct OpenOrdersRequest = "Open Orders Request", b'o', 1 {
        /// Type.
        message_type: u8 = "Type",
    }

    /// Open Order.
    struct OpenOrder = "Open Order", b'o', 83 {
        /// Type.
        message_type: u8 = "Type",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Order Reference Number: 0 if none.
        order_reference_number: U64 = "Order Reference Number",
        /// State: L live F filled C canceled R rejected U unknown.
        state: u8 = "State",
        /// Side: B S.
        side: u8 = "Side",
        /// Symbol.
        symbol: [u8; 8] = "Symbol",
        /// Quantity: lots, as entered or replaced.
        quantity: U32 = "Quantity",
        /// Executed: lots.
        executed: U32 = "Executed",
        /// Open: lots.
        open: U32 = "Open",
        /// Price: 4 implied decimals.
        price: U64 = "Price",
        /// Executed Notional: smallest quote units of all executions.
        executed_notional: U128 = "Executed Notional",
        /// Fees: smallest quote units; negative is a rebate.
        fees: I128 = "Fees",
        /// As Of Sequence: session sequence number reflected.
        as_of_sequence: U64 = "As Of Sequence",
    }

    /// Balance Request.
    struct BalanceRequest = "Balance Request", b'b', 9 {
        /// Type.
        message_type: u8 = "Type",
        /// Asset: blank = all.
        asset: [u8; 8] = "Asset",
    }

    /// Balance.
    struct Balance = "Balance", b'b', 65 {
        /// Type.
        message_type: u8 = "Type",
        /// Asset: blank and zeros end an answer to a blank request.
        asset: [u8; 8] = "Asset",
        /// Total: smallest units of the asset; available and held together.
        total: U128 = "Total",
        /// Available: smallest units.
        available: U128 = "Available",
        /// Held: smallest units.
        held: U128 = "Held",
        /// As Of Sequence: session sequence number reflected.
        as_of_sequence: U64 = "As Of Sequence",
    }

    /// Ticker Request.
    struct TickerRequest = "Ticker Request", b't', 9 {
        /// Type.
        message_type: u8 = "Type",
        /// Symbol.
        symbol: [u8; 8] = "Symbol",
    }

    /// Ticker.
    struct Ticker = "Ticker", b't', 77 {
        /// Type.
        message_type: u8 = "Type",
        /// Symbol: blank if unknown.
        symbol: [u8; 8] = "Symbol",
        /// Last Price: 4 implied decimals; 0 before the first trade.
        last_price: U64 = "Last Price",
        /// Last Quantity: lots.
        last_quantity: U32 = "Last Quantity",
        /// Last Match Number.
        last_match_number: U64 = "Last Match Number",
        /// Last Time: timestamp of that trade.
        last_time: U64 = "Last Time",
        /// Bid Price: 4 implied decimals; 0 if none.
        bid_price: U64 = "Bid Price",
        /// Bid Quantity: lots displayed at that price.
        bid_quantity: U64 = "Bid Quantity",
        /// Ask Price: 4 implied decimals; 0 if none.
        ask_price: U64 = "Ask Price",
        /// Ask Quantity: lots displayed at that price.
        ask_quantity: U64 = "Ask Quantity",
        /// As Of Sequence: ITCH sequence number reflected.
        as_of_sequence: U64 = "As Of Sequence",
    }

    /// Instruments Request.
    struct InstrumentsRequest = "Instruments Request", b'i', 1 {
        /// Type.
        message_type: u8 = "Type",
    }

    /// Instrument.
    struct InstrumentReply = "Instrument", b'i', 102 {
        /// Type.
        message_type: u8 = "Type",
        /// Symbol: blank ends the list.
        symbol: [u8; 8] = "Symbol",
        /// Stock Locate.
        stock_locate: U16 = "Stock Locate",
        /// Base Asset.
        base_asset: [u8; 8] = "Base Asset",
        /// Base Decimals.
        base_decimals: u8 = "Base Decimals",
        /// Quote Asset.
        quote_asset: [u8; 8] = "Quote Asset",
        /// Quote Decimals.
        quote_decimals: u8 = "Quote Decimals",
        /// Tick Size: 4 implied decimals.
        tick_size: U64 = "Tick Size",
        /// Lot Size: smallest base units in one lot.
        lot_size: U128 = "Lot Size",
        /// Price Unit: smallest base units the price is quoted for.
        price_unit: U128 = "Price Unit",
        /// Max Quantity: lots of one order.
        max_quantity: U32 = "Max Quantity",
        /// Max Notional: smallest quote units of one order.
        max_notional: U128 = "Max Notional",
        /// Collar: parts per million around the reference price.
        collar: U32 = "Collar",
        /// Maker Fee: parts per million, negative is a rebate.
        maker_fee: I32 = "Maker Fee",
        /// Taker Fee: parts per million.
        taker_fee: I32 = "Taker Fee",
        /// State: as ITCH Trading Action; A auction, P pre-open, V volatility pause, C cancel-only, X closed
        /// refine it.
        state: u8 = "State",
    }
}
