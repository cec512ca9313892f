//! What the exchange answers: OUCH responses.

use super::appendage::split;
use super::options::Options;
use super::responses::{
    AccountQueryResponse, AiqCanceled, BrokenTrade, CancelPending, CancelReject, DisableOrderEntryResponse,
    EnableOrderEntryResponse, MassCancelResponse, OrderAccepted, OrderCanceled, OrderExecuted, OrderModified,
    OrderPriorityUpdate, OrderRejected, OrderReplaced, OrderRestated, SystemEvent,
};
use crate::malformed::Malformed;

/// A decoded response: views into the bytes it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response<'a> {
    /// `S`.
    SystemEvent(&'a SystemEvent, Options<'a>),
    /// `A`.
    Accepted(&'a OrderAccepted, Options<'a>),
    /// `U`.
    Replaced(&'a OrderReplaced, Options<'a>),
    /// `C`.
    Canceled(&'a OrderCanceled, Options<'a>),
    /// `D`.
    AiqCanceled(&'a AiqCanceled, Options<'a>),
    /// `E`.
    Executed(&'a OrderExecuted, Options<'a>),
    /// `B`.
    BrokenTrade(&'a BrokenTrade, Options<'a>),
    /// `J`.
    Rejected(&'a OrderRejected, Options<'a>),
    /// `P`.
    CancelPending(&'a CancelPending, Options<'a>),
    /// `I`.
    CancelReject(&'a CancelReject, Options<'a>),
    /// `T`.
    PriorityUpdate(&'a OrderPriorityUpdate, Options<'a>),
    /// `M`.
    Modified(&'a OrderModified, Options<'a>),
    /// `R`.
    Restated(&'a OrderRestated, Options<'a>),
    /// `X`.
    MassCancel(&'a MassCancelResponse, Options<'a>),
    /// `G`.
    OrderEntryDisabled(&'a DisableOrderEntryResponse, Options<'a>),
    /// `K`.
    OrderEntryEnabled(&'a EnableOrderEntryResponse, Options<'a>),
    /// `Q`.
    AccountQuery(&'a AccountQueryResponse, Options<'a>),
    /// A type we do not know: to be counted and ignored.
    Unknown(u8),
}

impl<'a> Response<'a> {
    /// Decodes one whole message, in short or long form.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Ok(match bytes.first().ok_or(Malformed::Empty)? {
            b'S' => split(bytes).map(|(message, options)| Self::SystemEvent(message, options))?,
            b'A' => split(bytes).map(|(message, options)| Self::Accepted(message, options))?,
            b'U' => split(bytes).map(|(message, options)| Self::Replaced(message, options))?,
            b'C' => split(bytes).map(|(message, options)| Self::Canceled(message, options))?,
            b'D' => split(bytes).map(|(message, options)| Self::AiqCanceled(message, options))?,
            b'E' => split(bytes).map(|(message, options)| Self::Executed(message, options))?,
            b'B' => split(bytes).map(|(message, options)| Self::BrokenTrade(message, options))?,
            b'J' => split(bytes).map(|(message, options)| Self::Rejected(message, options))?,
            b'P' => split(bytes).map(|(message, options)| Self::CancelPending(message, options))?,
            b'I' => split(bytes).map(|(message, options)| Self::CancelReject(message, options))?,
            b'T' => split(bytes).map(|(message, options)| Self::PriorityUpdate(message, options))?,
            b'M' => split(bytes).map(|(message, options)| Self::Modified(message, options))?,
            b'R' => split(bytes).map(|(message, options)| Self::Restated(message, options))?,
            b'X' => split(bytes).map(|(message, options)| Self::MassCancel(message, options))?,
            b'G' => split(bytes).map(|(message, options)| Self::OrderEntryDisabled(message, options))?,
            b'K' => split(bytes).map(|(message, options)| Self::OrderEntryEnabled(message, options))?,
            b'Q' => split(bytes).map(|(message, options)| Self::AccountQuery(message, options))?,
            other => Self::Unknown(*other),
        })
    }

    /// The UserRefNum the response is about (a Replaced: the new one); `None` where it is about none.
    pub fn user_ref(&self) -> Option<u32> {
        Some(match self {
            Self::Accepted(message, _) => message.user_ref_num.get(),
            Self::Replaced(message, _) => message.user_ref_num.get(),
            Self::Canceled(message, _) => message.user_ref_num.get(),
            Self::AiqCanceled(message, _) => message.user_ref_num.get(),
            Self::Executed(message, _) => message.user_ref_num.get(),
            Self::BrokenTrade(message, _) => message.user_ref_num.get(),
            Self::Rejected(message, _) => message.user_ref_num.get(),
            Self::CancelPending(message, _) => message.user_ref_num.get(),
            Self::CancelReject(message, _) => message.user_ref_num.get(),
            Self::PriorityUpdate(message, _) => message.user_ref_num.get(),
            Self::Modified(message, _) => message.user_ref_num.get(),
            Self::Restated(message, _) => message.user_ref_num.get(),
            Self::MassCancel(message, _) => message.user_ref_num.get(),
            Self::OrderEntryDisabled(message, _) => message.user_ref_num.get(),
            Self::OrderEntryEnabled(message, _) => message.user_ref_num.get(),
            Self::SystemEvent(..) | Self::AccountQuery(..) | Self::Unknown(_) => return None,
        })
    }

    /// The options; none where the type is unknown.
    pub fn options(&self) -> Options<'a> {
        match *self {
            Self::SystemEvent(_, options)
            | Self::Accepted(_, options)
            | Self::Replaced(_, options)
            | Self::Canceled(_, options)
            | Self::AiqCanceled(_, options)
            | Self::Executed(_, options)
            | Self::BrokenTrade(_, options)
            | Self::Rejected(_, options)
            | Self::CancelPending(_, options)
            | Self::CancelReject(_, options)
            | Self::PriorityUpdate(_, options)
            | Self::Modified(_, options)
            | Self::Restated(_, options)
            | Self::MassCancel(_, options)
            | Self::OrderEntryDisabled(_, options)
            | Self::OrderEntryEnabled(_, options)
            | Self::AccountQuery(_, options) => options,
            Self::Unknown(_) => Options::EMPTY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order_entry::responses::LAYOUTS;

    #[test]
    fn every_response_of_the_table_is_known_in_both_forms() {
        for layout in LAYOUTS {
            let mut bytes = vec![0; layout.size];
            bytes[0] = layout.message_type;
            let response = Response::decode(&bytes).unwrap();
            assert!(!matches!(response, Response::Unknown(_)), "{}", layout.name);
            assert!(response.options().is_empty());
            if layout.has_appendage_length() {
                bytes.truncate(layout.size - 2);
            }
            bytes.extend([0, 3, 2, 28, 1]);
            assert_eq!(
                Response::decode(&bytes).unwrap().options().user_ref_index(),
                Some(1),
                "{}",
                layout.name
            );
            bytes.pop();
            assert_eq!(
                Response::decode(&bytes),
                Err(Malformed::Appendage),
                "{}",
                layout.name
            );
        }
    }

    #[test]
    fn a_replaced_is_about_the_new_number() {
        let mut bytes = [0; 68];
        bytes[0] = b'U';
        bytes[9..17].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 2]);
        assert_eq!(Response::decode(&bytes).unwrap().user_ref(), Some(2));
    }
}
