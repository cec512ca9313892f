//! OUCH options: `[length u8 = 1 + value bytes][tag u8][value]`, one behind the other in the optional appendage.
//!
//! Tags up to 28 are OUCH 5.0's, tags from 128 our own. Unknown tags are skipped by their length.

mod tags;
mod writer;

pub use tags::*;
pub use writer::OptionsWriter;

use crate::malformed::Malformed;

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
