//! OUCH options: `[length u8 = 1 + value bytes][tag u8][value]`, one behind the other in the optional appendage.
//!
//! Tags up to 28 are OUCH 5.0's, tags from 128 our own. Unknown tags are skipped by their length.

use crate::malformed::Malformed;

/// Alternative order number used in the market data (u64; exchange to client).
pub const SECONDARY_ORD_REF_NUM: u8 = 1;
/// Firm (4 characters; blank = the account's).
pub const FIRM: u8 = 2;
/// Least quantity to execute (u32 lots; 0 = none).
pub const MIN_QTY: u8 = 3;
/// `R` retail, `N` not, blank = the account's. The public client `slouch` writes `X` for "not"; it is taken too.
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

/// The options of one message, checked: no element overruns.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Options<'a> {
    bytes: &'a [u8],
}

impl<'a> Options<'a> {
    /// No options.
    pub const EMPTY: Options<'static> = Options { bytes: &[] };

    /// Checks an appendage (without its length field): each element fits, and has at least its tag.
    pub fn parse(appendage: &'a [u8]) -> Result<Self, Malformed> {
        let mut rest = appendage;
        while let [length, after @ ..] = rest {
            let length = usize::from(*length);
            if length == 0 || length > after.len() {
                return Err(Malformed::Appendage);
            }
            rest = &after[length..];
        }
        Ok(Self { bytes: appendage })
    }

    /// The appendage.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Tag and value of each option, unknown ones too, in the order of the message.
    pub fn iter(&self) -> OptionsIter<'a> {
        OptionsIter { rest: self.bytes }
    }

    /// The first value of `tag`, whatever its size.
    pub fn get(&self, tag: u8) -> Option<&'a [u8]> {
        self.iter()
            .find_map(|(found, value)| (found == tag).then_some(value))
    }

    /// True when every known option has its size and a defined value, and none stands twice. An order whose options
    /// are not is refused with 0x000F.
    pub fn are_defined(&self) -> bool {
        let mut seen = [0_u64; 4];
        self.iter().all(|(tag, value)| {
            let bit = 1 << (tag % 64);
            let word = &mut seen[usize::from(tag / 64)];
            let repeated = *word & bit != 0 && value_size(tag).is_some();
            *word |= bit;
            !repeated && is_defined(tag, value)
        })
    }

    /// The value of `tag` as `N` bytes; `None` when absent or of another size.
    pub fn array<const N: usize>(&self, tag: u8) -> Option<[u8; N]> {
        self.get(tag)?.try_into().ok()
    }

    /// The value of `tag` as one byte or character; `None` when absent or of another size.
    pub fn u8(&self, tag: u8) -> Option<u8> {
        self.array(tag).map(u8::from_be_bytes)
    }

    /// The value of `tag` as a number of 2 bytes; `None` when absent or of another size.
    pub fn u16(&self, tag: u8) -> Option<u16> {
        self.array(tag).map(u16::from_be_bytes)
    }

    /// The value of `tag` as a number of 4 bytes; `None` when absent or of another size.
    pub fn u32(&self, tag: u8) -> Option<u32> {
        self.array(tag).map(u32::from_be_bytes)
    }

    /// The value of `tag` as a signed number of 4 bytes; `None` when absent or of another size.
    pub fn i32(&self, tag: u8) -> Option<i32> {
        self.array(tag).map(i32::from_be_bytes)
    }

    /// The value of `tag` as a number of 8 bytes; `None` when absent or of another size.
    pub fn u64(&self, tag: u8) -> Option<u64> {
        self.array(tag).map(u64::from_be_bytes)
    }

    /// Option 2.
    pub fn firm(&self) -> Option<[u8; 4]> {
        self.array(FIRM)
    }

    /// Option 3, lots.
    pub fn min_quantity(&self) -> Option<u32> {
        self.u32(MIN_QTY)
    }

    /// Option 5, lots.
    pub fn max_floor(&self) -> Option<u32> {
        self.u32(MAX_FLOOR)
    }

    /// True when option 12 says `P`.
    pub fn is_post_only(&self) -> bool {
        self.u8(POST_ONLY) == Some(b'P')
    }

    /// Option 15, seconds.
    pub fn expire_time(&self) -> Option<u32> {
        self.u32(EXPIRE_TIME)
    }

    /// Option 24.
    pub fn group_id(&self) -> Option<u16> {
        self.u16(GROUP_ID)
    }

    /// Option 27.
    pub fn side(&self) -> Option<u8> {
        self.u8(SIDE)
    }

    /// Option 28.
    pub fn user_ref_index(&self) -> Option<u8> {
        self.u8(USER_REF_IDX)
    }

    /// Option 128, 0.0001 of the quote asset.
    pub fn stop_price(&self) -> Option<u64> {
        self.u64(STOP_PRICE)
    }

    /// Option 129.
    pub fn self_match(&self) -> Option<u8> {
        self.u8(SELF_MATCH)
    }

    /// Option 130, smallest quote units.
    pub fn funds(&self) -> Option<u64> {
        self.u64(FUNDS)
    }

    /// Option 131, smallest quote units; a rebate is negative.
    pub fn fee(&self) -> Option<i64> {
        self.array(FEE).map(i64::from_be_bytes)
    }
}

impl core::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for Options<'a> {
    type Item = (u8, &'a [u8]);
    type IntoIter = OptionsIter<'a>;

    fn into_iter(self) -> OptionsIter<'a> {
        self.iter()
    }
}

