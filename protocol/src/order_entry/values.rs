//! The values that fields of order-entry messages have. Which of them we take, and which we refuse, is said in
//! `docs/protocol/order-entry.md`.

use crate::layout::values;

values! {
    /// Side of an order.
    mod side: u8 = "Side" {
        BUY = b'B', "buy";
        SELL = b'S', "sell";
        SELL_SHORT = b'T', "sell short";
        SELL_SHORT_EXEMPT = b'E', "sell short exempt";
    }
}

values! {
    /// How long an order stays.
    mod time_in_force: u8 = "Time In Force" {
        DAY = b'0', "Day (market hours)";
        IMMEDIATE_OR_CANCEL = b'3', "IOC";
        EXTENDED_HOURS = b'5', "GTX extended hours";
        GOOD_TILL_TIME = b'6', "GTT, needs ExpireTime option";
        AFTER_HOURS = b'E', "after hours (Enter only)";
        GOOD_TILL_CANCELED = b'G', "good till canceled (our own)";
    }
}

values! {
    /// Whether others see an order.
    mod display: u8 = "Display" {
        VISIBLE = b'Y', "visible";
        HIDDEN = b'N', "hidden";
        ATTRIBUTABLE = b'A', "attributable";
        CONFORMANT = b'Z', "conformant (outbound only)";
    }
}

values! {
    /// For whom the client trades; echoed.
    mod capacity: u8 = "Capacity" {
        AGENCY = b'A', "agency";
        PRINCIPAL = b'P', "principal";
        RISKLESS = b'R', "riskless";
        OTHER = b'O', "other";
    }
}

values! {
    /// Which auction an order is for.
    mod cross_type: u8 = "CrossType" {
        CONTINUOUS = b'N', "continuous market";
        OPENING = b'O', "opening cross";
        CLOSING = b'C', "closing cross";
        HALT = b'H', "halt/IPO";
        SUPPLEMENTAL = b'S', "supplemental";
        RETAIL = b'R', "retail (BX)";
        EXTENDED_LIFE = b'E', "extended life";
        AFTER_HOURS_CLOSE = b'A', "after-hours close";
    }
}

values! {
    /// InterMarket Sweep Eligibility; echoed.
    mod sweep: u8 = "InterMarket Sweep Eligibility" {
        ELIGIBLE = b'Y', "eligible";
        NOT_ELIGIBLE = b'N', "not eligible";
    }
}

values! {
    /// State of an order in Accepted and Replaced.
    mod order_state: u8 = "Order State" {
        LIVE = b'L', "live";
        DEAD = b'D', "dead";
    }
}

values! {
    /// OUCH System Event.
    mod event_code: u8 = "Event Code" {
        START_OF_DAY = b'S', "start of day";
        END_OF_DAY = b'E', "end of day";
    }
}

values! {
    /// Why a trade was broken.
    mod broken_trade_reason: u8 = "Broken Trade Reason" {
        ERRONEOUS = b'E', "erroneous";
        CONSENT = b'C', "consent";
        SUPERVISORY = b'S', "supervisory";
        EXTERNAL = b'X', "external";
    }
}

values! {
    /// Why an order was restated.
    mod restated_reason: u8 = "Restated Reason" {
        REFRESH_OF_DISPLAY = b'R', "refresh of display";
        UPDATE_OF_DISPLAYED_PRICE = b'P', "update of displayed price";
    }
}

values! {
    /// Why an order, or a part of it, was canceled.
    mod cancel_reason: u8 = "Cancel Reason" {
        REGULATORY = b'D', "regulatory restriction";
        END_OF_DAY = b'E', "closed (DAY order after the closing cross)";
        POST_ONLY_SLID = b'F', "post-only: would be price-slid for NMS";
        POST_ONLY = b'G', "post-only: would be price-slid against a displayed contra order";
        HALTED = b'H', "halted";
        IMMEDIATE_OR_CANCEL = b'I', "immediate or cancel remainder";
        COLLAR = b'K', "market collars";
        SELF_MATCH = b'Q', "self match prevention";
        SUPERVISORY = b'S', "supervisory";
        TIMEOUT = b'T', "timeout";
        USER = b'U', "user requested";
        OPEN_PROTECTION = b'X', "open protection";
        SYSTEM = b'Z', "system cancel";
        DIRECT_LISTING = b'e', "direct listing exceeds allowable shares";
    }
}

