//! One order (or other numbered request) as its client knows it.

use protocol::units::Symbol;

/// No ClOrdID.
pub const CL_ORD_ID_BLANK: [u8; 14] = [b' '; 14];

/// What a UserRefNum was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// Enter Order.
    Enter,
    /// Replace Order.
    Replace,
    /// Mass Cancel.
    MassCancel,
    /// Disable Order Entry.
    DisableOrderEntry,
    /// Enable Order Entry.
    EnableOrderEntry,
}

/// How far a numbered request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderState {
    /// Not answered yet.
    Pending,
    /// Accepted, something is open.
    Live,
    /// Taken over by a newer number: see [`Order::successor`].
    Replaced,
    /// Nothing open, everything executed.
    Filled,
    /// Nothing open, not everything executed.
    Canceled,
    /// Refused; [`Order::reason`] is the reject reason.
    Rejected,
    /// Never reached the exchange: a higher number was answered first. It had and will have no effect.
    NotApplied,
    /// A request that makes no order was answered.
    Answered,
}

impl OrderState {
    /// True when nothing more will happen to the number.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Live)
    }

    /// A word for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Live => "live",
            Self::Replaced => "replaced",
            Self::Filled => "filled",
            Self::Canceled => "canceled",
            Self::Rejected => "rejected",
            Self::NotApplied => "not applied",
            Self::Answered => "answered",
        }
    }
}

/// Everything known about a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// UserRefNum.
    pub user_ref: u32,
    /// What it asked for.
    pub kind: RequestKind,
    /// How far it is.
    pub state: OrderState,
    /// OUCH side.
    pub side: u8,
    /// Instrument.
    pub symbol: Symbol,
    /// ClOrdID: the only name that an order keeps over the roll of the day; blank where it is not known.
    pub cl_ord_id: [u8; 14],
    /// OUCH time in force; 0 where it is not known.
    pub time_in_force: u8,
    /// Position of the instrument in [`crate::instruments::Instruments`], if it is known.
    pub instrument: Option<u16>,
    /// Lots asked for; of a replacement: of the whole chain.
    pub quantity: u32,
    /// Lots executed, of the whole chain.
    pub executed: u32,
    /// Lots canceled, of the whole chain.
    pub canceled: u32,
    /// Lots open.
    pub open: u32,
    /// Wire price.
    pub price: u64,
    /// The exchange's number; 0 before it is accepted.
    pub order_number: u64,
    /// The number this one replaces; 0 if none.
    pub original: u32,
    /// The number that replaced this one; 0 if none.
    pub successor: u32,
    /// Reject reason (a number) or cancel reason (a letter); 0 if none.
    pub reason: u16,
    /// Quote units executed, of the whole chain.
    pub executed_notional: u128,
    /// Fees of the chain in quote units, by the exchange's rule; negative is a rebate.
    pub fees: i128,
    /// Exact fees of the chain in millionths of a quote unit.
    pub fees_exact: i128,
    /// Fees that the exchange itself reported (option 131); counts only when it reports them.
    pub fees_reported: i128,
    /// When it was meant to be sent.
    pub intended_ns: u64,
    /// When it was last sent.
    pub sent_ns: u64,
    /// Times it was sent.
    pub sendings: u32,
    /// The number of lots a cancel asks to reduce to; `u32::MAX`: no cancel is under way.
    pub cancel_to: u32,
    /// When the cancel was meant to be sent; 0: none was.
    pub cancel_intended_ns: u64,
    /// The client's own mark; re-entering keeps it.
    pub tag: u64,
}

impl Order {
    /// No cancel is under way.
    pub const NO_CANCEL: u32 = u32::MAX;

    pub(crate) const UNUSED: Self = Self {
        user_ref: 0,
        kind: RequestKind::Enter,
        state: OrderState::Answered,
        side: b'B',
        symbol: Symbol::BLANK,
        cl_ord_id: CL_ORD_ID_BLANK,
        time_in_force: 0,
        instrument: None,
        quantity: 0,
        executed: 0,
        canceled: 0,
        open: 0,
        price: 0,
        order_number: 0,
        original: 0,
        successor: 0,
        reason: 0,
        executed_notional: 0,
        fees: 0,
        fees_exact: 0,
        fees_reported: 0,
        intended_ns: 0,
        sent_ns: 0,
        sendings: 0,
        cancel_to: Self::NO_CANCEL,
        cancel_intended_ns: 0,
        tag: 0,
    };

