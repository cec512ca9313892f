//! Option tags and what a value of each must be.

/// Alternative order number used in the market data (u64; exchange to client).
pub const SECONDARY_ORD_REF_NUM: u8 = 1;
/// Firm (4 characters; blank = the account's).
pub const FIRM: u8 = 2;
/// Least quantity to execute (u32 lots; 0 = none).
pub const MIN_QTY: u8 = 3;
/// `R` retail, `N` not, blank = the account's. `X`, which some clients write for "not", is taken too.
pub const CUSTOMER_TYPE: u8 = 4;
/// Displayed part of a reserve order (u32 lots; 0 = none).
pub const MAX_FLOOR: u8 = 5;
/// `L` limit; `P` `M` `R` `Q` `m` are pegs.
pub const PRICE_TYPE: u8 = 6;
/// Signed price, 4 implied decimals (i32).
pub const PEG_OFFSET: u8 = 7;
/// Price, 4 implied decimals (u64).
pub const DISCRETION_PRICE: u8 = 9;
/// `L` `P` `M` `R`.
pub const DISCRETION_PRICE_TYPE: u8 = 10;
/// Signed price, 4 implied decimals (i32).
pub const DISCRETION_PEG_OFFSET: u8 = 11;
/// `P` post only, `N` not.
pub const POST_ONLY: u8 = 12;
/// Lots to randomise the displayed part with (u32).
pub const RANDOM_RESERVES: u8 = 13;
/// Destination (4 characters).
pub const ROUTE: u8 = 14;
/// Seconds to live, below 86,400 (u32).
pub const EXPIRE_TIME: u8 = 15;
/// `Y`, `N`, blank = the account's.
pub const TRADE_NOW: u8 = 16;
/// `I` `O` `T` `Q` `B` `D` `R` or blank.
pub const HANDLE_INST: u8 = 17;
/// Exchange to client: `0` `1` `2` `3` blank `S` `N`.
pub const BBO_WEIGHT_INDICATOR: u8 = 18;
/// Order Restated: lots displayed now (u32).
pub const DISPLAY_QUANTITY: u8 = 22;
/// Order Restated: price displayed now, 4 implied decimals (u64).
pub const DISPLAY_PRICE: u8 = 23;
/// The customer's group of orders (u16; 0 = none).
pub const GROUP_ID: u8 = 24;
/// `Y` `N`.
pub const SHARES_LOCATED: u8 = 25;
/// 4 characters.
pub const LOCATE_BROKER: u8 = 26;
/// `B` `S` `T` `E`: limits a mass cancel.
pub const SIDE: u8 = 27;
/// Channel within the session (u8).
pub const USER_REF_IDX: u8 = 28;
/// Our own: the price that wakes a stop order, 4 implied decimals (u64).
pub const STOP_PRICE: u8 = 128;
/// Our own: what happens when an account meets itself: `O` `W` `D` `B`.
pub const SELF_MATCH: u8 = 129;
/// Our own: a market buy for an amount of money (u64 smallest quote units).
pub const FUNDS: u8 = 130;
/// Our own, on Executed: the fill's fee (64 bits, smallest quote units; a rebate is negative, as two's complement).
pub const FEE: u8 = 131;

/// What the specification says of one tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// The tag byte.
    pub tag: u8,
    /// Name as in the protocol tables.
    pub name: &'static str,
    /// Bytes of the value.
    pub size: usize,
    /// The characters allowed where the value is one character of a closed list, else empty.
    pub values: &'static [u8],
}

/// Shortens the table below.
const fn define(tag: u8, name: &'static str, size: usize, values: &'static [u8]) -> Definition {
    Definition {
        tag,
        name,
        size,
        values,
    }
}

/// Every tag we know, ascending.
pub const DEFINITIONS: &[Definition] = &[
    define(SECONDARY_ORD_REF_NUM, "SecondaryOrdRefNum", 8, b""),
    define(FIRM, "Firm", 4, b""),
    define(MIN_QTY, "MinQty", 4, b""),
    define(CUSTOMER_TYPE, "CustomerType", 1, b"RNX "),
    define(MAX_FLOOR, "MaxFloor", 4, b""),
    define(PRICE_TYPE, "PriceType", 1, b"LPMRQm"),
    define(PEG_OFFSET, "PegOffset", 4, b""),
    define(DISCRETION_PRICE, "DiscretionPrice", 8, b""),
    define(DISCRETION_PRICE_TYPE, "DiscretionPriceType", 1, b"LPMR"),
    define(DISCRETION_PEG_OFFSET, "DiscretionPegOffset", 4, b""),
    define(POST_ONLY, "PostOnly", 1, b"PN"),
    define(RANDOM_RESERVES, "RandomReserves", 4, b""),
    define(ROUTE, "Route", 4, b""),
    define(EXPIRE_TIME, "ExpireTime", 4, b""),
    define(TRADE_NOW, "TradeNow", 1, b"YN "),
    define(HANDLE_INST, "HandleInst", 1, b"IOTQBDR "),
    define(BBO_WEIGHT_INDICATOR, "BBO Weight Indicator", 1, b"0123 SN"),
    define(DISPLAY_QUANTITY, "Display Quantity", 4, b""),
    define(DISPLAY_PRICE, "Display Price", 8, b""),
    define(GROUP_ID, "Group ID", 2, b""),
    define(SHARES_LOCATED, "Shares Located", 1, b"YN"),
    define(LOCATE_BROKER, "Locate Broker", 4, b""),
    define(SIDE, "Side", 1, b"BSTE"),
    define(USER_REF_IDX, "UserRefIdx", 1, b""),
    define(STOP_PRICE, "StopPrice", 8, b""),
    define(SELF_MATCH, "SelfMatch", 1, b"OWDB"),
    define(FUNDS, "Funds", 8, b""),
    define(FEE, "Fee", 8, b""),
];

/// Position of each tag in [`DEFINITIONS`], plus 1; 0 = unknown.
const POSITIONS: [u8; 256] = {
    let mut positions = [0; 256];
    let mut index = 0;
    while index < DEFINITIONS.len() {
        assert!(index == 0 || DEFINITIONS[index - 1].tag < DEFINITIONS[index].tag);
        positions[DEFINITIONS[index].tag as usize] = index as u8 + 1;
        index += 1;
    }
    positions
};

/// What the specification says of `tag`; `None` for a tag we do not know.
pub fn definition(tag: u8) -> Option<&'static Definition> {
    DEFINITIONS.get(usize::from(POSITIONS[usize::from(tag)]).checked_sub(1)?)
}

/// The bytes a value of `tag` must have; `None` for a tag we do not know.
pub fn value_size(tag: u8) -> Option<usize> {
    definition(tag).map(|definition| definition.size)
}

/// True when `value` is one that `tag` may have, or the tag is unknown (and will be skipped).
pub fn is_defined(tag: u8, value: &[u8]) -> bool {
    definition(tag).is_none_or(|definition| {
        value.len() == definition.size
            && (definition.values.is_empty() || definition.values.contains(&value[0]))
    })
}
