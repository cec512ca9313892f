//! OUCH 5.0 requests, client to exchange: the fixed part of each message.

use crate::layout::wire_messages;
use zerocopy::network_endian::{U16, U32, U64};

wire_messages! {
    /// Enter Order.
    struct EnterOrder = "Enter Order", b'O', 47 {
        /// Type.
        message_type: u8 = "Type",
        /// UserRefNum: starts at 1; unique and strictly increasing per port per day (per UserRefIdx channel if that option is used); server ignores numbers at or below the last processed.
        user_ref_num: U32 = "UserRefNum",
        /// Side: B=buy S=sell T=sell short E=sell short exempt.
        side: u8 = "Side",
        /// Quantity: >0 and <1,000,000.
        quantity: U32 = "Quantity",
        /// Symbol: left-justified, space-padded.
        symbol: [u8; 8] = "Symbol",
        /// Price: price, 4 implied decimals; 8 bytes, 4 implied decimals; max 199999.9900=0x7735939C; market = 0x7FFFFFFF (214748.3647) for a cross; 200000.00 or "the max integer value" also treated as market.
        price: U64 = "Price",
        /// Time In Force: 0=Day 3=IOC 5=GTX 6=GTT(needs ExpireTime) E=after hours.
        time_in_force: u8 = "Time In Force",
        /// Display: Y=visible N=hidden A=attributable.
        display: u8 = "Display",
        /// Capacity: A=agency P=principal R=riskless O=other.
        capacity: u8 = "Capacity",
        /// InterMarket Sweep Eligibility: Y N.
        inter_market_sweep_eligibility: u8 = "InterMarket Sweep Eligibility",
        /// CrossType: N=continuous O=open C=close H=halt/IPO S=supplemental R=retail E=extended life A=after-hours close.
        cross_type: u8 = "CrossType",
        /// ClOrdID: letters, digits, spaces; not checked for uniqueness.
        cl_ord_id: [u8; 14] = "ClOrdID",
        /// Appendage Length: bytes of Optional Appendage that follow; 0 = none (field itself mandatory on this message).
        appendage_length: U16 = "Appendage Length",
    }

    /// Replace Order Request.
    struct ReplaceOrder = "Replace Order Request", b'U', 40 {
        /// Type.
        message_type: u8 = "Type",
        /// OrigUserRefNum: UserRefNum of the live order.
        orig_user_ref_num: U32 = "OrigUserRefNum",
        /// UserRefNum: starts at 1; unique and strictly increasing per port per day (per UserRefIdx channel if that option is used); server ignores numbers at or below the last processed.
        user_ref_num: U32 = "UserRefNum",
        /// Quantity: total liable for the whole chain incl. previous executions; >0 and <1,000,000.
        quantity: U32 = "Quantity",
        /// Price: price, 4 implied decimals; 8 bytes, 4 implied decimals; max 199999.9900=0x7735939C; market = 0x7FFFFFFF (214748.3647) for a cross; 200000.00 or "the max integer value" also treated as market.
        price: U64 = "Price",
        /// Time In Force: 0 3 5 6.
        time_in_force: u8 = "Time In Force",
        /// Display: Y=visible N=hidden A=attributable.
        display: u8 = "Display",
        /// InterMarket Sweep Eligibility: Y N.
        inter_market_sweep_eligibility: u8 = "InterMarket Sweep Eligibility",
        /// ClOrdID: letters, digits, spaces; not checked for uniqueness.
        cl_ord_id: [u8; 14] = "ClOrdID",
        /// Appendage Length: bytes of Optional Appendage that follow; 0 = none (field itself mandatory on this message).
        appendage_length: U16 = "Appendage Length",
    }

    /// Cancel Order Request.
    struct CancelOrder = "Cancel Order Request", b'X', 9 {
        /// Type.
        message_type: u8 = "Type",
        /// UserRefNum: of the Enter/Replace.
        user_ref_num: U32 = "UserRefNum",
        /// Quantity: new intended order size incl. executed; 0 = cancel all.
        quantity: U32 = "Quantity",
    }

    /// Modify Order Request.
    struct ModifyOrder = "Modify Order Request", b'M', 10 {
        /// Type.
        message_type: u8 = "Type",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Side: only S->E, S->T, E->T.
        side: u8 = "Side",
        /// Quantity: new intended size; increase ignored (Oct-2023/2025) / loses priority (May-2023).
        quantity: U32 = "Quantity",
    }

    /// Mass Cancel Request.
    struct MassCancel = "Mass Cancel Request", b'C', 19 {
        /// Type.
        message_type: u8 = "Type",
        /// UserRefNum: starts at 1; unique and strictly increasing per port per day (per UserRefIdx channel if that option is used); server ignores numbers at or below the last processed.
        user_ref_num: U32 = "UserRefNum",
        /// Firm: upper case.
        firm: [u8; 4] = "Firm",
        /// Symbol: space-filled = all symbols.
        symbol: [u8; 8] = "Symbol",
        /// Appendage Length: bytes of Optional Appendage that follow; 0 = none (field itself mandatory on this message).
        appendage_length: U16 = "Appendage Length",
    }

    /// Disable Order Entry Request.
    struct DisableOrderEntry = "Disable Order Entry Request", b'D', 11 {
        /// Type.
        message_type: u8 = "Type",
        /// UserRefNum: starts at 1; unique and strictly increasing per port per day (per UserRefIdx channel if that option is used); server ignores numbers at or below the last processed.
        user_ref_num: U32 = "UserRefNum",
        /// Firm: upper case.
        firm: [u8; 4] = "Firm",
        /// Appendage Length: bytes of Optional Appendage that follow; 0 = none (field itself mandatory on this message).
        appendage_length: U16 = "Appendage Length",
    }

    /// Enable Order Entry Request.
    struct EnableOrderEntry = "Enable Order Entry Request", b'E', 11 {
        /// Type.
        message_type: u8 = "Type",
        /// UserRefNum: starts at 1; unique and strictly increasing per port per day (per UserRefIdx channel if that option is used); server ignores numbers at or below the last processed.
        user_ref_num: U32 = "UserRefNum",
        /// Firm: upper case.
        firm: [u8; 4] = "Firm",
        /// Appendage Length: bytes of Optional Appendage that follow; 0 = none (field itself mandatory on this message).
        appendage_length: U16 = "Appendage Length",
    }

    /// Account Query Request.
    struct AccountQuery = "Account Query Request", b'Q', 1 {
        /// Type.
        message_type: u8 = "Type",
    }
}