/// Goes through the options of one message. Cannot fail: [`Options::parse`] checked the lengths.
#[derive(Debug, Clone)]
pub struct OptionsIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for OptionsIter<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, after) = self.rest.split_first()?;
        let (element, rest) = after.split_at_checked(usize::from(*length))?;
        let (tag, value) = element.split_first()?;
        self.rest = rest;
        Some((*tag, value))
    }
}

/// Writes options into a given buffer. A push that finds no room changes nothing and answers `false`.
#[derive(Debug)]
pub struct OptionsWriter<'b> {
    buffer: &'b mut [u8],
    length: usize,
}

impl<'b> OptionsWriter<'b> {
    /// Starts at the front of `buffer`; what follows the options there is left as it is.
    pub fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, length: 0 }
    }

    /// Appends any option. False when there is no room, or the value is longer than the 254 bytes an element can say.
    #[must_use]
    pub fn push(&mut self, tag: u8, value: &[u8]) -> bool {
        let Ok(length) = u8::try_from(value.len() + 1) else {
            return false;
        };
        let end = self.length + 2 + value.len();
        let Some(room) = self.buffer.get_mut(self.length..end) else {
            return false;
        };
        room[0] = length;
        room[1] = tag;
        room[2..].copy_from_slice(value);
        self.length = end;
        true
    }

    /// Appends a character or number of one byte.
    #[must_use]
    pub fn push_u8(&mut self, tag: u8, value: u8) -> bool {
        self.push(tag, &[value])
    }

    /// Appends a number of 2 bytes.
    #[must_use]
    pub fn push_u16(&mut self, tag: u8, value: u16) -> bool {
        self.push(tag, &value.to_be_bytes())
    }

    /// Appends a number of 4 bytes.
    #[must_use]
    pub fn push_u32(&mut self, tag: u8, value: u32) -> bool {
        self.push(tag, &value.to_be_bytes())
    }

    /// Appends a number of 8 bytes.
    #[must_use]
    pub fn push_u64(&mut self, tag: u8, value: u64) -> bool {
        self.push(tag, &value.to_be_bytes())
    }

    /// Appends option 131: smallest quote units, negative for a rebate.
    #[must_use]
    pub fn push_fee(&mut self, value: i64) -> bool {
        self.push(FEE, &value.to_be_bytes())
    }

    /// What was written so far.
    pub fn written(&self) -> &[u8] {
        &self.buffer[..self.length]
    }

    /// The options written.
    pub fn finish(self) -> &'b [u8] {
        let Self { buffer, length } = self;
        &buffer[..length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut buffer = [0; 64];
        let mut writer = OptionsWriter::new(&mut buffer);
        assert!(writer.push(FIRM, b"LIME"));
        assert!(writer.push_u32(MIN_QTY, 5));
        assert!(writer.push_u8(POST_ONLY, b'P'));
        assert!(writer.push_u16(GROUP_ID, 300));
        assert!(writer.push_u64(FUNDS, u64::MAX));
        assert!(writer.push_fee(-3));
        assert!(writer.push(200, b"unknown"));
        let options = Options::parse(writer.finish()).unwrap();
        assert_eq!(
            options.bytes()[..6],
            [5, 2, b'L', b'I', b'M', b'E'],
            "the bytes of a real capture"
        );
        assert_eq!(options.firm(), Some(*b"LIME"));
        assert_eq!(options.min_quantity(), Some(5));
        assert!(options.is_post_only());
        assert_eq!(options.group_id(), Some(300));
        assert_eq!(options.funds(), Some(u64::MAX));
        assert_eq!(options.fee(), Some(-3));
        assert_eq!(options.get(200), Some(&b"unknown"[..]));
        assert_eq!(options.stop_price(), None);
        assert!(options.are_defined());
        assert_eq!(options.iter().count(), 7);
    }

    #[test]
    fn overruns_and_elements_without_a_tag_are_malformed() {
        assert_eq!(Options::parse(&[3, 12, b'P']), Err(Malformed::Appendage));
        assert_eq!(Options::parse(&[0]), Err(Malformed::Appendage));
        assert_eq!(Options::parse(&[2, 12, b'P', 1]), Err(Malformed::Appendage));
        assert!(
            Options::parse(&[1, 12]).is_ok(),
            "an empty value is well formed, though not defined"
        );
    }

    #[test]
    fn a_known_option_must_have_its_size_and_a_defined_value_once() {
        let defined = |bytes: &[u8]| Options::parse(bytes).unwrap().are_defined();
        assert!(defined(&[2, POST_ONLY, b'P']));
        assert!(!defined(&[2, POST_ONLY, b'Y']));
        assert!(!defined(&[3, POST_ONLY, b'P', 0]));
        assert!(!defined(&[1, POST_ONLY]));
        assert!(!defined(&[2, POST_ONLY, b'P', 2, POST_ONLY, b'P']));
        assert!(
            defined(&[1, 199, 2, 199, 0]),
            "unknown tags are skipped, however often"
        );
    }

    #[test]
    fn a_full_buffer_takes_nothing_more() {
        let mut buffer = [0; 6];
        let mut writer = OptionsWriter::new(&mut buffer);
        assert!(!writer.push_u64(FUNDS, 1));
        assert!(writer.push_u32(MIN_QTY, 1));
        assert!(!writer.push(200, b""));
        assert_eq!(writer.written().len(), 6);
        let mut long = [0; 300];
        let mut writer = OptionsWriter::new(&mut long);
        assert!(!writer.push(200, &[0; 255]));
        assert!(writer.push(200, &[0; 254]));
        assert_eq!(
            Options::parse(writer.finish()).unwrap().get(200).map(<[u8]>::len),
            Some(254)
        );
    }
}
