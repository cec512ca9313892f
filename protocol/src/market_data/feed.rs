//! The feed's decoder: each ITCH message in its exact length.

use super::glimpse::EndOfSnapshot;
use super::messages::{
    AddOrder, AddOrderAttributed, BrokenTrade, CrossTrade, DirectListing, LuldAuctionCollar,
    MarketParticipantPosition, MwcbDeclineLevel, MwcbStatus, Noii, OperationalHalt, OrderCancel, OrderDelete,
    OrderExecuted, OrderExecutedWithPrice, OrderReplace, QuotingPeriodUpdate, RegShoRestriction,
    RetailInterest, StockDirectory, StockTradingAction, SystemEvent, Trade,
};
use crate::layout::exact;
use crate::malformed::Malformed;
use crate::text;

/// A decoded message of the feed: a view into the bytes it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedMessage<'a> {
    /// `S`.
    SystemEvent(&'a SystemEvent),
    /// `R`.
    StockDirectory(&'a StockDirectory),
    /// `H`.
    StockTradingAction(&'a StockTradingAction),
    /// `Y`.
    RegShoRestriction(&'a RegShoRestriction),
    /// `L`.
    MarketParticipantPosition(&'a MarketParticipantPosition),
    /// `V`.
    MwcbDeclineLevel(&'a MwcbDeclineLevel),
    /// `W`.
    MwcbStatus(&'a MwcbStatus),
    /// `K`.
    QuotingPeriodUpdate(&'a QuotingPeriodUpdate),
    /// `J`.
    LuldAuctionCollar(&'a LuldAuctionCollar),
    /// `h`.
    OperationalHalt(&'a OperationalHalt),
    /// `A`.
    AddOrder(&'a AddOrder),
    /// `F`.
    AddOrderAttributed(&'a AddOrderAttributed),
    /// `E`.
    OrderExecuted(&'a OrderExecuted),
    /// `C`.
    OrderExecutedWithPrice(&'a OrderExecutedWithPrice),
    /// `X`.
    OrderCancel(&'a OrderCancel),
    /// `D`.
    OrderDelete(&'a OrderDelete),
    /// `U`.
    OrderReplace(&'a OrderReplace),
    /// `P`.
    Trade(&'a Trade),
    /// `Q`.
    CrossTrade(&'a CrossTrade),
    /// `B`.
    BrokenTrade(&'a BrokenTrade),
    /// `I`.
    Noii(&'a Noii),
    /// `N`.
    RetailInterest(&'a RetailInterest),
    /// `O`.
    DirectListing(&'a DirectListing),
    /// A type we do not know: to be counted and ignored.
    Unknown(u8),
}

/// Applies one expression to whichever message it is; `None` for an unknown one.
macro_rules! any_message {
    ($value:expr, $message:ident => $body:expr) => {
        match $value {
            FeedMessage::SystemEvent($message) => Some($body),
            FeedMessage::StockDirectory($message) => Some($body),
            FeedMessage::StockTradingAction($message) => Some($body),
            FeedMessage::RegShoRestriction($message) => Some($body),
            FeedMessage::MarketParticipantPosition($message) => Some($body),
            FeedMessage::MwcbDeclineLevel($message) => Some($body),
            FeedMessage::MwcbStatus($message) => Some($body),
            FeedMessage::QuotingPeriodUpdate($message) => Some($body),
            FeedMessage::LuldAuctionCollar($message) => Some($body),
            FeedMessage::OperationalHalt($message) => Some($body),
            FeedMessage::AddOrder($message) => Some($body),
            FeedMessage::AddOrderAttributed($message) => Some($body),
            FeedMessage::OrderExecuted($message) => Some($body),
            FeedMessage::OrderExecutedWithPrice($message) => Some($body),
            FeedMessage::OrderCancel($message) => Some($body),
            FeedMessage::OrderDelete($message) => Some($body),
            FeedMessage::OrderReplace($message) => Some($body),
            FeedMessage::Trade($message) => Some($body),
            FeedMessage::CrossTrade($message) => Some($body),
            FeedMessage::BrokenTrade($message) => Some($body),
            FeedMessage::Noii($message) => Some($body),
            FeedMessage::RetailInterest($message) => Some($body),
            FeedMessage::DirectListing($message) => Some($body),
            FeedMessage::Unknown(_) => None,
        }
    };
}

impl<'a> FeedMessage<'a> {
    /// Decodes one whole message.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Ok(match bytes.first().ok_or(Malformed::Empty)? {
            b'S' => exact(bytes).map(Self::SystemEvent)?,
            b'R' => exact(bytes).map(Self::StockDirectory)?,
            b'H' => exact(bytes).map(Self::StockTradingAction)?,
            b'Y' => exact(bytes).map(Self::RegShoRestriction)?,
            b'L' => exact(bytes).map(Self::MarketParticipantPosition)?,
            b'V' => exact(bytes).map(Self::MwcbDeclineLevel)?,
            b'W' => exact(bytes).map(Self::MwcbStatus)?,
            b'K' => exact(bytes).map(Self::QuotingPeriodUpdate)?,
            b'J' => exact(bytes).map(Self::LuldAuctionCollar)?,
            b'h' => exact(bytes).map(Self::OperationalHalt)?,
            b'A' => exact(bytes).map(Self::AddOrder)?,
            b'F' => exact(bytes).map(Self::AddOrderAttributed)?,
            b'E' => exact(bytes).map(Self::OrderExecuted)?,
            b'C' => exact(bytes).map(Self::OrderExecutedWithPrice)?,
            b'X' => exact(bytes).map(Self::OrderCancel)?,
            b'D' => exact(bytes).map(Self::OrderDelete)?,
            b'U' => exact(bytes).map(Self::OrderReplace)?,
            b'P' => exact(bytes).map(Self::Trade)?,
            b'Q' => exact(bytes).map(Self::CrossTrade)?,
            b'B' => exact(bytes).map(Self::BrokenTrade)?,
            b'I' => exact(bytes).map(Self::Noii)?,
            b'N' => exact(bytes).map(Self::RetailInterest)?,
            b'O' => exact(bytes).map(Self::DirectListing)?,
            other => Self::Unknown(*other),
        })
    }

    /// The instrument it is about; 0 when about none. `None` for an unknown message.
    pub fn locate(&self) -> Option<u16> {
        any_message!(self, message => message.stock_locate.get())
    }

    /// Nanoseconds since the midnight before the trading day's start. `None` for an unknown message.
    pub fn timestamp(&self) -> Option<u64> {
        any_message!(self, message => message.timestamp.get())
    }
}

/// A message of a snapshot connection: the feed's, then the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotMessage<'a> {
    /// A part of the state.
    Feed(FeedMessage<'a>),
    /// `G`: the snapshot is whole. `next_sequence` is the feed's first message that is not in it.
    End {
        /// Where to go on.
        next_sequence: u64,
    },
}

impl<'a> SnapshotMessage<'a> {
    /// Decodes one whole message.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.first() != Some(&b'G') {
            return FeedMessage::decode(bytes).map(Self::Feed);
        }
        let end: &EndOfSnapshot = exact(bytes)?;
        Ok(Self::End {
            next_sequence: text::parse_number(&end.sequence_number)?,
        })
    }
}

impl EndOfSnapshot {
    /// The message that ends a snapshot.
    pub fn new(next_sequence: u64) -> Self {
        let field = text::number_field(next_sequence, b' ');
        Self {
            message_type: b'G',
            sequence_number: field.expect("a u64 has at most 20 digits"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market_data::messages::LAYOUTS;
    use zerocopy::IntoBytes;

    #[test]
    fn every_message_of_the_table_is_known_at_exactly_its_size() {
        for layout in LAYOUTS {
            let mut bytes = vec![0; layout.size];
            bytes[0] = layout.message_type;
            bytes[2] = 5;
            bytes[10] = 9;
            let message = FeedMessage::decode(&bytes).unwrap();
            assert_eq!(
                (message.locate(), message.timestamp()),
                (Some(5), Some(9)),
                "{}",
                layout.name
            );
            assert_eq!(
                FeedMessage::decode(&bytes[..layout.size - 1]),
                Err(Malformed::Short),
                "{}",
                layout.name
            );
            bytes.push(0);
            assert_eq!(
                FeedMessage::decode(&bytes),
                Err(Malformed::Long),
                "{}",
                layout.name
            );
        }
        assert_eq!(FeedMessage::decode(b"G"), Ok(FeedMessage::Unknown(b'G')));
        assert_eq!(FeedMessage::decode(b""), Err(Malformed::Empty));
    }

    #[test]
    fn a_snapshot_ends_with_a_number() {
        let end = EndOfSnapshot::new(77);
        assert_eq!(
            SnapshotMessage::decode(end.as_bytes()),
            Ok(SnapshotMessage::End { next_sequence: 77 })
        );
        assert_eq!(
            SnapshotMessage::decode(b"G                    "),
            Err(Malformed::Number)
        );
        assert_eq!(SnapshotMessage::decode(b"G1"), Err(Malformed::Short));
        assert_eq!(
            SnapshotMessage::decode(b"?"),
            Ok(SnapshotMessage::Feed(FeedMessage::Unknown(b'?')))
        );
    }
}
