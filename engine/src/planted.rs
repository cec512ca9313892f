//! Bugs, to see that the checkers find them. They exist in builds with the feature `planted` only, which a release build
//! refuses; everywhere else `is` is a constant, and nothing is left of it.
//!
//! A bug is planted for the calling thread, so that simulations on other threads do not have it.

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!("the feature `planted` has bugs in it: no release build may have them");

/// Names each bug once; `planted::Bug::ALL` is in the same order.
macro_rules! bugs {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// What can be planted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Bug {
            $($(#[$doc])+ $name,)+
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

bugs! {
    /// What is written is released before its sync has returned.
    AcknowledgedBeforeSync,
    /// One command too many is released.
    ReleasedTooFar,
    /// A failed write is kept secret.
    FailureKeptSecret,
    /// After a failed write the journal goes on writing.
    FailureIgnored,
    /// A frame is believed without its checksum.
    ChecksumNotVerified,
    /// A start does not make durable what a killed process left in caches.
    CacheNotSettled,
    /// The replica misses the last command of the journal after a restart.
    RecoveryOffByOne,
    /// Streams begin again at 1 after a restart.
    StreamsBeginAgain,
    /// A request sent twice is applied twice.
    DuplicateMissed,
    /// A command's time is the clock's, even when that went back.
    ClockBelieved,
    /// Orders for a time never expire.
    ExpiryForgotten,
    /// Who falls silent stays connected.
    SilenceUnnoticed,
    /// Who does not come back after a restart stays connected.
    GraceForgotten,
    /// A session's end does not cancel its orders.
    DisconnectIgnored,
    /// The disk is nearly full, and orders are taken.
    LowSpaceIgnored,
    /// A worse price is executed before the best.
    WrongPriority,
    /// An incoming order trades beyond its limit.
    LimitIgnored,
    /// A fee is rounded down.
    FeeRoundedDown,
    /// The maker pays the taker's fee.
    MakerPaysTakersFee,
    /// A canceled order's hold stays.
    HoldNotReleased,
    /// What a buyer saved by a better price stays held.
    ImprovementKept,
    /// A customer trades with itself.
    SelfMatchAllowed,
    /// A partial cancel is told with the wrong quantity.
    CancelToldWrong,
    /// An acknowledgement sent again is the one before.
    ResentOffByOne,
    /// Gap recovery begins a message late.
    RecoveryBeginsLate,
    /// Streams do not begin again when the day rolls.
    StreamsGoOn,
    /// Order numbers do not begin again when the day rolls.
    OrderNumbersGoOn,
    /// An order that is good for the day outlives it.
    DayOrderSurvives,
    /// An order that is good till canceled is forgotten when the day rolls.
    OrderLostAtRoll,
    /// A start leaves a command out that nobody asked to leave out.
    SkippedUnasked,
    /// It is not journaled that a command was left out.
    SkipNotJournaled,
    /// A question changes the exchange's state.
    QuestionChangesState,
    /// A question is answered from what is older than what was acknowledged.
    AnsweredTooEarly,
    /// A login that only reads takes the session over.
    ReplayTakesOver,
    /// Who withdraws keeps what it withdrew.
    WithdrawalKept,
    /// An account may do more than it may.
    PermissionsIgnored,
    /// An order that rests pays the fees of today, not those it entered under.
    FeesOfToday,
    /// A subscriber does not notice what is missing (`feed_handler::planted`).
    GapIgnored,
    /// A subscriber takes the end of a day for a sign of life (`feed_handler::planted`).
    EndTakenForLife,
}

#[cfg(feature = "planted")]
thread_local! {
    static PLANTED: core::cell::Cell<Option<Bug>> = const { core::cell::Cell::new(None) };
}

/// Plants a bug in this thread, or takes it away.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// `work` for a thread that works for this one: with this one's bug.
#[cfg(feature = "planted")]
pub(crate) fn with_ours<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let ours = PLANTED.get();
    move || {
        plant(ours);
        work()
    }
}

/// No bug is planted.
#[cfg(not(feature = "planted"))]
pub(crate) fn with_ours<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    work
}

/// True when this bug is planted here.
#[cfg(feature = "planted")]
pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// No bug is planted.
#[cfg(not(feature = "planted"))]
#[inline(always)]
pub(crate) const fn is(_bug: Bug) -> bool {
    false
}
