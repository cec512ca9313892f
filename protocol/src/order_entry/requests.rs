//! OUCH 5.0 requests, client to exchange: the fixed part of each message.

use crate::layout::wire_messages;
use zerocopy::network_endian::{U16, U32, U64};

wire_messages! {
    /// Enter Order.
    struct EnterOrder = "Enter Order", b'O', 47 {
        /// Type.
        message_type: u8 = "Type",
        /// UserRefNum: from 1, strictly increasing within session and day, gaps allowed; at or below the last
        /// processed one: ignored; 0xFFFFFFFF is refused.
        user_ref_num: U32 = "UserRefNum",
        /// Side: B=buy S=sell; T and E (short sales) are refused.
        side: u8 = "Side",
        /// Quantity: lots, from 1 to the instrument's maximum.
        quantity: U32 = "Quantity",
        /// Symbol: padded with spaces.
        symbol: [u8; 8] = "Symbol",
        /// Price: 4 implied decimals; at most 429,496.7294; a market order: 0x7FFFFFFF, all ones or the
        /// largest signed number, also 200,000.0000 and above unless the instrument's highest price is
        /// higher.
        price: U64 = "Price",
        /// Time In Force: 0=Day 3=IOC 6=GTT G=good till canceled (our own); others are refused.
        time_in_force: u8 = "Time In Force",
        /// Display: Y=visible N=hidden A=attributable.
        display: u8 = "Display",
        /// Capacity: A=agency P=principal R=riskless O=other; echoed.
        capacity: u8 = "Capacity",
        /// InterMarket Sweep Eligibility: Y N; echoed.
        inter_market_sweep_eligibility: u8 = "InterMarket Sweep Eligibility",
        /// CrossType: N=any auction O=opening C=closing H=after a halt; others are refused.
        cross_type: u8 = "CrossType",
        /// ClOrdID: the client's own text: letters, digits, spaces; echoed, not checked.
        cl_ord_id: [u8; 14] = "ClOrdID",
        /// Appendage Length: bytes of options that follow; 0 = none; the field is always there.
        appendage_length: U16 = "Appendage Length",
    }

    /// Replace Order Request.
    struct ReplaceOrder = "Replace Order Request", b'U', 40 {
        /// Type.
        message_type: u8 = "Type",
        /// OrigUserRefNum: the order to replace.
        orig_user_ref_num: U32 = "OrigUserRefNum",
        /// UserRefNum: from 1, strictly increasing within session and day, gaps allowed; at or below the last
        /// processed one: ignored; 0xFFFFFFFF is refused.
        user_ref_num: U32 = "UserRefNum",
        /// Quantity: lots of the whole chain, executed ones included; at or below those executed: the rest is
        /// canceled.
        quantity: U32 = "Quantity",
        /// Price: 4 implied decimals; at most 429,496.7294; a market order: 0x7FFFFFFF, all ones or the
        /// largest signed number, also 200,000.0000 and above unless the instrument's highest price is
        /// higher.
        price: U64 = "Price",
        /// Time In Force: 0 3 6 G; others are refused.
        time_in_force: u8 = "Time In Force",
        /// Display: Y=visible N=hidden A=attributable.
        display: u8 = "Display",
        /// InterMarket Sweep Eligibility: Y N; echoed.
        inter_market_sweep_eligibility: u8 = "InterMarket Sweep Eligibility",
        /// ClOrdID: the client's own text: letters, digits, spaces; echoed, not checked.
        cl_ord_id: [u8; 14] = "ClOrdID",
        /// Appendage Length: bytes of options that follow; 0 = none; the field is always there.
        appendage_length: U16 = "Appendage Length",
    }

    /// Cancel Order Request.
    struct CancelOrder = "Cancel Order Request", b'X', 9 {
        /// Type.
        message_type: u8 = "Type",
        /// UserRefNum: the order's.
        user_ref_num: U32 = "UserRefNum",
        /// Quantity: lots the order shall have, executed ones included; 0 = cancel all.
        quantity: U32 = "Quantity",
    }

    /// Modify Order Request.
    struct ModifyOrder = "Modify Order Request", b'M', 10 {
        /// Type.
        message_type: u8 = "Type",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Side: echoed; NASDAQ's changes between sale and short sale have no meaning here.
        side: u8 = "Side",
        /// Quantity: lots the order shall have, executed ones included; an increase is ignored.
        quantity: U32 = "Quantity",
    }

    /// Mass Cancel Request.
    struct MassCancel = "Mass Cancel Request", b'C', 19 {
        /// Type.
        message_type: u8 = "Type",
        /// UserRefNum: from 1, strictly increasing within session and day, gaps allowed; at or below the last
        /// processed one: ignored; 0xFFFFFFFF is refused.
        user_ref_num: U32 = "UserRefNum",
        /// Firm: upper case, padded with spaces; blank = the account's.
        firm: [u8; 4] = "Firm",
        /// Symbol: blank = all.
        symbol: [u8; 8] = "Symbol",
        /// Appendage Length: bytes of options that follow; 0 = none; the field is always there.
        appendage_length: U16 = "Appendage Length",
    }

    /// Disable Order Entry Request.
    struct DisableOrderEntry = "Disable Order Entry Request", b'D', 11 {
        /// Type.
        message_type: u8 = "Type",
        /// UserRefNum: from 1, strictly increasing within session and day, gaps allowed; at or below the last
        /// processed one: ignored; 0xFFFFFFFF is refused.
        user_ref_num: U32 = "UserRefNum",
        /// Firm: upper case, padded with spaces; blank = the account's.
        firm: [u8; 4] = "Firm",
        /// Appendage Length: bytes of options that follow; 0 = none; the field is always there.
        appendage_length: U16 = "Appendage Length",
    }

    /// Enable Order Entry Request.
    struct EnableOrderEntry = "Enable Order Entry Request", b'E', 11 {
        /// Type.
        message_type: u8 = "Type",
        /// UserRefNum: from 1, strictly increasing within session and day, gaps allowed; at or below the last
        /// processed one: ignored; 0xFFFFFFFF is refused.
        user_ref_num: U32 = "UserRefNum",
        /// Firm: upper case, padded with spaces; blank = the account's.
        firm: [u8; 4] = "Firm",
        /// Appendage Length: bytes of options that follow; 0 = none; the field is always there.
        appendage_length: U16 = "Appendage Length",
    }

    /// Account Query Request.
    struct AccountQuery = "Account Query Request", b'Q', 1 {
        /// Type.
        message_type: u8 = "Type",
    }
}