values! {
    /// Why a request was refused.
    mod reject_reason: u16 = "Reject Reason" {
        QUOTE_UNAVAILABLE = 0x0001, "Quote Unavailable";
        DESTINATION_CLOSED = 0x0002, "Destination Closed";
        INVALID_DISPLAY = 0x0003, "Invalid Display";
        INVALID_MAX_FLOOR = 0x0004, "Invalid Max Floor";
        INVALID_PEG_TYPE = 0x0005, "Invalid Peg Type";
        FAT_FINGER = 0x0006, "Fat Finger";
        HALTED = 0x0007, "Halted";
        ISO_NOT_ALLOWED = 0x0008, "ISO Not Allowed";
        INVALID_SIDE = 0x0009, "Invalid Side";
        PROCESSING_ERROR = 0x000A, "Processing Error";
        CANCEL_PENDING = 0x000B, "Cancel Pending";
        FIRM_NOT_AUTHORIZED = 0x000C, "Firm Not Authorized";
        INVALID_MIN_QUANTITY = 0x000D, "Invalid Min Quantity";
        NO_CLOSING_REFERENCE_PRICE = 0x000E, "No Closing Reference Price";
        OTHER = 0x000F, "Other";
        CANCEL_NOT_ALLOWED = 0x0010, "Cancel Not Allowed";
        PEGGING_NOT_ALLOWED = 0x0011, "Pegging Not Allowed";
        CROSSED_MARKET = 0x0012, "Crossed Market";
        INVALID_QUANTITY = 0x0013, "Invalid Quantity";
        INVALID_CROSS_ORDER = 0x0014, "Invalid Cross Order";
        REPLACE_NOT_ALLOWED = 0x0015, "Replace Not Allowed";
        ROUTING_NOT_ALLOWED = 0x0016, "Routing Not Allowed";
        INVALID_SYMBOL = 0x0017, "Invalid Symbol";
        TEST = 0x0018, "Test";
        LATE_LOC_TOO_AGGRESSIVE = 0x0019, "Late LOC Too Aggressive";
        RETAIL_NOT_ALLOWED = 0x001A, "Retail Not Allowed";
        INVALID_MIDPOINT_POST_ONLY_PRICE = 0x001B, "Invalid Midpoint Post Only Price";
        INVALID_DESTINATION = 0x001C, "Invalid Destination";
        INVALID_PRICE = 0x001D, "Invalid Price";
        SHARES_EXCEED_THRESHOLD = 0x001E, "Shares Exceed Threshold";
        EXCEEDS_MAXIMUM_ALLOWED_NOTIONAL_VALUE = 0x001F, "Exceeds Maximum Allowed Notional Value";
        RISK_AGGREGATE_EXPOSURE_EXCEEDED = 0x0020, "Risk: Aggregate Exposure Exceeded";
        RISK_MARKET_IMPACT = 0x0021, "Risk: Market Impact";
        RISK_RESTRICTED_STOCK = 0x0022, "Risk: Restricted Stock";
        RISK_SHORT_SELL_RESTRICTED = 0x0023, "Risk: Short Sell Restricted";
        RISK_ISO_NOT_ALLOWED = 0x0024, "Risk: ISO Not Allowed";
        RISK_EXCEEDS_ADV_LIMIT = 0x0025, "Risk: Exceeds ADV Limit";
        RISK_FAT_FINGER = 0x0026, "Risk: Fat Finger";
        RISK_LOCATE_REQUIRED = 0x0027, "Risk: Locate Required";
        RISK_SYMBOL_MESSAGE_RATE_RESTRICTION = 0x0028, "Risk: Symbol Message Rate Restriction";
        RISK_PORT_MESSAGE_RATE_RESTRICTION = 0x0029, "Risk: Port Message Rate Restriction";
        RISK_DUPLICATE_MESSAGE_RATE_RESTRICTION = 0x002A, "Risk: Duplicate Message Rate Restriction";
        RISK_SHORT_SELL_NOT_ALLOWED = 0x002B, "Risk: Short Sell Not Allowed";
        RISK_MARKET_ORDER_NOT_ALLOWED = 0x002C, "Risk: Market Order Not Allowed";
        RISK_PRE_MARKET_NOT_ALLOWED = 0x002D, "Risk: Pre-Market Not Allowed";
        RISK_POST_MARKET_NOT_ALLOWED = 0x002E, "Risk: Post-Market Not Allowed";
        RISK_SHORT_SELL_EXEMPT_NOT_ALLOWED = 0x002F, "Risk: Short Sell Exempt Not Allowed";
        RISK_SINGLE_ORDER_NOTIONAL_EXCEEDED = 0x0030, "Risk: Single Order Notional Exceeded";
        RISK_MAX_QUANTITY_EXCEEDED = 0x0031, "Risk: Max Quantity Exceeded";
        REG_SHO_STATE_NOT_AVAILABLE = 0x0032, "Reg SHO State Not Available";
        RISK_IPO_MARKET_BUY_NOT_ALLOWED = 0x0033, "Risk: IPO Market Buy Not Allowed";
    }
}

