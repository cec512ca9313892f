//! Bugs, to see that the exchange's simulation finds them. They exist in builds with the feature `planted` only, which a
//! release build refuses.

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!("the feature `planted` has bugs in it: no release build may have them");

#[cfg(feature = "planted")]
thread_local! {
    static IGNORES_GAPS: core::cell::Cell<bool> = const { core::cell::Cell::new(false) };
    static TAKES_ENDS_FOR_LIFE: core::cell::Cell<bool> = const { core::cell::Cell::new(false) };
}

/// From now on subscribers of this thread ignore gaps, or do not.
#[cfg(feature = "planted")]
pub fn ignore_gaps(is_so: bool) {
    IGNORES_GAPS.set(is_so);
}

/// True when gaps are ignored.
pub(crate) fn ignores_gaps() -> bool {
    #[cfg(feature = "planted")]
    return IGNORES_GAPS.get();
    #[cfg(not(feature = "planted"))]
    false
}

/// From now on subscribers of this thread take the end of a session for a sign of life, or do not.
#[cfg(feature = "planted")]
pub fn take_ends_for_life(is_so: bool) {
    TAKES_ENDS_FOR_LIFE.set(is_so);
}

/// True when the end of a session is taken for a sign of life.
pub(crate) fn takes_ends_for_life() -> bool {
    #[cfg(feature = "planted")]
    return TAKES_ENDS_FOR_LIFE.get();
    #[cfg(not(feature = "planted"))]
    false
}
