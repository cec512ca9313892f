//! OUCH 5.0 responses, exchange to client: the fixed part of each message.

use crate::layout::wire_messages;
use zerocopy::network_endian::{U16, U32, U64};

wire_messages! {
    /// System Event.
    struct SystemEvent = "System Event", b'S', 10 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// Event Code: S=start of day E=end of day.
        event_code: u8 = "Event Code",
    }

    /// Order Accepted.
    struct OrderAccepted = "Order Accepted", b'A', 64 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// UserRefNum: as entered.
        user_ref_num: U32 = "UserRefNum",
        /// Side: B=buy S=sell T=sell short E=sell short exempt.
        side: u8 = "Side",
        /// Quantity: accepted.
        quantity: U32 = "Quantity",
        /// Symbol: left-justified, space-padded.
        symbol: [u8; 8] = "Symbol",
        /// Price: price, 4 implied decimals; accepted price, better or equal.
        price: U64 = "Price",
        /// Time In Force: 0=Day 3=IOC 5=GTX 6=GTT(needs ExpireTime) E=after hours.
        time_in_force: u8 = "Time In Force",
        /// Display: Y N A, plus Z=conformant outbound.
        display: u8 = "Display",
        /// Order Reference Number: day-unique; the same number ITCH publishes.
        order_reference_number: U64 = "Order Reference Number",
        /// Capacity: A=agency P=principal R=riskless O=other.
        capacity: u8 = "Capacity",
        /// InterMarket Sweep Eligibility: Y N.
        inter_market_sweep_eligibility: u8 = "InterMarket Sweep Eligibility",
        /// CrossType: N=continuous O=open C=close H=halt/IPO S=supplemental R=retail E=extended life A=after-hours close.
        cross_type: u8 = "CrossType",
        /// Order State: L=live D=dead (accepted then auto-cancelled).
        order_state: u8 = "Order State",
        /// ClOrdID: letters, digits, spaces; not checked for uniqueness.
        cl_ord_id: [u8; 14] = "ClOrdID",
        /// Appendage Length: bytes of Optional Appendage that follow; 0 = none (field itself mandatory on this message).
        appendage_length: U16 = "Appendage Length",
    }

    /// Order Replaced.
    struct OrderReplaced = "Order Replaced", b'U', 68 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// OrigUserRefNum.
        orig_user_ref_num: U32 = "OrigUserRefNum",
        /// UserRefNum: of the replacement.
        user_ref_num: U32 = "UserRefNum",
        /// Side: B=buy S=sell T=sell short E=sell short exempt.
        side: u8 = "Side",
        /// Quantity: shares outstanding (exposed) now.
        quantity: U32 = "Quantity",
        /// Symbol: left-justified, space-padded.
        symbol: [u8; 8] = "Symbol",
        /// Price: price, 4 implied decimals.
        price: U64 = "Price",
        /// Time In Force: 0=Day 3=IOC 5=GTX 6=GTT(needs ExpireTime) E=after hours.
        time_in_force: u8 = "Time In Force",
        /// Display: Y N A, plus Z=conformant outbound.
        display: u8 = "Display",
        /// Order Reference Number: day-unique; the same number ITCH publishes.
        order_reference_number: U64 = "Order Reference Number",
        /// Capacity: A=agency P=principal R=riskless O=other.
        capacity: u8 = "Capacity",
        /// InterMarket Sweep Eligibility: Y N.
        inter_market_sweep_eligibility: u8 = "InterMarket Sweep Eligibility",
        /// CrossType: N=continuous O=open C=close H=halt/IPO S=supplemental R=retail E=extended life A=after-hours close.
        cross_type: u8 = "CrossType",
        /// Order State: L=live D=dead (accepted then auto-cancelled).
        order_state: u8 = "Order State",
        /// ClOrdID: letters, digits, spaces; not checked for uniqueness.
        cl_ord_id: [u8; 14] = "ClOrdID",
        /// Appendage Length: bytes of Optional Appendage that follow; 0 = none (field itself mandatory on this message).
        appendage_length: U16 = "Appendage Length",
    }

    /// Order Canceled.
    struct OrderCanceled = "Order Canceled", b'C', 18 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Quantity: decrement, incremental.
        quantity: U32 = "Quantity",
        /// Reason: see cancel reasons.
        reason: u8 = "Reason",
    }

    /// AIQ Canceled.
    struct AiqCanceled = "AIQ Canceled", b'D', 32 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Decrement Shares: incremental.
        decrement_shares: U32 = "Decrement Shares",
        /// Reason: always Q.
        reason: u8 = "Reason",
        /// Quantity Prevented From Trading.
        quantity_prevented_from_trading: U32 = "Quantity Prevented From Trading",
        /// Execution Price: price, 4 implied decimals.
        execution_price: U64 = "Execution Price",
        /// Liquidity Flag.
        liquidity_flag: u8 = "Liquidity Flag",
        /// AIQ Strategy.
        aiq_strategy: u8 = "AIQ Strategy",
    }

    /// Order Executed.
    struct OrderExecuted = "Order Executed", b'E', 36 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Quantity: incremental.
        quantity: U32 = "Quantity",
        /// Price: price, 4 implied decimals; execution price.
        price: U64 = "Price",
        /// Liquidity Flag: see liquidity flags.
        liquidity_flag: u8 = "Liquidity Flag",
        /// Match Number: same number on both sides and on ITCH.
        match_number: U64 = "Match Number",
        /// Appendage Length: bytes of Optional Appendage that follow; 0 = none (field itself mandatory on this message).
        appendage_length: U16 = "Appendage Length",
    }

    /// Broken Trade.
    struct BrokenTrade = "Broken Trade", b'B', 36 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Match Number.
        match_number: U64 = "Match Number",
        /// Reason: E C S X.
        reason: u8 = "Reason",
        /// ClOrdID: letters, digits, spaces; not checked for uniqueness.
        cl_ord_id: [u8; 14] = "ClOrdID",
    }

    /// Rejected.
    struct OrderRejected = "Rejected", b'J', 29 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// UserRefNum: cannot be re-used.
        user_ref_num: U32 = "UserRefNum",
        /// Reason: numeric, see reject reasons.
        reason: U16 = "Reason",
        /// ClOrdID: letters, digits, spaces; not checked for uniqueness.
        cl_ord_id: [u8; 14] = "ClOrdID",
    }

    /// Cancel Pending.
    struct CancelPending = "Cancel Pending", b'P', 13 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
    }

    /// Cancel Reject.
    struct CancelReject = "Cancel Reject", b'I', 13 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
    }

    /// Order Priority Update.
    struct OrderPriorityUpdate = "Order Priority Update", b'T', 30 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Price: price, 4 implied decimals; limit price.
        price: U64 = "Price",
        /// Display: Y.
        display: u8 = "Display",
        /// Order Reference Number: new number.
        order_reference_number: U64 = "Order Reference Number",
    }

    /// Order Modified.
    struct OrderModified = "Order Modified", b'M', 18 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Side: B=buy S=sell T=sell short E=sell short exempt.
        side: u8 = "Side",
        /// Quantity: shares outstanding.
        quantity: U32 = "Quantity",
    }

    /// Order Restated.
    struct OrderRestated = "Order Restated", b'R', 16 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Reason: R=refresh of display P=update of displayed price.
        reason: u8 = "Reason",
        /// Appendage Length: bytes of Optional Appendage that follow; 0 = none (field itself mandatory on this message).
        appendage_length: U16 = "Appendage Length",
    }

    /// Mass Cancel Response.
    struct MassCancelResponse = "Mass Cancel Response", b'X', 27 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// UserRefNum: from the request.
        user_ref_num: U32 = "UserRefNum",
        /// Firm: upper case.
        firm: [u8; 4] = "Firm",
        /// Symbol.
        symbol: [u8; 8] = "Symbol",
        /// Appendage Length: bytes of Optional Appendage that follow; 0 = none (field itself mandatory on this message).
        appendage_length: U16 = "Appendage Length",
    }

    /// Disable Order Entry Response.
    struct DisableOrderEntryResponse = "Disable Order Entry Response", b'G', 19 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Firm: upper case.
        firm: [u8; 4] = "Firm",
        /// Appendage Length: bytes of Optional Appendage that follow; 0 = none (field itself mandatory on this message).
        appendage_length: U16 = "Appendage Length",
    }

    /// Enable Order Entry Response.
    struct EnableOrderEntryResponse = "Enable Order Entry Response", b'K', 19 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Firm: upper case.
        firm: [u8; 4] = "Firm",
        /// Appendage Length: bytes of Optional Appendage that follow; 0 = none (field itself mandatory on this message).
        appendage_length: U16 = "Appendage Length",
    }

    /// Account Query Response.
    struct AccountQueryResponse = "Account Query Response", b'Q', 13 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since midnight, 8 bytes (ITCH uses 6).
        timestamp: U64 = "Timestamp",
        /// NextUserRefNum: next available.
        next_user_ref_num: U32 = "NextUserRefNum",
    }
}