    /// True when a requested cancel has not had its whole effect.
    pub fn cancel_is_open(&self) -> bool {
        self.cancel_to != Self::NO_CANCEL
            && !self.state.is_final()
            && (self.state == OrderState::Pending || self.executed + self.open > self.cancel_to)
    }

    /// True when the answer says that a fill added liquidity (pays the maker's fee).
    pub(crate) fn is_maker(liquidity: u8) -> bool {
        matches!(liquidity, b'A' | b'J' | b'k' | b'u' | b'7' | b'8')
    }
}

/// What an answer did to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is live (or accepted dead: its cancel follows).
    Accepted,
    /// It is live in place of `original`.
    Replaced {
        /// The number before.
        original: u32,
    },
    /// Part of it executed.
    Executed {
        /// Lots.
        quantity: u32,
        /// Wire price.
        price: u64,
        /// OUCH liquidity flag.
        liquidity: u8,
        /// The trade's number, the same on both sides and on the feed.
        match_number: u64,
        /// Quote units; `None` when the instrument is not known.
        value: Option<u128>,
        /// The fee by the exchange's rule, quote units; `None` when the instrument is not known.
        fee: Option<i128>,
        /// The fee that the exchange reported (option 131).
        reported_fee: Option<i128>,
    },
    /// Part of it is gone.
    Canceled {
        /// Lots.
        quantity: u32,
        /// OUCH cancel reason.
        reason: u8,
    },
    /// Modified: the open quantity changed.
    Modified,
    /// Refused.
    Rejected {
        /// OUCH reject reason.
        reason: u16,
    },
    /// It never reached the exchange; see [`OrderState::NotApplied`].
    NotApplied,
    /// A request that makes no order was answered.
    Answered,
    /// Changed its order number (a stop that entered the book, a refreshed reserve).
    Renumbered,
    /// It outlived its day and is live in the new one, under a number of that. What was executed is the old day's.
    Carried {
        /// Its number on the day before.
        before: u32,
    },
}

/// A change of an order, and the order after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update {
    /// The order after the change.
    pub order: Order,
    /// The change.
    pub change: Change,
}

/// An answer that can not be true. The client's books keep what was known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Names a number that was never used.
    #[error("answer for number {0}, which was never sent")]
    NeverSent(u32),
    /// Answers a request that has its answer.
    #[error("second answer for number {0}")]
    AnsweredTwice(u32),
    /// Answers do not come in the order of the numbers.
    #[error("answer for number {0} after a higher one")]
    OutOfOrder(u32),
    /// Says something about an order that is not live.
    #[error("number {0} is not live")]
    NotLive(u32),
    /// Executes more than is open.
    #[error("number {0}: executed more than is open")]
    ExecutedBeyondOpen(u32),
    /// Cancels more than is open.
    #[error("number {0}: canceled more than is open")]
    CanceledBeyondOpen(u32),
    /// Executes at a price worse than the limit.
    #[error("number {0}: executed at a price worse than its limit")]
    WorseThanLimit(u32),
    /// Echoes another side, symbol, price or quantity than was sent.
    #[error("number {0}: the answer names another order than was sent")]
    NotAsSent(u32),
    /// A value that needs rounding or overflows.
    #[error("number {0}: the execution is not worth a whole number of quote units")]
    NotExact(u32),
    /// Was still live when its day ended, though it was good for that day only.
    #[error("number {0} was good for the day, and is live at its end")]
    OutlivedItsDay(u32),
    /// Was live when its day ended, and the new day does not know it.
    #[error("number {0} was live at the end of the day, and was not carried into the next")]
    NotCarried(u32),
    /// Option 131 differs from the fee rule.
    #[error("number {0}: reported fee differs from the fee rule")]
    WrongFee(u32),
}
