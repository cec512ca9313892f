//! Questions, and their answers as they came: judged at the end, when the journal and the whole stream are there.

use std::collections::VecDeque;

use protocol::order_entry::Answer;
use protocol::order_entry::own::{
    BalanceRequest, InstrumentsRequest, OpenOrdersRequest, OrderStatusRequest, TickerRequest,
};
use protocol::testing::Random;
use zerocopy::IntoBytes;

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    OrderStatus(u32),
    OpenOrders,
    Balance([u8; 8]),
    Ticker([u8; 8]),
    Instruments,
}

impl Question {
    /// One of them. `numbers`: requests so far; some questions are about what does not exist.
    pub(super) fn draw(numbers: u32, random: &mut Random) -> Self {
        match random.below(8) {
            0..=2 => Self::OrderStatus(random.below(u64::from(numbers) + 3) as u32),
            3 => Self::OpenOrders,
            4 | 5 => Self::Balance(*random.pick(&[*b"        ", *b"USD     ", *b"ETH     ", *b"NIL     "])),
            6 => Self::Ticker(*random.pick(&[*b"BTC-USD ", *b"ETH-USD ", *b"NOTHING "])),
            _ => Self::Instruments,
        }
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            Self::OrderStatus(user_ref) => OrderStatusRequest {
                message_type: b's',
                user_ref_num: user_ref.into(),
            }
            .as_bytes()
            .to_vec(),
            Self::OpenOrders => OpenOrdersRequest { message_type: b'o' }.as_bytes().to_vec(),
            Self::Balance(asset) => BalanceRequest {
                message_type: b'b',
                asset,
            }
            .as_bytes()
            .to_vec(),
            Self::Ticker(symbol) => TickerRequest {
                message_type: b't',
                symbol,
            }
            .as_bytes()
            .to_vec(),
            Self::Instruments => InstrumentsRequest { message_type: b'i' }.as_bytes().to_vec(),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OrderStatus(_) => "order status",
            Self::OpenOrders => "open orders",
            Self::Balance(_) => "balance",
            Self::Ticker(_) => "ticker",
            Self::Instruments => "instruments",
        }
    }

    /// True when this message is the last of the answer; panics when it answers something else.
    fn ends_with(self, bytes: &[u8]) -> bool {
        let blank = [b' '; 8];
        match (self, Answer::decode(bytes).expect("an answer")) {
            (Self::OrderStatus(_), Answer::OrderStatus(_)) | (Self::Ticker(_), Answer::Ticker(_)) => true,
            (Self::OpenOrders, Answer::OpenOrder(order)) => order.user_ref_num.get() == 0,
            (Self::Balance(asset), Answer::Balance(balance)) => asset != blank || balance.asset == blank,
            (Self::Instruments, Answer::Instrument(instrument)) => instrument.symbol == blank,
            (question, answer) => panic!("{question:?} was answered by {answer:?}"),
        }
    }
}

/// A question and its whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) question: Question,
    /// The day of the stream that it was asked beside.
    pub(crate) day: u32,
    /// Messages of the stream that were known when it was asked.
    pub(crate) known: u64,
    /// The highest number of those sent before over the same connection; 0: none was.
    pub(crate) behind: u32,
    pub(crate) messages: Vec<Vec<u8>>,
    /// The last durable command when the answer was there.
    pub(crate) durable: u64,
}

/// What was asked over a connection, and not answered yet.
#[derive(Debug, Default)]
pub(super) struct Questions {
    asked: VecDeque<Answered>,
}

impl Questions {
    pub(super) fn len(&self) -> usize {
        self.asked.len()
    }

    /// The connection is over: nobody answers any more.
    pub(super) fn forget(&mut self) {
        self.asked.clear();
    }

    pub(super) fn ask(&mut self, question: Question, day: u32, known: u64, behind: u32) {
        self.asked.push_back(Answered {
            question,
            day,
            known,
            behind,
            messages: Vec::new(),
            durable: 0,
        });
    }

    /// Takes a message; gives the question that it answers to the end. Answers come in the order of the questions.
    pub(super) fn take(&mut self, bytes: Vec<u8>) -> Option<Answered> {
        let front = self
            .asked
            .front_mut()
            .unwrap_or_else(|| panic!("nothing was asked, and answered is {bytes:?}"));
        let is_last = front.question.ends_with(&bytes);
        front.messages.push(bytes);
        if is_last { self.asked.pop_front() } else { None }
    }
}