values! {
    /// Which side of a match an order was, and how.
    mod liquidity_flag: u8 = "Liquidity Flag" {
        ADDED = b'A', "added";
        CLOSING_CROSS = b'C', "closing cross";
        RETAIL_ADDED = b'e', "retail designated, added displayed";
        HALT_OR_IPO_CROSS = b'H', "halt/IPO cross";
        AFTER_HOURS_CLOSING_CROSS = b'i', "after-hours closing cross";
        ADDED_NON_DISPLAYED = b'J', "non-displayed adding";
        RETAIL_PRICE_IMPROVEMENT = b'j', "RPI provides liquidity (BX)";
        ADDED_VIA_MIDPOINT = b'k', "added via midpoint";
        HALT_CROSS = b'K', "halt cross";
        CLOSING_CROSS_IMBALANCE_ONLY = b'L', "closing cross imbalance-only";
        OPENING_CROSS_IMBALANCE_ONLY = b'M', "opening cross imbalance-only";
        REMOVED_AT_MIDPOINT = b'm', "removed at midpoint";
        PASSIVE_MIDPOINT_EXECUTION = b'N', "passive midpoint execution";
        MIDPOINT_EXTENDED_LIFE = b'n', "midpoint extended life";
        OPENING_CROSS = b'O', "opening cross";
        REMOVED_NON_DISPLAYED = b'p', "removed price-improving non-displayed (BX)";
        RETAIL_REMOVED_MIDPOINT = b'q', "RMO retail removes non-RPI midpoint (BX)";
        REMOVED = b'R', "removed";
        RETAIL_REMOVED_PRICE_IMPROVEMENT = b'r', "retail removes RPI (BX)";
        RETAIL_REMOVED_NON_DISPLAYED = b't', "retail removes price-improving non-displayed other than RPI (BX)";
        SUPPLEMENTAL = b'0', "supplemental";
        ADDED_IMPROVES_BEST = b'7', "displayed adding improves the NBBO";
        ADDED_SETS_BEST = b'8', "displayed adding sets the QBBO while joining the NBBO";
        RETAIL_PRICE_IMPROVEMENT_UNFLAGGED = b'1', "RPI provides liquidity, no RPII (BX)";
        ADDED_VIA_RESERVE = b'u', "added non-displayed via a reserve order";
    }
}

values! {
    /// What happens when an account meets itself.
    mod self_match: u8 = "Self-Match Mode" {
        CANCEL_OLDEST = b'O', "cancel oldest";
        CANCEL_NEWEST = b'W', "cancel newest";
        DECREMENT_BOTH = b'D', "decrement both";
        CANCEL_BOTH = b'B', "cancel both (our own)";
    }
}

/// Every list of this module: title and values, for the documents.
pub const LISTS: &[(&str, &[(u64, &str)])] = &[
    (side::TITLE, side::ALL),
    (time_in_force::TITLE, time_in_force::ALL),
    (display::TITLE, display::ALL),
    (capacity::TITLE, capacity::ALL),
    (cross_type::TITLE, cross_type::ALL),
    (sweep::TITLE, sweep::ALL),
    (order_state::TITLE, order_state::ALL),
    (event_code::TITLE, event_code::ALL),
    (broken_trade_reason::TITLE, broken_trade_reason::ALL),
    (restated_reason::TITLE, restated_reason::ALL),
    (cancel_reason::TITLE, cancel_reason::ALL),
    (reject_reason::TITLE, reject_reason::ALL),
    (liquidity_flag::TITLE, liquidity_flag::ALL),
    (self_match::TITLE, self_match::ALL),
];
