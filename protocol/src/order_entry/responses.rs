//! OUCH 5.0 responses, exchange to client: the fixed part of each message.

use crate::layout::wire_messages;
use zerocopy::network_endian::{U16, U32, U64};

wire_messages! {
    /// System Event.
    struct SystemEvent = "System Event", b'S', 10 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// Event Code: S=start of day E=end of day.
        event_code: u8 = "Event Code",
    }

    /// Order Accepted.
    struct OrderAccepted = "Order Accepted", b'A', 64 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// UserRefNum: as entered.
        user_ref_num: U32 = "UserRefNum",
        /// Side: B=buy S=sell; T and E (short sales) are refused.
        side: u8 = "Side",
        /// Quantity: lots.
        quantity: U32 = "Quantity",
        /// Symbol: padded with spaces.
        symbol: [u8; 8] = "Symbol",
        /// Price: 4 implied decimals; as entered; 0x7FFFFFFF for a market order.
        price: U64 = "Price",
        /// Time In Force: 0=Day 3=IOC 6=GTT G=good till canceled (our own); others are refused.
        time_in_force: u8 = "Time In Force",
        /// Display: Y N A; NASDAQ's Z is never sent.
        display: u8 = "Display",
        /// Order Reference Number: unique within the day, the same in ITCH.
        order_reference_number: U64 = "Order Reference Number",
        /// Capacity: A=agency P=principal R=riskless O=other; echoed.
        capacity: u8 = "Capacity",
        /// InterMarket Sweep Eligibility: Y N; echoed.
        inter_market_sweep_eligibility: u8 = "InterMarket Sweep Eligibility",
        /// CrossType: N=any auction O=opening C=closing H=after a halt; others are refused.
        cross_type: u8 = "CrossType",
        /// Order State: L=live D=dead: accepted, and canceled at once.
        order_state: u8 = "Order State",
        /// ClOrdID: the client's own text: letters, digits, spaces; echoed, not checked.
        cl_ord_id: [u8; 14] = "ClOrdID",
        /// Appendage Length: bytes of options that follow; 0 = none; the field is always there.
        appendage_length: U16 = "Appendage Length",
    }

    /// Order Replaced.
    struct OrderReplaced = "Order Replaced", b'U', 68 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// OrigUserRefNum: the order replaced.
        orig_user_ref_num: U32 = "OrigUserRefNum",
        /// UserRefNum: of the replacement.
        user_ref_num: U32 = "UserRefNum",
        /// Side: B=buy S=sell; T and E (short sales) are refused.
        side: u8 = "Side",
        /// Quantity: lots open now.
        quantity: U32 = "Quantity",
        /// Symbol: padded with spaces.
        symbol: [u8; 8] = "Symbol",
        /// Price: 4 implied decimals.
        price: U64 = "Price",
        /// Time In Force: 0=Day 3=IOC 6=GTT G=good till canceled (our own); others are refused.
        time_in_force: u8 = "Time In Force",
        /// Display: Y N A; NASDAQ's Z is never sent.
        display: u8 = "Display",
        /// Order Reference Number: unique within the day, the same in ITCH.
        order_reference_number: U64 = "Order Reference Number",
        /// Capacity: A=agency P=principal R=riskless O=other; echoed.
        capacity: u8 = "Capacity",
        /// InterMarket Sweep Eligibility: Y N; echoed.
        inter_market_sweep_eligibility: u8 = "InterMarket Sweep Eligibility",
        /// CrossType: N=any auction O=opening C=closing H=after a halt; others are refused.
        cross_type: u8 = "CrossType",
        /// Order State: L=live D=dead: accepted, and canceled at once.
        order_state: u8 = "Order State",
        /// ClOrdID: the client's own text: letters, digits, spaces; echoed, not checked.
        cl_ord_id: [u8; 14] = "ClOrdID",
        /// Appendage Length: bytes of options that follow; 0 = none; the field is always there.
        appendage_length: U16 = "Appendage Length",
    }

    /// Order Canceled.
    struct OrderCanceled = "Order Canceled", b'C', 18 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Quantity: lots canceled by this message.
        quantity: U32 = "Quantity",
        /// Reason: see Cancel Reason.
        reason: u8 = "Reason",
    }

    /// AIQ Canceled.
    struct AiqCanceled = "AIQ Canceled", b'D', 32 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Decrement Shares: lots canceled by this message.
        decrement_shares: U32 = "Decrement Shares",
        /// Reason: always Q.
        reason: u8 = "Reason",
        /// Quantity Prevented From Trading: lots that would have met the account's own order.
        quantity_prevented_from_trading: U32 = "Quantity Prevented From Trading",
        /// Execution Price: 4 implied decimals.
        execution_price: U64 = "Execution Price",
        /// Liquidity Flag: see Liquidity Flag.
        liquidity_flag: u8 = "Liquidity Flag",
        /// AIQ Strategy: see Self-Match Mode.
        aiq_strategy: u8 = "AIQ Strategy",
    }

    /// Order Executed.
    struct OrderExecuted = "Order Executed", b'E', 36 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Quantity: lots of this execution.
        quantity: U32 = "Quantity",
        /// Price: 4 implied decimals; execution price.
        price: U64 = "Price",
        /// Liquidity Flag: see Liquidity Flag.
        liquidity_flag: u8 = "Liquidity Flag",
        /// Match Number: the same on both sides and in ITCH.
        match_number: U64 = "Match Number",
        /// Appendage Length: bytes of options that follow; 0 = none; the field is always there.
        appendage_length: U16 = "Appendage Length",
    }

    /// Broken Trade.
    struct BrokenTrade = "Broken Trade", b'B', 36 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Match Number.
        match_number: U64 = "Match Number",
        /// Reason: E C S X.
        reason: u8 = "Reason",
        /// ClOrdID: the client's own text: letters, digits, spaces; echoed, not checked.
        cl_ord_id: [u8; 14] = "ClOrdID",
    }

    /// Rejected.
    struct OrderRejected = "Rejected", b'J', 29 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// UserRefNum: consumed: it cannot be used again.
        user_ref_num: U32 = "UserRefNum",
        /// Reason: see Reject Reason.
        reason: U16 = "Reason",
        /// ClOrdID: the client's own text: letters, digits, spaces; echoed, not checked.
        cl_ord_id: [u8; 14] = "ClOrdID",
    }

    /// Cancel Pending.
    struct CancelPending = "Cancel Pending", b'P', 13 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
    }

    /// Cancel Reject.
    struct CancelReject = "Cancel Reject", b'I', 13 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
    }

    /// Order Priority Update.
    struct OrderPriorityUpdate = "Order Priority Update", b'T', 30 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Price: 4 implied decimals; limit price.
        price: U64 = "Price",
        /// Display: Y.
        display: u8 = "Display",
        /// Order Reference Number: the new number.
        order_reference_number: U64 = "Order Reference Number",
    }

    /// Order Modified.
    struct OrderModified = "Order Modified", b'M', 18 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Side: B=buy S=sell; T and E (short sales) are refused.
        side: u8 = "Side",
        /// Quantity: lots open now.
        quantity: U32 = "Quantity",
    }

    /// Order Restated.
    struct OrderRestated = "Order Restated", b'R', 16 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Reason: R=refresh of display P=update of displayed price.
        reason: u8 = "Reason",
        /// Appendage Length: bytes of options that follow; 0 = none; the field is always there.
        appendage_length: U16 = "Appendage Length",
    }

    /// Mass Cancel Response.
    struct MassCancelResponse = "Mass Cancel Response", b'X', 27 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// UserRefNum: from the request.
        user_ref_num: U32 = "UserRefNum",
        /// Firm: upper case, padded with spaces; blank = the account's.
        firm: [u8; 4] = "Firm",
        /// Symbol.
        symbol: [u8; 8] = "Symbol",
        /// Appendage Length: bytes of options that follow; 0 = none; the field is always there.
        appendage_length: U16 = "Appendage Length",
    }

    /// Disable Order Entry Response.
    struct DisableOrderEntryResponse = "Disable Order Entry Response", b'G', 19 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Firm: upper case, padded with spaces; blank = the account's.
        firm: [u8; 4] = "Firm",
        /// Appendage Length: bytes of options that follow; 0 = none; the field is always there.
        appendage_length: U16 = "Appendage Length",
    }

    /// Enable Order Entry Response.
    struct EnableOrderEntryResponse = "Enable Order Entry Response", b'K', 19 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// UserRefNum.
        user_ref_num: U32 = "UserRefNum",
        /// Firm: upper case, padded with spaces; blank = the account's.
        firm: [u8; 4] = "Firm",
        /// Appendage Length: bytes of options that follow; 0 = none; the field is always there.
        appendage_length: U16 = "Appendage Length",
    }

    /// Account Query Response.
    struct AccountQueryResponse = "Account Query Response", b'Q', 13 {
        /// Type.
        message_type: u8 = "Type",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U64 = "Timestamp",
        /// NextUserRefNum: the next one that may be used.
        next_user_ref_num: U32 = "NextUserRefNum",
    }
}
