//! Our own questions and answers, in Unsequenced Data of the TCP order-entry connection. Each has one form.

use super::own::{
    Balance, BalanceRequest, BindUdp, InstrumentReply, InstrumentsRequest, OpenOrder, OpenOrdersRequest,
    OrderStatus, OrderStatusRequest, Ticker, TickerRequest, UdpBound,
};
use crate::layout::exact;
use crate::malformed::Malformed;

/// What a client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question<'a> {
    /// `u`: a token for orders over UDP.
    BindUdp(&'a BindUdp),
    /// `s`.
    OrderStatus(&'a OrderStatusRequest),
    /// `o`.
    OpenOrders(&'a OpenOrdersRequest),
    /// `b`.
    Balance(&'a BalanceRequest),
    /// `t`.
    Ticker(&'a TickerRequest),
    /// `i`.
    Instruments(&'a InstrumentsRequest),
    /// A type that is no question: an OUCH request, a re-request, or unknown.
    Unknown(u8),
}

impl<'a> Question<'a> {
    /// Decodes one whole message.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Ok(match bytes.first().ok_or(Malformed::Empty)? {
            b'u' => exact(bytes).map(Self::BindUdp)?,
            b's' => exact(bytes).map(Self::OrderStatus)?,
            b'o' => exact(bytes).map(Self::OpenOrders)?,
            b'b' => exact(bytes).map(Self::Balance)?,
            b't' => exact(bytes).map(Self::Ticker)?,
            b'i' => exact(bytes).map(Self::Instruments)?,
            other => Self::Unknown(*other),
        })
    }
}

/// What the exchange answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// `u`.
    UdpBound(&'a UdpBound),
    /// `s`.
    OrderStatus(&'a OrderStatus),
    /// `o`.
    OpenOrder(&'a OpenOrder),
    /// `b`.
    Balance(&'a Balance),
    /// `t`.
    Ticker(&'a Ticker),
    /// `i`.
    Instrument(&'a InstrumentReply),
    /// A type we do not know: to be counted and ignored.
    Unknown(u8),
}

impl<'a> Answer<'a> {
    /// Decodes one whole message.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Ok(match bytes.first().ok_or(Malformed::Empty)? {
            b'u' => exact(bytes).map(Self::UdpBound)?,
            b's' => exact(bytes).map(Self::OrderStatus)?,
            b'o' => exact(bytes).map(Self::OpenOrder)?,
            b'b' => exact(bytes).map(Self::Balance)?,
            b't' => exact(bytes).map(Self::Ticker)?,
            b'i' => exact(bytes).map(Self::Instrument)?,
            other => Self::Unknown(*other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order_entry::own::LAYOUTS;

    #[test]
    fn each_layout_of_the_table_is_a_question_an_answer_or_the_re_request() {
        for layout in LAYOUTS {
            let mut bytes = vec![0; layout.size];
            bytes[0] = layout.message_type;
            let question = Question::decode(&bytes);
            let answer = Answer::decode(&bytes);
            if layout.message_type == b'r' {
                assert_eq!(
                    (question, answer),
                    (Ok(Question::Unknown(b'r')), Ok(Answer::Unknown(b'r')))
                );
            } else {
                assert!(question.is_ok() != answer.is_ok(), "{}", layout.name);
            }
        }
        assert_eq!(Question::decode(b""), Err(Malformed::Empty));
        assert_eq!(Answer::decode(b"b123"), Err(Malformed::Short));
    }
}
