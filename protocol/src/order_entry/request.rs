//! What a client asks in its datagrams or in Unsequenced Data: OUCH requests and our re-request.

use super::appendage::split;
use super::options::Options;
use super::own::ReRequest;
use super::requests::{
    AccountQuery, CancelOrder, DisableOrderEntry, EnableOrderEntry, EnterOrder, MassCancel, ModifyOrder,
    ReplaceOrder,
};
use crate::layout::exact;
use crate::malformed::Malformed;

/// A decoded request: views into the bytes it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<'a> {
    /// `O`.
    Enter(&'a EnterOrder, Options<'a>),
    /// `U`.
    Replace(&'a ReplaceOrder, Options<'a>),
    /// `X`.
    Cancel(&'a CancelOrder, Options<'a>),
    /// `M`.
    Modify(&'a ModifyOrder, Options<'a>),
    /// `C`.
    MassCancel(&'a MassCancel, Options<'a>),
    /// `D`.
    DisableOrderEntry(&'a DisableOrderEntry, Options<'a>),
    /// `E`.
    EnableOrderEntry(&'a EnableOrderEntry, Options<'a>),
    /// `Q`.
    AccountQuery(&'a AccountQuery, Options<'a>),
    /// `r`, our own: send these acknowledgements again.
    ReRequest(&'a ReRequest),
    /// A type we do not know: to be counted and ignored.
    Unknown(u8),
}

impl<'a> Request<'a> {
    /// Decodes one whole message, in short or long form.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Ok(match bytes.first().ok_or(Malformed::Empty)? {
            b'O' => split(bytes).map(|(message, options)| Self::Enter(message, options))?,
            b'U' => split(bytes).map(|(message, options)| Self::Replace(message, options))?,
            b'X' => split(bytes).map(|(message, options)| Self::Cancel(message, options))?,
            b'M' => split(bytes).map(|(message, options)| Self::Modify(message, options))?,
            b'C' => split(bytes).map(|(message, options)| Self::MassCancel(message, options))?,
            b'D' => split(bytes).map(|(message, options)| Self::DisableOrderEntry(message, options))?,
            b'E' => split(bytes).map(|(message, options)| Self::EnableOrderEntry(message, options))?,
            b'Q' => split(bytes).map(|(message, options)| Self::AccountQuery(message, options))?,
            b'r' => exact(bytes).map(Self::ReRequest)?,
            other => Self::Unknown(*other),
        })
    }

    /// The new UserRefNum the request brings, to be judged against the session's mark: `O`, `U`, `C`, `D`, `E`.
    pub fn new_user_ref(&self) -> Option<u32> {
        Some(match self {
            Self::Enter(message, _) => message.user_ref_num.get(),
            Self::Replace(message, _) => message.user_ref_num.get(),
            Self::MassCancel(message, _) => message.user_ref_num.get(),
            Self::DisableOrderEntry(message, _) => message.user_ref_num.get(),
            Self::EnableOrderEntry(message, _) => message.user_ref_num.get(),
            Self::Cancel(..)
            | Self::Modify(..)
            | Self::AccountQuery(..)
            | Self::ReRequest(_)
            | Self::Unknown(_) => {
                return None;
            }
        })
    }

    /// The options; none for messages that cannot have any.
    pub fn options(&self) -> Options<'a> {
        match *self {
            Self::Enter(_, options)
            | Self::Replace(_, options)
            | Self::Cancel(_, options)
            | Self::Modify(_, options)
            | Self::MassCancel(_, options)
            | Self::DisableOrderEntry(_, options)
            | Self::EnableOrderEntry(_, options)
            | Self::AccountQuery(_, options) => options,
            Self::ReRequest(_) | Self::Unknown(_) => Options::EMPTY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order_entry::requests::LAYOUTS;

    #[test]
    fn every_request_of_the_table_is_known_at_its_size_and_not_below() {
        for layout in LAYOUTS {
            let mut bytes = vec![0; layout.size];
            bytes[0] = layout.message_type;
            let request = Request::decode(&bytes).unwrap();
            assert!(!matches!(request, Request::Unknown(_)), "{}", layout.name);
            if layout.size > 1 {
                assert_eq!(
                    Request::decode(&bytes[..layout.size - 1]),
                    Err(Malformed::Short),
                    "{}",
                    layout.name
                );
            }
            if !layout.has_appendage_length() {
                bytes.extend([0, 3, 2, 28, 1]);
                assert_eq!(
                    Request::decode(&bytes).unwrap().options().user_ref_index(),
                    Some(1),
                    "{}",
                    layout.name
                );
            }
        }
    }

    #[test]
    fn an_empty_message_is_malformed_and_an_unknown_one_is_not() {
        assert_eq!(Request::decode(b""), Err(Malformed::Empty));
        assert_eq!(Request::decode(b"z123"), Ok(Request::Unknown(b'z')));
    }

    #[test]
    fn a_re_request_has_one_form() {
        let bytes = *b"r\0\0\0\0\0\0\0\x05\0\x02";
        let Ok(Request::ReRequest(request)) = Request::decode(&bytes) else {
            panic!("not decoded")
        };
        assert_eq!(
            (request.sequence_number.get(), request.message_count.get()),
            (5, 2)
        );
        assert_eq!(
            Request::decode(&[&bytes[..], &[0]].concat()),
            Err(Malformed::Long)
        );
    }

    #[test]
    fn only_requests_with_a_new_number_name_one() {
        let with_number = LAYOUTS.iter().filter(|layout| {
            let mut bytes = vec![0; layout.size];
            bytes[0] = layout.message_type;
            Request::decode(&bytes).unwrap().new_user_ref().is_some()
        });
        assert_eq!(
            with_number.map(|layout| layout.message_type).collect::<Vec<_>>(),
            b"OUCDE"
        );
    }
}
